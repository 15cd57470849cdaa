//! The seam between guests and the platform's services.

use async_trait::async_trait;
use bytes::Bytes;
use sonagi_model::AppName;

/// What the platform lends to guests. `server` implements it; nothing here knows what is behind it.
///
/// Whether a function may open a store is checked before any of these is called.
#[async_trait]
pub trait Reach: Send + Sync + 'static {
    async fn get(&self, app: &AppName, store: &str, key: &str) -> Result<Option<Bytes>, ReachError>;

    /// Returns once the value survives a crash.
    async fn set(&self, app: &AppName, store: &str, key: &str, value: Bytes) -> Result<(), ReachError>;

    /// A key that is not there is no error.
    async fn delete(&self, app: &AppName, store: &str, key: &str) -> Result<(), ReachError>;

    async fn exists(&self, app: &AppName, store: &str, key: &str) -> Result<bool, ReachError>;

    /// Keys that sort after `after`, in their order; from the first one without it.
    async fn list_keys(&self, app: &AppName, store: &str, after: Option<&str>)
    -> Result<KeyPage, ReachError>;

    /// Adds `delta` to a number that is stored as decimal text, atomically; a key that is not there counts as 0.
    /// Gives the new number, which lies within `range`.
    async fn increment(
        &self,
        app: &AppName,
        store: &str,
        key: &str,
        delta: i128,
        range: NumberRange,
    ) -> Result<i128, ReachError>;

    /// The value and the revision that [`swap`](Reach::swap) compares with.
    async fn read(&self, app: &AppName, store: &str, key: &str) -> Result<Revised, ReachError>;

    /// Sets the value if nobody has written or deleted the key since `expected` was read.
    async fn swap(
        &self,
        app: &AppName,
        store: &str,
        key: &str,
        expected: Revision,
        value: Bytes,
    ) -> Result<Swapped, ReachError>;

    /// One value for each key, in the order of the keys, all of one moment.
    async fn get_many(
        &self,
        app: &AppName,
        store: &str,
        keys: Vec<String>,
    ) -> Result<Vec<Option<Bytes>>, ReachError>;

    /// All or nothing; of a key that comes twice, the last value counts.
    async fn set_many(
        &self,
        app: &AppName,
        store: &str,
        entries: Vec<(String, Bytes)>,
    ) -> Result<(), ReachError>;

    /// All or nothing.
    async fn delete_many(&self, app: &AppName, store: &str, keys: Vec<String>) -> Result<(), ReachError>;
}

/// A part of a store's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPage {
    pub keys: Vec<String>,
    pub more: MoreKeys,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoreKeys {
    /// After the last one of this page.
    Follow,
    End,
}

/// What a counter may hold: the drafts of the interface differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberRange {
    Signed64,
    Unsigned64,
}

/// Which write a value comes from: two numbers are equal only if nothing was written in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revision {
    /// The key is not there.
    Absent,
    Written(u64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revised {
    pub value: Option<Bytes>,
    pub revision: Revision,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swapped {
    Done,
    /// Somebody else was faster: what is there now.
    Changed(Revised),
}

/// Why a guest does not get what it asked for. The text is for the guest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReachError {
    #[error("the function's manifest does not grant this store")]
    AccessDenied,
    #[error("there is no such store")]
    NoSuchStore,
    #[error("{0}")]
    Other(String),
}

/// Lends nothing: for snapshots, and for tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nothing;

#[async_trait]
impl Reach for Nothing {
    async fn get(&self, _: &AppName, _: &str, _: &str) -> Result<Option<Bytes>, ReachError> {
        Err(ReachError::AccessDenied)
    }

    async fn set(&self, _: &AppName, _: &str, _: &str, _: Bytes) -> Result<(), ReachError> {
        Err(ReachError::AccessDenied)
    }

    async fn delete(&self, _: &AppName, _: &str, _: &str) -> Result<(), ReachError> {
        Err(ReachError::AccessDenied)
    }

    async fn exists(&self, _: &AppName, _: &str, _: &str) -> Result<bool, ReachError> {
        Err(ReachError::AccessDenied)
    }

    async fn list_keys(&self, _: &AppName, _: &str, _: Option<&str>) -> Result<KeyPage, ReachError> {
        Err(ReachError::AccessDenied)
    }

    async fn increment(
        &self,
        _: &AppName,
        _: &str,
        _: &str,
        _: i128,
        _: NumberRange,
    ) -> Result<i128, ReachError> {
        Err(ReachError::AccessDenied)
    }

    async fn read(&self, _: &AppName, _: &str, _: &str) -> Result<Revised, ReachError> {
        Err(ReachError::AccessDenied)
    }

    async fn swap(
        &self,
        _: &AppName,
        _: &str,
        _: &str,
        _: Revision,
        _: Bytes,
    ) -> Result<Swapped, ReachError> {
        Err(ReachError::AccessDenied)
    }

    async fn get_many(&self, _: &AppName, _: &str, _: Vec<String>) -> Result<Vec<Option<Bytes>>, ReachError> {
        Err(ReachError::AccessDenied)
    }

    async fn set_many(&self, _: &AppName, _: &str, _: Vec<(String, Bytes)>) -> Result<(), ReachError> {
        Err(ReachError::AccessDenied)
    }

    async fn delete_many(&self, _: &AppName, _: &str, _: Vec<String>) -> Result<(), ReachError> {
        Err(ReachError::AccessDenied)
    }
}
