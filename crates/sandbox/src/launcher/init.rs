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
    process::{Pid, WaitOptions},
};

use super::{
    message::{self, Word},
    sys,
};

/// Waits for the runtime's end and says how it ended. When this process ends, the kernel kills all others of the
/// sandbox.
pub(super) fn run(runtime: Pid, children: &OwnedFd, socket: &UnixStream) -> ! {
    loop {
        let mut files = [
            PollFd::new(children, PollFlags::IN),
            // Nothing is ever sent: readable means that the server has gone.
            PollFd::new(socket, PollFlags::IN),
        ];
        match rustix::event::poll(&mut files, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => std::process::exit(super::FAILED),
        }
        if !files[1].revents().is_empty() {
            std::process::exit(super::FAILED);
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

/// Children's ends as a file. Before the runtime is started, so that none is missed.
pub(super) fn children() -> io::Result<OwnedFd> {
    sys::ended_children()
}
