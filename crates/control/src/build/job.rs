//! What every way of building one function has at hand.

use std::{collections::BTreeSet, path::Path};

use sonagi_model::{Digest, FunctionName, function::Runtime};

use super::{
    Error, Progress, Result, Tools,
    cache::{Cache, Workshop},
};

pub(super) struct Job<'a> {
    pub(super) function: &'a FunctionName,
    pub(super) runtime: Runtime,
    pub(super) extras: &'a BTreeSet<String>,
    pub(super) cache: &'a Cache,
    pub(super) tools: &'a Tools,
    pub(super) progress: &'a dyn Progress,
}

impl Job<'_> {
    pub(super) fn workshop(&self) -> Result<Workshop> {
        self.cache
            .workshop()
            .map_err(|cause| self.failed("make a folder in the build cache for", Path::new("it"), cause))
    }

    pub(super) fn make(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder).map_err(|cause| self.failed("make the folder", folder, cause))
    }

    pub(super) fn keep(&self, kind: &str, key: &Digest, made: &Path) -> Result<std::path::PathBuf> {
        self.cache.put(kind, key, made).map_err(|cause| self.failed("keep in the build cache", made, cause))
    }

    pub(super) fn failed(&self, verb: &'static str, path: &Path, cause: std::io::Error) -> Error {
        Error::Io { function: self.function.clone(), verb, path: path.into(), cause }
    }
}

/// Work that reads and writes many files, off the threads that serve.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(cause) => Err(Error::Cut(cause.to_string())),
    }
}
