//! Deployment packages: zips on Blobs, and unpacked once on this machine.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use sonagi_backend::Blobs;
use sonagi_model::{Digest, function::Package};

use crate::Result;

/// Cheap to clone.
#[derive(Clone)]
pub struct Packages {
    blobs: Arc<dyn Blobs>,
    code_dir: PathBuf,
}

impl Packages {
    /// Checks the zip whole, then stores it; one that is stored already is not written again.
    pub async fn put(&self, zip: Bytes) -> Result<Package> {
        let _ = (&self.blobs, zip);
        unimplemented!()
    }

    /// The zip.
    pub async fn get(&self, package: &Package) -> Result<Bytes> {
        let _ = package;
        unimplemented!()
    }

    pub async fn contains(&self, digest: &Digest) -> Result<bool> {
        let _ = digest;
        unimplemented!()
    }

    /// The folder with the package's files, read-only and shared; unpacked on first use.
    pub async fn unpacked(&self, package: &Package) -> Result<PathBuf> {
        let _ = (&self.code_dir, package);
        unimplemented!()
    }
}
