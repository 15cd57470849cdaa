//! The launcher, as the driver sees it: a process that makes the others.

use std::{
    io::{self, Write},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::{net::UnixStream, process::CommandExt},
    },
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use rustix::net::{AddressFamily, SocketFlags, SocketType};
use sonagi_model::limits;

use crate::launcher::{
    self, Order, Sandbox,
    message::{self, Files},
};

/// How the launcher is started.
#[derive(Debug)]
pub(super) struct LauncherProgram {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    /// An empty folder for the sandboxes' root; none: there are no sandboxes.
    pub(super) place: Option<PathBuf>,
}

/// A running launcher. Dropping it ends it; environments stay, which are this process's own children.
#[derive(Debug)]
pub(super) struct Launcher {
    socket: Arc<Mutex<Option<OwnedFd>>>,
    /// The thread that the environments take for their parent (`PR_SET_PDEATHSIG`), so it must outlive them.
    thread: Option<JoinHandle<()>>,
}

impl Launcher {
    /// Starts it; it takes orders at once, and carries them out when it is up.
    pub(super) fn start(program: LauncherProgram) -> io::Result<Self> {
        let (ours, theirs) = pair()?;
        let socket = Arc::new(Mutex::new(Some(ours)));
        let keeper = Arc::clone(&socket);
        let thread = thread::Builder::new()
            .name("sonagi-launcher".into())
            .spawn(move || keep(&program, &keeper, theirs))?;
        Ok(Self { socket, thread: Some(thread) })
    }

    /// Has an environment made. All that is said about it comes over the socket that is returned, to which the order
    /// must be written first.
    pub(super) fn order(
        &self,
        output: BorrowedFd<'_>,
        beside: Option<BorrowedFd<'_>>,
        groups: &[OwnedFd],
    ) -> io::Result<UnixStream> {
        let (ours, theirs) = conversation()?;
        let groups = groups.iter().map(AsFd::as_fd).collect();
        let files = Files { socket: theirs.as_fd(), output, beside, groups };
        let mut all = vec![files.socket, files.output];
        all.extend(files.beside);
        all.extend(files.groups);
        self.ask(message::ENVIRONMENT, &all)?;
        Ok(ours)
    }

    /// Has mounts opened; the rest as with [`order`](Self::order).
    pub(super) fn order_mounts(&self) -> io::Result<UnixStream> {
        let (ours, theirs) = conversation()?;
        self.ask(message::MOUNTS, &[theirs.as_fd()])?;
        Ok(ours)
    }

    /// Has a disk lent for a sandbox, to whoever claims it on the lease that is returned.
    pub(super) fn order_disk(&self, sandbox: Sandbox) -> io::Result<UnixStream> {
        let (lease, theirs) = conversation()?;
        let (mut ours, order) = conversation()?;
        self.ask(message::DISK, &[order.as_fd(), theirs.as_fd()])?;
        let text = Order::of_sandbox(sandbox).encode();
        ours.write_all(&text.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?)?;
        Ok(lease)
    }

    fn ask(&self, packet: u8, files: &[BorrowedFd<'_>]) -> io::Result<()> {
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        let socket = socket.as_ref().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
        message::send(socket, &[packet], files)
    }
}

/// Our end of a socket, on which nothing is waited for without an end, and the other's.
pub(super) fn conversation() -> io::Result<(UnixStream, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_read_timeout(Some(limits::LAUNCH_TIMEOUT))?;
    ours.set_write_timeout(Some(limits::LAUNCH_TIMEOUT))?;
    Ok((ours, theirs))
}

impl Drop for Launcher {
    fn drop(&mut self) {
        // It reads the end of its socket, and ends.
        drop(self.socket.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Keeps a launcher running until the driver wants none any more.
fn keep(program: &LauncherProgram, socket: &Mutex<Option<OwnedFd>>, mut theirs: OwnedFd) {
    loop {
        let ended = spawn(program, theirs).and_then(|mut child| child.wait());
        let mut socket = socket.lock().unwrap_or_else(PoisonError::into_inner);
        if socket.is_none() {
            return;
        }
        match ended {
            Ok(status) => tracing::error!(%status, "the launcher of environments ended; another is started"),
            Err(error) => {
                // The next one would do no better. Whoever orders is told that nobody is there.
                tracing::error!(%error, program = %program.program.display(), "the launcher of environments cannot be started");
                *socket = None;
                return;
            }
        }
        match pair() {
            Ok((ours, next)) => {
                *socket = Some(ours);
                theirs = next;
            }
            Err(error) => {
                tracing::error!(%error, "no socket for a launcher of environments");
                *socket = None;
                return;
            }
        }
    }
}

fn spawn(program: &LauncherProgram, socket: OwnedFd) -> io::Result<Child> {
    Command::new(&program.program)
        // What a function can read of the process that its sandbox begins with.
        .arg0("sonagi")
        .args(&program.arguments)
        // Nothing of the server's reaches the runtime.
        .env_clear()
        .envs(program.place.iter().map(|place| (launcher::PLACE, place)))
        .stdin(Stdio::from(socket))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}
