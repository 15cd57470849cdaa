//! [`Blobs`]: large immutable bytes by key.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::Result;

/// Large immutable bytes by key; `conformance::blobs` says what every implementation must keep.
///
/// A key is parts of letters, digits, `.`, `-` and `_`, joined by `/`; no part is `.` or `..`.
/// A part has at most 255 bytes, a key 1,024.
#[async_trait]
pub trait Blobs: Send + Sync + 'static {
    /// Writes a blob whole: once this has returned it survives a crash; before, nothing of it is visible.
    async fn put(&self, key: &str, bytes: Bytes) -> Result<()>;
    /// Begins a blob that is written in parts and appears when it is finished; dropped unfinished, it never was.
    async fn writer(&self, key: &str) -> Result<Box<dyn BlobWriter>>;
    /// The bytes in `range`, or all of them. A range past the end is cut off there.
    async fn get(&self, key: &str, range: Option<Range<u64>>) -> Result<Bytes>;
    /// The same as a stream of parts, in constant memory.
    async fn stream(&self, key: &str, range: Option<Range<u64>>)
    -> Result<BoxStream<'static, Result<Bytes>>>;
    /// The size in bytes, or none if there is no such blob.
    async fn size(&self, key: &str) -> Result<Option<u64>>;
    /// Gone once this has returned; no error if it never was.
    async fn delete(&self, key: &str) -> Result<()>;
    /// Up to `limit` (and never more than [`BLOB_LIST`](sonagi_model::limits::BLOB_LIST)) keys that begin with `prefix` and sort after `after`, sorted bytewise.
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<BlobInfo>>;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobInfo {
    pub key: String,
    pub size: u64,
}

#[async_trait]
pub trait BlobWriter: Send {
    async fn write(&mut self, bytes: Bytes) -> Result<()>;
    /// Makes the blob appear, durable and whole, in place of any earlier one.
    async fn finish(self: Box<Self>) -> Result<u64>;
}
