//! Files that are taken for ours only after their seal was checked.
//!
//! Checking reads all of a file, so a file that was checked is remembered by what changes when it does: its device and
//! inode, size, and the times of its last modification and change. The file is opened once: what is checked, what is
//! remembered and what is mapped is that same open file, whatever its path leads to by then; and it is looked at again
//! once it is mapped.
//!
//! The file system's clock goes on in ticks of some milliseconds, and two changes within one tick look like one, so a
//! file is remembered only once it has not changed for [`SETTLED`].
//!
//! What remains: native code is mapped from the file, and read from it as it is touched. Whoever may write to the file
//! itself, which is the server's user and root, can change what runs after it was mapped; these could as well change
//! the server's program. Files are read-only and folders private to keep accidents out.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io,
    os::{
        fd::AsRawFd as _,
        unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    },
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sonagi_model::{Timestamp, limits};

use super::seal::{Broken, Sealer};
use crate::wasm::compile::Facts;

/// For how long a file must not have changed before it is remembered: many ticks of any file system's clock.
pub(super) const SETTLED: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(super) struct Vault {
    sealer: Sealer,
    checked: Mutex<HashMap<PathBuf, Checked>>,
}

#[derive(Debug, Clone, Copy)]
struct Checked {
    identity: Identity,
    facts: Facts,
}

/// Changes whenever the file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Identity {
    fn of(file: &File) -> io::Result<Self> {
        let data = file.metadata()?;
        if !data.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(Self {
            device: data.dev(),
            inode: data.ino(),
            size: data.size(),
            modified: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
        })
    }

    /// Whether any further change shows. Not, where the file's time is ahead of ours.
    fn settled(&self, now: Timestamp) -> bool {
        let (seconds, nanos) = self.changed;
        let micros = seconds.checked_mul(1_000_000).and_then(|micros| micros.checked_add(nanos / 1_000));
        let changed = micros.and_then(|micros| u64::try_from(micros).ok()).map(Timestamp);
        changed.is_some_and(|changed| now.since(changed) >= SETTLED)
    }
}

/// A file of ours, open.
#[derive(Debug)]
pub(super) struct Sealed {
    file: File,
    identity: Identity,
    pub(super) facts: Facts,
}

impl Sealed {
    /// A path that leads to this open file and no other.
    pub(super) fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.file.as_raw_fd()).into()
    }

    /// Whether it is still what was checked.
    pub(super) fn is_unchanged(&self) -> bool {
        Identity::of(&self.file).is_ok_and(|identity| identity == self.identity)
    }
}

impl Vault {
    pub(super) fn new(sealer: Sealer) -> Self {
        Self { sealer, checked: Mutex::default() }
    }

    pub(super) fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    fn checked(&self) -> MutexGuard<'_, HashMap<PathBuf, Checked>> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The native code at `path`, if there is any that is ours. What is not ours is reported and removed.
    pub(super) fn open(&self, path: &Path, place: &str, now: Timestamp) -> io::Result<Option<Sealed>> {
        let Some(file) = open(path)? else { return Ok(None) };
        let identity = match Identity::of(&file) {
            Ok(identity) => identity,
            Err(error) => {
                discard(path, &error);
                return Ok(None);
            }
        };
        let known = self.checked().get(path).copied().filter(|checked| checked.identity == identity);
        if let Some(Checked { facts, .. }) = known {
            return Ok(Some(Sealed { file, identity, facts }));
        }
        match self.check(&file, place, identity) {
            Ok(facts) => {
                if identity.settled(now) {
                    self.checked().insert(path.into(), Checked { identity, facts });
                }
                Ok(Some(Sealed { file, identity, facts }))
            }
            // A failing disk or a lack of memory says nothing about the file.
            Err(Broken::Unreadable(error)) => Err(error),
            Err(broken @ (Broken::Truncated | Broken::Foreign | Broken::Tampered)) => {
                self.forget(path);
                discard(path, &broken);
                Ok(None)
            }
        }
    }

    fn check(&self, file: &File, place: &str, identity: Identity) -> Result<Facts, Broken> {
        if identity.size > limits::ARTIFACT_SIZE + limits::ARTIFACT_SIZE / 16 {
            return Err(Broken::Foreign);
        }
        let note = self.sealer.check(place, file, identity.size)?;
        let facts = serde_json::from_slice(&note).map_err(|_| Broken::Foreign)?;
        // It may have been written to while it was read.
        match Identity::of(file) {
            Ok(now) if now == identity => Ok(facts),
            Ok(_) => Err(Broken::Tampered),
            Err(error) => Err(Broken::Unreadable(error)),
        }
    }

    /// A small file of ours: its content.
    pub(super) fn read(&self, path: &Path, place: &str) -> io::Result<Option<Vec<u8>>> {
        let Some(file) = open(path)? else { return Ok(None) };
        let size = file.metadata()?.len();
        match self.sealer.check(place, &file, size) {
            Ok(note) => Ok(Some(note)),
            Err(Broken::Unreadable(error)) => Err(error),
            Err(broken @ (Broken::Truncated | Broken::Foreign | Broken::Tampered)) => {
                discard(path, &broken);
                Ok(None)
            }
        }
    }

    #[cfg(test)]
    pub(super) fn remembers(&self, path: &Path) -> bool {
        self.checked().contains_key(path)
    }

    pub(super) fn forget(&self, path: &Path) {
        self.checked().remove(path);
    }
}

fn open(path: &Path) -> io::Result<Option<File>> {
    // A link is not ours, and a pipe would make us wait.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
            discard(path, &"it is a symbolic link");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Reports and removes what is not ours.
pub(super) fn discard(path: &Path, why: &dyn std::fmt::Display) {
    tracing::warn!(file = %path.display(), %why, "a file of the cache of compiled components is not used; it is made again");
    let removed = match fs::symlink_metadata(path) {
        Ok(data) if data.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    if let Err(error) = removed
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(file = %path.display(), %error, "it cannot be removed either");
    }
}
