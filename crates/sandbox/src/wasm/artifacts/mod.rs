//! Compiled components on the disk.

use std::{io, path::PathBuf, sync::Arc};

use sonagi_model::{
    Clock, Digest,
    function::{WasiVersion, WasmStart},
};
use wasmtime::{Engine, component::Component};

use super::compile::Compiler;

/// What [`Artifacts::open`] needs.
#[derive(Debug)]
pub(crate) struct ArtifactsConfig {
    pub(crate) dir: PathBuf,
    /// What every file is authenticated with.
    pub(crate) key: [u8; 32],
    pub(crate) compiler: Compiler,
    pub(crate) clock: Arc<dyn Clock>,
}

/// A component, and how it is compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// Of the package that it is in.
    pub(crate) package: Digest,
    /// Names the component's file within the package.
    pub(crate) handler: String,
    /// The same file in the unpacked package.
    pub(crate) file: PathBuf,
    pub(crate) start: WasmStart,
    pub(crate) wasi: WasiVersion,
    /// MiB that the function has.
    pub(crate) memory: u32,
}

/// Who goes ahead in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// Somebody waits: a deployment, a request.
    Waiting,
    /// Nobody does: what a newer version has to compile again.
    Background,
}

/// Why there is no native code of a component.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The deployer's to mend: what is wrong and what to do.
    #[error("{0}")]
    Invalid(String),
    /// Too much is being compiled already.
    #[error("{0}")]
    Busy(String),
    /// The machine's or the platform's doing.
    #[error("{doing}")]
    Machine {
        doing: &'static str,
        #[source]
        cause: io::Error,
    },
}

/// The cache; its clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Artifacts {
    shared: Arc<ArtifactsConfig>,
}

impl Artifacts {
    pub(crate) fn open(config: ArtifactsConfig) -> io::Result<Self> {
        Ok(Self { shared: Arc::new(config) })
    }

    /// Returns once there is native code of `source` for this version: compiles it unless that was done. At most
    /// [`limits::COMPILES_AT_ONCE`](sonagi_model::limits::COMPILES_AT_ONCE) children run; the rest waits in line.
    pub(crate) async fn ensure(&self, _source: &Source, _urgency: Urgency) -> Result<(), Refusal> {
        let _ = &self.shared;
        Err(Refusal::Busy(String::new()))
    }

    /// Authenticates and maps. `None`: this version has not compiled it yet, or what it had compiled was not whole and
    /// is gone. Blocks: microseconds for what was checked before, else as long as reading the file takes.
    pub(crate) fn load(&self, _engine: &Engine, _source: &Source) -> Result<Option<Component>, Refusal> {
        Ok(None)
    }

    /// Authenticates ahead, so that the first [`Artifacts::load`] need not. Blocks.
    pub(crate) fn check_ahead(&self, _source: &Source) {}

    /// Drops what other versions compiled and, least recently used first, what is beyond
    /// [`limits::ARTIFACTS_SIZE`](sonagi_model::limits::ARTIFACTS_SIZE). What `live` uses stays. Blocks.
    pub(crate) fn collect(&self, _live: &[Source]) {}
}
