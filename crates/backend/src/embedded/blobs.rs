use std::{ops::Range, path::Path};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::{
    Error, Result,
    blobs::{BlobInfo, BlobWriter, Blobs},
};

/// [`Blobs`] as files in one folder.
pub struct FileBlobs {}

impl FileBlobs {
    /// Opens `folder`, or makes it. Blocks: for start-up.
    pub fn open(_folder: &Path) -> Result<Self> {
        Ok(Self {})
    }
}

#[async_trait]
impl Blobs for FileBlobs {
    async fn put(&self, _key: &str, _bytes: Bytes) -> Result<()> {
        Err(Error::Closed)
    }
    async fn writer(&self, _key: &str) -> Result<Box<dyn BlobWriter>> {
        Err(Error::Closed)
    }
    async fn get(&self, _key: &str, _range: Option<Range<u64>>) -> Result<Bytes> {
        Err(Error::Closed)
    }
    async fn stream(&self, _key: &str, _range: Option<Range<u64>>) -> Result<BoxStream<'static, Result<Bytes>>> {
        Err(Error::Closed)
    }
    async fn size(&self, _key: &str) -> Result<Option<u64>> {
        Err(Error::Closed)
    }
    async fn delete(&self, _key: &str) -> Result<()> {
        Err(Error::Closed)
    }
    async fn list(&self, _prefix: &str, _after: Option<&str>, _limit: usize) -> Result<Vec<BlobInfo>> {
        Err(Error::Closed)
    }
}
