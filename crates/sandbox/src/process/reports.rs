//! What the first process of a sandbox with extensions says while they run.

use std::{io, os::unix::net::UnixStream};

use tokio::{io::Interest, net::UnixStream as Readiness};

use super::remains::exit_of;
use crate::{
    ending::Exit,
    launcher::{
        Failure,
        message::{Hearing, Word},
    },
};

pub(crate) struct Reports {
    socket: UnixStream,
    /// The same once more, to wait for what it says.
    readiness: Readiness,
    hearing: Hearing,
    /// All that was heard so far.
    heard: Vec<Report>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Report {
    /// The runtime has ended.
    Runtime(Exit),
    /// So has the extension with this number.
    Extension(usize, Exit),
    /// The runtime, which waited for the extensions, could not be started.
    NotBegun(Failure),
    /// Nothing more will be heard.
    Gone,
}

impl Report {
    /// How the runtime has ended, if this says so.
    pub(super) fn of_runtime(&self) -> Option<Exit> {
        match self {
            Self::Runtime(exit) => Some(*exit),
            Self::Extension(..) | Self::NotBegun(_) | Self::Gone => None,
        }
    }
}

impl Reports {
    /// `hearing` is what has been heard of it already.
    pub(super) fn new(socket: &UnixStream, hearing: Hearing) -> io::Result<Self> {
        // Of all that lead to it.
        socket.set_nonblocking(true)?;
        let readiness = Readiness::from_std(socket.try_clone()?)?;
        Ok(Self { socket: socket.try_clone()?, readiness, hearing, heard: Vec::new() })
    }

    pub(crate) fn heard(&self) -> &[Report] {
        &self.heard
    }

    /// Hears one more; never ready after the last. Safe to drop.
    pub(super) async fn next(&mut self) {
        if self.heard.contains(&Report::Gone) {
            return std::future::pending().await;
        }
        let report = loop {
            let Self { socket, readiness, hearing, .. } = self;
            let word = match readiness.readable().await {
                Ok(()) => readiness.try_io(Interest::READABLE, || hearing.word(socket)),
                Err(error) => Err(error),
            };
            match word {
                Ok(Some((Word::Ended(status), _))) => {
                    break Report::Runtime(exit_of(status).unwrap_or(Exit::Signal(libc::SIGKILL)));
                }
                Ok(Some((Word::Left(number, status), _))) => {
                    break Report::Extension(number, exit_of(status).unwrap_or(Exit::Signal(libc::SIGKILL)));
                }
                Ok(Some((Word::Failed(failure), _))) => break Report::NotBegun(failure),
                // Out of place, and of no harm.
                Ok(Some((
                    Word::Born(_)
                    | Word::Listening
                    | Word::Memory(_)
                    | Word::Started
                    | Word::Mounts
                    | Word::Told
                    | Word::Connect,
                    _,
                ))) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(None) | Err(_) => break Report::Gone,
            }
        };
        self.heard.push(report);
    }

    pub(super) fn runtime(&self) -> Option<Exit> {
        self.heard.iter().find_map(Report::of_runtime)
    }
}
