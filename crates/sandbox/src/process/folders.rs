//! The folders that a server keeps for its environments, and what servers that died left behind.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rustix::fs::FlockOperation;

/// `<work folder>/environments/<server>`, locked while the server lives. Dropping it removes the folder.
#[derive(Debug)]
pub(crate) struct Folders {
    root: PathBuf,
    _lock: File,
}

impl Folders {
    pub(crate) fn open(work_dir: &Path, server: &str) -> io::Result<Self> {
        let all = work_dir.join("environments");
        fs::create_dir_all(&all)?;
        collect(&all);
        let root = all.join(server);
        fs::create_dir(&root)?;
        let lock = File::open(&root)?;
        rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self { root: fs::canonicalize(root)?, _lock: lock })
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn environment(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// Removes the folders that nobody holds.
fn collect(all: &Path) {
    for entry in fs::read_dir(all).into_iter().flatten().flatten() {
        let Ok(lock) = File::open(entry.path()) else { continue };
        if rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
