use std::sync::Arc;

use async_trait::async_trait;
use sonagi_backend::{
    Error, Records, Sequence,
    conformance::records::Factory,
    embedded::{RecordsConfig, SqliteRecords},
};
use tempfile::TempDir;

struct Sqlite(TempDir);

#[async_trait]
impl Factory for Sqlite {
    async fn open(&self) -> Arc<dyn Records> {
        Arc::new(SqliteRecords::open(RecordsConfig::new(self.0.path())).unwrap())
    }

    async fn reopen(&self, records: Arc<dyn Records>) -> Arc<dyn Records> {
        assert_eq!(Arc::strong_count(&records), 1);
        drop(records);
        self.open().await
    }
}

sonagi_backend::records_conformance!(Sqlite(TempDir::new().unwrap()));

#[tokio::test]
async fn closing_commits_what_waits_and_refuses_the_rest() {
    let folder = TempDir::new().unwrap();
    let records = Arc::new(SqliteRecords::open(RecordsConfig::new(folder.path())).unwrap());
    let handle: Arc<dyn Records> = records.clone();
    let mut feed = handle.changes(Sequence(0));
    let waiting = handle.transact(|t| t.put(b"a", b"1"));
    let (result, ()) = futures::join!(waiting, records.close());
    assert_eq!(result.unwrap().1.sequence, Sequence(1));
    assert!(matches!(handle.transact(|t| t.put(b"b", b"1")).await, Err(Error::Closed)));
    assert_eq!(feed.next().await.unwrap().sequence, Sequence(1));
    assert!(matches!(feed.next().await, Err(Error::Closed)));
    // The folder is free, though the handle is still there.
    drop(SqliteRecords::open(RecordsConfig::new(folder.path())).unwrap());
}

#[tokio::test]
async fn a_folder_that_is_open_is_not_opened_again() {
    let folder = TempDir::new().unwrap();
    let records = SqliteRecords::open(RecordsConfig::new(folder.path())).unwrap();
    let second = SqliteRecords::open(RecordsConfig::new(folder.path()));
    assert!(matches!(second.map(drop), Err(Error::Locked { .. })));
    drop(records);
    SqliteRecords::open(RecordsConfig::new(folder.path())).unwrap();
}

#[tokio::test]
async fn a_newer_version_of_the_tables_is_refused() {
    let folder = TempDir::new().unwrap();
    drop(SqliteRecords::open(RecordsConfig::new(folder.path())).unwrap());
    let database = rusqlite::Connection::open(folder.path().join("records.db")).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    let refused = SqliteRecords::open(RecordsConfig::new(folder.path())).map(drop);
    assert!(matches!(refused, Err(Error::Damaged { .. })), "{refused:?}");
}
