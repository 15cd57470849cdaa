//! Where everything is.
//!
//! ```text
//! <dir>/<wasmtime's version>-<hash of what code depends on>/
//!     code/<component's digest>-<wasi>-<start>     sealed native code
//!     index/<digest of package, handler, wasi, start>   sealed: which component that is
//!     drafts/<key>.<process>-<number>              what is being written, locked by who writes it
//!     used                                         when each piece of code was used last
//! ```

use std::{
    fs::{self, File, OpenOptions},
    hash::{Hash as _, Hasher},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::fs::FlockOperation;
use sha2::{Digest as _, Sha256};
use sonagi_model::{
    Digest,
    function::{WasiVersion, WasmStart},
};

use wasmtime::ModuleVersionStrategy;

use super::Source;
use crate::wasm::engine::compiling;

/// Changes with what our own part of the format is.
const FORMAT: &str = "1";

/// What one piece of native code is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) component: Digest,
    pub(super) wasi: WasiVersion,
    pub(super) start: WasmStart,
}

/// As in file names.
impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}-{}", self.component, self.wasi.as_str(), start(self.start))
    }
}

fn start(start: WasmStart) -> &'static str {
    match start {
        WasmStart::Fresh => "fresh",
        WasmStart::Snapshot => "snapshot",
    }
}

/// The folder of this version.
#[derive(Debug)]
pub(super) struct Folder {
    /// Of all versions.
    dir: PathBuf,
    version: String,
    root: PathBuf,
}

/// A file that is being written. Dropping it removes it.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) file: File,
    pub(super) path: PathBuf,
}

impl Folder {
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        let version = version()?;
        let root = dir.join(&version);
        let folder = Self { dir: dir.into(), version, root };
        for folder in [folder.codes(), folder.index(), folder.drafts()] {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        folder.sweep()?;
        Ok(folder)
    }

    pub(super) fn codes(&self) -> PathBuf {
        self.root.join("code")
    }

    pub(super) fn index(&self) -> PathBuf {
        self.root.join("index")
    }

    pub(super) fn used(&self) -> PathBuf {
        self.root.join("used")
    }

    pub(super) fn drafts(&self) -> PathBuf {
        self.root.join("drafts")
    }

    pub(super) fn code(&self, key: &Key) -> PathBuf {
        self.codes().join(key.to_string())
    }

    /// The file's name within the index.
    pub(super) fn entry_name(source: &Source) -> String {
        let mut name = Sha256::new();
        name.update(source.package.as_bytes());
        name.update(source.wasi.as_str());
        name.update([0]);
        name.update(start(source.start));
        name.update([0]);
        name.update(&source.handler);
        Digest::from_bytes(name.finalize().into()).to_string()
    }

    pub(super) fn entry(&self, name: &str) -> PathBuf {
        self.index().join(name)
    }

    /// What a seal says of where the file is: the version and the name within it.
    pub(super) fn place(&self, path: &Path) -> String {
        let name = path.strip_prefix(&self.root).unwrap_or(path);
        format!("{}/{}", self.version, name.display())
    }

    /// A new file that nobody else writes.
    pub(super) fn draft(&self, name: &str) -> io::Result<Draft> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = self.drafts().join(format!("{name}.{}-{number}", std::process::id()));
        // What a dead process with the same number left behind.
        let _ = fs::remove_file(&path);
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Draft { file, path })
    }

    /// Puts a file with `content` at `path`: whole, or not at all.
    pub(super) fn put(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mut draft = self.draft(&name)?;
        draft.file.write_all(content)?;
        draft.publish(path)
    }

    /// Removes the drafts of processes that are gone: nobody holds their lock.
    fn sweep(&self) -> io::Result<()> {
        for draft in fs::read_dir(self.drafts())? {
            let path = draft?.path();
            let Ok(file) = File::open(&path) else { continue };
            if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
                let _ = fs::remove_file(&path);
            }
        }
        Ok(())
    }

    /// The folders of other versions.
    pub(super) fn other_versions(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.dir) else { return Vec::new() };
        entries
            .flatten()
            .filter(|entry| entry.file_name().to_str() != Some(self.version.as_str()))
            // Nothing but what looks like one of ours.
            .filter(|entry| entry.path().join("code").is_dir() && entry.path().join("index").is_dir())
            .map(|entry| entry.path())
            .collect()
    }
}

impl Draft {
    /// Makes it the file at `path`, once all of it is on the disk.
    pub(super) fn publish(self, path: &Path) -> io::Result<()> {
        // Nobody writes to it from now on.
        rustix::fs::fchmod(&self.file, rustix::fs::Mode::from_raw_mode(0o400))?;
        self.file.sync_all()?;
        fs::rename(&self.path, path)?;
        if let Some(parent) = path.parent() {
            File::open(parent)?.sync_all()?;
        }
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone already, if it was published.
        let _ = fs::remove_file(&self.path);
    }
}

/// Names what native code depends on: Wasmtime, its settings, this processor's features.
fn version() -> io::Result<String> {
    let mut hash = Sha(Sha256::new());
    FORMAT.hash(&mut hash);
    for wasi in [WasiVersion::P2, WasiVersion::P3] {
        let engine = compiling(wasi).map_err(|error| io::Error::other(format!("{error:#}")))?;
        engine.precompile_compatibility_hash().hash(&mut hash);
    }
    let hash = Digest::from_bytes(hash.0.finalize().into()).to_string();
    // The hash has the whole version in it; this is for people who look.
    Ok(format!("wasmtime-{}-{}", ModuleVersionStrategy::WasmtimeVersion.as_str(), &hash[..16]))
}

/// A hash that is the same in every process.
struct Sha(Sha256);

impl Hasher for Sha {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }
}
