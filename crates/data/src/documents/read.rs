//! Reading items: one, several, and pages of a query or a scan.

use std::sync::Arc;

use bytes::Bytes;
use sonagi_backend::{
    Snapshot,
    records::{Direction, Record, after},
};
use sonagi_items::{
    Item, Value, codec,
    expression::{Condition, KeyCondition, KeyTest},
    key, size,
};
use sonagi_model::limits;

use super::{
    Documents, Index, IndexState, Invalid, KeySchema, Projected, Refusal, Table, TableName,
    layout::{self, BUCKETS, behind},
    table::damaged,
};
use crate::Result;

/// Which items are wanted, in their order.
#[derive(Debug, Clone)]
pub struct Query {
    pub index: Option<String>,
    pub condition: KeyCondition,
    pub order: Order,
    pub page: PageOf,
}

/// By the sort key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Forward,
    Reverse,
}

/// Which items are wanted, in no order.
#[derive(Debug, Clone)]
pub struct Scan {
    pub index: Option<String>,
    /// Of so many segments that one.
    pub segment: Option<(u32, u32)>,
    pub page: PageOf,
}

/// How much of what is wanted.
#[derive(Debug, Clone, Default)]
pub struct PageOf {
    /// Items that are looked at, at the most.
    pub limit: Option<usize>,
    /// The key that the last page ended with.
    pub start: Option<Item>,
    pub filter: Option<Condition>,
    pub consistent: bool,
    /// Attributes that are wanted of each item, as far as that is known: what an index does not have of them is fetched
    /// from the table, or refused.
    pub wanted: Wanted,
}

/// What is wanted of an index's items.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Wanted {
    /// What the index has.
    #[default]
    Projected,
    All,
    /// Attributes of these names, of which parts may be wanted.
    Names(Vec<String>),
}

/// A part of what is wanted.
#[derive(Debug, Clone, Default)]
pub struct Page {
    pub items: Vec<Item>,
    /// Items that were looked at.
    pub scanned: usize,
    /// Bytes of the items that were looked at, in the table or the index.
    pub size: usize,
    /// Bytes of each item that was fetched from the table beside its index.
    pub fetched: Vec<usize>,
    /// Where the next page begins; none: this is the last one.
    pub last: Option<Item>,
}

/// A range of keys, and what they are keys of.
struct Walk {
    table: Arc<Table>,
    index: Option<Index>,
    from: Vec<u8>,
    to: Vec<u8>,
    direction: Direction,
    page: PageOf,
}

impl Documents {
    /// The item of that key, and how many bytes it has.
    pub async fn get(&self, table: &TableName, key: &Item) -> Result<Option<Item>> {
        let table = self.recall(table).await?;
        let key = key_of(&table, key)?;
        let record = self.records().get(&key).await?;
        record.as_ref().map(decode).transpose()
    }

    /// The items of these keys, as they were at one moment, in the order in which they were asked for.
    pub async fn get_all(&self, wanted: &[(TableName, Item)]) -> Result<Vec<Option<Item>>> {
        let mut keys = Vec::with_capacity(wanted.len());
        for (table, key) in wanted {
            keys.push(key_of(&*self.recall(table).await?, key)?);
        }
        let records = self.records().snapshot().get_all(keys).await?;
        records.iter().map(|record| record.as_ref().map(decode).transpose()).collect()
    }

    /// The same, or why some of them cannot be.
    pub async fn transact_get(&self, wanted: &[(TableName, Item)]) -> Result<Vec<Option<Item>>> {
        let mut reasons = Vec::with_capacity(wanted.len());
        for (table, key) in wanted {
            let table = self.recall(table).await?;
            reasons.push(key_of(&table, key).err().map(Box::new));
        }
        if reasons.iter().any(Option::is_some) {
            return Err(Refusal::Canceled { reasons }.into());
        }
        self.get_all(wanted).await
    }

    pub async fn query(&self, table: &TableName, query: Query) -> Result<Page> {
        let table = self.recall(table).await?;
        let Query { index, condition, order, page } = query;
        let direction = match order {
            Order::Forward => Direction::Forward,
            Order::Reverse => Direction::Reverse,
        };
        let index = index_of(&table, index.as_deref(), &page)?;
        let schema = index.as_ref().map_or(&table.key, |index| &index.key);
        check_filter(schema, page.filter.as_ref(), "Filter Expression")?;
        let mut partition = prefix(&table, index.as_ref());
        let (from, to) = range(schema, &condition, &mut partition).map_err(Refusal::from)?;
        let walk = Walk { table, index, from, to, direction, page };
        let start = walk.page.start.as_ref().map(|start| walk.check_start(start)).transpose()?;
        if let Some(start) = &start {
            if !start.starts_with(&partition) {
                return Err(Refusal::from(Invalid::StartOutside).into());
            }
            if start.as_slice() < &walk.from[..] || start.as_slice() >= &walk.to[..] {
                return Err(Refusal::from(Invalid::StartOutsideSort).into());
            }
        }
        walk.run(&self.records().snapshot(), start).await
    }

    pub async fn scan(&self, table: &TableName, scan: Scan) -> Result<Page> {
        let table = self.recall(table).await?;
        let Scan { index, segment, page } = scan;
        let index = index_of(&table, index.as_deref(), &page)?;
        let prefix = prefix(&table, index.as_ref());
        let (from, to) = segment_of(&prefix, segment);
        let walk = Walk { table, index, from, to, direction: Direction::Forward, page };
        let start = walk.page.start.as_ref().map(|start| walk.check_start(start)).transpose()?;
        if let Some(start) = &start
            && (start.as_slice() < &walk.from[..] || start.as_slice() >= &walk.to[..])
        {
            return Err(Refusal::from(Invalid::Text(
                "The provided starting key is outside the segment of the scan".to_owned(),
            ))
            .into());
        }
        walk.run(&self.records().snapshot(), start).await
    }
}

pub(super) fn decode(record: &Bytes) -> Result<Item> {
    codec::decode(record).map_err(|_| damaged("an item").into())
}

pub(super) fn key_of(table: &Table, key: &Item) -> std::result::Result<Vec<u8>, Refusal> {
    table.key.check_key(key)?;
    let mut bytes = layout::all(layout::ITEM, table.id);
    table.key.write_with_bucket(&mut bytes, key)?;
    Ok(bytes)
}

fn index_of(table: &Table, name: Option<&str>, page: &PageOf) -> std::result::Result<Option<Index>, Refusal> {
    let Some(name) = name else { return Ok(None) };
    let index = table.index(name)?;
    if index.is_global() && page.consistent {
        return Err(Invalid::Consistent.into());
    }
    if index.state == IndexState::Filling {
        return Err(Invalid::Filling(name.to_owned()).into());
    }
    if index.is_global() {
        match &page.wanted {
            Wanted::All if index.projected != Projected::All => {
                return Err(Invalid::AllOfIndex(name.to_owned()).into());
            }
            Wanted::Names(names) => {
                let missing: Vec<_> =
                    names.iter().filter(|name| !index.has(table, name)).map(String::as_str).collect();
                if !missing.is_empty() {
                    let names = format!("[{}]", missing.join(", "));
                    return Err(Invalid::NotProjected { index: name.to_owned(), names }.into());
                }
            }
            Wanted::All | Wanted::Projected => {}
        }
    }
    Ok(Some(index.clone()))
}

/// A filter is asked of what was found by its key, which it therefore says nothing about.
fn check_filter(
    schema: &KeySchema,
    filter: Option<&Condition>,
    what: &'static str,
) -> std::result::Result<(), Refusal> {
    let mut names = filter.into_iter().flat_map(Condition::names);
    match names.find(|name| schema.has(name)) {
        Some(name) => Err(Invalid::FilterOnKey { what, name: name.to_owned() }.into()),
        None => Ok(()),
    }
}

fn prefix(table: &Table, index: Option<&Index>) -> Vec<u8> {
    match index {
        Some(index) => layout::entries(table.id, index.no),
        None => layout::all(layout::ITEM, table.id),
    }
}

/// The keys of a segment: those of a range of buckets.
fn segment_of(prefix: &[u8], segment: Option<(u32, u32)>) -> (Vec<u8>, Vec<u8>) {
    let Some((segment, of)) = segment else { return (prefix.to_vec(), after(prefix)) };
    let bound = |segment: u64| {
        let bucket = (segment * BUCKETS as u64).div_ceil(u64::from(of.max(1)));
        match u8::try_from(bucket) {
            Ok(bucket) => [prefix, &[bucket]].concat(),
            Err(_) => after(prefix),
        }
    };
    (bound(segment.into()), bound(u64::from(segment) + 1))
}

/// The keys that a condition is for; to `prefix` is added what all keys of its partition begin with.
fn range(
    schema: &KeySchema,
    condition: &KeyCondition,
    prefix: &mut Vec<u8>,
) -> std::result::Result<(Vec<u8>, Vec<u8>), Invalid> {
    let tests = condition.tests();
    let missing = || Invalid::ConditionMissing(schema.partition.name.clone());
    let partition = match tests.get(&schema.partition.name).ok_or_else(missing)? {
        KeyTest::Equal(value) => value,
        KeyTest::Less(_)
        | KeyTest::AtMost(_)
        | KeyTest::Greater(_)
        | KeyTest::AtLeast(_)
        | KeyTest::Between(..)
        | KeyTest::BeginsWith(_) => return Err(Invalid::ConditionKind),
    };
    check_value(partition, &schema.partition)?;
    KeySchema::write_partition(prefix, partition);
    let mut others = tests.iter().filter(|(name, _)| **name != schema.partition.name);
    let Some((name, test)) = others.next() else { return Ok((prefix.clone(), after(prefix))) };
    let sort = match &schema.sort {
        Some(sort) if sort.name == *name && others.next().is_none() => sort,
        Some(sort) => return Err(Invalid::ConditionMissing(sort.name.clone())),
        None => return Err(Invalid::ConditionKind),
    };
    let at = |value: &Value| -> std::result::Result<Vec<u8>, Invalid> {
        check_value(value, sort)?;
        let mut key = prefix.clone();
        key::write(&mut key, value);
        Ok(key)
    };
    Ok(match test {
        KeyTest::Equal(value) => (at(value)?, after(&at(value)?)),
        KeyTest::Less(value) => (prefix.clone(), at(value)?),
        KeyTest::AtMost(value) => (prefix.clone(), after(&at(value)?)),
        KeyTest::Greater(value) => (after(&at(value)?), after(prefix)),
        KeyTest::AtLeast(value) => (at(value)?, after(prefix)),
        KeyTest::Between(lower, upper) => (at(lower)?, after(&at(upper)?)),
        KeyTest::BeginsWith(value) => {
            let bytes = match value {
                Value::Text(text) if sort.kind == super::KeyKind::S => text.as_bytes(),
                Value::Binary(bytes) if sort.kind == super::KeyKind::B => bytes,
                _ => return Err(Invalid::ConditionType),
            };
            let mut from = prefix.clone();
            key::write_beginning(&mut from, bytes);
            let to = after(&from);
            (from, to)
        }
    })
}

fn check_value(value: &Value, attribute: &super::Attribute) -> std::result::Result<(), Invalid> {
    if value.kind() != attribute.kind.kind() {
        return Err(Invalid::ConditionType);
    }
    let kind = match value {
        Value::Text(text) if text.is_empty() => "string",
        Value::Binary(bytes) if bytes.is_empty() => "binary",
        _ => return Ok(()),
    };
    Err(Invalid::KeyEmpty { kind, name: attribute.name.clone() })
}

impl Walk {
    /// The bytes of the key that a page is to begin behind.
    fn check_start(&self, start: &Item) -> std::result::Result<Vec<u8>, Refusal> {
        let table = &self.table;
        let names = |schema: &KeySchema| schema.attributes().cloned().collect::<Vec<_>>();
        let mut attributes = names(&table.key);
        if let Some(index) = &self.index {
            attributes.extend(names(&index.key));
        }
        attributes.sort_by(|one, other| one.name.cmp(&other.name));
        attributes.dedup();
        let fits = start.len() == attributes.len()
            && attributes.iter().all(|attribute| {
                start.get(&attribute.name).is_some_and(|value| value.kind() == attribute.kind.kind())
            });
        if !fits {
            let is_same = start.len() == attributes.len();
            return Err(if is_same { Invalid::StartKey } else { Invalid::Start }.into());
        }
        let mut key = prefix(table, self.index.as_ref());
        match &self.index {
            Some(index) => index.key.write_entry(&table.key, &mut key, start)?,
            None => table.key.write_with_bucket(&mut key, start)?,
        }
        Ok(key)
    }

    fn last(&self, item: &Item) -> Item {
        let mut key = self.table.key.of(item);
        if let Some(index) = &self.index {
            key.extend(index.key.of(item));
        }
        key
    }

    async fn run(mut self, snapshot: &Arc<dyn Snapshot>, start: Option<Vec<u8>>) -> Result<Page> {
        match (start, self.direction) {
            (Some(start), Direction::Forward) => self.from = behind(&start),
            (Some(start), Direction::Reverse) => self.to = start,
            (None, _) => {}
        }
        let mut page = Page::default();
        let limit = self.page.limit.unwrap_or(usize::MAX);
        let mut rows = limits::PAGE_ROWS_FIRST.min(limit);
        loop {
            let records = snapshot.scan(&self.from..&self.to, self.direction, rows).await?;
            let is_last = records.len() < rows;
            if let Some(last) = records.last() {
                match self.direction {
                    Direction::Forward => self.from = behind(&last.key),
                    Direction::Reverse => self.to = last.key.to_vec(),
                }
            }
            for record in &records {
                self.look_at(snapshot, record, &mut page).await?;
                if page.scanned >= limit || page.size >= limits::PAGE_SIZE {
                    let entry = decode(&record.value)?;
                    page.last = Some(self.last(&entry));
                    return Ok(page);
                }
            }
            if is_last {
                return Ok(page);
            }
            // As many as there is room for, by what there were so far.
            let each = (page.size / page.scanned.max(1)).max(1);
            let room = (limits::PAGE_SIZE - page.size) / each + 1;
            rows = room.min(limit - page.scanned).clamp(1, limits::PAGE_ROWS);
        }
    }

    async fn look_at(&self, snapshot: &Arc<dyn Snapshot>, record: &Record, page: &mut Page) -> Result<()> {
        let mut item = decode(&record.value)?;
        page.scanned += 1;
        page.size += size(&item);
        if let Some(index) = self.index.as_ref().filter(|index| self.must_fetch(index)) {
            let mut key = layout::all(layout::ITEM, self.table.id);
            self.table.key.write_with_bucket(&mut key, &item).map_err(|_| damaged("an index's entry"))?;
            let record = snapshot.get(&key).await?;
            let record = record.ok_or_else(|| damaged(&format!("the index {}", index.name)))?;
            item = decode(&record)?;
            page.fetched.push(size(&item));
        }
        if self.page.filter.as_ref().is_none_or(|filter| filter.holds(&item)) {
            page.items.push(item);
        }
        Ok(())
    }

    /// Whether the index has not all that is wanted.
    fn must_fetch(&self, index: &Index) -> bool {
        match &self.page.wanted {
            Wanted::Projected => false,
            Wanted::All => index.projected != Projected::All,
            Wanted::Names(names) => !names.iter().all(|name| index.has(&self.table, name)),
        }
    }
}

impl Index {
    /// Whether the attribute is in it, if the item has it.
    fn has(&self, table: &Table, name: &str) -> bool {
        match &self.projected {
            Projected::All => true,
            Projected::Keys => self.key.has(name) || table.key.has(name),
            Projected::Include(names) => {
                names.iter().any(|other| other == name) || self.key.has(name) || table.key.has(name)
            }
        }
    }
}
