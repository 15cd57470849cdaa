//! Writing a blob in parts.

use std::{
    fs::{self, File},
    io::Write as _,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
};

use async_trait::async_trait;
use bytes::Bytes;

use super::{Store, layout};
use crate::{Error, Result, blobs::BlobWriter, embedded::blocking};

/// A blob that is not there yet; dropped, it never was.
pub(super) struct Part {
    store: Arc<Store>,
    key: String,
    path: PathBuf,
    file: File,
    size: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Writing,
    Moved,
}

impl Part {
    pub(super) fn begin(store: Arc<Store>, key: String) -> Result<Self> {
        let number = store.next_part.fetch_add(1, Ordering::Relaxed);
        let path = store.parts.join(number.to_string());
        let file = File::create_new(&path).map_err(|cause| Error::io("begin a blob", cause))?;
        Ok(Self { store, key, path, file, size: 0, state: State::Writing })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|cause| Error::io("write a blob", cause))?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<u64> {
        self.file.sync_all().map_err(|cause| Error::io("make a blob durable", cause))?;
        let path = layout::path(&self.store.root, &self.key)?;
        self.store.folders.move_file(&self.path, &path)?;
        self.state = State::Moved;
        Ok(self.size)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.state == State::Writing {
            // What stays is removed when the folder is opened the next time.
            drop(fs::remove_file(&self.path));
        }
    }
}

/// A [`Part`] that is handed to and fro between the task and the threads for files. It stays away if a write
/// fails or is dropped half-way: then nobody knows what was written.
pub(super) struct FileWriter {
    key: String,
    part: Option<Part>,
}

impl FileWriter {
    pub(super) fn new(key: String, part: Part) -> Self {
        Self { key, part: Some(part) }
    }

    fn take(&mut self) -> Result<Part> {
        self.part.take().ok_or_else(|| Error::BlobUnfinished { key: self.key.clone() })
    }
}

#[async_trait]
impl BlobWriter for FileWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let mut part = self.take()?;
        let written = blocking(move || {
            part.write(&bytes)?;
            Ok(part)
        });
        self.part = Some(written.await?);
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<u64> {
        let part = self.take()?;
        blocking(move || part.finish()).await
    }
}

impl Drop for FileWriter {
    fn drop(&mut self) {
        if let Some(part) = self.part.take() {
            // Removing a large file takes a while; without a runtime there is nobody to keep waiting.
            match tokio::runtime::Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn_blocking(move || drop(part))),
                Err(_) => drop(part),
            }
        }
    }
}
