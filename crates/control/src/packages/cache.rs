//! Unpacked packages on this machine: each once, shared by all who need it.
//!
//! A folder is unpacked under a name that begins with a dot and renamed when it is whole, so a crash of the
//! process leaves nothing half done under a final name. Nothing is synced: after a crash of the machine the
//! kernel's boot id is another, and everything from before is thrown away.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use sonagi_model::{Clock, Digest, Tick, limits};
use tokio::sync::OnceCell;

use super::{InUse, blocking, unpack};
use crate::{Error, Result};

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
const BOOT_FILE: &str = ".boot";
const PARTIAL: &str = ".partial-";
const GONE: &str = ".gone-";
const BYTECODE: &str = ".bytecode-";

pub(super) struct Cache {
    dir: PathBuf,
    clock: Arc<dyn Clock>,
    in_use: InUse,
    slots: Mutex<HashMap<Digest, Slot>>,
    /// Makes names of unfinished and dropped folders unique.
    counter: AtomicU64,
    /// In the same names, to tell those of this run from leftovers.
    run: u64,
    limit: u64,
}

#[derive(Clone)]
struct Slot {
    folder: Arc<OnceCell<Folder>>,
    used: Tick,
    /// When it was first seen without a live function that uses it.
    idle_since: Option<Tick>,
}

#[derive(Clone)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    bytes: u64,
}

/// Where one unpacking happens.
pub(super) struct Place {
    dir: PathBuf,
    digest: Digest,
    partial: PathBuf,
}

pub(super) struct Filled {
    folder: Folder,
}

impl Cache {
    pub(super) async fn open(dir: PathBuf, clock: Arc<dyn Clock>, in_use: InUse) -> Result<Arc<Self>> {
        let at = dir.clone();
        let run = clock.now().micros();
        let Tidied { usable, gone } = blocking(move || {
            tidy(&at, run).map_err(|cause| Error::Io { doing: "open the folder of unpacked packages", cause })
        })
        .await?;
        // There may be gigabytes of it: nobody waits.
        tokio::task::spawn_blocking(move || delete(gone));
        let now = clock.tick();
        let slots = usable
            .into_iter()
            .map(|(digest, folder)| {
                let folder = Arc::new(OnceCell::new_with(Some(folder)));
                (digest, Slot { folder, used: now, idle_since: None })
            })
            .collect();
        Ok(Arc::new(Self {
            dir,
            clock,
            in_use,
            slots: Mutex::new(slots),
            counter: AtomicU64::new(0),
            run,
            limit: limits::CODE_CACHE_SIZE,
        }))
    }

    /// The folder of `digest`; `fill` unpacks it if nobody has.
    pub(super) async fn folder<F, W>(self: &Arc<Self>, digest: Digest, fill: F) -> Result<Folder>
    where
        F: FnOnce(Place) -> W,
        W: Future<Output = Result<Filled>>,
    {
        let cell = {
            let mut slots = self.slots();
            let used = self.clock.tick();
            let fresh = || Slot { folder: Arc::default(), used, idle_since: None };
            let slot = slots.entry(digest).or_insert_with(fresh);
            slot.used = used;
            slot.idle_since = None;
            Arc::clone(&slot.folder)
        };
        if let Some(folder) = cell.get() {
            return Ok(folder.clone());
        }
        let folder = cell
            .get_or_try_init(|| async {
                let partial = self.partial();
                fill(Place { dir: self.dir.clone(), digest, partial }).await.map(|filled| filled.folder)
            })
            .await?;
        let folder = folder.clone();
        self.shrink();
        Ok(folder)
    }

    /// A name for something that is not finished yet.
    pub(super) fn partial(&self) -> PathBuf {
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        self.dir.join(format!("{PARTIAL}{}-{number}", self.run))
    }

    /// The file that says that there is bytecode of this version.
    pub(super) fn bytecode_marker(&self, digest: &Digest, version: u32) -> PathBuf {
        self.dir.join(format!("{BYTECODE}{digest}-{version}"))
    }

    /// Drops what has been out of use the longest until the rest is within the limit; nobody waits for it.
    fn shrink(self: &Arc<Self>) {
        let cache = Arc::clone(self);
        tokio::task::spawn_blocking(move || delete(cache.choose()));
    }

    /// Takes what is to go out of the table and renames its folder, so that no one gets a path that is vanishing.
    fn choose(&self) -> Vec<PathBuf> {
        let now = self.clock.tick();
        let mut slots = self.slots();
        let size = |slot: &Slot| slot.folder.get().map_or(0, |folder| folder.bytes);
        let mut total: u64 = slots.values().map(size).sum();
        if total <= self.limit {
            return Vec::new();
        }
        let in_use = (self.in_use)();
        let mut idle: Vec<(Tick, Digest)> = Vec::new();
        for (digest, slot) in slots.iter_mut() {
            if in_use.contains(digest) {
                slot.idle_since = None;
                continue;
            }
            let since = *slot.idle_since.get_or_insert(now);
            if now.since(since) >= limits::CODE_CACHE_GRACE && slot.folder.initialized() {
                idle.push((slot.used, *digest));
            }
        }
        idle.sort_unstable();
        let mut dropped = Vec::new();
        for (_, digest) in idle {
            if total <= self.limit {
                break;
            }
            let Some(slot) = slots.remove(&digest) else { continue };
            let Some(folder) = slot.folder.get() else { continue };
            total -= folder.bytes;
            let number = self.counter.fetch_add(1, Ordering::Relaxed);
            let gone = self.dir.join(format!("{GONE}{}-{number}", self.run));
            match fs::rename(&folder.path, &gone) {
                Ok(()) => {
                    forget_bytecode(&self.dir, |found| found == digest);
                    dropped.push(gone);
                }
                Err(cause) => tracing::warn!(%cause, "an unpacked package could not be moved away"),
            }
        }
        dropped
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<Digest, Slot>> {
        self.slots.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Place {
    /// Unpacks packages, each over those before it, and makes the result appear. Its future may be dropped meanwhile: then the next one finds it.
    pub(super) fn fill(self, zips: &[&[u8]]) -> Result<Filled> {
        let bytes = match unpack::unpack(zips, &self.partial) {
            Ok(bytes) => bytes,
            Err(error) => {
                // The error that matters is the first one; what is left goes at the next start.
                drop(unpack::remove(&self.partial));
                return Err(error);
            }
        };
        let path = self.dir.join(format!("{}.{bytes}", self.digest));
        let folder = Folder { path, bytes };
        match fs::rename(&self.partial, &folder.path) {
            Ok(()) => Ok(Filled { folder }),
            Err(_) if folder.path.is_dir() => {
                drop(unpack::remove(&self.partial));
                Ok(Filled { folder })
            }
            Err(cause) => Err(Error::Io { doing: "put an unpacked package in its place", cause }),
        }
    }
}

/// What was found in the folder at the start.
#[derive(Default)]
struct Tidied {
    usable: HashMap<Digest, Folder>,
    /// Renamed already, and to be deleted.
    gone: Vec<PathBuf>,
}

/// Prepares the folder: moves leftovers and what is of another boot out of the way.
fn tidy(dir: &Path, run: u64) -> io::Result<Tidied> {
    fs::create_dir_all(dir)?;
    let boot = fs::read(BOOT_ID).unwrap_or_default();
    let boot_file = dir.join(BOOT_FILE);
    let same_boot = !boot.is_empty() && fs::read(&boot_file).is_ok_and(|found| found == boot);
    let mut tidied = Tidied::default();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let known = name
            .split_once('.')
            .and_then(|(digest, bytes)| Some((digest.parse::<Digest>().ok()?, bytes.parse::<u64>().ok()?)));
        match known {
            Some((digest, bytes)) if same_boot => {
                tidied.usable.insert(digest, Folder { path, bytes });
            }
            None if name.starts_with(GONE) => tidied.gone.push(path),
            None if name.starts_with(BYTECODE) => {}
            None if !name.starts_with(PARTIAL) => {
                // Not ours: left alone.
            }
            Some(_) | None => {
                let away = dir.join(format!("{GONE}{run}-{name}"));
                fs::rename(&path, &away)?;
                tidied.gone.push(away);
            }
        }
    }
    forget_bytecode(dir, |digest| !tidied.usable.contains_key(&digest));
    if !same_boot {
        fs::write(&boot_file, &boot)?;
    }
    Ok(tidied)
}

/// Removes the markers of packages that are `gone`. One that stays costs time, and nothing else.
fn forget_bytecode(dir: &Path, gone: impl Fn(Digest) -> bool) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(BYTECODE));
        let digest = rest.and_then(|rest| rest.split_once('-')).and_then(|(digest, _)| digest.parse().ok());
        if digest.is_some_and(&gone) {
            drop(fs::remove_file(entry.path()));
        }
    }
}

/// Deletes folders that have names of their own already; what stays is deleted at the next start.
fn delete(gone: Vec<PathBuf>) {
    for path in gone {
        if let Err(cause) = unpack::remove(&path) {
            tracing::warn!(%cause, path = %path.display(), "an unpacked package could not be deleted");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashSet,
        io::{Cursor, Write},
        time::Duration,
    };

    use sonagi_model::clock::ManualClock;

    use super::*;

    fn zip(text: &str) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file("f", zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
        writer.finish().unwrap().into_inner()
    }

    async fn unpack(cache: &Arc<Cache>, text: &str) -> PathBuf {
        let zip = zip(text);
        cache
            .folder(Digest::of(text.as_bytes()), |place| async move { place.fill(&[&zip]) })
            .await
            .unwrap()
            .path
    }

    #[tokio::test]
    async fn what_is_over_the_limit_goes_the_least_recently_used_first_and_never_what_is_live() {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::default();
        let live = Digest::of(b"live");
        let in_use = Box::new(move || HashSet::from([live]));
        let cache = Cache::open(folder.path().to_owned(), Arc::new(clock.clone()), in_use).await.unwrap();
        let mut cache = Arc::into_inner(cache).unwrap();
        cache.limit = 8;
        let cache = Arc::new(cache);
        let mut folders = Vec::new();
        for text in ["live", "old1", "old2"] {
            folders.push(unpack(&cache, text).await);
            clock.advance(Duration::from_secs(1)).await;
        }
        unpack(&cache, "old1").await;
        // Over the limit, but what went out of use just now may still run.
        assert!(cache.choose().is_empty());
        clock.advance(limits::CODE_CACHE_GRACE).await;
        let dropped = cache.choose();
        assert_eq!(dropped.len(), 1);
        assert_eq!(fs::read(dropped[0].join("f")).unwrap(), b"old2");
        assert!(folders[0].exists() && folders[1].exists() && !folders[2].exists());
        // What comes back is unpacked again.
        assert_eq!(unpack(&cache, "old2").await, folders[2]);
    }

    #[tokio::test]
    async fn a_failed_unpacking_leaves_nothing_and_the_next_one_tries_again() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::default());
        let cache = Cache::open(folder.path().to_owned(), clock, Box::new(HashSet::new)).await.unwrap();
        let fill = |place: Place| async move { place.fill(&[b"broken"]) };
        assert!(cache.folder(Digest::of(b"text"), fill).await.is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(unpack(&cache, "text").await.join("f").exists());
    }
}
