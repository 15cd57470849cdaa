//! Doing away with an environment: killing all of it, reaping it, removing its folder and its group.

use std::{
    fs,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{net::UnixStream, process::ExitStatusExt},
    },
    path::PathBuf,
    process::ExitStatus,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec},
    process::{Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus},
};
use sonagi_model::limits;

use super::{group::Group, network::Attachment, tree};
use crate::{
    ending::Exit,
    launcher::message::{Hearing, Word},
};

/// What is left of an environment, or will be.
#[derive(Debug)]
pub(super) struct Remains {
    /// The process, as a file descriptor; reaped by [`Remains::clear`] and nobody else.
    pub(super) handle: OwnedFd,
    pub(super) confinement: Confinement,
    /// To be removed.
    pub(super) folder: Option<PathBuf>,
    /// Of a process that stays beside the runtime: it ends when this is closed, and a sandbox's says here how the
    /// runtime ended.
    pub(super) socket: Option<(UnixStream, Hearing)>,
    /// Of one that is connected; given back when all of it has ended.
    pub(super) attachment: Option<Attachment>,
}

/// What keeps the environment's processes together.
#[derive(Debug)]
pub(super) enum Confinement {
    Group(Group),
    /// The first process of their sandbox: the kernel ends the others with it.
    Namespace(Pid),
    /// The reaper below which they all stay.
    Tree(Pid),
}

/// What was left to know.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cleared {
    /// How the process ended; none if it could not be reaped.
    pub(super) exit: Option<Exit>,
}

impl Remains {
    /// Kills everything. Blocks until it has ended.
    pub(super) fn clear(mut self) -> Cleared {
        // Before the rest, so that how the runtime itself ended on its own is not overwritten.
        let own_end = peek(&self.handle).map(|exit| self.told().unwrap_or(exit));
        let out_of_memory = match &self.confinement {
            Confinement::Group(group) => {
                group.lift_processor_limit();
                // First of all itself: in a sandbox the kernel kills all others with it, and a process that has not
                // joined its group yet is not among those in it.
                let _ = rustix::process::pidfd_send_signal(&self.handle, Signal::KILL);
                await_end(&self.handle);
                group.kill();
                group.out_of_memory()
            }
            Confinement::Namespace(_) => {
                let _ = rustix::process::pidfd_send_signal(&self.handle, Signal::KILL);
                false
            }
            Confinement::Tree(reaper) => {
                kill_tree(*reaper, &self.handle);
                false
            }
        };
        let exit = own_end.or_else(|| reap(&self.handle));
        if own_end.is_some() {
            reap(&self.handle);
        }
        if let Confinement::Group(group) = &self.confinement {
            group.remove();
        }
        drop(self.attachment.take());
        if let Some(folder) = &self.folder
            && let Err(error) = fs::remove_dir_all(folder)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, folder = %folder.display(), "an environment's folder stays behind");
        }
        let killed = exit == Some(Exit::Signal(libc::SIGKILL));
        Cleared { exit: if killed && out_of_memory { Some(Exit::OutOfMemory) } else { exit } }
    }

    /// How the runtime ended, as the first process of its sandbox has told.
    fn told(&mut self) -> Option<Exit> {
        let (socket, hearing) = self.socket.as_mut()?;
        socket.set_nonblocking(true).ok()?;
        let status = loop {
            match hearing.word(socket).ok()?? {
                (Word::Ended(status), _) => break status,
                (
                    Word::Born(_)
                    | Word::Listening
                    | Word::Memory(_)
                    | Word::Started
                    | Word::Mounts
                    | Word::Told
                    | Word::Failed(_)
                    | Word::Left(..)
                    | Word::Connect,
                    _,
                ) => {}
            }
        };
        exit_of(status)
    }
}

/// How a process ended, as `wait` says it.
pub(super) fn exit_of(status: i32) -> Option<Exit> {
    let status = ExitStatus::from_raw(status);
    match (status.code(), status.signal()) {
        (Some(status), _) => Some(Exit::Status(status)),
        (None, Some(signal)) => Some(Exit::Signal(signal)),
        (None, None) => None,
    }
}

/// How the process ended, if it has; it stays to be reaped.
pub(super) fn peek(handle: &OwnedFd) -> Option<Exit> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    match rustix::process::waitid(WaitId::PidFd(handle.as_fd()), options) {
        Ok(status) => exit(status?),
        // The first process of a copy's sandbox is a child of its template's; it ends by being killed.
        Err(rustix::io::Errno::CHILD) => {
            let now = Timespec { tv_sec: 0, tv_nsec: 0 };
            let ended = rustix::event::poll(&mut [PollFd::new(handle, PollFlags::IN)], Some(&now));
            matches!(ended, Ok(1..)).then_some(Exit::Signal(libc::SIGKILL))
        }
        Err(_) => None,
    }
}

fn await_end(handle: &OwnedFd) {
    let timeout = Timespec { tv_sec: limits::KILL_TIMEOUT.as_secs() as i64, tv_nsec: 0 };
    let _ = rustix::event::poll(&mut [PollFd::new(handle, PollFlags::IN)], Some(&timeout));
}

fn reap(handle: &OwnedFd) -> Option<Exit> {
    await_end(handle);
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    exit(rustix::process::waitid(WaitId::PidFd(handle.as_fd()), options).ok()??)
}

fn exit(status: WaitIdStatus) -> Option<Exit> {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(status), _) => Some(Exit::Status(status)),
        (None, Some(signal)) => Some(Exit::Signal(signal)),
        (None, None) => None,
    }
}

/// Kills what is below the reaper until there is nothing, then the reaper.
fn kill_tree(reaper: Pid, handle: &OwnedFd) {
    const ROUNDS: u32 = 1_000;
    for _ in 0..ROUNDS {
        // A reaper that has ended has killed the rest itself.
        let below = if peek(handle).is_some() {
            Vec::new()
        } else {
            tree::descendants(reaper.as_raw_nonzero().get())
        };
        if below.is_empty() {
            break;
        }
        for pid in below.into_iter().filter_map(Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
        std::thread::yield_now();
    }
    let _ = rustix::process::pidfd_send_signal(handle, Signal::KILL);
}
