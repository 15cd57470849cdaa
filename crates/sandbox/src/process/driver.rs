//! Starts environments: finds what runs the code, creates the process, waits until its runtime asks for work.

use std::{fmt, io, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use sonagi_model::{Clock, Entropy, Tick, function::Runtime};

use super::interpreters::RuntimePolicy;
use crate::{Driver, EnvironmentSpec, StartFailure, Started};

/// What the process driver needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// The program that becomes an environment's process: it calls [`launcher::main`](crate::launcher::main)
    /// when it is run with `launcher_args`.
    pub launcher: PathBuf,
    pub launcher_args: Vec<String>,
    /// Temporary folders of environments and the runtime clients' files; created if missing.
    pub work_dir: PathBuf,
    pub runtimes: RuntimePolicy,
    /// Folders in which to look for interpreters, most wanted first: `PATH`, taken apart.
    pub interpreters: Vec<PathBuf>,
    /// Where the SDK layers are kept; none: functions find no SDK but what their package holds.
    pub layers: Option<PathBuf>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

/// What [`ProcessDriver::prepare`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The interpreter; none for `provided`.
    pub interpreter: Option<PathBuf>,
    /// What the user should know, once: that the interpreter is not of the exact version, that there is no SDK.
    pub notes: Vec<String>,
}

/// Starts environments that are processes of this machine.
pub struct ProcessDriver {
    config: Config,
}

impl fmt::Debug for ProcessDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessDriver").field("work_dir", &self.config.work_dir).finish_non_exhaustive()
    }
}

impl ProcessDriver {
    pub fn new(config: Config) -> io::Result<Self> {
        Ok(Self { config })
    }

    /// Finds what `runtime` needs ahead of its first start, with `progress` told what is being done: the
    /// interpreter, and the SDK layer, which may be downloaded.
    pub async fn prepare(
        &self,
        _runtime: Runtime,
        _progress: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Prepared, StartFailure> {
        Err(StartFailure::Unsupported("in progress".into()))
    }

    /// Ready once every environment that was dropped has left nothing behind.
    pub async fn settled(&self) {}
}

#[async_trait]
impl Driver for ProcessDriver {
    async fn start(&self, _spec: Arc<EnvironmentSpec>, _deadline: Tick) -> Result<Started, StartFailure> {
        Err(StartFailure::Unsupported("in progress".into()))
    }
}
