//! Stores under SIGKILL: a child writes from many tasks and says what was acknowledged; the parent kills it, opens the
//! folder and checks every word.

use bytes::Bytes;
use sonagi_data::keyvalue::{NumberRange, Store};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::{
    app,
    child::{self, Child, Numbers},
    open,
};

const KILLS: u64 = 25;
/// Kills on one folder before it is replaced by an empty one.
const KILLS_PER_FOLDER: u64 = 5;
const TASKS: u64 = 8;

fn value(task: u64, round: u64) -> Bytes {
    // Every third is large, and so is kept apart from its key.
    let size = if round.is_multiple_of(3) { 5_000 } else { 20 };
    format!("{task} {round} ").repeat(size / 5).into()
}

/// Each task sets its own key, a batch of two and a counter that all share, again and again.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the child of acknowledged_writes_survive_sigkill"]
async fn child() {
    let Some(folder) = child::folder() else { return };
    let store = open(&folder).store(&app("shop"), "default").unwrap();
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let store = store.clone();
        tasks.spawn(async move {
            let mut round = round(&store, &format!("own {task}")).await;
            loop {
                round += 1;
                store.set(&format!("own {task}"), value(task, round)).await.unwrap();
                let pair = ["left", "right"].map(|side| (format!("{side} {task}"), value(task, round)));
                store.set_many(pair.into()).await.unwrap();
                let count = store.increment("count", 1, NumberRange::Unsigned64).await.unwrap();
                child::say(&format!("{task} {round} {count}"));
            }
        });
    }
    tasks.join_all().await;
}

/// The round that a value comes from; 0 if there is none.
async fn round(store: &Store, key: &str) -> u64 {
    let Some(stored) = store.get(key).await.unwrap() else { return 0 };
    let text = String::from_utf8(stored.to_vec()).unwrap();
    let words: Vec<u64> = text.split_whitespace().take(2).map(|word| word.parse().unwrap()).collect();
    assert_eq!(stored, value(words[0], words[1]), "whole");
    words[1]
}

#[tokio::test]
async fn acknowledged_writes_survive_sigkill() {
    let mut numbers = Numbers(7);
    let mut folder = TempDir::new().unwrap();
    let mut acknowledged = 0;
    for kill in 0..KILLS {
        if kill % KILLS_PER_FOLDER == 0 {
            folder = TempDir::new().unwrap();
        }
        let mut child = Child::start(&[], "crash::child", folder.path());
        let wanted = 1 + numbers.below(60);
        let mut said: Vec<String> =
            (0..wanted).map(|_| child.said().expect("it works until killed")).collect();
        child.kill();
        said.extend(std::iter::from_fn(|| child.said()));
        acknowledged += said.len();
        let store = open(folder.path()).store(&app("shop"), "default").unwrap();
        let mut counted = 0;
        for line in &said {
            let words: Vec<u64> = line.split(' ').map(|word| word.parse().unwrap()).collect();
            let [task, said, count] = words[..] else { panic!("{line}") };
            counted = counted.max(count);
            // At most one write that was not acknowledged any more.
            assert!(round(&store, &format!("own {task}")).await >= said, "{line}");
            assert!(round(&store, &format!("left {task}")).await >= said, "{line}");
        }
        for task in 0..TASKS {
            let [left, right] =
                [round(&store, &format!("left {task}")).await, round(&store, &format!("right {task}")).await];
            assert_eq!(left, right, "a batch is there as a whole");
        }
        let stored = store.increment("count", 0, NumberRange::Unsigned64).await.unwrap();
        assert!(stored >= counted.into() && stored <= i128::from(counted + TASKS), "{stored} {counted}");
        let listed = store.list_keys(None).await.unwrap().keys;
        assert!(listed.len() as u64 <= TASKS * 3 + 1, "{listed:?}");
    }
    assert!(acknowledged as u64 > KILLS * 10, "the child got to work: {acknowledged}");
}
