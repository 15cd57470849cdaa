//! Records do what a sorted map with a history does, whatever the order of operations.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use bytes::Bytes;
use futures::future::join_all;
use proptest::{collection::vec, prelude::*};
use sonagi_backend::{
    Change, Error, Records, Result, Sequence, Snapshot, Transaction,
    embedded::{RecordsConfig, SqliteRecords},
    records::{ChangeSet, Direction, Record},
};
use tempfile::TempDir;

type Key = Vec<u8>;
type Map = BTreeMap<Key, Vec<u8>>;

/// What a body does; its answers are compared too.
#[derive(Debug, Clone)]
enum Step {
    Put(Key, Vec<u8>),
    Delete(Key),
    Get(Key),
    Scan(Range<Key>, Direction, usize),
    GiveUp,
}

#[derive(Debug, Clone)]
enum Operation {
    /// Transactions that wait together, so that they share a commit.
    Transact(Vec<Vec<Step>>),
    Hold,
    Release(usize),
    /// Reads on a snapshot that is held, or on the newest.
    Read(usize, Step),
    Trim(u64),
    Reopen,
}

fn key() -> impl Strategy<Value = Key> {
    vec(prop_oneof![Just(0), Just(b'a'), Just(b'b'), Just(0xff)], 0..4)
}

fn scan() -> impl Strategy<Value = Step> {
    let direction = prop_oneof![Just(Direction::Forward), Just(Direction::Reverse)];
    (key(), key(), direction, 0_usize..6)
        .prop_map(|(start, end, direction, limit)| Step::Scan(start..end, direction, limit))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (key(), vec(any::<u8>(), 0..20)).prop_map(|(key, value)| Step::Put(key, value)),
        3 => key().prop_map(Step::Delete),
        2 => key().prop_map(Step::Get),
        4 => scan(),
        1 => Just(Step::GiveUp),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        8 => vec(vec(step(), 0..6), 1..5).prop_map(Operation::Transact),
        1 => Just(Operation::Hold),
        1 => any::<usize>().prop_map(Operation::Release),
        4 => (any::<usize>(), prop_oneof![key().prop_map(Step::Get), scan()])
            .prop_map(|(snapshot, step)| Operation::Read(snapshot, step)),
        1 => (0_u64..30).prop_map(Operation::Trim),
        1 => Just(Operation::Reopen),
    ]
}

#[derive(Debug, Clone, PartialEq)]
enum Answer {
    Value(Option<Vec<u8>>),
    Records(Vec<(Key, Vec<u8>)>),
}

fn model_scan(map: &Map, range: &Range<Key>, direction: Direction, limit: usize) -> Answer {
    let inside = map.iter().filter(|(key, _)| **key >= range.start && **key < range.end);
    let mut found: Vec<_> = inside.map(|(key, value)| (key.clone(), value.clone())).collect();
    if direction == Direction::Reverse {
        found.reverse();
    }
    found.truncate(limit);
    Answer::Records(found)
}

fn answer(records: Vec<Record>) -> Answer {
    Answer::Records(records.into_iter().map(|record| (record.key.to_vec(), record.value.to_vec())).collect())
}

fn run(t: &mut dyn Transaction, steps: &[Step]) -> Result<Vec<Answer>> {
    let mut answers = Vec::new();
    for step in steps {
        match step {
            Step::Put(key, value) => t.put(key, value)?,
            Step::Delete(key) => t.delete(key)?,
            Step::Get(key) => answers.push(Answer::Value(t.get(key)?.map(|value| value.to_vec()))),
            Step::Scan(range, direction, limit) => {
                answers.push(answer(t.scan(&range.start..&range.end, *direction, *limit)?));
            }
            Step::GiveUp => return Err(Error::Aborted),
        }
    }
    Ok(answers)
}

#[derive(Default)]
struct Model {
    map: Map,
    history: Vec<ChangeSet>,
    trimmed: u64,
}

impl Model {
    /// None: given up.
    fn transact(&mut self, steps: &[Step]) -> Option<(Vec<Answer>, Sequence)> {
        let mut map = self.map.clone();
        let mut writes = BTreeMap::new();
        let mut answers = Vec::new();
        for step in steps {
            match step {
                Step::Put(key, value) => {
                    map.insert(key.clone(), value.clone());
                    writes.insert(key.clone(), Some(value.clone()));
                }
                Step::Delete(key) => {
                    map.remove(key);
                    writes.insert(key.clone(), None);
                }
                Step::Get(key) => answers.push(Answer::Value(map.get(key).cloned())),
                Step::Scan(range, direction, limit) => {
                    answers.push(model_scan(&map, range, *direction, *limit));
                }
                Step::GiveUp => return None,
            }
        }
        if !writes.is_empty() {
            let sequence = Sequence(self.history.len() as u64 + 1);
            let changes = writes
                .into_iter()
                .map(|(key, value)| Change { key: key.into(), value: value.map(Bytes::from) })
                .collect();
            self.history.push(ChangeSet { sequence, changes });
            self.map = map;
        }
        Some((answers, Sequence(self.history.len() as u64)))
    }
}

async fn check_read(snapshot: &dyn Snapshot, map: &Map, step: &Step) {
    match step {
        Step::Get(key) => {
            assert_eq!(snapshot.get(key).await.unwrap().map(|value| value.to_vec()), map.get(key).cloned());
        }
        Step::Scan(range, direction, limit) => {
            let found = snapshot.scan(&range.start..&range.end, *direction, *limit).await.unwrap();
            assert_eq!(answer(found), model_scan(map, range, *direction, *limit));
        }
        Step::Put(..) | Step::Delete(_) | Step::GiveUp => unreachable!("a snapshot only reads"),
    }
}

async fn check_feed(records: &Arc<dyn Records>, model: &Model) {
    if model.trimmed > 0 {
        let refused = records.changes(Sequence(model.trimmed - 1)).next().await;
        assert!(matches!(refused, Err(Error::Trimmed { oldest, .. }) if oldest == model.trimmed + 1));
    }
    let mut feed = records.changes(Sequence(model.trimmed));
    for expected in &model.history[model.trimmed as usize..] {
        assert_eq!(*feed.next().await.unwrap(), *expected);
    }
    assert!(futures::poll!(feed.next()).is_pending());
}

async fn play(operations: Vec<Operation>) {
    let folder = TempDir::new().unwrap();
    let open =
        || -> Arc<dyn Records> { Arc::new(SqliteRecords::open(RecordsConfig::new(folder.path())).unwrap()) };
    let mut records = open();
    let mut model = Model::default();
    let mut held: Vec<(Arc<dyn Snapshot>, Map, u64)> = Vec::new();
    for operation in operations {
        match operation {
            Operation::Transact(bodies) => {
                let waiting = bodies.iter().cloned().map(|steps| records.transact(move |t| run(t, &steps)));
                let results = join_all(waiting).await;
                for (steps, result) in bodies.iter().zip(results) {
                    match (model.transact(steps), result) {
                        (Some((answers, sequence)), Ok((found, commit))) => {
                            assert_eq!((answers, sequence), (found, commit.sequence));
                        }
                        (None, Err(Error::Aborted)) => {}
                        (expected, found) => panic!("{expected:?} but {found:?}"),
                    }
                }
            }
            Operation::Hold => {
                let snapshot = records.snapshot();
                let sequence = model.history.len() as u64;
                assert_eq!(snapshot.sequence().await.unwrap(), Sequence(sequence));
                held.push((snapshot, model.map.clone(), sequence));
            }
            Operation::Release(index) => {
                if !held.is_empty() {
                    held.swap_remove(index % held.len());
                }
            }
            Operation::Read(index, step) => match held.get(index % (held.len() + 1)) {
                Some((snapshot, map, sequence)) => {
                    check_read(&**snapshot, map, &step).await;
                    assert_eq!(snapshot.sequence().await.unwrap(), Sequence(*sequence));
                }
                None => check_read(&*records.snapshot(), &model.map, &step).await,
            },
            Operation::Trim(through) => {
                records.trim(Sequence(through)).await.unwrap();
                model.trimmed = model.trimmed.max(through.min(model.history.len() as u64));
            }
            Operation::Reopen => {
                // Held snapshots outlive it.
                drop(records);
                records = open();
                check_feed(&records, &model).await;
            }
        }
        assert_eq!(records.sequence(), Sequence(model.history.len() as u64));
    }
    check_feed(&records, &model).await;
    let everything = Step::Scan(Vec::new()..vec![0xff; 8], Direction::Forward, 1_000);
    check_read(&*records.snapshot(), &model.map, &everything).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn records_do_what_a_sorted_map_with_a_history_does(operations in vec(operation(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(play(operations));
    }
}
