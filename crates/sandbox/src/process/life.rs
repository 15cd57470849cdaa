//! What an environment lives in, as an invocation sees it: it ends, it is killed, it uses memory.

use std::{io, os::unix::net::UnixStream, sync::Arc};

use super::{process::Process, reports::Report};
use crate::{ending::Exit, extensions::telemetry::Dial, microvm::Guest};

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

    /// What is known of the ends of its runtime and its extensions, if it has extensions in processes of their own.
    pub(super) fn reports(&self) -> &[Report] {
        match self {
            Self::Process(process) => process.reports(),
            Self::Machine(_) => &[],
        }
    }

    /// Ready when one more is known; without such extensions, when it has [ended](Self::ended). Safe to drop.
    pub(super) async fn report(&mut self) {
        match self {
            Self::Process(process) => process.report().await,
            Self::Machine(guest) => guest.ended().await,
        }
    }

    /// Has the runtime begin, which waited for the extensions.
    pub(super) fn begin(&self) {
        match self {
            Self::Process(process) => process.begin(),
            Self::Machine(_) => {}
        }
    }

    /// Tells the runtime that it is to end. One in a machine is not told.
    pub(super) fn terminate(&self) {
        match self {
            Self::Process(process) => process.terminate(),
            Self::Machine(_) => {}
        }
    }

    /// Kills the runtime alone.
    pub(super) fn kill_runtime(&self) {
        match self {
            Self::Process(process) => process.kill_runtime(),
            Self::Machine(_) => {}
        }
    }

    /// The way to what listens in it.
    pub(super) fn dial(&self) -> io::Result<Arc<dyn Dial>> {
        match self {
            Self::Process(process) => process.dial(),
            Self::Machine(_) => Err(io::ErrorKind::Unsupported.into()),
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
