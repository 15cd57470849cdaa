//! What an environment lives in, as an invocation sees it: it ends, it is killed, it uses memory.

use std::{io, os::unix::net::UnixStream};

use super::process::Process;
use crate::{ending::Exit, microvm::Guest};

#[expect(
    clippy::large_enum_variant,
    reason = "one for each environment, and a box would cost every invocation a step"
)]
pub(crate) enum Life {
    Process(Process),
    Machine(Guest),
}

impl Life {
    /// Ready when it has ended on its own, or used more memory than it may. Safe to drop.
    pub(super) async fn ended(&mut self) {
        match self {
            Self::Process(process) => process.ended().await,
            Self::Machine(guest) => guest.ended().await,
        }
    }

    /// Whether the runtime itself has ended.
    pub(super) fn has_ended(&self) -> bool {
        match self {
            Self::Process(process) => process.has_ended(),
            Self::Machine(guest) => guest.has_ended(),
        }
    }

    /// Kills all of the environment; how the runtime had ended, if it had on its own. Safe to drop: it goes on without.
    pub(super) async fn kill(&mut self) -> Option<Exit> {
        match self {
            Self::Process(process) => process.kill().await,
            Self::Machine(guest) => guest.kill().await,
        }
    }

    /// Bytes that the environment used at the most so far.
    pub(super) fn memory_peak(&mut self) -> u64 {
        match self {
            Self::Process(process) => process.memory_peak(),
            Self::Machine(guest) => guest.memory_peak(),
        }
    }

    /// Bytes that it uses now, where that is known.
    pub(super) fn memory_used(&self) -> Option<u64> {
        match self {
            Self::Process(process) => process.memory_used(),
            Self::Machine(_) => None,
        }
    }

    /// Stops all that runs in it, until it is [resumed](Self::resume). What runs in a machine is not stopped: it takes
    /// nothing but its own processor's time.
    pub(super) fn hold(&mut self) {
        match self {
            Self::Process(process) => process.hold(),
            Self::Machine(_) => {}
        }
    }

    /// Has it go on if it was held.
    pub(super) fn resume(&mut self) {
        match self {
            Self::Process(process) => process.resume(),
            Self::Machine(_) => {}
        }
    }

    /// To the first process of its sandbox.
    pub(super) fn socket(&self) -> io::Result<UnixStream> {
        match self {
            Self::Process(process) => process.socket(),
            Self::Machine(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// From here on processor time is limited.
    pub(crate) fn limit_processors(&mut self) -> io::Result<()> {
        match self {
            Self::Process(process) => process.limit_processors(),
            Self::Machine(guest) => guest.limit_processors(),
        }
    }
}
