//! What queues promise, each promise by its name, over the embedded records.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../../backend/tests/embedded/child.rs"]
#[expect(dead_code, reason = "the backend's own tests use more of it")]
mod child;
mod clearing;
mod crash;
mod dead_letters;
mod fifo;
mod model;
mod registry;
mod standard;
mod waiting;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sonagi_backend::{
    Records,
    embedded::{RecordsConfig, SqliteRecords},
};
use sonagi_data::{
    Error,
    queues::{Draft, Handle, QueueName, Queues, Receive, Received, Refusal, Settings},
};
use sonagi_model::{Clock, Entropy, Timestamp, clock::ManualClock};
use tempfile::TempDir;

/// Numbers that are all different: enough for ids.
#[derive(Debug, Default)]
struct Count(AtomicU64);

impl Entropy for Count {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        bytes.fill(0);
        let size = bytes.len();
        bytes[size - 8..].copy_from_slice(&number);
    }
}

struct World {
    queues: Queues,
    clock: ManualClock,
    records: Arc<dyn Records>,
    _folder: TempDir,
}

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn name(text: &str) -> QueueName {
    QueueName::new(text).unwrap()
}

async fn open(folder: &Path, clock: Arc<dyn Clock>) -> (Queues, Arc<dyn Records>) {
    let records: Arc<dyn Records> = Arc::new(SqliteRecords::open(RecordsConfig::new(folder)).unwrap());
    let queues = Queues::open(Arc::clone(&records), clock, Arc::new(Count::default())).await.unwrap();
    (queues, records)
}

impl World {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let clock = ManualClock::at(START);
        let (queues, records) = open(folder.path(), Arc::new(clock.clone())).await;
        Self { queues, clock, records, _folder: folder }
    }

    /// A queue of that name, changed by `with` from the usual one.
    async fn queue(&self, text: &str, with: impl FnOnce(&mut Settings)) -> QueueName {
        let name = name(text);
        let mut settings = Settings::of(&name);
        with(&mut settings);
        self.queues.create(&name, settings, BTreeMap::new(), None).await.unwrap();
        name
    }

    async fn send(&self, queue: &QueueName, body: &str) -> String {
        self.queues.send_one(queue, Draft::of(body.to_owned())).await.unwrap().id
    }

    /// To a FIFO queue.
    async fn send_in(&self, queue: &QueueName, group: &str, body: &str) {
        let draft = Draft {
            group: Some(group.into()),
            deduplication: Some(format!("{group}-{body}").replace(' ', "-")),
            ..Draft::of(body.to_owned())
        };
        self.queues.send_one(queue, draft).await.unwrap();
    }

    async fn receive(&self, queue: &QueueName, most: usize) -> Vec<Received> {
        self.queues.receive(queue, Receive { wait: Some(0), ..Receive::up_to(most) }).await.unwrap()
    }

    async fn acknowledge(&self, queue: &QueueName, received: &[Received]) {
        let handles: Vec<Handle> = received.iter().map(|received| received.handle.clone()).collect();
        for done in self.queues.acknowledge(queue, handles).await.unwrap() {
            done.unwrap();
        }
    }

    async fn seconds(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds)).await;
    }

    /// How many records queues have, besides the queues themselves.
    async fn left(&self) -> Vec<String> {
        let snapshot = self.records.snapshot();
        let found = snapshot.scan(
            b"data/queues/".as_slice()..b"data/queues0".as_slice(),
            sonagi_backend::records::Direction::Forward,
            10_000,
        );
        let keys = found.await.unwrap().into_iter().map(|record| record.key.escape_ascii().to_string());
        keys.filter(|key| !key.starts_with("data/queues/names/") && key != "data/queues/time").collect()
    }
}

fn bodies(received: &[Received]) -> Vec<String> {
    received.iter().map(|received| String::from_utf8(received.message.body.to_vec()).unwrap()).collect()
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> Refusal {
    match result {
        Err(Error::Queue(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}
