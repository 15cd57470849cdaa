//! All tables: making, finding, changing and removing them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sonagi_backend::{
    Records, Transaction,
    records::{Direction, after},
};
use sonagi_model::{AppName, Clock, Entropy, RequestId, Timestamp, limits};
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Attribute, Counts, Expiry, Index, IndexState, Invalid, KeySchema, Projected, Refusal, Scope, Settings,
    Table, TableName, TableStream, Throughput, View, clear, count,
    error::Stop,
    janitor, layout,
    stream::Stream,
    table::{Known, damaged},
};
use crate::{Error, Result};

/// All tables. Cheap to clone.
#[derive(Clone)]
pub struct Documents {
    pub(super) inner: Arc<Inner>,
    /// Ends what works in the background with the last clone; that itself has none.
    _stop: Option<Arc<DropGuard>>,
}

pub(super) struct Inner {
    pub(super) records: Arc<dyn Records>,
    pub(super) clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    /// Something is to be done in the background.
    pub(super) work: Notify,
    known: Mutex<KnownTables>,
    /// Those who wait for a stream's records.
    readers: Mutex<HashMap<layout::Id, Arc<Notify>>>,
}

/// Tables as they were read the last time.
#[derive(Default)]
struct KnownTables {
    tables: HashMap<TableName, Known>,
    /// How often something was forgotten: what was read before that is not to be known afterwards.
    forgotten: u64,
}

impl KnownTables {
    fn forget(&mut self, name: &TableName) {
        self.tables.remove(name);
        self.forgotten += 1;
    }

    fn forget_all(&mut self) {
        self.tables.clear();
        self.forgotten += 1;
    }
}

/// A table that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTable {
    pub name: TableName,
    pub attributes: Vec<Attribute>,
    pub key: KeySchema,
    pub indexes: Vec<NewIndex>,
    pub settings: Settings,
    pub stream: Option<View>,
    pub tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewIndex {
    pub name: TableName,
    pub scope: Scope,
    pub key: KeySchema,
    pub projected: Projected,
    pub throughput: Option<Throughput>,
}

/// How a table is to be changed; what is none stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableChange {
    pub settings: Option<Settings>,
    /// A view: a stream is to be written; none in it: it is to be written no more.
    pub stream: Option<Option<View>>,
    pub index: Option<IndexChange>,
    /// Attributes that are defined from now on, of new indexes.
    pub attributes: Vec<Attribute>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexChange {
    Create(NewIndex),
    Delete(TableName),
    /// Several indexes' throughput.
    Update(Vec<(TableName, Throughput)>),
}

/// A part of all tables, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TablePage {
    pub tables: Vec<TableName>,
    /// Whether there are more behind the last one.
    pub more: bool,
}

impl Documents {
    /// Must be called within a Tokio runtime.
    pub fn open(records: Arc<dyn Records>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let from = records.sequence();
        let inner = Arc::new(Inner {
            records,
            clock,
            entropy,
            work: Notify::new(),
            known: Mutex::default(),
            readers: Mutex::default(),
        });
        let stop = CancellationToken::new();
        janitor::start(&inner, from, &stop);
        Self { inner, _stop: Some(Arc::new(stop.drop_guard())) }
    }

    /// For what works in the background.
    pub(super) fn within(inner: &Arc<Inner>) -> Self {
        Self { inner: Arc::clone(inner), _stop: None }
    }

    pub(super) fn records(&self) -> &Arc<dyn Records> {
        &self.inner.records
    }

    pub(super) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    fn uuid(&self) -> String {
        RequestId::random(&*self.inner.entropy).to_string()
    }

    /// Makes a table.
    pub async fn create(&self, new: NewTable, app: Option<AppName>) -> Result<Arc<Table>> {
        let (now, uuid, name) = (self.now(), self.uuid(), new.name.clone());
        let made = self
            .change(move |t| {
                if Table::find(t, &new.name)?.is_some() {
                    return Err(Refusal::Exists { name: new.name.clone() }.into());
                }
                make(t, &new, app.as_ref(), &uuid, now)
            })
            .await?;
        self.lock().forget(&name);
        Ok(Arc::new(made))
    }

    /// The table of that name as it was read the last time: for what every request needs to know of its table.
    pub async fn recall(&self, name: &TableName) -> Result<Arc<Table>> {
        Ok(self.known(name).await?.table)
    }

    /// The table of that name.
    pub async fn find(&self, name: &TableName) -> Result<Arc<Table>> {
        self.lock().forget(name);
        match self.known(name).await {
            Err(Error::Document(Refusal::NoTable)) => {
                Err(Refusal::NoTableNamed { name: name.clone() }.into())
            }
            known => Ok(known?.table),
        }
    }

    /// How much is in a table and its indexes.
    pub async fn count(&self, table: &Table) -> Result<Counts> {
        let record = self.records().get(&layout::all(layout::COUNT, table.id)).await?;
        Ok(record.map(|record| Counts::decode(&record)).transpose()?.unwrap_or_default())
    }

    /// At most `most` tables behind `last`, in the order of their names.
    pub async fn list(&self, last: Option<&str>, most: usize) -> Result<TablePage> {
        let from = match last {
            Some(last) => [layout::NAMES, last.as_bytes(), &[0]].concat(),
            None => layout::NAMES.to_vec(),
        };
        let to = after(layout::NAMES);
        let snapshot = self.records().snapshot();
        let mut found = snapshot.scan(&from..&to, Direction::Forward, most + 1).await?;
        let more = found.len() > most;
        found.truncate(most);
        let tables = found.iter().map(|record| {
            let name = record.key.strip_prefix(layout::NAMES).and_then(|name| std::str::from_utf8(name).ok());
            name.and_then(|name| TableName::new(name).ok()).ok_or_else(|| damaged("a table's name"))
        });
        Ok(TablePage { tables: tables.collect::<std::result::Result<_, _>>()?, more })
    }

    /// Changes a table; what it was, and what it is now.
    pub async fn update(&self, name: &TableName, change: TableChange) -> Result<Arc<Table>> {
        let now = self.now();
        let changed = self.alter(name, move |t, table| alter(t, table, &change, now)).await?;
        self.inner.work.notify_waiters();
        Ok(Arc::new(changed))
    }

    /// Removes a table with all that is in it. Its stream can be read on for a day.
    pub async fn delete(&self, name: &TableName) -> Result<Arc<Table>> {
        let (name, now) = (name.clone(), self.now());
        let gone = name.clone();
        let removed = self
            .change(move |t| {
                let table = Table::find(t, &name)?.ok_or(Refusal::NoTableNamed { name: name.clone() })?;
                if table.settings.protected {
                    return Err(Refusal::Protected.into());
                }
                remove(t, &table, now)?;
                Ok(table)
            })
            .await?;
        self.lock().forget(&gone);
        self.inner.work.notify_waiters();
        Ok(Arc::new(removed))
    }

    /// Gives a table other tags: `with` gets those that it has.
    pub async fn tag<F>(&self, name: &TableName, with: F) -> Result<()>
    where
        F: Fn(&mut BTreeMap<String, String>) + Send + 'static,
    {
        let tagged = self.alter(name, move |_, table| {
            with(&mut table.tags);
            if table.tags.len() > limits::TAGS { Err(Refusal::TooManyTags.into()) } else { Ok(()) }
        });
        tagged.await.map(drop)
    }

    /// Has items expire by that attribute, or no longer.
    pub async fn expire_by(&self, name: &TableName, attribute: Option<String>) -> Result<()> {
        let set = self.alter(name, move |t, table| {
            match (&table.expiry, &attribute) {
                (Some(_), Some(_)) => {
                    return Err(Invalid::Text("TimeToLive is already enabled".to_owned()).into());
                }
                (None, None) => {
                    return Err(Invalid::Text("TimeToLive is already disabled".to_owned()).into());
                }
                (Some(_), None) => {
                    clear::later(t, layout::all(layout::EXPIRY, table.id))?;
                    table.expiry = None;
                }
                (None, Some(_)) if clear::is_pending(t, &layout::all(layout::EXPIRY, table.id))? => {
                    return Err(Invalid::Text(
                        "Time to live has been modified multiple times within a fixed interval".to_owned(),
                    )
                    .into());
                }
                (None, Some(attribute)) => {
                    table.expiry = Some(Expiry { attribute: attribute.clone(), filling: true });
                }
            }
            Ok(())
        });
        set.await?;
        self.inner.work.notify_waiters();
        Ok(())
    }

    /// Keeps what items were, so that the table can be restored as it was at a time, or no longer.
    pub async fn keep_history(&self, name: &TableName, keep: bool) -> Result<Arc<Table>> {
        let now = self.now();
        let set = self.alter(name, move |t, table| {
            match (table.recovery, keep) {
                (None, true) => table.recovery = Some(now),
                (Some(_), false) => {
                    // What comes later is behind it.
                    let before = layout::first_of(t.sequence());
                    let to = layout::position(layout::HISTORY, table.id, before);
                    clear::later_until(t, layout::all(layout::HISTORY, table.id), to)?;
                    table.recovery = None;
                }
                (Some(_), true) | (None, false) => {}
            }
            Ok(())
        });
        Ok(Arc::new(set.await?))
    }

    async fn alter<F>(&self, name: &TableName, mut with: F) -> Result<Table>
    where
        F: FnMut(&mut dyn Transaction, &mut Table) -> std::result::Result<(), Stop> + Send + 'static,
    {
        let known = name.clone();
        let name = name.clone();
        let altered = self
            .change(move |t| {
                let found = Table::find(t, &name)?;
                let mut table = found.ok_or_else(|| Refusal::NoTableNamed { name: name.clone() })?;
                with(t, &mut table)?;
                table.store(t)?;
                Ok(table)
            })
            .await?;
        // Who has made a change sees it, before the feed tells of it.
        self.lock().forget(&known);
        Ok(altered)
    }

    /// Runs `body` as one transaction; what it refuses is not written.
    pub(super) async fn change<T, F>(&self, mut body: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Transaction) -> std::result::Result<T, Stop> + Send + 'static,
    {
        let attempt = self.records().attempt(move |t| match body(t) {
            Ok(value) => Ok(Ok(value)),
            Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
            Err(Stop::Failed(error)) => Err(error),
        });
        Ok(attempt.await??)
    }

    /// The table as it was read the last time: transactions find out whether it is so still.
    pub(super) async fn known(&self, name: &TableName) -> Result<Known> {
        let forgotten = {
            let known = self.lock();
            if let Some(known) = known.tables.get(name) {
                return Ok(known.clone());
            }
            known.forgotten
        };
        let record = self.records().get(&layout::name(name)).await?;
        let known = Known::of(record.ok_or(Refusal::NoTable)?)?;
        let mut all = self.lock();
        if all.forgotten != forgotten {
            return Ok(known);
        }
        if all.tables.len() >= limits::TABLES_KNOWN {
            all.tables.clear();
        }
        all.tables.insert(name.clone(), known.clone());
        Ok(known)
    }

    fn lock(&self) -> MutexGuard<'_, KnownTables> {
        self.inner.known()
    }
}

impl Inner {
    fn known(&self) -> MutexGuard<'_, KnownTables> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A table was made, changed or removed.
    pub(super) fn forget_name(&self, name: &[u8]) {
        if let Some(name) = std::str::from_utf8(name).ok().and_then(|name| TableName::new(name).ok()) {
            self.known().forget(&name);
        }
    }

    pub(super) fn forget_names(&self) {
        self.known().forget_all();
    }

    /// What is told when the stream has more records.
    pub(super) fn reader(&self, stream: layout::Id) -> Arc<Notify> {
        Arc::clone(self.readers().entry(stream).or_default())
    }

    pub(super) fn wake(&self, stream: layout::Id) {
        let mut readers = self.readers();
        // Nobody else holds it: nobody waits any more.
        if readers.get(&stream).is_some_and(|reader| Arc::strong_count(reader) == 1) {
            readers.remove(&stream);
        } else if let Some(reader) = readers.get(&stream) {
            reader.notify_waiters();
        }
    }

    pub(super) fn wake_readers(&self) {
        self.readers().values().for_each(|reader| reader.notify_waiters());
    }

    fn readers(&self) -> MutexGuard<'_, HashMap<layout::Id, Arc<Notify>>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number that no other table or stream has; `taken` is where a record says so.
fn new_id(
    t: &mut dyn Transaction,
    taken: impl Fn(layout::Id) -> Vec<u8>,
) -> std::result::Result<layout::Id, Stop> {
    let mut id = t.sequence().0 << layout::WITHIN_ID;
    // Several may be made in one commit.
    while t.get(&taken(id))?.is_some() {
        id += 1;
    }
    t.put(&taken(id), &[])?;
    Ok(id)
}

pub(super) fn make(
    t: &mut dyn Transaction,
    new: &NewTable,
    app: Option<&AppName>,
    uuid: &str,
    now: Timestamp,
) -> std::result::Result<Table, Stop> {
    let (from, to) = (layout::NAMES.to_vec(), after(layout::NAMES));
    if t.scan(&from..&to, Direction::Forward, limits::TABLES)?.len() >= limits::TABLES {
        return Err(Refusal::TooManyTables.into());
    }
    let id = new_id(t, |id| layout::all(layout::COUNT, id))?;
    let indexes = new.indexes.iter().zip(0..).map(|(index, no)| index.made(no, IndexState::Active)).collect();
    let mut table = Table {
        name: new.name.clone(),
        id,
        uuid: uuid.to_owned(),
        app: app.cloned(),
        left: None,
        attributes: new.attributes.clone(),
        key: new.key.clone(),
        next_index: new.indexes.len() as u32,
        indexes,
        settings: new.settings.clone(),
        stream: None,
        expiry: None,
        recovery: None,
        tags: new.tags.clone(),
        created: now,
    };
    if let Some(view) = new.stream {
        begin_stream(t, &mut table, view, now)?;
    }
    table.store(t)?;
    Ok(table)
}

impl NewIndex {
    fn made(&self, no: layout::IndexNo, state: IndexState) -> Index {
        Index {
            name: self.name.clone(),
            no,
            scope: self.scope,
            key: self.key.clone(),
            projected: self.projected.clone(),
            throughput: self.throughput,
            state,
        }
    }
}

pub(super) fn remove(
    t: &mut dyn Transaction,
    table: &Table,
    now: Timestamp,
) -> std::result::Result<(), Stop> {
    end_stream(t, table, now)?;
    t.delete(&layout::name(&table.name))?;
    layout::TAGS.into_iter().try_for_each(|tag| clear::later(t, layout::all(tag, table.id)))?;
    Ok(())
}

pub(super) fn alter(
    t: &mut dyn Transaction,
    table: &mut Table,
    change: &TableChange,
    now: Timestamp,
) -> std::result::Result<(), Stop> {
    if let Some(settings) = &change.settings {
        table.settings = settings.clone();
    }
    match change.stream {
        None => {}
        Some(Some(_)) if table.stream.is_some() => {
            return Err(Invalid::Text("Table already has an enabled stream".to_owned()).into());
        }
        Some(Some(view)) => begin_stream(t, table, view, now)?,
        Some(None) => {
            end_stream(t, table, now)?;
            table.stream = None;
        }
    }
    for attribute in &change.attributes {
        match table.attributes.iter_mut().find(|known| known.name == attribute.name) {
            Some(known) => *known = attribute.clone(),
            None => table.attributes.push(attribute.clone()),
        }
    }
    match &change.index {
        None => {}
        Some(IndexChange::Create(new)) => {
            if table.indexes.iter().any(|index| index.name == new.name) {
                let text = format!("Attempting to create an index which already exists: {}", new.name);
                return Err(Invalid::Text(text).into());
            }
            let index = new.made(table.next_index, IndexState::Filling);
            table.next_index += 1;
            table.indexes.push(index);
        }
        Some(IndexChange::Delete(name)) => {
            let no = table.index(name.as_str()).map_err(|_| Refusal::NoIndexNamed { name: name.clone() })?.no;
            table.indexes.retain(|index| index.no != no);
            let Table { attributes, key, indexes, .. } = &mut *table;
            attributes.retain(|attribute| {
                let name = &attribute.name;
                key.has(name) || indexes.iter().any(|index| index.key.has(name))
            });
            clear::later(t, layout::entries(table.id, no))?;
            count::forget(t, table.id, no)?;
        }
        Some(IndexChange::Update(throughputs)) => {
            for (name, throughput) in throughputs {
                let index = table.indexes.iter_mut().find(|index| index.name == *name);
                let index = index.ok_or_else(|| Refusal::NoIndexNamed { name: name.clone() })?;
                index.throughput = Some(*throughput);
            }
        }
    }
    Ok(())
}

/// `2026-01-31T12:00:00.123`
fn label_of(now: Timestamp) -> String {
    let mut label = now.to_string();
    label.truncate(LABEL);
    label
}

/// Letters of a label: milliseconds are its last.
const LABEL: usize = 23;

fn begin_stream(
    t: &mut dyn Transaction,
    table: &mut Table,
    view: View,
    now: Timestamp,
) -> std::result::Result<(), Stop> {
    let mut at = now;
    // One that was begun in the same millisecond has another label.
    while t.get(&layout::stream(&table.name, &label_of(at)))?.is_some() {
        at = Timestamp(at.micros() + 1_000);
    }
    let label = label_of(at);
    // It has an id of its own, as its records outlive the table. No record is at that position.
    let id = new_id(t, |id| layout::position(layout::STREAM, id, 0))?;
    let stream = Stream {
        table: table.name.clone(),
        label: label.clone(),
        id,
        view,
        key: table.key.clone(),
        created: now,
        ended: None,
    };
    stream.store(t)?;
    table.stream = Some(TableStream { id, view, label });
    Ok(())
}

fn end_stream(t: &mut dyn Transaction, table: &Table, now: Timestamp) -> std::result::Result<(), Stop> {
    let Some(of) = &table.stream else { return Ok(()) };
    if let Some(mut stream) = Stream::find(t, &table.name, &of.label)? {
        stream.ended = Some(now);
        stream.store(t)?;
    }
    Ok(())
}
