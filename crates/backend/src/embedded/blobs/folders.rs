//! Folders that are there, durably, when a blob is moved into them.
//!
//! A blob survives a crash only if every folder above it does. Who makes a folder also makes it durable; whoever
//! finds it there must know that this is done already. So both happen under one lock, and what is known to be
//! durable is remembered. Empty folders are removed with their last blob; a move that comes just then fails and
//! is tried again.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use crate::{Error, Result, embedded::lock::sync_folder};

/// Folders that are remembered as durable; over it, all are forgotten and made durable again when next used.
const KNOWN: usize = 65_536;
/// How often a move is tried that finds its folder removed each time.
const TRIES: usize = 16;

pub(super) struct Folders {
    root: PathBuf,
    durable: Mutex<HashSet<PathBuf>>,
}

impl Folders {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, durable: Mutex::default() }
    }

    /// Moves the durable file `from` to `to`, in place of what is there; once this has returned it stays there.
    pub(super) fn move_file(&self, from: &Path, to: &Path) -> Result<()> {
        let folder = to.parent().unwrap_or(&self.root);
        let mut tries = 0;
        loop {
            self.make(folder)?;
            tries += 1;
            match fs::rename(from, to) {
                Ok(()) => return self.sync_nearest(folder),
                Err(cause) if cause.kind() == io::ErrorKind::NotFound && tries < TRIES => {}
                Err(cause) => return Err(Error::io("move a blob to its place", cause)),
            }
        }
    }

    /// Removes the file if it is there; once this has returned it stays removed.
    pub(super) fn remove_file(&self, path: &Path) -> Result<()> {
        match fs::remove_file(path) {
            Ok(()) => {}
            Err(cause) if super::is_absent(&cause) => return Ok(()),
            Err(cause) => return Err(Error::io("delete a blob", cause)),
        }
        let folder = path.parent().unwrap_or(&self.root);
        self.sync_nearest(folder)?;
        self.remove_empty(folder);
        Ok(())
    }

    /// Makes the folder durable or, if it was removed with its last blob, the folder that it was removed from.
    fn sync_nearest(&self, folder: &Path) -> Result<()> {
        for folder in folder.ancestors() {
            match sync_folder(folder) {
                Err(Error::Io { cause, .. })
                    if cause.kind() == io::ErrorKind::NotFound && folder != self.root => {}
                synced => return synced,
            }
        }
        Ok(())
    }

    fn make(&self, folder: &Path) -> Result<()> {
        let mut durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        let missing: Vec<_> = folder
            .ancestors()
            .take_while(|folder| *folder != self.root && !durable.contains(*folder))
            .map(Path::to_owned)
            .collect();
        for folder in missing.into_iter().rev() {
            match fs::create_dir(&folder) {
                Ok(()) => {}
                // Perhaps not durable: an earlier process may have died before it came to that.
                Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
                Err(cause) => return Err(Error::io("make a folder for a blob", cause)),
            }
            sync_folder(folder.parent().unwrap_or(&self.root))?;
            if durable.len() >= KNOWN {
                durable.clear();
            }
            durable.insert(folder);
        }
        Ok(())
    }

    /// The folder and those above it, as far as they are empty. That it may fail does not matter: an empty
    /// folder is only untidy.
    fn remove_empty(&self, folder: &Path) {
        let mut durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        for folder in folder.ancestors().take_while(|folder| *folder != self.root) {
            // Forgotten first: between the two, nobody may take it for durable.
            let known = durable.remove(folder);
            if fs::remove_dir(folder).is_err() {
                if known {
                    durable.insert(folder.to_owned());
                }
                break;
            }
        }
    }
}
