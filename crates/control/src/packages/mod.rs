//! Deployment packages: zips on Blobs, and unpacked once on this machine.
//!
//! ```text
//!   put ──► contents: every path, link and byte is checked ──► Blobs
//!   unpacked, merged ──► cache: one unpacking for all who ask ──► code_dir/<digest>.<bytes>, read-only
//! ```
//!
//! Start reading at [`Packages`]. Always true here:
//! - a zip is stored only if all of it can be unpacked inside its folder and within the limits;
//! - a folder under its final name is whole;
//! - a package that a live function uses is never dropped from the cache.

mod bytecode;
mod cache;
mod contents;
mod layers;
mod path;
mod unpack;

use std::{collections::HashSet, path::PathBuf, sync::Arc};

use bytes::Bytes;
use sonagi_backend::Blobs;
use sonagi_model::{Clock, Digest, function::Package, limits};
use tokio::sync::Semaphore;

use crate::{Error, Result};
use cache::Cache;
pub(crate) use layers::digest as layers_digest;

/// Cheap to clone.
#[derive(Clone)]
pub struct Packages {
    inner: Arc<Inner>,
}

struct Inner {
    blobs: Arc<dyn Blobs>,
    cache: Arc<Cache>,
    /// Inflating keeps a processor busy: a flood of uploads must not take them all.
    turns: Arc<Semaphore>,
}

/// Says which packages live functions use.
pub(crate) type InUse = Box<dyn Fn() -> HashSet<Digest> + Send + Sync>;

impl Packages {
    pub(crate) async fn open(
        blobs: Arc<dyn Blobs>,
        code_dir: PathBuf,
        clock: Arc<dyn Clock>,
        in_use: InUse,
    ) -> Result<Self> {
        let cache = Cache::open(code_dir, clock, in_use).await?;
        let turns = Arc::new(Semaphore::new(limits::PACKAGES_AT_ONCE));
        Ok(Self { inner: Arc::new(Inner { blobs, cache, turns }) })
    }

    /// Checks the zip whole, then stores it; one that is stored already is not written again.
    pub async fn put(&self, zip: Bytes) -> Result<Package> {
        if zip.len() as u64 > limits::PACKAGE_UNPACKED_SIZE {
            return Err(contents::too_large());
        }
        let _turn = self.turn().await?;
        let bytes = zip.clone();
        let digest = blocking(move || Ok(Digest::of(&bytes))).await?;
        let package = Package { digest, size: zip.len() as u64 };
        if !self.contains(&digest).await? {
            let bytes = zip.clone();
            blocking(move || contents::check(&bytes)).await?;
            self.inner.blobs.put(&key(&digest), zip).await?;
        }
        Ok(package)
    }

    /// Checks the zip as [`put`](Self::put) does, and stores nothing.
    pub(crate) async fn check(&self, zip: Bytes) -> Result<Package> {
        let _turn = self.turn().await?;
        blocking(move || {
            contents::check(&zip)?;
            Ok(Package { digest: Digest::of(&zip), size: zip.len() as u64 })
        })
        .await
    }

    /// The zip.
    pub async fn get(&self, package: &Package) -> Result<Bytes> {
        match self.inner.blobs.get(&key(&package.digest), None).await {
            Err(sonagi_backend::Error::NoBlob { .. }) => Err(Error::NoPackage { digest: package.digest }),
            other => Ok(other?),
        }
    }

    pub async fn contains(&self, digest: &Digest) -> Result<bool> {
        Ok(self.size(digest).await?.is_some())
    }

    /// Bytes of a stored zip.
    pub(crate) async fn size(&self, digest: &Digest) -> Result<Option<u64>> {
        Ok(self.inner.blobs.size(&key(digest)).await?)
    }

    /// The folder with the package's files, read-only and shared; unpacked on first use. It stays as long as a
    /// live function uses the package, and [`limits::CODE_CACHE_GRACE`] longer.
    pub async fn unpacked(&self, package: &Package) -> Result<PathBuf> {
        let fill = |place: cache::Place| async {
            let _turn = self.turn().await?;
            let zip = self.get(package).await?;
            blocking(move || place.fill(&[&*zip])).await
        };
        Ok(self.inner.cache.folder(package.digest, fill).await?.path)
    }

    /// Bytes of the package's files.
    pub(crate) async fn unpacked_size(&self, package: &Package) -> Result<u64> {
        let zip = self.get(package).await?;
        let _turn = self.turn().await?;
        blocking(move || contents::check(&zip)).await
    }

    async fn turn(&self) -> Result<tokio::sync::SemaphorePermit<'_>> {
        self.inner.turns.acquire().await.map_err(|_| Error::Closed)
    }
}

fn key(digest: &Digest) -> String {
    format!("packages/{digest}")
}

/// Runs `work` where it may wait for the disk.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Closed)?
}
