//! Writing one item within a transaction, and all that follows of it: the indexes' entries, the stream's record, when it
//! expires, the counts.

use bytes::Bytes;
use sonagi_backend::Transaction;
use sonagi_items::{
    Item, Value, codec,
    expression::{Condition, Update},
    size,
};
use sonagi_model::{Timestamp, limits};

use super::{
    Index, Invalid, Refusal, Table, TableName,
    count::{Changes, Of},
    error::Stop,
    history,
    index::Entry,
    layout::{self, Position},
    stream,
    table::damaged,
};

/// What is to be done to an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    pub action: Action,
    /// Of the item as it is before; of one that is not there, it is asked of an empty one.
    pub condition: Option<Condition>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Put(Item),
    /// An item that is not there is made of its key.
    Update {
        key: Item,
        update: Option<Update>,
    },
    Delete {
        key: Item,
    },
    /// Asks the condition alone.
    Check {
        key: Item,
    },
}

/// What a write has done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    pub old: Option<Item>,
    pub new: Option<Item>,
    pub cost: Cost,
    /// Bytes of the item's partition, of a table with local indexes.
    pub collection: Option<u64>,
}

/// Write units (Developer Guide, "DynamoDB read and write operations"): one for each KiB that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cost {
    pub table: u64,
    pub indexes: Vec<(TableName, super::Scope, u64)>,
}

/// Who changed an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Caller,
    Expiry,
}

/// A transaction that writes items.
pub(super) struct Writer<'t> {
    pub(super) t: &'t mut dyn Transaction,
    pub(super) now: Timestamp,
    /// How many places of its commit are taken.
    places: u64,
}

impl Write {
    /// The attributes by which its item is found: the key, or a whole item that has it.
    pub fn key(&self) -> &Item {
        match &self.action {
            Action::Put(item) => item,
            Action::Update { key, .. } | Action::Delete { key } | Action::Check { key } => key,
        }
    }

    /// What is wrong with it whatever there is in the table.
    pub(super) fn check(&self, table: &Table) -> Result<(), Invalid> {
        match &self.action {
            Action::Put(item) => {
                table.key.check_item(item)?;
                check_whole(item, Invalid::ItemSize)
            }
            Action::Update { key, update } => {
                table.key.check_key(key)?;
                let mut paths = update.iter().flat_map(Update::paths);
                match paths.find(|path| table.key.has(&path.name)) {
                    Some(path) => Err(Invalid::UpdatesKey(path.name.clone())),
                    None => Ok(()),
                }
            }
            Action::Delete { key } | Action::Check { key } => table.key.check_key(key),
        }
    }
}

/// What is too large, or so deep that its bytes could not be read.
fn check_whole(item: &Item, too_large: Invalid) -> Result<(), Invalid> {
    if size(item) > limits::ITEM_SIZE {
        return Err(too_large);
    }
    let is_deep = item.values().any(|value| value.is_deeper(limits::ITEM_DEPTH));
    if is_deep { Err(Invalid::Depth) } else { Ok(()) }
}

/// Units of so many bytes; what is not there costs one too.
pub(super) fn write_units(bytes: usize) -> u64 {
    (bytes.div_ceil(limits::WRITE_UNIT_SIZE) as u64).max(1)
}

impl<'t> Writer<'t> {
    pub(super) fn new(t: &'t mut dyn Transaction, now: Timestamp) -> Self {
        Self { t, now, places: 0 }
    }

    fn position(&mut self) -> Position {
        let position = layout::first_of(self.t.sequence()) + self.places;
        self.places += 1;
        position
    }

    /// Of what [`Write::check`] finds right.
    pub(super) fn write(&mut self, table: &Table, write: &Write) -> Result<Written, Stop> {
        let mut key = layout::all(layout::ITEM, table.id);
        table.key.write_with_bucket(&mut key, write.key())?;
        let record = self.t.get(&key)?;
        let old = record.as_ref().map(codec::decode).transpose().map_err(|_| damaged("an item"))?;
        let empty = Item::new();
        if write.condition.as_ref().is_some_and(|condition| !condition.holds(old.as_ref().unwrap_or(&empty)))
        {
            return Err(Refusal::ConditionFailed { item: old.map(Box::new) }.into());
        }
        let new = match &write.action {
            Action::Put(item) => Some(item.clone()),
            Action::Update { key, update } => Some(updated(old.as_ref(), key, update.as_ref())?),
            Action::Delete { .. } => None,
            Action::Check { .. } => {
                return Ok(Written { old, cost: Cost { table: 1, ..Cost::default() }, ..Written::default() });
            }
        };
        self.replace(table, &key, (old, record), new, By::Caller)
    }

    /// Puts `new` where `old` is.
    pub(super) fn replace(
        &mut self,
        table: &Table,
        key: &[u8],
        (old, record): (Option<Item>, Option<Bytes>),
        new: Option<Item>,
        by: By,
    ) -> Result<Written, Stop> {
        let (before, after) = (old.as_ref().map(size), new.as_ref().map(size));
        let units = write_units(before.unwrap_or_default().max(after.unwrap_or_default()));
        let mut written = Written { cost: Cost { table: units, indexes: Vec::new() }, ..Written::default() };
        let mut changes = Changes::default();
        changes.note(Of::Table, before, after);
        let mut local = after.unwrap_or_default() as i64 - before.unwrap_or_default() as i64;
        for index in &table.indexes {
            let (units, more) = self.enter(table, index, old.as_ref(), new.as_ref(), &mut changes)?;
            if units > 0 {
                written.cost.indexes.push((index.name.clone(), index.scope, units));
            }
            local += if index.is_global() { 0 } else { more };
        }
        let encoded = new.as_ref().map(codec::encode);
        // What changes nothing is no change: no stream tells of it.
        let is_changed = record != encoded;
        if is_changed {
            match &encoded {
                Some(encoded) => self.t.put(key, encoded)?,
                None => self.t.delete(key)?,
            }
            if let Some(expiry) = &table.expiry {
                let at =
                    |item: &Option<Item>| item.as_ref().and_then(|item| expires(item, &expiry.attribute));
                let (before, after) = (at(&old), at(&new));
                let behind = key.get(layout::PREFIX.len() + 9..).unwrap_or_default();
                if before != after {
                    if let Some(before) = before {
                        self.t.delete(&layout::expiry(table.id, before, behind))?;
                    }
                    if let Some(after) = after {
                        self.t.put(&layout::expiry(table.id, after, behind), &[])?;
                    }
                }
            }
            if table.stream.is_some() || table.recovery.is_some() {
                let position = self.position();
                let now = self.now;
                if let Some(of) = &table.stream {
                    let images = stream::Images { old: record.as_ref(), new: encoded.as_ref() };
                    let keys = table.key.of(new.as_ref().or(old.as_ref()).unwrap_or(&Item::new()));
                    stream::append(self.t, of, position, now, &keys, images, by)?;
                }
                if table.recovery.is_some() {
                    history::append(self.t, table.id, position, now, key, record.as_ref())?;
                }
            }
            changes.write(self.t, table.id)?;
        }
        if table.has_local_indexes()
            && let Some(item) = new.as_ref().or(old.as_ref())
        {
            written.collection = Some(self.collect(table, item, local)?);
        }
        (written.old, written.new) = (old, new);
        Ok(written)
    }

    /// Enters an item into an index. The units that it costs, and how many more bytes there are.
    fn enter(
        &mut self,
        table: &Table,
        index: &Index,
        old: Option<&Item>,
        new: Option<&Item>,
        changes: &mut Changes,
    ) -> Result<(u64, i64), Stop> {
        let after = new.map(|item| index.entry(table, item)).transpose()?.flatten();
        // What was let in before can be entered.
        let before = old.and_then(|item| index.entry(table, item).ok().flatten());
        let size = |entry: &Option<Entry>| entry.as_ref().map(|entry| entry.size);
        let more = size(&after).unwrap_or_default() as i64 - size(&before).unwrap_or_default() as i64;
        if before == after {
            return Ok((0, 0));
        }
        // One that is being filled has no entry yet of an item that was there before it.
        let is_there = match &before {
            Some(before) if index.state == super::IndexState::Filling => self.t.get(&before.key)?.is_some(),
            Some(_) => true,
            None => false,
        };
        changes.note(Of::Index(index.no), size(&before).filter(|_| is_there), size(&after));
        let mut units = 0;
        match (&before, &after) {
            (Some(before), Some(after)) if before.key == after.key => {
                units += write_units(before.size.max(after.size));
            }
            (before, after) => {
                units += before.as_ref().map_or(0, |entry| write_units(entry.size));
                units += after.as_ref().map_or(0, |entry| write_units(entry.size));
                if let Some(before) = before {
                    self.t.delete(&before.key)?;
                }
            }
        }
        if let Some(after) = &after {
            self.t.put(&after.key, &after.record)?;
        }
        Ok((units, more))
    }

    /// Counts the bytes of an item's partition, which are these more now.
    fn collect(&mut self, table: &Table, item: &Item, more: i64) -> Result<u64, Stop> {
        let mut key = layout::all(layout::COLLECTION, table.id);
        let Some(partition) = item.get(&table.key.partition.name) else { return Ok(0) };
        super::KeySchema::write_partition(&mut key, partition);
        let bytes = match self.t.get(&key)? {
            Some(record) => {
                u64::from_be_bytes(record.as_ref().try_into().map_err(|_| damaged("a partition's size"))?)
            }
            None => 0,
        };
        let after = bytes.saturating_add_signed(more);
        if more > 0 && after > limits::ITEM_COLLECTION_SIZE {
            return Err(Refusal::CollectionSize.into());
        }
        if after == 0 {
            self.t.delete(&key)?;
        } else if after != bytes {
            self.t.put(&key, &after.to_be_bytes())?;
        }
        Ok(after)
    }
}

fn updated(old: Option<&Item>, key: &Item, update: Option<&Update>) -> Result<Item, Invalid> {
    let empty = Item::new();
    let before = old.unwrap_or(&empty);
    let mut after = match update {
        Some(update) => update.of(before)?,
        None => before.clone(),
    };
    if old.is_none() {
        after.extend(key.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    check_whole(&after, Invalid::UpdatedItemSize)?;
    Ok(after)
}

/// When an item expires, if it does.
pub(super) fn expires(item: &Item, attribute: &str) -> Option<Timestamp> {
    let Some(Value::Number(number)) = item.get(attribute) else { return None };
    let seconds: f64 = number.to_string().parse().ok()?;
    // Beyond that are no times.
    (0.0..1e13).contains(&seconds).then(|| Timestamp(seconds as u64 * 1_000_000))
}
