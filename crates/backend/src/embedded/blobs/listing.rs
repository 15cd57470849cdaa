//! Keys in order.
//!
//! A folder's keys are its files' (in the 256 folders they are spread over) and those below its other folders. A
//! folder `a` sorts as `a/`, which all its keys begin with; so walking the names in that order meets the keys in
//! order. Folders without a key in question are not entered, and of each folder's files no more are kept than are
//! asked for.

use std::{collections::BinaryHeap, fs, io, path::Path};

use super::layout::FAN;
use crate::{Error, Result, blobs::BlobInfo};

pub(super) fn list(root: &Path, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<BlobInfo>> {
    let mut walk = Walk { prefix, after, limit, found: Vec::new() };
    walk.folder(root, "").map_err(|cause| Error::io("list blobs", cause))?;
    Ok(walk.found)
}

struct Walk<'a> {
    prefix: &'a str,
    after: Option<&'a str>,
    limit: usize,
    found: Vec<BlobInfo>,
}

impl Walk<'_> {
    /// `above` is what the keys in `folder` begin with. As deep as a key has parts, of which it has few.
    fn folder(&mut self, folder: &Path, above: &str) -> io::Result<()> {
        let mut folders = Vec::new();
        let mut files = BinaryHeap::new();
        for entry in entries(folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if !name.starts_with(FAN) {
                let key = format!("{above}{name}/");
                if self.wants_folder(&key) {
                    folders.push((key, entry.path()));
                }
                continue;
            }
            for file in entries(&entry.path())? {
                let file = file?;
                let Ok(name) = file.file_name().into_string() else { continue };
                let key = format!("{above}{name}");
                if self.wants(&key) {
                    files.push((key, file.path()));
                }
                if files.len() > self.limit - self.found.len() {
                    // The greatest: it cannot be among those asked for.
                    files.pop();
                }
            }
        }
        folders.sort_unstable();
        let mut folders = folders.into_iter().peekable();
        let mut files = files.into_sorted_vec().into_iter().peekable();
        while self.found.len() < self.limit {
            let file_first = match (files.peek(), folders.peek()) {
                (None, None) => break,
                (Some((file, _)), Some((folder, _))) => file < folder,
                (Some(_), None) => true,
                (None, Some(_)) => false,
            };
            if file_first {
                if let Some((key, path)) = files.next() {
                    // Deleted meanwhile: not there.
                    if let Some(data) = present(fs::metadata(path))? {
                        self.found.push(BlobInfo { key, size: data.len() });
                    }
                }
            } else if let Some((key, path)) = folders.next() {
                self.folder(&path, &key)?;
            }
        }
        Ok(())
    }

    fn wants(&self, key: &str) -> bool {
        key.starts_with(self.prefix) && self.after.is_none_or(|after| key > after)
    }

    /// Whether a key that begins with `key` may be wanted.
    fn wants_folder(&self, key: &str) -> bool {
        (key.starts_with(self.prefix) || self.prefix.starts_with(key))
            && self.after.is_none_or(|after| key > after || after.starts_with(key))
    }
}

/// The entries of a folder, which may be gone by now.
fn entries(folder: &Path) -> io::Result<impl Iterator<Item = io::Result<fs::DirEntry>>> {
    Ok(present(fs::read_dir(folder))?.into_iter().flatten())
}

fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(cause) if super::is_absent(&cause) => Ok(None),
        Err(cause) => Err(cause),
    }
}
