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
    Failure, Step, confine, environment,
    message::{self, Word},
    order::Purpose,
    sys,
};

/// Waits for the runtime's end and says how it ended. When this process ends, the kernel kills all others of the
/// sandbox. If the sandbox's function is told later, mounts what belongs to it then.
pub(super) fn run(runtime: Pid, children: &OwnedFd, socket: &UnixStream, mut purpose: Purpose) -> ! {
    loop {
        let mut files = [PollFd::new(children, PollFlags::IN), PollFd::new(socket, PollFlags::IN)];
        match rustix::event::poll(&mut files, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => std::process::exit(super::FAILED),
        }
        if !files[1].revents().is_empty() {
            match purpose {
                Purpose::Known | Purpose::Template => obey(socket),
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
                std::process::exit(0);
            }
        }
    }
}

/// Holds or resumes what runs here; ends with the server.
pub(super) fn obey(socket: &UnixStream) {
    let mut word = [0];
    match rustix::io::read(socket, &mut word) {
        Ok(1) => hold_or_resume(word),
        Ok(_) | Err(_) => std::process::exit(super::FAILED),
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

    /// What the other process has said; empty if it has become the runtime.
    pub(super) fn heard(self) -> io::Result<Vec<u8>> {
        drop(self.write);
        let mut text = Vec::new();
        let mut bytes = [0; 512];
        loop {
            match rustix::io::read(self.read.as_fd(), &mut bytes) {
                Ok(0) => return Ok(text),
                Ok(size) => text.extend_from_slice(&bytes[..size]),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
