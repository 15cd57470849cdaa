//! What tools made, by the digest of all that it was made from.
//!
//! An entry is a folder that appears whole, by a rename, and is never changed afterwards.

use std::{
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use sha2::{Digest as _, Sha256};
use sonagi_model::{Digest, limits};

static NEXT: AtomicU64 = AtomicU64::new(0);

#[derive(Debug, Clone)]
pub(super) struct Cache {
    folder: PathBuf,
}

/// A digest over several parts, whose borders count.
pub(super) fn key(parts: &[&[u8]]) -> Digest {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    Digest::from_bytes(hash.finalize().into())
}

/// A folder to work in, removed when it goes.
pub(super) struct Workshop {
    path: PathBuf,
}

impl Workshop {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next prune.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

impl Cache {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(super) fn get(&self, kind: &str, key: &Digest) -> Option<PathBuf> {
        let path = self.path(kind, key);
        path.is_dir().then_some(path)
    }

    fn path(&self, kind: &str, key: &Digest) -> PathBuf {
        self.folder.join(format!("{kind}-{key}"))
    }

    /// Where a tool keeps what it needs for its next build of the same. It is the tool's to fill and to lock.
    pub(super) fn lasting(&self, kind: &str, key: &Digest) -> PathBuf {
        self.path(kind, key)
    }

    pub(super) fn workshop(&self) -> io::Result<Workshop> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("work-{}-{number}", std::process::id()));
        // Left by an earlier process of the same id.
        if path.exists() {
            std::fs::remove_dir_all(&path)?;
        }
        std::fs::create_dir_all(&path)?;
        Ok(Workshop { path })
    }

    /// Makes `made` an entry; when another build was faster, its entry stays.
    pub(super) fn put(&self, kind: &str, key: &Digest, made: &Path) -> io::Result<PathBuf> {
        let path = self.path(kind, key);
        match std::fs::rename(made, &path) {
            Ok(()) => {}
            Err(_) if path.is_dir() => std::fs::remove_dir_all(made)?,
            Err(cause) => return Err(cause),
        }
        self.prune();
        Ok(path)
    }

    /// Removes the oldest entries over the limit. Failing does no harm.
    fn prune(&self) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        let mut entries: Vec<_> = entries
            .flatten()
            .filter(|entry| !entry.file_name().to_string_lossy().starts_with("work-"))
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        if entries.len() <= limits::BUILD_CACHE_ENTRIES {
            return;
        }
        entries.sort();
        let over = entries.len() - limits::BUILD_CACHE_ENTRIES;
        for (_, path) in entries.into_iter().take(over) {
            let _ = std::fs::remove_dir_all(path);
        }
    }
}
