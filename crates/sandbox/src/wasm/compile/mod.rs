//! From a component to native code: in a process of its own, which may be slow, large or dead without harm to others.
//!
//! ```text
//! server ──order──► child: lowers itself ─► reads ─► checks ─► (runs and snapshots) ─► compiles ─► links ─► writes
//!        ◄─report──
//! ```
//!
//! The server starts its own program again, with [`WORD`], and gives it one end of a socket pair as its standard
//! input: an [`Order`] comes in there, a [`Report`](order::Report) goes back. Start reading at [`run`] for the server's
//! side and at `child.rs` for the other. Always true here:
//! - nothing that a stranger wrote is read before the child has limited its memory, its time and its files;
//! - the child never sees the key that artifacts are authenticated with;
//! - however the child ends, the server has words for it ([`Refusal`]).

mod check;
mod child;
mod confine;
mod handles;
mod offers;
mod order;
mod outline;
mod refusal;
mod run;
mod seclusion;
mod snapshot;
mod sys;
#[cfg(test)]
pub(crate) mod tests;

use std::{path::PathBuf, process::ExitCode};

pub(crate) use check::memory as check_memory;
pub(crate) use child::too_large;
pub(crate) use order::{Facts, Order};
pub(crate) use refusal::Refusal;
pub(crate) use run::run;

/// The first argument that makes the program the compiler's child. The cli calls [`main`] for it before anything else.
pub const WORD: &str = "__compile";

/// How the child is started.
#[derive(Debug, Clone)]
pub struct Compiler {
    pub program: PathBuf,
    /// [`WORD`] included.
    pub arguments: Vec<String>,
}

/// The child's whole life.
pub fn main() -> ExitCode {
    child::main()
}
