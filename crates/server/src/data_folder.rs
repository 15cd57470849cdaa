//! The data folder: everything that the platform knows, in one place.
//!
//! ```text
//!   FORMAT         the version of what is in here; a newer one is refused
//!   LOCK           held while a server runs on the folder
//!   key            32 random bytes, 0600: what function sessions are derived from
//!   records/       SQLite
//!   blobs/         files
//!   logs/          the functions' logs
//!   code/          packages unpacked: a cache
//!   environments/  scratch space of running environments, empty when none runs
//! ```

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};
use sonagi_model::Entropy;

use crate::{Error, Result};

/// The format that this program writes. An older one is carried over; a newer one is refused.
const FORMAT: u32 = 1;

/// A locked data folder; the lock goes with it.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    key: [u8; 32],
    _lock: File,
}

impl DataFolder {
    pub fn open(path: &Path, entropy: &dyn Entropy) -> Result<Self> {
        let io =
            |doing: &'static str| move |cause| Error::DataFolder { path: path.to_path_buf(), doing, cause };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io("make"))?;
        let path = path.canonicalize().map_err(io("find"))?;
        let lock = lock(&path)?;
        check_format(&path)?;
        for part in ["records", "blobs", "logs", "code", "environments"] {
            fs::create_dir_all(path.join(part)).map_err(io("make a part of"))?;
        }
        let key = key(&path, entropy).map_err(io("read or make the key of"))?;
        Ok(Self { path, key, _lock: lock })
    }

    pub fn part(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub fn key(&self) -> [u8; 32] {
        self.key
    }

    /// A key of its own for one purpose, so that what is signed for one is worth nothing for another.
    pub fn key_for(&self, purpose: &str) -> [u8; 32] {
        let text = [&self.key[..], b"sonagi ", purpose.as_bytes()].concat();
        *sonagi_model::Digest::of(&text).as_bytes()
    }
}

fn lock(path: &Path) -> Result<File> {
    let io = |cause| Error::DataFolder { path: path.to_path_buf(), doing: "lock", cause };
    let mut lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(path.join("LOCK"))
        .map_err(io)?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut holder = String::new();
            // Only said to the user: whatever is there will do.
            let _ = lock.read_to_string(&mut holder);
            return Err(Error::Locked { path: path.to_path_buf(), holder: holder.trim().to_owned() });
        }
        Err(errno) => return Err(io(errno.into())),
    }
    lock.set_len(0).map_err(io)?;
    write!(lock, "process {}", std::process::id()).map_err(io)?;
    Ok(lock)
}

fn check_format(path: &Path) -> Result<()> {
    let file = path.join("FORMAT");
    let io = |doing: &'static str| move |cause| Error::DataFolder { path: path.to_path_buf(), doing, cause };
    match fs::read_to_string(&file) {
        Ok(text) => {
            let found: u32 = text.trim().parse().map_err(|_| Error::NotADataFolder {
                path: path.to_path_buf(),
                found: text.trim().to_owned(),
            })?;
            if found > FORMAT {
                return Err(Error::NewerFormat { path: path.to_path_buf(), found, known: FORMAT });
            }
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Refuse to spread over a folder that holds something else.
            let foreign = fs::read_dir(path)
                .map_err(io("list"))?
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .find(|name| name != "LOCK" && !name.starts_with("FORMAT"));
            if let Some(found) = foreign {
                return Err(Error::NotADataFolder { path: path.to_path_buf(), found });
            }
            write_whole(&file, format!("{FORMAT}\n").as_bytes(), 0o600).map_err(io("write the format of"))
        }
        Err(cause) => Err(io("read the format of")(cause)),
    }
}

fn key(path: &Path, entropy: &dyn Entropy) -> io::Result<[u8; 32]> {
    let file = path.join("key");
    match fs::read(&file) {
        Ok(bytes) => bytes.try_into().map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "the file \"key\" wants 32 bytes; restore it from a backup",
            )
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = entropy.bytes();
            write_whole(&file, &key, 0o600)?;
            Ok(key)
        }
        Err(error) => Err(error),
    }
}

/// Writes a file so that it is there whole or not at all, also after a crash.
fn write_whole(file: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let partial = file.with_extension("partial");
    let mut out = OpenOptions::new().create(true).write(true).truncate(true).mode(mode).open(&partial)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    fs::rename(&partial, file)?;
    match file.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OsEntropy;

    #[test]
    fn a_second_server_on_the_folder_is_refused_and_told_who_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataFolder::open(folder.path(), &OsEntropy).unwrap();
        let second = DataFolder::open(folder.path(), &OsEntropy).unwrap_err().to_string();
        assert!(second.contains("in use"), "{second}");
        assert!(second.contains(&format!("process {}", std::process::id())), "{second}");
        drop(first);
        DataFolder::open(folder.path(), &OsEntropy).unwrap();
    }

    #[test]
    fn a_folder_of_a_newer_format_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        drop(DataFolder::open(folder.path(), &OsEntropy).unwrap());
        fs::write(folder.path().join("FORMAT"), "2\n").unwrap();
        let refused = DataFolder::open(folder.path(), &OsEntropy).unwrap_err().to_string();
        assert!(refused.contains("newer"), "{refused}");
        assert_eq!(fs::read_to_string(folder.path().join("FORMAT")).unwrap(), "2\n");
    }

    #[test]
    fn a_folder_that_holds_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.txt"), "precious").unwrap();
        let refused = DataFolder::open(folder.path(), &OsEntropy).unwrap_err().to_string();
        assert!(refused.contains("thesis.txt"), "{refused}");
    }

    #[test]
    fn the_key_stays_the_same_and_nobody_else_may_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let first = DataFolder::open(folder.path(), &OsEntropy).unwrap().key();
        assert_eq!(DataFolder::open(folder.path(), &OsEntropy).unwrap().key(), first);
        let mode = fs::metadata(folder.path().join("key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
