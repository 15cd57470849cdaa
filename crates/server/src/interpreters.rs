//! Builds install packages for the interpreter that the sandbox runs functions with.

use std::{ffi::OsStr, sync::Arc};

use async_trait::async_trait;
use sonagi_control::build;
use sonagi_model::{Clock, function::Runtime};
use sonagi_sandbox::process::{Interpreters, RuntimePolicy};

/// This machine's interpreters, as the process driver chooses them.
#[derive(Debug)]
pub struct LocalInterpreters(Interpreters);

impl LocalInterpreters {
    /// `path` is the search path, as in `PATH`.
    pub fn new(path: &OsStr, clock: Arc<dyn Clock>) -> Self {
        // A build for another machine takes the nearest too, and says so.
        Self(Interpreters::new(std::env::split_paths(path).collect(), RuntimePolicy::Nearest, clock))
    }
}

#[async_trait]
impl build::Interpreters for LocalInterpreters {
    async fn find(&self, runtime: Runtime) -> Option<build::Interpreter> {
        let found = self.0.find(runtime).await.ok()??;
        Some(build::Interpreter { program: found.program, version: found.version })
    }
}
