use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;

use crate::{
    Error, Result,
    records::{Body, ChangeStream, Commit, Records, Sequence, Snapshot},
};

/// Where [`SqliteRecords`] live and how much they may take; [`RecordsConfig::new`] fills in the limits.
#[derive(Debug, Clone)]
pub struct RecordsConfig {
    /// The folder that holds the database.
    pub folder: PathBuf,
}

impl RecordsConfig {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }
}

/// [`Records`] on SQLite.
pub struct SqliteRecords {}

impl SqliteRecords {
    /// Opens the records in the folder, or makes them. Blocks: for start-up.
    pub fn open(_config: RecordsConfig) -> Result<Self> {
        Ok(Self {})
    }

    /// Commits what waits and ends the writer; later transactions are refused.
    pub async fn close(&self) {}
}

#[async_trait]
impl Records for SqliteRecords {
    async fn transact_dyn(&self, _body: Body) -> Result<Commit> {
        Err(Error::Closed)
    }
    fn snapshot(&self) -> Arc<dyn Snapshot> {
        unreachable!()
    }
    fn changes(&self, _from: Sequence) -> Box<dyn ChangeStream> {
        unreachable!()
    }
    fn sequence(&self) -> Sequence {
        Sequence(0)
    }
    async fn trim(&self, _through: Sequence) -> Result<()> {
        Err(Error::Closed)
    }
}
