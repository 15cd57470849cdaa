//! What tables promise, each promise by its name, over the embedded records.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod indexes;
mod items;
mod model;
mod queries;
mod scans;
mod time;

use std::{
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
use sonagi_data::{
    Error,
    documents::{
        Action, Attribute, Count, Documents, KeyKind, KeySchema, NewIndex, NewTable, PageOf, Projected,
        Refusal, Scan, Scope, Settings, Table, TableName, View, Write, Written,
    },
};
use sonagi_items::{
    Item, Value,
    expression::{Condition, Substitutes, Update, Which},
};
use sonagi_model::{Clock, Entropy, Timestamp, clock::ManualClock};
use tempfile::TempDir;

/// Numbers that are all different: enough for ids.
#[derive(Debug, Default)]
struct Numbered(AtomicU64);

impl Entropy for Numbered {
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
    records: Arc<dyn Records>,
    folder: TempDir,
}

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Opens the folder; the tasks of a former life may hold it for a moment.
async fn open(folder: &Path, clock: Arc<dyn Clock>) -> (Documents, Arc<dyn Records>) {
    let records: Arc<dyn Records> = loop {
        match SqliteRecords::open(RecordsConfig::new(folder)) {
            Ok(records) => break Arc::new(records),
            Err(sonagi_backend::Error::Locked { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    let documents = Documents::open(Arc::clone(&records), clock, Arc::new(Numbered::default()));
    (documents, records)
}

impl World {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let clock = ManualClock::at(START);
        let (documents, records) = open(folder.path(), Arc::new(clock.clone())).await;
        Self { documents, clock, records, folder }
    }

    /// The same after a restart.
    async fn again(self) -> Self {
        let Self { documents, clock, records, folder } = self;
        drop((documents, records));
        let (documents, records) = open(folder.path(), Arc::new(clock.clone())).await;
        Self { documents, clock, records, folder }
    }

    async fn create(&self, new: NewTable) -> TableName {
        let name = new.name.clone();
        self.documents.create(new, None).await.unwrap();
        name
    }

    async fn table(&self, name: &TableName) -> Arc<Table> {
        self.documents.find(name).await.unwrap()
    }

    async fn write(&self, table: &TableName, write: Write) -> Written {
        self.documents.write(table, write).await.unwrap()
    }

    async fn refused(&self, table: &TableName, write: Write) -> Refusal {
        refusal(self.documents.write(table, write).await)
    }

    async fn put(&self, table: &TableName, item: Item) {
        self.write(table, put(item)).await;
    }

    /// Some at a time.
    async fn put_all(&self, table: &TableName, items: impl IntoIterator<Item = Item>) {
        let mut items = items.into_iter().peekable();
        while items.peek().is_some() {
            let some = items.by_ref().take(200).map(|item| (table.clone(), put(item)));
            self.documents.write_all(some.collect()).await.unwrap();
        }
    }

    async fn get(&self, table: &TableName, key: &Item) -> Option<Item> {
        self.documents.get(table, key).await.unwrap()
    }

    /// All items of a table or an index, read in pages of so many.
    async fn all(&self, table: &TableName, index: Option<&str>, limit: usize) -> Vec<Item> {
        let (mut all, mut start) = (Vec::new(), None);
        loop {
            let page = PageOf { limit: Some(limit), start, ..PageOf::default() };
            let scan = Scan { index: index.map(str::to_owned), segment: None, page };
            let page = self.documents.scan(table, scan).await.unwrap();
            assert!(page.items.len() <= limit);
            all.extend(page.items);
            start = page.last;
            if start.is_none() {
                return all;
            }
        }
    }

    /// That what is counted of a table and its indexes is what is in them.
    async fn counted(&self, name: &TableName) {
        let table = self.table(name).await;
        let counts = self.documents.count(&table).await.unwrap();
        assert_eq!(counts.table(), count_of(&self.all(name, None, 1_000).await), "{name}");
        for index in &table.indexes {
            let found = self.all(name, Some(index.name.as_str()), 1_000).await;
            assert_eq!(counts.index(index), count_of(&found), "{}", index.name);
        }
    }

    /// Keys of the records that tables have and that begin so.
    async fn left(&self, tag: &str) -> Vec<String> {
        let from = [b"data/documents/", tag.as_bytes()].concat();
        let to = sonagi_backend::records::after(&from);
        let snapshot = self.records.snapshot();
        let found = snapshot.scan(&from..&to, sonagi_backend::records::Direction::Forward, 10_000);
        found.await.unwrap().iter().map(|record| record.key.escape_ascii().to_string()).collect()
    }
}

fn count_of(items: &[Item]) -> Count {
    let bytes = items.iter().map(|item| sonagi_items::size(item) as u64).sum();
    Count { items: items.len() as u64, bytes }
}

fn name(text: &str) -> TableName {
    TableName::new(text).unwrap()
}

fn attribute(name: &str, kind: KeyKind) -> Attribute {
    Attribute { name: name.to_owned(), kind }
}

/// `pk` alone, or with `sk`: both are texts but where it is said.
fn key(partition: &str, sort: Option<&str>) -> KeySchema {
    keys((partition, KeyKind::S), sort.map(|sort| (sort, KeyKind::S)))
}

fn keys(partition: (&str, KeyKind), sort: Option<(&str, KeyKind)>) -> KeySchema {
    let sort = sort.map(|(name, kind)| attribute(name, kind));
    KeySchema { partition: attribute(partition.0, partition.1), sort }
}

fn new_table(text: &str, key: KeySchema) -> NewTable {
    NewTable {
        name: name(text),
        attributes: key.attributes().cloned().collect(),
        key,
        indexes: Vec::new(),
        settings: Settings::default(),
        stream: None,
        tags: Default::default(),
    }
}

/// Partitions `pk`, sorted by `sk`, with a stream.
fn orders() -> NewTable {
    NewTable { stream: Some(View::Both), ..new_table("orders", key("pk", Some("sk"))) }
}

/// A table of partitions `p` and numbers `s`, with indexes by `g`, by `g` and `h`, and by `l`.
fn indexed(stream: Option<View>) -> NewTable {
    NewTable {
        name: name("table"),
        attributes: Vec::new(),
        key: keys(("p", KeyKind::S), Some(("s", KeyKind::N))),
        indexes: vec![
            index("by-g", Scope::Global, keys(("g", KeyKind::S), None), Projected::All),
            index("by-gh", Scope::Global, keys(("g", KeyKind::S), Some(("h", KeyKind::B))), Projected::Keys),
            index(
                "by-l",
                Scope::Local,
                keys(("p", KeyKind::S), Some(("l", KeyKind::N))),
                Projected::Include(vec!["v".to_owned()]),
            ),
        ],
        settings: Settings::default(),
        stream,
        tags: Default::default(),
    }
}

fn index(text: &str, scope: Scope, key: KeySchema, projected: Projected) -> NewIndex {
    NewIndex { name: name(text), scope, key, projected, throughput: None }
}

fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}

fn number(number: i64) -> Value {
    Value::Number(number.into())
}

fn binary(bytes: impl Into<Vec<u8>>) -> Value {
    Value::Binary(bytes.into().into())
}

fn item<const N: usize>(attributes: [(&str, Value); N]) -> Item {
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A key of `orders`.
fn at(partition: &str, sort: &str) -> Item {
    item([("pk", text(partition)), ("sk", text(sort))])
}

fn with<const N: usize>(mut of: Item, attributes: [(&str, Value); N]) -> Item {
    of.extend(item(attributes));
    of
}

/// Names that begin with `:` are values.
fn substitutes<const N: usize>(values: [(&str, Value); N]) -> Substitutes {
    Substitutes::new(Default::default(), item(values))
}

fn condition<const N: usize>(text: &str, values: [(&str, Value); N]) -> Condition {
    Condition::parse(text, Which::Condition, &substitutes(values)).unwrap()
}

fn put(item: Item) -> Write {
    Write { action: Action::Put(item), condition: None }
}

fn delete(key: Item) -> Write {
    Write { action: Action::Delete { key }, condition: None }
}

fn check(key: Item) -> Write {
    Write { action: Action::Check { key }, condition: None }
}

fn update<const N: usize>(key: Item, text: &str, values: [(&str, Value); N]) -> Write {
    let update = Update::parse(text, &substitutes(values)).unwrap();
    Write { action: Action::Update { key, update: Some(update) }, condition: None }
}

fn only_if<const N: usize>(write: Write, text: &str, values: [(&str, Value); N]) -> Write {
    Write { condition: Some(condition(text, values)), ..write }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> Refusal {
    match result {
        Err(Error::Document(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}
