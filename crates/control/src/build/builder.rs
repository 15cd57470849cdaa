//! The builder: one function after the other, from cache where it can.

use std::{ffi::OsString, path::PathBuf, sync::Arc};

use bytes::Bytes;
use sonagi_model::{Clock, release::ReleaseContent};

use super::{Error, Progress, Result};
use crate::manifest::Manifest;

/// What a build needs of the machine.
#[derive(Debug, Clone)]
pub struct Tools {
    pub clock: Arc<dyn Clock>,
    /// Where programs are looked for: the caller's `PATH`.
    pub path: OsString,
}

/// Turns manifests into packages. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Builder {
    cache: PathBuf,
    tools: Tools,
}

/// A built app: the release's content, and every package that it names.
#[derive(Debug, Clone)]
pub struct Built {
    /// Zips, each once, in the order of the functions that need them.
    pub packages: Vec<Bytes>,
    pub content: ReleaseContent,
}

impl Builder {
    /// `cache` is a folder of the builder's own; it is made when it is needed.
    pub fn new(cache: PathBuf, tools: Tools) -> Self {
        Self { cache, tools }
    }

    pub async fn build(&self, _manifest: &Manifest, _progress: &dyn Progress) -> Result<Built> {
        Err(Error::Cut(format!("{:?} {:?}", self.cache, self.tools)))
    }
}
