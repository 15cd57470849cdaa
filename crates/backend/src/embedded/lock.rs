//! One process at a time on a folder.

use std::{
    fs::{self, File, TryLockError},
    path::Path,
};

use crate::{Error, Result};

/// Holds a folder until it is dropped, or the process dies.
#[derive(Debug)]
pub(super) struct FolderLock {
    file: File,
}

impl FolderLock {
    /// Makes the folder if it is not there, and takes it.
    pub(super) fn take(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).map_err(|cause| Error::io("make the folder", cause))?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join("lock"))
            .map_err(|cause| Error::io("open the lock file", cause))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => Err(Error::Locked { folder: folder.to_owned() }),
            Err(TryLockError::Error(cause)) => Err(Error::io("lock the folder", cause)),
        }
    }
}

impl Drop for FolderLock {
    // Closing the file would not do: a process that was forked a moment ago may hold a copy of it until it executes
    // its program.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

/// Makes what was created, renamed or removed in `folder` survive a crash of the machine.
pub(super) fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|cause| Error::io("make a folder durable", cause))
}
