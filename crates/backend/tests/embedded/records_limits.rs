//! Each limit of the records is met once, and what must not wait does not.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
};

use bytes::Bytes;
use futures::{future::join_all, poll};
use sonagi_backend::{
    Error, Records, Sequence,
    embedded::{RecordsConfig, SqliteRecords},
    records::Direction,
};
use sonagi_model::limits;
use tempfile::TempDir;

fn open(config: RecordsConfig) -> Arc<dyn Records> {
    Arc::new(SqliteRecords::open(config).unwrap())
}

/// Keeps the writer in a body until the sender is dropped; the receiver hears when it is there.
fn hold(records: &Arc<dyn Records>) -> (mpsc::Sender<()>, mpsc::Receiver<()>, tokio::task::JoinHandle<()>) {
    let (release, held) = mpsc::channel();
    let (entered, inside) = mpsc::channel();
    let records = Arc::clone(records);
    let task = tokio::spawn(async move {
        records
            .transact(move |t| {
                entered.send(()).unwrap();
                assert!(held.recv().is_err(), "nothing is sent, only dropped");
                t.put(b"held", b"x")
            })
            .await
            .unwrap();
    });
    (release, inside, task)
}

#[tokio::test]
async fn a_full_queue_is_busy_and_recovers() {
    let folder = TempDir::new().unwrap();
    let mut config = RecordsConfig::new(folder.path());
    config.queue = 4;
    let records = open(config);
    let (release, inside, task) = hold(&records);
    tokio::task::yield_now().await;
    inside.recv().unwrap();
    let mut waiting: Vec<_> =
        (0..4_u8).map(|n| Box::pin(records.transact(move |t| t.put(&[n], b"x")))).collect();
    for transaction in &mut waiting {
        assert!(poll!(transaction).is_pending());
    }
    assert!(matches!(records.transact(|t| t.put(b"more", b"x")).await, Err(Error::Busy)));
    drop(release);
    task.await.unwrap();
    for transaction in waiting {
        transaction.await.unwrap();
    }
    records.transact(|t| t.put(b"more", b"x")).await.unwrap();
    assert_eq!(records.sequence(), Sequence(6));
}

#[tokio::test]
async fn a_caller_that_went_away_before_its_turn_is_passed_over() {
    let folder = TempDir::new().unwrap();
    let records = open(RecordsConfig::new(folder.path()));
    let (release, inside, task) = hold(&records);
    tokio::task::yield_now().await;
    inside.recv().unwrap();
    let mut gone = Box::pin(records.transact(|t| t.put(b"gone", b"x")));
    assert!(poll!(&mut gone).is_pending());
    drop(gone);
    drop(release);
    task.await.unwrap();
    records.transact(|t| t.put(b"last", b"x")).await.unwrap();
    assert_eq!(records.snapshot().get(b"gone").await.unwrap(), None);
}

#[tokio::test]
async fn a_hot_counter_shares_one_commit_and_no_body_runs_again() {
    let folder = TempDir::new().unwrap();
    let records = open(RecordsConfig::new(folder.path()));
    records.transact(|t| t.put(b"counter", &0_u64.to_be_bytes())).await.unwrap();
    let (release, inside, task) = hold(&records);
    tokio::task::yield_now().await;
    inside.recv().unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    let before = log_size(&folder);
    let mut waiting = Box::pin(join_all((0..256).map(|_| {
        let runs = Arc::clone(&runs);
        records.transact(move |t| {
            runs.fetch_add(1, Ordering::Relaxed);
            let count = t.get(b"counter")?.map(|bytes| u64::from_be_bytes(bytes[..].try_into().unwrap()));
            t.put(b"counter", &(count.unwrap() + 1).to_be_bytes())
        })
    })));
    assert!(poll!(&mut waiting).is_pending());
    drop(release);
    task.await.unwrap();
    waiting.await.into_iter().for_each(|result| assert!(result.is_ok()));
    let count = records.snapshot().get(b"counter").await.unwrap().unwrap();
    assert_eq!(count[..], 256_u64.to_be_bytes());
    assert_eq!(runs.load(Ordering::Relaxed), 256);
    // A commit writes three pages at the least: the record's, the change's and the one above it. Two commits are
    // here, the held one and that of all others.
    let pages = (log_size(&folder) - before) / 8192;
    assert!(pages < 40, "{pages} pages");
}

#[tokio::test]
async fn a_group_over_its_size_leaves_the_rest_to_the_next() {
    let folder = TempDir::new().unwrap();
    let records = open(RecordsConfig::new(folder.path()));
    let (release, inside, task) = hold(&records);
    tokio::task::yield_now().await;
    inside.recv().unwrap();
    let value = Bytes::from(vec![7; limits::GROUP_COMMIT_SIZE / 2]);
    let mut waiting = Box::pin(join_all((0..4_u8).map(|n| {
        let value = value.clone();
        records.transact(move |t| t.put(&[n], &value))
    })));
    assert!(poll!(&mut waiting).is_pending());
    drop(release);
    task.await.unwrap();
    let sequences: Vec<u64> = waiting.await.into_iter().map(|result| result.unwrap().1.sequence.0).collect();
    assert_eq!(sequences, [2, 3, 4, 5]);
    assert_eq!(records.snapshot().get(&[3]).await.unwrap().unwrap(), value);
}

#[tokio::test]
async fn readers_do_not_wait_for_the_writer() {
    let folder = TempDir::new().unwrap();
    let records = open(RecordsConfig::new(folder.path()));
    records.transact(|t| t.put(b"a", b"1")).await.unwrap();
    let (release, inside, task) = hold(&records);
    tokio::task::yield_now().await;
    inside.recv().unwrap();
    let snapshot = records.snapshot();
    assert_eq!(snapshot.get(b"a").await.unwrap().unwrap(), "1");
    assert_eq!(
        snapshot.scan(b"a".as_slice()..b"z".as_slice(), Direction::Forward, 10).await.unwrap().len(),
        1
    );
    assert_eq!(records.changes(Sequence(0)).next().await.unwrap().sequence, Sequence(1));
    drop(release);
    task.await.unwrap();
}

#[tokio::test]
async fn a_snapshot_over_the_limit_waits_for_another_to_end() {
    let folder = TempDir::new().unwrap();
    let mut config = RecordsConfig::new(folder.path());
    config.snapshots = 2;
    let records = open(config);
    records.transact(|t| t.put(b"a", b"1")).await.unwrap();
    let (one, two, three) = (records.snapshot(), records.snapshot(), records.snapshot());
    one.get(b"a").await.unwrap();
    two.get(b"a").await.unwrap();
    let mut waiting = three.get(b"a");
    assert!(poll!(&mut waiting).is_pending());
    drop(one);
    assert_eq!(waiting.await.unwrap().unwrap(), "1");
}

/// Bytes of the write-ahead log's file.
fn log_size(folder: &TempDir) -> u64 {
    fs::metadata(folder.path().join("records.db-wal")).unwrap().len()
}

async fn write_much(records: &Arc<dyn Records>, bytes: usize) {
    let value = Bytes::from(vec![7; 20_000]);
    for round in 0..bytes / 20_000 / 4 {
        let results = join_all((0..4_u8).map(|n| {
            let value = value.clone();
            records.transact(move |t| t.put(&[n, round as u8], &value))
        }))
        .await;
        results.into_iter().for_each(|result| assert!(result.is_ok()));
        records.trim(Sequence(records.sequence().0.saturating_sub(10))).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_stays_short_under_a_load_that_never_pauses() {
    let folder = TempDir::new().unwrap();
    let mut config = RecordsConfig::new(folder.path());
    (config.wal_checkpoint, config.wal_restart) = (256 << 10, 1 << 20);
    let records = open(config);
    // Readers come and go all the time.
    let reader = {
        let records = Arc::clone(&records);
        tokio::spawn(async move {
            loop {
                records.snapshot().get(b"x").await.unwrap();
            }
        })
    };
    write_much(&records, 16 << 20).await;
    reader.abort();
    assert!(log_size(&folder) < 6 << 20, "{}", log_size(&folder));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_is_held_for_too_long_is_ended_and_the_log_stays_bounded() {
    let folder = TempDir::new().unwrap();
    let mut config = RecordsConfig::new(folder.path());
    (config.wal_checkpoint, config.wal_restart, config.wal_size) = (256 << 10, 1 << 20, 4 << 20);
    let records = open(config);
    records.transact(|t| t.put(b"a", b"1")).await.unwrap();
    let held = records.snapshot();
    assert_eq!(held.get(b"a").await.unwrap().unwrap(), "1");
    // Not yet: it may be held over this much.
    write_much(&records, 1 << 20).await;
    assert_eq!(held.get(b"a").await.unwrap().unwrap(), "1");
    write_much(&records, 16 << 20).await;
    assert!(matches!(held.get(b"a").await, Err(Error::SnapshotEnded)));
    assert!(log_size(&folder) < 9 << 20, "{}", log_size(&folder));
    assert_eq!(records.snapshot().get(b"a").await.unwrap().unwrap(), "1");
}

#[tokio::test]
async fn a_long_feed_is_trimmed_to_the_end() {
    let folder = TempDir::new().unwrap();
    let records = open(RecordsConfig::new(folder.path()));
    let commits = join_all((0..3_000_u32).map(|n| records.transact(move |t| t.put(&n.to_be_bytes(), b""))));
    commits.await.into_iter().for_each(|result| assert!(result.is_ok()));
    records.trim(Sequence(2_999)).await.unwrap();
    drop(records);
    // A part with each commit, and on its own when nobody commits; also what a crash left is gone on with.
    let records = open(RecordsConfig::new(folder.path()));
    for n in 0..4_u8 {
        records.transact(move |t| t.put(&[n], b"")).await.unwrap();
    }
    drop(records);
    let database = rusqlite::Connection::open(folder.path().join("records.db")).unwrap();
    let left: i64 = database.query_row("SELECT count(*) FROM changes", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 5);
}
