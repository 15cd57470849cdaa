//! A folder of things that are dear to make, by key: they appear whole or not at all, and the oldest go first.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use sonagi_model::Digest;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// What is half made has this in its name.
const DRAFT: &str = ".draft";

/// Each thing is a folder. Whoever uses one has links to its files, so that it may go at any time.
#[derive(Debug)]
pub(super) struct Shelf {
    root: PathBuf,
    /// Bytes of all things together.
    most: u64,
    turns: Mutex<HashMap<String, Arc<Turn<()>>>>,
}

/// Room for a thing that is not there yet. Dropping it unfinished leaves nothing.
pub(super) struct Draft {
    shelf: PathBuf,
    most: u64,
    key: String,
    pub(super) folder: PathBuf,
    _turn: OwnedMutexGuard<()>,
}

pub(super) enum Found {
    There(PathBuf),
    /// Nobody else makes the same meanwhile.
    ToMake(Draft),
}

impl Shelf {
    /// Removes what was left half made. One server has a shelf to itself.
    pub(super) fn open(root: PathBuf, most: u64) -> io::Result<Self> {
        fs::create_dir_all(&root)?;
        for entry in fs::read_dir(&root)?.flatten() {
            if entry.file_name().to_string_lossy().ends_with(DRAFT) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(Self { root, most, turns: Mutex::default() })
    }

    /// The thing, or the right to make it; waits for whoever makes it now.
    pub(super) async fn find(&self, key: &Digest) -> io::Result<Found> {
        let key = key.to_string();
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(key.clone()).or_default())
        };
        let turn = turn.lock_owned().await;
        let folder = self.root.join(&key);
        if folder.is_dir() {
            touch(&folder);
            return Ok(Found::There(folder));
        }
        let draft = self.root.join(format!("{key}{DRAFT}"));
        fs::create_dir(&draft)?;
        Ok(Found::ToMake(Draft {
            shelf: self.root.clone(),
            most: self.most,
            key,
            folder: draft,
            _turn: turn,
        }))
    }

    /// It is of no use.
    pub(super) fn discard(&self, key: &Digest) {
        let folder = self.root.join(key.to_string());
        if let Err(error) = fs::remove_dir_all(&folder) {
            tracing::warn!(%error, folder = %folder.display(), "what is of no use stays behind");
        }
    }
}

impl Draft {
    /// The thing is whole: it is on the shelf from here on.
    pub(super) fn finish(self) -> io::Result<PathBuf> {
        let there = self.shelf.join(&self.key);
        fs::rename(&self.folder, &there)?;
        collect(&self.shelf, self.most, &there);
        Ok(there)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Finished, it is not there any more.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Says that it was used. Where it cannot be said, it goes sooner.
fn touch(folder: &Path) {
    let now = rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
    let times = rustix::fs::Timestamps { last_access: now, last_modification: now };
    let _ = rustix::fs::utimensat(rustix::fs::CWD, folder, &times, rustix::fs::AtFlags::empty());
}

/// Removes the things that were used the longest ago, until all together are no larger than they may be; never `newest`.
fn collect(shelf: &Path, most: u64, newest: &Path) {
    let mut things: Vec<(SystemTime, u64, PathBuf)> = fs::read_dir(shelf)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_none())
        .filter_map(|path| Some((fs::metadata(&path).ok()?.modified().ok()?, size(&path), path)))
        .collect();
    things.sort();
    let mut all: u64 = things.iter().map(|(_, size, _)| size).sum();
    for (_, size, path) in things.iter().filter(|(_, _, path)| path != newest) {
        if all <= most {
            return;
        }
        match fs::remove_dir_all(path) {
            Ok(()) => all -= size,
            Err(error) => tracing::warn!(%error, folder = %path.display(), "what is too old stays behind"),
        }
    }
}

/// Bytes that it takes on the disk.
fn size(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| Some(file.metadata().ok()?.blocks() * 512)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn put(shelf: &Shelf, key: &Digest, size: usize) -> PathBuf {
        let Found::ToMake(draft) = shelf.find(key).await.unwrap() else { panic!("it is there") };
        fs::write(draft.folder.join("thing"), vec![1; size]).unwrap();
        draft.finish().unwrap()
    }

    fn made_at(folder: &Path, seconds: i64) {
        let time = rustix::fs::Timespec { tv_sec: seconds, tv_nsec: 0 };
        let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
        rustix::fs::utimensat(rustix::fs::CWD, folder, &times, rustix::fs::AtFlags::empty()).unwrap();
    }

    #[tokio::test]
    async fn the_oldest_go_first_and_what_was_used_stays() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(folder.path().join("shelf"), 300 << 10).unwrap();
        let keys = [b"a", b"b", b"c", b"d"].map(|key| Digest::of(key));
        for (age, key) in (1..).zip(&keys[..3]) {
            made_at(&put(&shelf, key, 80 << 10).await, age);
        }
        // The first is the oldest no longer.
        assert!(matches!(shelf.find(&keys[0]).await.unwrap(), Found::There(_)));
        put(&shelf, &keys[3], 80 << 10).await;
        let there = |key: &Digest| folder.path().join("shelf").join(key.to_string()).exists();
        assert_eq!(keys.map(|key| there(&key)), [true, false, true, true]);
    }

    #[tokio::test]
    async fn what_is_larger_than_the_shelf_is_there_until_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(folder.path().into(), 1).unwrap();
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        let path = put(&shelf, &one, 10).await;
        assert!(path.exists());
        put(&shelf, &other, 10).await;
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn nobody_sees_a_thing_before_it_is_whole_and_two_do_not_make_it() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Arc::new(Shelf::open(folder.path().into(), u64::MAX).unwrap());
        let key = Digest::of(b"key");
        let Found::ToMake(draft) = shelf.find(&key).await.unwrap() else { panic!("it is there") };
        let other = tokio::spawn({
            let shelf = Arc::clone(&shelf);
            async move { matches!(shelf.find(&key).await.unwrap(), Found::There(_)) }
        });
        tokio::task::yield_now().await;
        assert!(!other.is_finished());
        draft.finish().unwrap();
        assert!(other.await.unwrap());
        // One that fails leaves nothing, and the next may try.
        let key = Digest::of(b"another");
        drop(shelf.find(&key).await.unwrap());
        assert!(matches!(shelf.find(&key).await.unwrap(), Found::ToMake(_)));
        // So does one that was never ended.
        fs::create_dir(folder.path().join(format!("{key}{DRAFT}"))).unwrap();
        let shelf = Shelf::open(folder.path().into(), u64::MAX).unwrap();
        assert!(matches!(shelf.find(&key).await.unwrap(), Found::ToMake(_)));
    }
}
