//! From a component to native code: in a process of its own, which may be slow, large or dead without harm to others.
//!
//! ```text
//! server ──order──► child: lowers itself ─► reads ─► checks ─► (runs and snapshots) ─► compiles ─► tries ─► writes
//!        ◄─report──
//! ```
//!
//! The server starts its own program again, with [`WORD`], and gives it one end of a socket pair as its standard
//! input: an order comes in there, a report goes back. Start reading at [`main`] for the child.

use std::{path::PathBuf, process::ExitCode};

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
    ExitCode::FAILURE
}
