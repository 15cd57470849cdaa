//! What tables promise, each promise by its name, over the embedded records.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod model;
mod time;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use sonagi_backend::{
    Records,
    embedded::{RecordsConfig, SqliteRecords},
};
use sonagi_data::documents::{
    Action, Attribute, Documents, KeyKind, KeySchema, NewIndex, NewTable, Projected, Scope, Settings,
    TableName, View, Write,
};
use sonagi_items::{Item, Number, Value};
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
    documents: Documents,
    clock: ManualClock,
    folder: TempDir,
}

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Waits for what held the folder before to let go of it.
async fn open(folder: &Path, clock: Arc<dyn Clock>) -> Documents {
    let records: Arc<dyn Records> = loop {
        match SqliteRecords::open(RecordsConfig::new(folder)) {
            Ok(records) => break Arc::new(records),
            Err(sonagi_backend::Error::Locked { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    Documents::open(records, clock, Arc::new(Count::default()))
}

impl World {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let clock = ManualClock::at(START);
        let documents = open(folder.path(), Arc::new(clock.clone())).await;
        Self { documents, clock, folder }
    }
}

fn name(text: &str) -> TableName {
    TableName::new(text).unwrap()
}

fn attribute(name: &str, kind: KeyKind) -> Attribute {
    Attribute { name: name.to_owned(), kind }
}

fn schema(partition: (&str, KeyKind), sort: Option<(&str, KeyKind)>) -> KeySchema {
    KeySchema {
        partition: attribute(partition.0, partition.1),
        sort: sort.map(|(name, kind)| attribute(name, kind)),
    }
}

fn index(text: &str, scope: Scope, key: KeySchema, projected: Projected) -> NewIndex {
    NewIndex { name: name(text), scope, key, projected, throughput: None }
}

/// A table of partitions `p` and numbers `s`, with indexes by `g`, by `g` and `h`, and by `l`.
fn new_table(stream: Option<View>) -> NewTable {
    NewTable {
        name: name("table"),
        attributes: Vec::new(),
        key: schema(("p", KeyKind::S), Some(("s", KeyKind::N))),
        indexes: vec![
            index("by-g", Scope::Global, schema(("g", KeyKind::S), None), Projected::All),
            index(
                "by-gh",
                Scope::Global,
                schema(("g", KeyKind::S), Some(("h", KeyKind::B))),
                Projected::Keys,
            ),
            index(
                "by-l",
                Scope::Local,
                schema(("p", KeyKind::S), Some(("l", KeyKind::N))),
                Projected::Include(vec!["v".to_owned()]),
            ),
        ],
        settings: Settings::default(),
        stream,
        tags: BTreeMap::new(),
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn number(number: i64) -> Value {
    Value::Number(Number::from(number))
}

fn item(parts: &[(&str, Value)]) -> Item {
    parts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn put(item: Item) -> Write {
    Write { action: Action::Put(item), condition: None }
}
