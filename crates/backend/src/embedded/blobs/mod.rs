//! [`Blobs`] as files.
//!
//! ```text
//!   lock                              held while the folder is open
//!   parts/<number>                    blobs that are being written; emptied when the folder is opened
//!   blobs/<part>/<part>/=7f/<part>    the blob <part>/<part>/<part>
//! ```
//!
//! The folders of a key's first parts have the parts' names. The last part's file lies in one of 256 folders by a
//! digest of its name, so that no folder grows too long; `=` is in no key, so these never meet a part's folder.
//!
//! A blob is written into `parts`, made durable, moved to its place, and its folder is made durable. So it is there
//! whole or not at all. Start reading at [`FileBlobs`], then [`layout`] and [`folders`].

mod folders;
mod layout;
mod listing;
mod writer;

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};
use sonagi_model::limits;

use self::{folders::Folders, writer::FileWriter};
use super::{blocking, lock::FolderLock};
use crate::{
    Error, Result,
    blobs::{BlobInfo, BlobWriter, Blobs},
};

/// [`Blobs`] as files in one folder, for one process at a time.
pub struct FileBlobs {
    store: Arc<Store>,
}

struct Store {
    root: PathBuf,
    parts: PathBuf,
    next_part: AtomicU64,
    folders: Folders,
    _lock: FolderLock,
}

impl FileBlobs {
    /// Opens `folder`, or makes it, and removes what unfinished writers left. Blocks: for start-up.
    pub fn open(folder: &Path) -> Result<Self> {
        let lock = FolderLock::take(folder)?;
        let (root, parts) = (folder.join("blobs"), folder.join("parts"));
        for folder in [&root, &parts] {
            fs::create_dir_all(folder).map_err(|cause| Error::io("make the folder of the blobs", cause))?;
        }
        super::lock::sync_folder(folder)?;
        let doing = "remove unfinished blobs";
        for entry in fs::read_dir(&parts).map_err(|cause| Error::io(doing, cause))? {
            entry.and_then(|entry| fs::remove_file(entry.path())).map_err(|cause| Error::io(doing, cause))?;
        }
        let folders = Folders::new(root.clone());
        let store = Store { root, parts, next_part: AtomicU64::new(0), folders, _lock: lock };
        Ok(Self { store: Arc::new(store) })
    }
}

#[async_trait]
impl Blobs for FileBlobs {
    async fn put(&self, key: &str, bytes: Bytes) -> Result<()> {
        layout::check(key)?;
        let (store, key) = (Arc::clone(&self.store), key.to_owned());
        blocking(move || {
            let mut part = writer::Part::begin(store, key)?;
            part.write(&bytes)?;
            part.finish().map(drop)
        })
        .await
    }

    async fn writer(&self, key: &str) -> Result<Box<dyn BlobWriter>> {
        layout::check(key)?;
        let (store, owned) = (Arc::clone(&self.store), key.to_owned());
        let part = blocking(move || writer::Part::begin(store, owned)).await?;
        Ok(Box::new(FileWriter::new(key.to_owned(), part)))
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>) -> Result<Bytes> {
        let (path, key) = (self.path(key)?, key.to_owned());
        blocking(move || {
            let mut reading = Reading::open(&path, &key, range)?;
            reading.read(u64::MAX)
        })
        .await
    }

    async fn stream(
        &self,
        key: &str,
        range: Option<Range<u64>>,
    ) -> Result<BoxStream<'static, Result<Bytes>>> {
        let (path, key) = (self.path(key)?, key.to_owned());
        let reading = blocking(move || Reading::open(&path, &key, range)).await?;
        // Nothing is left to read after a failure.
        let parts = stream::unfold(Some(reading), |reading| async move {
            let mut reading = reading.filter(|reading| reading.left > 0)?;
            let read = blocking(move || {
                let bytes = reading.read(limits::BLOB_CHUNK_SIZE as u64)?;
                Ok((bytes, reading))
            });
            Some(match read.await {
                Ok((bytes, reading)) => (Ok(bytes), Some(reading)),
                Err(failure) => (Err(failure), None),
            })
        });
        Ok(parts.boxed())
    }

    async fn size(&self, key: &str) -> Result<Option<u64>> {
        let path = self.path(key)?;
        blocking(move || match fs::metadata(&path) {
            Ok(data) => Ok(Some(data.len())),
            Err(cause) if is_absent(&cause) => Ok(None),
            Err(cause) => Err(Error::io("look at a blob", cause)),
        })
        .await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        let (path, store) = (self.path(key)?, Arc::clone(&self.store));
        blocking(move || store.folders.remove_file(&path)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<BlobInfo>> {
        let store = Arc::clone(&self.store);
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        let limit = limit.min(limits::BLOB_LIST);
        blocking(move || listing::list(&store.root, &prefix, after.as_deref(), limit)).await
    }
}

impl FileBlobs {
    fn path(&self, key: &str) -> Result<PathBuf> {
        layout::path(&self.store.root, key)
    }
}

/// An open blob. One that is replaced or deleted meanwhile is read to its end all the same.
struct Reading {
    file: File,
    left: u64,
}

impl Reading {
    fn open(path: &Path, key: &str, range: Option<Range<u64>>) -> Result<Self> {
        let mut file = File::open(path).map_err(|cause| match is_absent(&cause) {
            true => Error::NoBlob { key: key.to_owned() },
            false => Error::io("open a blob", cause),
        })?;
        let size = file.metadata().map_err(|cause| Error::io("look at a blob", cause))?.len();
        let range = range.unwrap_or(0..size);
        let start = range.start.min(size);
        if start > 0 {
            file.seek(SeekFrom::Start(start)).map_err(|cause| Error::io("read a blob", cause))?;
        }
        Ok(Self { file, left: range.end.min(size).saturating_sub(start) })
    }

    fn read(&mut self, most: u64) -> Result<Bytes> {
        let size = self.left.min(most);
        let mut bytes = Vec::with_capacity(size as usize);
        let read = (&mut self.file).take(size).read_to_end(&mut bytes);
        read.map_err(|cause| Error::io("read a blob", cause))?;
        if bytes.len() as u64 != size {
            return Err(Error::Damaged { what: "a blob became shorter while it was read".to_owned() });
        }
        self.left -= size;
        Ok(bytes.into())
    }
}

/// A part of the way may be missing, or be a file where the key has a folder.
fn is_absent(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
