//! Which Python or Node a function's packages are installed for: the one that will run it.

use std::{fmt, path::PathBuf};

use async_trait::async_trait;
use sonagi_model::function::Runtime;

/// Says which program runs a runtime's functions on this machine. Packages hold code that is compiled for one version,
/// so a build must not choose for itself.
#[async_trait]
pub trait Interpreters: fmt::Debug + Send + Sync {
    /// The interpreter for `runtime`; none if the machine has nothing like it.
    async fn find(&self, runtime: Runtime) -> Option<Interpreter>;
}

/// A program that runs functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// The real one, an absolute path: no version manager's stand-in.
    pub program: PathBuf,
    /// The minor version of Python, the major one of Node.
    pub version: u32,
}
