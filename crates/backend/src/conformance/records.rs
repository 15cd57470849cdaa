//! What [`Records`] promise.

use std::{ops::Range, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{future::join_all, poll};
use sonagi_model::limits;

use crate::{
    Change, Error, Records, Result, Sequence,
    records::{Direction, Record},
};

/// Makes the records that a case runs on.
#[async_trait]
pub trait Factory: Send + Sync {
    /// Empty records.
    async fn open(&self) -> Arc<dyn Records>;
    /// Closes these records, of which this is the last handle, and opens what they stored anew.
    async fn reopen(&self, records: Arc<dyn Records>) -> Arc<dyn Records>;
}

/// A test of each case for the records that the factory makes.
#[macro_export]
macro_rules! records_conformance {
    ($factory:expr) => {
        $crate::conformance_cases!(
            records,
            $factory,
            [
                what_is_written_is_read_back_and_survives_reopening,
                a_transaction_reads_its_own_writes,
                a_body_that_fails_writes_nothing_and_its_error_comes_back,
                a_body_that_panics_harms_nobody_else,
                conflicting_transactions_run_as_if_in_turn,
                sequence_numbers_have_no_gaps,
                keys_and_values_are_any_bytes,
                scans_keep_range_order_and_limit,
                a_scan_never_returns_more_than_the_limit,
                a_snapshot_does_not_see_later_commits,
                a_snapshot_sees_every_commit_that_has_returned,
                a_record_by_itself_is_of_the_newest_commit,
                records_that_are_read_together_are_of_one_commit,
                the_feed_has_every_commit_once_in_order,
                the_feed_resumes_at_any_position,
                the_end_of_the_feed_waits_for_the_next_commit,
                a_trimmed_position_is_refused_and_the_records_stay,
                numbers_go_on_after_everything_was_trimmed,
                keys_values_and_transactions_over_their_limits_are_refused,
            ]
        );
    };
}

async fn put(records: &Arc<dyn Records>, key: &[u8], value: &[u8]) -> Sequence {
    let (key, value) = (key.to_vec(), value.to_vec());
    records.transact(move |t| t.put(&key, &value)).await.unwrap().1.sequence
}

async fn get(records: &Arc<dyn Records>, key: &[u8]) -> Option<Bytes> {
    records.snapshot().get(key).await.unwrap()
}

async fn all(records: &Arc<dyn Records>) -> Vec<Record> {
    let end = vec![0xff; limits::RECORD_KEY_SIZE];
    records.snapshot().scan(b""..&end, Direction::Forward, usize::MAX).await.unwrap()
}

fn keys(found: &[Record]) -> Vec<&str> {
    found.iter().map(|record| std::str::from_utf8(&record.key).unwrap()).collect()
}

fn change(key: &str, value: Option<&str>) -> Change {
    Change {
        key: Bytes::copy_from_slice(key.as_bytes()),
        value: value.map(|value| Bytes::copy_from_slice(value.as_bytes())),
    }
}

pub async fn what_is_written_is_read_back_and_survives_reopening(factory: &dyn Factory) {
    let records = factory.open().await;
    put(&records, b"a", b"1").await;
    put(&records, b"b", b"2").await;
    put(&records, b"a", b"3").await;
    records.transact(|t| t.delete(b"b")).await.unwrap();
    let records = factory.reopen(records).await;
    assert_eq!(get(&records, b"a").await.as_deref(), Some(&b"3"[..]));
    assert_eq!(get(&records, b"b").await, None);
    assert_eq!(records.sequence(), Sequence(4));
    assert_eq!(put(&records, b"c", b"5").await, Sequence(5));
}

pub async fn a_transaction_reads_its_own_writes(factory: &dyn Factory) {
    let records = factory.open().await;
    for key in ["a", "c", "e"] {
        put(&records, key.as_bytes(), b"old").await;
    }
    let body = |t: &mut dyn crate::Transaction| -> Result<_> {
        t.put(b"b", b"new")?;
        t.put(b"c", b"new")?;
        t.delete(b"e")?;
        t.delete(b"f")?;
        t.put(b"g", b"gone")?;
        t.delete(b"g")?;
        assert_eq!(t.get(b"b")?.as_deref(), Some(&b"new"[..]));
        assert_eq!(t.get(b"e")?, None);
        let range: Range<&[u8]> = b"a"..b"z";
        Ok((
            t.scan(range.clone(), Direction::Forward, 10)?,
            t.scan(range.clone(), Direction::Reverse, 10)?,
            t.scan(range.clone(), Direction::Forward, 2)?,
            t.scan(range, Direction::Reverse, 2)?,
        ))
    };
    let ((forward, reverse, first, last), _) = records.transact(body).await.unwrap();
    assert_eq!(keys(&forward), ["a", "b", "c"]);
    assert_eq!(forward[2].value, "new");
    assert_eq!(keys(&reverse), ["c", "b", "a"]);
    assert_eq!(keys(&first), ["a", "b"]);
    assert_eq!(keys(&last), ["c", "b"]);
    assert_eq!(all(&records).await, forward);
}

pub async fn a_body_that_fails_writes_nothing_and_its_error_comes_back(factory: &dyn Factory) {
    let records = factory.open().await;
    put(&records, b"a", b"1").await;
    let failed = records
        .transact(|t| {
            t.put(b"a", b"2")?;
            t.put(b"b", b"2")?;
            Err::<(), _>(Error::NoBlob { key: "mine".to_owned() })
        })
        .await;
    assert!(matches!(failed, Err(Error::NoBlob { key }) if key == "mine"));
    assert_eq!(all(&records).await.len(), 1);
    assert_eq!(get(&records, b"a").await.as_deref(), Some(&b"1"[..]));
    assert_eq!(records.sequence(), Sequence(1));
}

pub async fn a_body_that_panics_harms_nobody_else(factory: &dyn Factory) {
    let records = factory.open().await;
    let others = join_all((0..64_u8).map(|n| {
        let records = Arc::clone(&records);
        async move {
            records
                .transact(move |t| {
                    t.put(&[n], b"x")?;
                    assert!(n % 4 != 0, "as the case wants it");
                    Ok(())
                })
                .await
        }
    }))
    .await;
    for (n, result) in others.into_iter().enumerate() {
        match result {
            Ok(_) => assert!(n % 4 != 0),
            Err(error) => {
                assert!(matches!(error, Error::Panicked), "{error}");
                assert_eq!(n % 4, 0);
            }
        }
    }
    assert_eq!(all(&records).await.len(), 48);
    assert_eq!(records.sequence(), Sequence(48));
}

pub async fn conflicting_transactions_run_as_if_in_turn(factory: &dyn Factory) {
    const CALLERS: u64 = 256;
    let records = factory.open().await;
    let callers = (0..CALLERS).map(|_| {
        let records = Arc::clone(&records);
        tokio::spawn(async move {
            let count = |t: &mut dyn crate::Transaction| {
                let before =
                    t.get(b"counter")?.map_or(0, |bytes| u64::from_be_bytes(bytes[..].try_into().unwrap()));
                t.put(b"counter", &(before + 1).to_be_bytes())?;
                Ok(before)
            };
            let first = records.transact(count).await.unwrap().0;
            let second = records.transact(count).await.unwrap().0;
            assert!(first < second);
            [first, second]
        })
    });
    let mut seen: Vec<u64> = join_all(callers).await.into_iter().flat_map(Result::unwrap).collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..2 * CALLERS).collect::<Vec<_>>());
    assert_eq!(get(&records, b"counter").await.unwrap()[..], (2 * CALLERS).to_be_bytes());
}

pub async fn sequence_numbers_have_no_gaps(factory: &dyn Factory) {
    let records = factory.open().await;
    assert_eq!(records.sequence(), Sequence(0));
    assert_eq!(records.snapshot().sequence().await.unwrap(), Sequence(0));
    let (said, commit) = records
        .transact(|t| {
            t.put(b"a", b"1")?;
            Ok(t.sequence())
        })
        .await
        .unwrap();
    assert_eq!((said, commit.sequence), (Sequence(1), Sequence(1)));
    // Reading gets no number of its own, and giving up leaves no gap.
    let (_, read) = records.transact(|t| t.get(b"a")).await.unwrap();
    assert_eq!(read.sequence, Sequence(1));
    let given_up = records
        .transact(|t| {
            t.put(b"a", b"2")?;
            Err::<(), _>(Error::Aborted)
        })
        .await;
    assert!(given_up.is_err());
    assert_eq!(put(&records, b"b", b"1").await, Sequence(2));
    assert_eq!(records.sequence(), Sequence(2));
    assert_eq!(records.snapshot().sequence().await.unwrap(), Sequence(2));
}

pub async fn keys_and_values_are_any_bytes(factory: &dyn Factory) {
    let records = factory.open().await;
    let keys: [&[u8]; 6] = [b"", b"\0", b"\0\0", b"a\0b", b"\x7f", b"\xff\xfe"];
    for key in keys {
        put(&records, key, key).await;
    }
    let records = factory.reopen(records).await;
    let found = all(&records).await;
    assert!(found.iter().map(|record| &record.key[..]).eq(keys), "{found:?}");
    assert!(found.iter().all(|record| record.key == record.value));
}

pub async fn scans_keep_range_order_and_limit(factory: &dyn Factory) {
    let records = factory.open().await;
    for n in 0..20_u8 {
        put(&records, &[n], &[n]).await;
    }
    let snapshot = records.snapshot();
    let scan = async |range: Range<u8>, direction, limit| {
        let found = snapshot.scan(&[range.start][..]..&[range.end][..], direction, limit).await.unwrap();
        found.iter().map(|record| record.key[0]).collect::<Vec<_>>()
    };
    assert_eq!(scan(3..7, Direction::Forward, 10).await, [3, 4, 5, 6]);
    assert_eq!(scan(3..7, Direction::Reverse, 10).await, [6, 5, 4, 3]);
    assert_eq!(scan(3..7, Direction::Forward, 2).await, [3, 4]);
    assert_eq!(scan(3..7, Direction::Reverse, 2).await, [6, 5]);
    assert_eq!(scan(3..7, Direction::Forward, 0).await, [0; 0]);
    assert_eq!(scan(7..7, Direction::Forward, 10).await, [0; 0]);
    let (later, earlier) = (7, 3);
    assert_eq!(scan(later..earlier, Direction::Reverse, 10).await, [0; 0]);
    assert_eq!(scan(18..200, Direction::Forward, 10).await, [18, 19]);
}

pub async fn a_scan_never_returns_more_than_the_limit(factory: &dyn Factory) {
    let records = factory.open().await;
    let most = limits::SCAN_ROWS as u32;
    let ((), _) = records
        .transact(move |t| (0..most + 5).try_for_each(|n| t.put(&n.to_be_bytes(), b"")))
        .await
        .unwrap();
    assert_eq!(all(&records).await.len(), limits::SCAN_ROWS);
    let (found, _) =
        records.transact(|t| t.scan(b""..b"\xff", Direction::Reverse, usize::MAX)).await.unwrap();
    assert_eq!(found.len(), limits::SCAN_ROWS);
    assert_eq!(found[0].key[..], (most + 4).to_be_bytes());
}

pub async fn a_snapshot_does_not_see_later_commits(factory: &dyn Factory) {
    let records = factory.open().await;
    put(&records, b"a", b"1").await;
    put(&records, b"b", b"1").await;
    let snapshot = records.snapshot();
    assert_eq!(snapshot.sequence().await.unwrap(), Sequence(2));
    for n in 0..50_u8 {
        put(&records, b"a", &[n]).await;
    }
    records.transact(|t| t.delete(b"b")).await.unwrap();
    put(&records, b"c", b"1").await;
    assert_eq!(snapshot.get(b"a").await.unwrap().as_deref(), Some(&b"1"[..]));
    let found = snapshot.scan(b"a"..b"z", Direction::Forward, 10).await.unwrap();
    assert_eq!(keys(&found), ["a", "b"]);
    assert_eq!(snapshot.sequence().await.unwrap(), Sequence(2));
    assert_eq!(get(&records, b"a").await.as_deref(), Some(&[49][..]));
}

pub async fn a_snapshot_sees_every_commit_that_has_returned(factory: &dyn Factory) {
    let records = factory.open().await;
    let callers = (0..16_u8).map(|caller| {
        let records = Arc::clone(&records);
        tokio::spawn(async move {
            for n in 0..20_u8 {
                let sequence = put(&records, &[caller], &[n]).await;
                assert!(records.sequence() >= sequence);
                let snapshot = records.snapshot();
                assert_eq!(snapshot.get(&[caller]).await.unwrap().as_deref(), Some(&[n][..]));
                assert!(snapshot.sequence().await.unwrap() >= sequence);
            }
        })
    });
    join_all(callers).await.into_iter().for_each(|caller| caller.unwrap());
}

pub async fn a_record_by_itself_is_of_the_newest_commit(factory: &dyn Factory) {
    let records = factory.open().await;
    assert_eq!(records.get(b"a").await.unwrap(), None);
    let one = |writer: u8| {
        let records = Arc::clone(&records);
        async move {
            for value in 0..20 {
                put(&records, &[writer], &[value]).await;
                assert_eq!(records.get(&[writer]).await.unwrap().as_deref(), Some(&[value][..]));
            }
        }
    };
    join_all((0..20).map(one)).await;
    records.transact(|t| t.delete(&[0])).await.unwrap();
    assert_eq!(records.get(&[0]).await.unwrap(), None);
    let records = factory.reopen(records).await;
    assert_eq!(records.get(&[1]).await.unwrap().as_deref(), Some(&[19][..]));
}

pub async fn records_that_are_read_together_are_of_one_commit(factory: &dyn Factory) {
    let records = factory.open().await;
    let keys = || vec![b"a".to_vec(), b"none".to_vec(), b"b".to_vec()];
    let write = async {
        for value in 0..50_u8 {
            let both = move |t: &mut dyn crate::Transaction| {
                t.put(b"a", &[value]).and_then(|()| t.put(b"b", &[value]))
            };
            records.transact(both).await.unwrap();
        }
    };
    let read = async {
        for _ in 0..50 {
            let found = records.snapshot().get_all(keys()).await.unwrap();
            assert_eq!((&found[0], &found[1]), (&found[2], &None));
        }
    };
    futures::join!(write, read);
    let found = records.snapshot().get_all(keys()).await.unwrap();
    assert_eq!(found[0].as_deref(), Some(&[49][..]));
}

pub async fn the_feed_has_every_commit_once_in_order(factory: &dyn Factory) {
    let records = factory.open().await;
    put(&records, b"a", b"1").await;
    records
        .transact(|t| {
            // In the order of the keys, the last write to each, deletions too.
            t.put(b"d", b"first")?;
            t.put(b"b", b"2")?;
            t.delete(b"a")?;
            t.put(b"d", b"last")
        })
        .await
        .unwrap();
    records.transact(|t| t.get(b"a")).await.unwrap();
    put(&records, b"c", b"3").await;
    let expected = [
        vec![change("a", Some("1"))],
        vec![change("a", None), change("b", Some("2")), change("d", Some("last"))],
        vec![change("c", Some("3"))],
    ];
    let mut records = records;
    for round in 0..2 {
        if round == 1 {
            records = factory.reopen(records).await;
        }
        let mut feed = records.changes(Sequence(0));
        for (index, changes) in expected.iter().enumerate() {
            let set = feed.next().await.unwrap();
            assert_eq!((set.sequence, &set.changes), (Sequence(index as u64 + 1), changes));
        }
        assert!(poll!(feed.next()).is_pending());
    }
}

pub async fn the_feed_resumes_at_any_position(factory: &dyn Factory) {
    // More than any implementation keeps in memory or fetches at once.
    const COMMITS: u64 = 6_000;
    let records = factory.open().await;
    let writers = (0..COMMITS).map(|n| {
        let records = Arc::clone(&records);
        async move { records.transact(move |t| t.put(&n.to_be_bytes(), &t.sequence().0.to_be_bytes())).await }
    });
    join_all(writers).await.into_iter().for_each(|result| assert!(result.is_ok()));
    for from in [0, 1, 17, COMMITS / 2, COMMITS - 1] {
        let mut feed = records.changes(Sequence(from));
        for expected in from + 1..=COMMITS {
            let set = feed.next().await.unwrap();
            assert_eq!(set.sequence.0, expected);
            assert_eq!(set.changes[0].value.as_ref().unwrap()[..], expected.to_be_bytes());
        }
    }
}

pub async fn the_end_of_the_feed_waits_for_the_next_commit(factory: &dyn Factory) {
    let records = factory.open().await;
    put(&records, b"a", b"1").await;
    let mut feed = records.changes(Sequence(1));
    // A wait that is dropped loses nothing.
    assert!(poll!(feed.next()).is_pending());
    let waiting = tokio::spawn(async move { (feed.next().await.unwrap(), feed.next().await.unwrap()) });
    put(&records, b"b", b"2").await;
    put(&records, b"c", b"3").await;
    let (second, third) = waiting.await.unwrap();
    assert_eq!((second.sequence, third.sequence), (Sequence(2), Sequence(3)));
}

pub async fn a_trimmed_position_is_refused_and_the_records_stay(factory: &dyn Factory) {
    let mut records = factory.open().await;
    for n in 0..10_u8 {
        put(&records, &[n], &[n]).await;
    }
    records.trim(Sequence(4)).await.unwrap();
    // Going back does not bring anything back.
    records.trim(Sequence(2)).await.unwrap();
    for round in 0..2 {
        let refused = records.changes(Sequence(3)).next().await;
        assert!(matches!(refused, Err(Error::Trimmed { from: 3, oldest: 5 })), "{refused:?}");
        assert_eq!(records.changes(Sequence(4)).next().await.unwrap().sequence, Sequence(5));
        assert_eq!(all(&records).await.len(), 10);
        if round == 0 {
            records = factory.reopen(records).await;
        }
    }
}

pub async fn numbers_go_on_after_everything_was_trimmed(factory: &dyn Factory) {
    let records = factory.open().await;
    for n in 0..5_u8 {
        put(&records, &[n], &[n]).await;
    }
    // Past the end means all there is, not what is to come.
    records.trim(Sequence(1_000)).await.unwrap();
    assert_eq!(records.sequence(), Sequence(5));
    let records = factory.reopen(records).await;
    assert_eq!(records.sequence(), Sequence(5));
    assert_eq!(records.snapshot().sequence().await.unwrap(), Sequence(5));
    let mut feed = records.changes(Sequence(5));
    assert_eq!(put(&records, b"x", b"y").await, Sequence(6));
    assert_eq!(feed.next().await.unwrap().sequence, Sequence(6));
}

pub async fn keys_values_and_transactions_over_their_limits_are_refused(factory: &dyn Factory) {
    let records = factory.open().await;
    let refused = |result: Result<_>| match result {
        Err(Error::TooLarge { limit, .. } | Error::TooMany { limit, .. }) => limit,
        other => panic!("not refused as too large: {other:?}"),
    };
    let write =
        |key: usize, value: usize| records.transact(move |t| t.put(&vec![b'k'; key], &vec![b'v'; value]));
    write(limits::RECORD_KEY_SIZE, 0).await.unwrap();
    write(1, limits::RECORD_VALUE_SIZE).await.unwrap();
    assert_eq!(get(&records, b"k").await.unwrap().len(), limits::RECORD_VALUE_SIZE);
    assert_eq!(refused(write(limits::RECORD_KEY_SIZE + 1, 0).await), limits::RECORD_KEY_SIZE);
    assert_eq!(refused(write(1, limits::RECORD_VALUE_SIZE + 1).await), limits::RECORD_VALUE_SIZE);
    let count = (limits::TRANSACTION_SIZE / limits::RECORD_VALUE_SIZE) as u8;
    let large = records.transact(move |t| {
        let value = vec![b'v'; limits::RECORD_VALUE_SIZE];
        // Writing over a record counts it once.
        (0..count).try_for_each(|_| t.put(b"same", &value))?;
        t.put(b"same", b"")?;
        (0..count).try_for_each(|n| t.put(&[n], &value))
    });
    assert_eq!(refused(large.await), limits::TRANSACTION_SIZE);
    let many = records
        .transact(|t| (0..=limits::TRANSACTION_WRITES as u32).try_for_each(|n| t.delete(&n.to_be_bytes())));
    assert_eq!(refused(many.await), limits::TRANSACTION_WRITES);
    assert_eq!(records.sequence(), Sequence(2));
}
