//! Records under SIGKILL: a child commits from many tasks and says what was acknowledged; the parent kills it,
//! opens the folder and checks every word.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::Arc,
};

use futures::future::join_all;
use sonagi_backend::{
    Records, Sequence,
    embedded::{RecordsConfig, SqliteRecords},
    records::Direction,
};
use tempfile::TempDir;

use crate::child::{self, Child, Numbers};

const KILLS: u64 = 200;
/// Kills on one folder before it is replaced by an empty one.
const KILLS_PER_FOLDER: u64 = 10;
const TASKS: u64 = 12;

fn open(folder: &Path) -> Arc<dyn Records> {
    let mut config = RecordsConfig::new(folder);
    // Small, so that kills also hit checkpoints and the log's beginning anew.
    (config.wal_checkpoint, config.wal_restart, config.wal_size) = (64 << 10, 128 << 10, 512 << 10);
    Arc::new(SqliteRecords::open(config).unwrap())
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes.try_into().unwrap())
}

/// Each task counts its own counter and one that all share, and leaves a record that says so.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the child of records_survive_sigkill"]
async fn child() {
    let Some(folder) = child::folder() else { return };
    let records = open(&folder);
    child::say("ready");
    let tasks = (0..TASKS).map(|task| {
        let records = Arc::clone(&records);
        tokio::spawn(async move {
            loop {
                let ((own, all), commit) = records
                    .transact(move |t| {
                        let mut count = |key: &[u8]| {
                            let next = t.get(key)?.map_or(0, |bytes| number(&bytes)) + 1;
                            t.put(key, &next.to_be_bytes())?;
                            Ok::<_, sonagi_backend::Error>(next)
                        };
                        let own = count(format!("own/{task}").as_bytes())?;
                        let all = count(b"all")?;
                        // Some large enough to fill the log.
                        let size = if own % 7 == 0 { 20_000 } else { 10 };
                        t.put(format!("log/{task}/{own:08}").as_bytes(), &vec![task as u8; size])?;
                        if own > 20 {
                            t.delete(format!("log/{task}/{:08}", own - 20).as_bytes())?;
                        }
                        Ok((own, all))
                    })
                    .await
                    .unwrap();
                child::say(&format!("{task} {own} {all} {}", commit.sequence.0));
            }
        })
    });
    join_all(tasks).await;
}

/// What is known of a folder over its kills.
#[derive(Default)]
struct Known {
    /// By task.
    counters: BTreeMap<u64, u64>,
    feed: Sequence,
}

#[test]
fn records_survive_sigkill() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut numbers = Numbers(42);
    let mut folder = TempDir::new().unwrap();
    let mut known = Known::default();
    let mut acknowledged = 0;
    for kill in 0..KILLS {
        if kill % KILLS_PER_FOLDER == 0 {
            (folder, known) = (TempDir::new().unwrap(), Known::default());
        }
        let mut child = Child::start(&[], "records_crash::child", folder.path());
        // Sometimes while it opens the records, mostly in the middle of the work.
        let mut said = Vec::new();
        let wanted = if numbers.below(10) == 0 { 0 } else { 1 + numbers.below(150) };
        while said.len() < wanted as usize {
            said.push(child.said().expect("the child works until it is killed"));
        }
        child.kill();
        said.extend(std::iter::from_fn(|| child.said()));
        acknowledged += said.len();
        runtime.block_on(check(folder.path(), &said, &mut known, &mut numbers));
    }
    assert!(acknowledged as u64 > KILLS * 10, "the child got to work: {acknowledged}");
}

async fn check(folder: &Path, said: &[String], known: &mut Known, numbers: &mut Numbers) {
    let records = open(folder);
    let snapshot = records.snapshot();
    let newest = records.sequence();
    assert_eq!(snapshot.sequence().await.unwrap(), newest);

    let mut commits = HashMap::new();
    let mut counters = known.counters.clone();
    for line in said.iter().filter(|line| *line != "ready") {
        let words: Vec<u64> = line.split(' ').map(|word| word.parse().unwrap()).collect();
        let [task, own, all, sequence] = words[..] else { panic!("{line}") };
        assert_eq!(all, sequence, "every commit counts");
        let before = counters.insert(task, own).unwrap_or_default();
        // The first of a run may come after one that was not acknowledged to the end of the run before.
        assert_eq!(own, before + 1);
        assert!(commits.insert(sequence, (task, own)).is_none(), "one commit, one number");
    }

    // Every commit is in the feed once, in order, and those acknowledged say what was acknowledged.
    let mut feed = records.changes(known.feed);
    for expected in known.feed.0 + 1..=newest.0 {
        let set = feed.next().await.unwrap();
        assert_eq!(set.sequence, Sequence(expected));
        let value = |key: &str| {
            let found = set.changes.iter().find(|change| change.key == key.as_bytes());
            found.and_then(|change| change.value.as_deref()).map(number)
        };
        assert_eq!(value("all"), Some(expected));
        if let Some((task, own)) = commits.remove(&expected) {
            assert_eq!(value(&format!("own/{task}")), Some(own));
        }
    }
    assert!(futures::poll!(feed.next()).is_pending(), "nothing follows the newest");
    assert!(commits.is_empty(), "acknowledged and not in the feed: {commits:?}");

    // Counters are what was acknowledged, or one more that was in flight.
    let all = snapshot.get(b"all").await.unwrap().map_or(0, |bytes| number(&bytes));
    assert_eq!(all, newest.0);
    let mut sum = 0;
    for task in 0..TASKS {
        let stored = snapshot.get(format!("own/{task}").as_bytes()).await.unwrap();
        let stored = stored.map_or(0, |bytes| number(&bytes));
        let acknowledged = counters.get(&task).copied().unwrap_or_default();
        assert!(
            stored == acknowledged || stored == acknowledged + 1,
            "task {task}: {stored}, {acknowledged}"
        );
        counters.insert(task, stored);
        sum += stored;
        let prefix = format!("log/{task}/");
        let end = sonagi_backend::records::after(prefix.as_bytes());
        let log = snapshot.scan(prefix.as_bytes()..&end, Direction::Reverse, 100).await.unwrap();
        assert_eq!(log.len() as u64, stored.min(20), "each commit is there as a whole");
        assert!(log.iter().all(|record| record.value.iter().all(|byte| u64::from(*byte) == task)));
    }
    assert_eq!(sum, all);
    *known = Known { counters, feed: newest };
    if numbers.below(3) == 0 {
        records.trim(Sequence(newest.0 / 2)).await.unwrap();
    }
}
