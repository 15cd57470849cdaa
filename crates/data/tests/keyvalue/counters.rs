use bytes::Bytes;
use sonagi_data::{
    Error,
    keyvalue::{NumberRange, Revision, Swapped},
};
use tokio::task::JoinSet;

use crate::store;

#[tokio::test(flavor = "multi_thread")]
async fn increments_are_exact_under_contention() {
    const TASKS: i128 = 16;
    const EACH: i128 = 50;
    let (_folder, store) = store();
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let store = store.clone();
        tasks.spawn(async move {
            let mut seen = Vec::new();
            for _ in 0..EACH {
                seen.push(store.increment("visits", 1, NumberRange::Signed64).await.unwrap());
            }
            seen
        });
    }
    let mut seen: Vec<i128> = tasks.join_all().await.into_iter().flatten().collect();
    seen.sort_unstable();
    assert_eq!(seen, (1..=TASKS * EACH).collect::<Vec<_>>(), "every number once");
    assert_eq!(store.get("visits").await.unwrap().unwrap(), "800");
}

#[tokio::test]
async fn a_counter_stays_within_its_range() {
    let (_folder, store) = store();
    let top = i128::from(i64::MAX);
    assert_eq!(store.increment("n", top, NumberRange::Signed64).await.unwrap(), top);
    let refused = store.increment("n", 1, NumberRange::Signed64).await;
    assert!(matches!(refused, Err(Error::NumberOutOfRange)));
    assert_eq!(store.get("n").await.unwrap().unwrap(), top.to_string());
    assert_eq!(store.increment("n", 1, NumberRange::Unsigned64).await.unwrap(), top + 1);
    // It is within the other draft's range now, and not within this one's.
    let refused = store.increment("n", -1, NumberRange::Signed64).await;
    assert!(matches!(refused, Err(Error::NumberOutOfRange)));
    assert_eq!(store.increment("m", -5, NumberRange::Signed64).await.unwrap(), -5);
    assert_eq!(store.get("m").await.unwrap().unwrap(), "-5");
    assert!(matches!(store.increment("m", 9, NumberRange::Unsigned64).await, Err(Error::NumberOutOfRange)));
    for value in ["", "-", "+1", "1.5", "1e3", " 1", "seven", "٣", &"9".repeat(60)] {
        store.set("text", Bytes::from(value.to_owned())).await.unwrap();
        let refused = store.increment("text", 1, NumberRange::Signed64).await;
        assert!(matches!(refused, Err(Error::NotANumber)), "{value:?}");
        assert_eq!(store.get("text").await.unwrap().unwrap(), value);
    }
}

#[tokio::test]
async fn a_swap_is_done_only_if_nobody_was_faster() {
    let (_folder, store) = store();
    let absent = store.revised("key").await.unwrap();
    assert_eq!((absent.revision, absent.value), (Revision::Absent, None));
    assert_eq!(store.swap("key", Revision::Absent, "one".into()).await.unwrap(), Swapped::Done);
    let Swapped::Changed(now) = store.swap("key", Revision::Absent, "two".into()).await.unwrap() else {
        panic!("it is there already")
    };
    assert_eq!(now.value.clone().unwrap(), "one");
    // The same value, written anew, is another write.
    store.set("key", "one".into()).await.unwrap();
    let Swapped::Changed(now) = store.swap("key", now.revision, "two".into()).await.unwrap() else {
        panic!("it was written in between")
    };
    assert_eq!(store.swap("key", now.revision, vec![7; 5_000].into()).await.unwrap(), Swapped::Done);
    store.delete("key").await.unwrap();
    let gone = store.swap("key", now.revision, "three".into()).await.unwrap();
    assert_eq!(gone, Swapped::Changed(store.revised("key").await.unwrap()));
    assert!(!store.exists("key").await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_swaps_that_begin_alike_one_is_done() {
    let (_folder, store) = store();
    for round in 0..20 {
        let expected = store.revised("key").await.unwrap().revision;
        let mut tasks = JoinSet::new();
        for task in 0..8 {
            let store = store.clone();
            let value = Bytes::from(format!("{round} {task}"));
            tasks.spawn(async move { (value.clone(), store.swap("key", expected, value).await.unwrap()) });
        }
        let outcomes = tasks.join_all().await;
        let done: Vec<_> = outcomes.iter().filter(|(_, swapped)| *swapped == Swapped::Done).collect();
        assert_eq!(done.len(), 1, "{outcomes:?}");
        assert_eq!(store.get("key").await.unwrap().as_ref(), Some(&done[0].0));
    }
}
