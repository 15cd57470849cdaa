//! A full disk: nobody is told that something was committed which was not, and work goes on when there is room.

use std::{fs, path::Path, sync::Arc};

use bytes::Bytes;
use futures::future::join_all;
use sonagi_backend::{
    Blobs, Error, Records, Sequence,
    embedded::{FileBlobs, RecordsConfig, SqliteRecords},
};
use tempfile::TempDir;

use crate::child::{self, Child};

const VALUE: usize = 40_000;

/// Writes from several callers until one is refused; which were acknowledged.
async fn fill(records: &Arc<dyn Records>, from: u32) -> Vec<u32> {
    let mut acknowledged = Vec::new();
    for round in 0.. {
        let keys = from + round * 8..from + (round + 1) * 8;
        let results = join_all(
            keys.clone()
                .map(|key| records.transact(move |t| t.put(&key.to_be_bytes(), &vec![key as u8; VALUE]))),
        )
        .await;
        let mut full = false;
        for (key, result) in keys.zip(results) {
            match result {
                Ok(_) => acknowledged.push(key),
                Err(error) => {
                    assert!(matches!(error, Error::DiskFull { .. }), "{error:?}");
                    full = true;
                }
            }
        }
        if full {
            return acknowledged;
        }
    }
    unreachable!("a disk without an end")
}

async fn check(records: &Arc<dyn Records>, acknowledged: &[u32]) {
    let snapshot = records.snapshot();
    for key in acknowledged {
        let value = snapshot.get(&key.to_be_bytes()).await.unwrap().expect("it was acknowledged");
        assert!(value.len() == VALUE && value.iter().all(|byte| *byte == *key as u8));
    }
    let mut feed = records.changes(Sequence(0));
    for expected in 1..=records.sequence().0 {
        assert_eq!(feed.next().await.unwrap().sequence.0, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_over_their_capacity_are_refused_until_there_is_room() {
    let folder = TempDir::new().unwrap();
    let mut config = RecordsConfig::new(folder.path());
    config.capacity = Some(4 << 20);
    let records: Arc<dyn Records> = Arc::new(SqliteRecords::open(config.clone()).unwrap());
    let acknowledged = fill(&records, 0).await;
    assert!(acknowledged.len() > 10);
    check(&records, &acknowledged).await;
    // What was refused left no gap, and reading goes on.
    assert_eq!(records.sequence().0, acknowledged.len() as u64);
    // Room is made by forgetting changes.
    records.trim(records.sequence()).await.unwrap();
    records.transact(|t| t.put(b"more", b"room")).await.unwrap();
    drop(records);
    let records: Arc<dyn Records> = Arc::new(SqliteRecords::open(config).unwrap());
    assert_eq!(records.snapshot().get(b"more").await.unwrap().unwrap(), "room");
}

/// In a mount namespace of its own, where `folder` is a small disk in memory.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the child of a_full_disk_loses_nothing_and_recovers"]
async fn child() {
    let Some(folder) = child::folder() else { return };
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"])
        .arg(&folder)
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        child::say("unsupported");
        return;
    }
    let ballast = folder.join("ballast");
    fs::write(&ballast, vec![1; 2 << 20]).unwrap();
    let acknowledged = full_disk(&folder, &ballast).await;
    // And so it is after a restart on the disk that is full again.
    let records: Arc<dyn Records> =
        Arc::new(SqliteRecords::open(RecordsConfig::new(folder.join("records"))).unwrap());
    check(&records, &acknowledged).await;
    drop(records);
    fs::remove_dir_all(folder.join("records")).unwrap();
    blobs_on_a_full_disk(&folder.join("blobs")).await;
    child::say("passed");
}

async fn blobs_on_a_full_disk(folder: &Path) {
    let blobs = FileBlobs::open(folder).unwrap();
    blobs.put("small", Bytes::from_static(b"x")).await.unwrap();
    let large = Bytes::from(vec![1; 8 << 20]);
    let refused = blobs.put("small", large.clone()).await;
    assert!(matches!(refused, Err(Error::DiskFull { .. })), "{refused:?}");
    let mut writer = blobs.writer("large").await.unwrap();
    assert!(matches!(writer.write(large).await, Err(Error::DiskFull { .. })));
    assert!(matches!(writer.finish().await, Err(Error::BlobUnfinished { .. })));
    assert_eq!(fs::read_dir(folder.join("parts")).unwrap().count(), 0);
    assert_eq!(blobs.list("", None, 10).await.unwrap().len(), 1);
    assert_eq!(blobs.get("small", None).await.unwrap(), "x");
    blobs.put("again", Bytes::from_static(b"y")).await.unwrap();
}

async fn full_disk(folder: &Path, ballast: &Path) -> Vec<u32> {
    let records: Arc<dyn Records> =
        Arc::new(SqliteRecords::open(RecordsConfig::new(folder.join("records"))).unwrap());
    let mut acknowledged = fill(&records, 0).await;
    assert!(acknowledged.len() > 10);
    check(&records, &acknowledged).await;
    // Still refused, and still nothing is lost.
    let refused = records.transact(|t| t.put(b"more", &vec![0; 4 << 20])).await;
    assert!(matches!(refused, Err(Error::DiskFull { .. })), "{refused:?}");
    check(&records, &acknowledged).await;
    fs::remove_file(ballast).unwrap();
    let more = fill(&records, 1_000_000).await;
    assert!(!more.is_empty(), "there was room again");
    acknowledged.extend(more);
    check(&records, &acknowledged).await;
    acknowledged
}

#[test]
fn a_full_disk_loses_nothing_and_recovers() {
    let folder = TempDir::new().unwrap();
    // A namespace of its own: nothing to clean up, and no need to be root.
    let wrapper = ["unshare", "--user", "--map-root-user", "--mount"];
    let able = std::process::Command::new(wrapper[0]).args(&wrapper[1..]).arg("true").output();
    if !able.is_ok_and(|output| output.status.success()) {
        // The capacity test above takes the same way through the writer.
        return;
    }
    let mut child = Child::start(&wrapper, "records_full::child", folder.path());
    match child.said().as_deref() {
        Some("passed") => assert!(child.succeeded()),
        Some("unsupported") => {}
        other => panic!("the child failed: {other:?}"),
    }
}
