//! The first process of a sandbox: it starts the runtime, reaps what is left over, and takes everything with it when it
//! ends.

use std::{
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
};

use rustix::{
    event::{PollFd, PollFlags},
    process::{Pid, Signal, WaitOptions},
};

use super::{
    Failure, Step, confine,
    crew::{Crew, Left},
    environment,
    message::{self, Word},
    order::Purpose,
    sys,
};

/// Waits for the runtime's end and says how it ended. When this process ends, the kernel kills all others of the
/// sandbox. If the sandbox's function is told later, mounts what belongs to it then. With extensions, it says how each
/// of them ended too, and stays when the runtime has ended.
pub(super) fn run(
    runtime: Pid,
    children: &OwnedFd,
    socket: &UnixStream,
    mut purpose: Purpose,
    mut crew: Option<Crew>,
) -> ! {
    loop {
        let mut files = vec![PollFd::new(children, PollFlags::IN), PollFd::new(socket, PollFlags::IN)];
        files
            .extend(crew.as_ref().and_then(Crew::trouble).map(|trouble| PollFd::new(trouble, PollFlags::IN)));
        match rustix::event::poll(&mut files, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => std::process::exit(super::FAILED),
        }
        let (asked, begun) = (
            !files[1].revents().is_empty(),
            files.get(2).is_some_and(|trouble| !trouble.revents().is_empty()),
        );
        if begun && let Some(failure) = crew.as_mut().and_then(Crew::begun) {
            let _ = message::say(socket, &Word::Failed(failure), &[]);
        }
        if asked {
            match purpose {
                Purpose::Known | Purpose::Template => obey(socket, Some(runtime), crew.as_mut()),
                Purpose::ToldLater => {
                    let word = match told(socket) {
                        Ok(()) => Word::Told,
                        Err(failure) => Word::Failed(failure),
                    };
                    if message::say(socket, &word, &[]).is_err() || word != Word::Told {
                        std::process::exit(super::FAILED);
                    }
                    purpose = Purpose::Known;
                }
            }
        }
        let mut signals = [0; 512];
        let _ = rustix::io::read(children, &mut signals);
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            if pid == runtime {
                let _ = message::say(socket, &Word::Ended(status.as_raw()), &[]);
            }
            match crew.as_mut().map(|crew| crew.left(pid)) {
                None if pid == runtime => std::process::exit(0),
                None | Some(Left::Nobody) => {}
                Some(Left::Extension(number)) => {
                    let _ = message::say(socket, &Word::Left(number, status.as_raw()), &[]);
                }
            }
        }
    }
}

/// Does what the driver says about what runs here; ends with the server.
pub(super) fn obey(socket: &UnixStream, runtime: Option<Pid>, crew: Option<&mut Crew>) {
    let (mut word, mut files) = ([0], Vec::new());
    match message::receive(socket, &mut word, &mut files) {
        Ok(1) => {}
        Ok(_) | Err(_) => std::process::exit(super::FAILED),
    }
    // There may be nothing left to be told.
    let tell = |signal| runtime.map(|runtime| rustix::process::kill_process_group(runtime, signal));
    match (word, files.pop().map(UnixStream::from), crew) {
        ([message::TERMINATE], _, _) => drop(tell(Signal::TERM)),
        ([message::KILL], _, _) => drop(tell(Signal::KILL)),
        ([message::BEGIN], _, Some(crew)) => crew.begin(),
        ([message::SOCKET], Some(conversation), _) => give_socket(&conversation),
        (word, _, _) => hold_or_resume(word),
    }
}

fn give_socket(conversation: &UnixStream) {
    use rustix::net::{AddressFamily, SocketFlags, SocketType};
    let made = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None);
    // Who gets no answer is told so by the conversation's end.
    if let Ok(made) = made {
        let _ = message::say(conversation, &Word::Connect, &[made.as_fd()]);
    }
}

pub(super) fn hold_or_resume(word: [u8; 1]) {
    let signal = match word {
        [message::HOLD] => Signal::STOP,
        [message::RESUME] => Signal::CONT,
        _ => return,
    };
    // There may be nothing left to be told.
    let _ = sys::signal_all(signal);
}

/// Mounts what belongs to the function, and gives up the powers that this took.
fn told(socket: &UnixStream) -> Result<(), Failure> {
    let (order, mounts) = message::order(socket).map_err(|error| Step::Order.failed(error, ""))?;
    let sandbox = order.sandbox.unwrap_or_default();
    environment::attach_all(mounts, &sandbox)?;
    confine::keep_signals().map_err(|error| Step::Privileges.failed(error, ""))
}

/// Where a runtime that could not be started says so; closed by its exec.
pub(super) struct Trouble {
    pub(super) read: OwnedFd,
    pub(super) write: OwnedFd,
}

impl Trouble {
    pub(super) fn new() -> io::Result<Self> {
        let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        Ok(Self { read, write })
    }

    /// Waits until the other process has become what it was to.
    ///
    /// # Errors
    /// Why it could not.
    pub(super) fn heard(self) -> Result<(), Failure> {
        hear(self.listen())
    }

    /// The end at which that is heard.
    pub(super) fn listen(self) -> OwnedFd {
        self.read
    }
}

/// What was said at the other end of `trouble`, until that was closed.
pub(super) fn hear(trouble: OwnedFd) -> Result<(), Failure> {
    let mut text = Vec::new();
    let mut bytes = [0; 512];
    loop {
        match rustix::io::read(trouble.as_fd(), &mut bytes) {
            Ok(0) => break,
            Ok(size) => text.extend_from_slice(&bytes[..size]),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Step::Exec.failed(error.into(), "")),
        }
    }
    String::from_utf8_lossy(&text).parse().map_or(Ok(()), Err)
}
