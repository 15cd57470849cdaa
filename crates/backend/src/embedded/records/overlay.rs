//! Writes that are not in the database yet, and reading through them.
//!
//! ```text
//!   a transaction's own writes  ► hide ►  its batch's writes so far  ► hide ►  the database
//! ```
//!
//! Because a body writes into an overlay of its own, giving it up is dropping the overlay: no savepoint is needed.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashMap, btree_map},
    ops::{Bound, Range},
};

use bytes::Bytes;
use rusqlite::{
    Connection, OptionalExtension as _, fallible_streaming_iterator::FallibleStreamingIterator as _,
};
use sonagi_model::limits;

use super::schema;
use crate::{
    Change, Error, Result, Sequence, Transaction,
    records::{Direction, Record},
};

/// Writes by key; none is a deletion.
#[derive(Default)]
pub(super) struct Overlay {
    writes: BTreeMap<Bytes, Option<Bytes>>,
    size: usize,
}

impl Overlay {
    pub(super) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Bytes of all keys and values.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn iter(&self) -> btree_map::Iter<'_, Bytes, Option<Bytes>> {
        self.writes.iter()
    }

    pub(super) fn changes(&self) -> Vec<Change> {
        self.writes.iter().map(|(key, value)| Change { key: key.clone(), value: value.clone() }).collect()
    }

    /// Lays the writes of a later transaction over these.
    pub(super) fn absorb(&mut self, later: Self) {
        for (key, value) in later.writes {
            self.set(key, value);
        }
    }

    fn get(&self, key: &[u8]) -> Option<&Option<Bytes>> {
        self.writes.get(key)
    }

    fn set(&mut self, key: Bytes, value: Option<Bytes>) {
        let key_size = key.len();
        self.size += value.as_ref().map_or(0, Bytes::len);
        match self.writes.insert(key, value) {
            Some(before) => self.size -= before.map_or(0, |value| value.len()),
            None => self.size += key_size,
        }
    }

    fn range(&self, range: &Range<&[u8]>) -> btree_map::Range<'_, Bytes, Option<Bytes>> {
        self.writes.range::<[u8], _>((Bound::Included(range.start), Bound::Excluded(range.end)))
    }
}

/// What a batch's transactions have read of the database, which stays as it is until the batch is written: many of them
/// read the same records.
#[derive(Default)]
pub(super) struct Reads {
    known: HashMap<Bytes, Option<Bytes>>,
    /// Bytes of their keys and values.
    size: usize,
}

impl Reads {
    fn get(&mut self, connection: &Connection, key: &[u8]) -> rusqlite::Result<Option<Bytes>> {
        if let Some(known) = self.known.get(key) {
            return Ok(known.clone());
        }
        let value = get(connection, key)?;
        let size = key.len() + value.as_ref().map_or(0, Bytes::len);
        if size <= limits::READ_AGAIN_SIZE && self.size + size <= limits::READS_AGAIN_SIZE {
            self.size += size;
            self.known.insert(Bytes::copy_from_slice(key), value.clone());
        }
        Ok(value)
    }
}

/// One transaction while its body runs.
pub(super) struct Running<'a> {
    connection: &'a Connection,
    batch: &'a Overlay,
    reads: &'a mut Reads,
    own: Overlay,
    next: Sequence,
}

impl<'a> Running<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        batch: &'a Overlay,
        reads: &'a mut Reads,
        next: Sequence,
    ) -> Self {
        Self { connection, batch, reads, own: Overlay::default(), next }
    }

    pub(super) fn into_writes(self) -> Overlay {
        self.own
    }

    fn write(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<()> {
        within("the record's key", key.len(), limits::RECORD_KEY_SIZE)?;
        within("the record's value", value.map_or(0, <[u8]>::len), limits::RECORD_VALUE_SIZE)?;
        let replaced = match self.own.get(key) {
            Some(before) => before.as_ref().map_or(0, Bytes::len),
            None => {
                let count = self.own.writes.len() + 1;
                if count > limits::TRANSACTION_WRITES {
                    return Err(Error::TooMany {
                        what: "writes in one transaction",
                        limit: limits::TRANSACTION_WRITES,
                    });
                }
                0
            }
        };
        let size = self.own.size - replaced + key.len() + value.map_or(0, <[u8]>::len);
        within("the transaction", size, limits::TRANSACTION_SIZE)?;
        self.own.set(Bytes::copy_from_slice(key), value.map(Bytes::copy_from_slice));
        Ok(())
    }
}

impl Transaction for Running<'_> {
    fn get(&mut self, key: &[u8]) -> Result<Option<Bytes>> {
        match self.own.get(key).or_else(|| self.batch.get(key)) {
            Some(written) => Ok(written.clone()),
            None => schema::checked("read a record", self.reads.get(self.connection, key)),
        }
    }

    fn scan(&mut self, range: Range<&[u8]>, direction: Direction, limit: usize) -> Result<Vec<Record>> {
        let limit = limit.min(limits::SCAN_ROWS);
        if range.start >= range.end || limit == 0 {
            return Ok(Vec::new());
        }
        let mut own = self.own.range(&range).peekable();
        let mut batch = self.batch.range(&range).peekable();
        // An empty overlay is the usual case, and the two directions differ only in the iterators' ends.
        if own.peek().is_none() && batch.peek().is_none() {
            return schema::checked("scan records", scan(self.connection, &range, direction, limit));
        }
        let written: Box<dyn Iterator<Item = Written<'_>>> = match direction {
            Direction::Forward => Box::new(Merged::new(own, batch, direction)),
            Direction::Reverse => {
                Box::new(Merged::new(self.own.range(&range).rev(), self.batch.range(&range).rev(), direction))
            }
        };
        schema::checked("scan records", scan_under(self.connection, written, &range, direction, limit))
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.write(key, Some(value))
    }

    fn delete(&mut self, key: &[u8]) -> Result<()> {
        self.write(key, None)
    }

    fn sequence(&self) -> Sequence {
        self.next
    }
}

/// A record of the database.
pub(super) fn get(connection: &Connection, key: &[u8]) -> rusqlite::Result<Option<Bytes>> {
    connection
        .prepare_cached(schema::GET)?
        .query_row([key], |row| Ok(Bytes::copy_from_slice(row.get_ref(0)?.as_blob()?)))
        .optional()
}

/// Records of the database.
pub(super) fn scan(
    connection: &Connection,
    range: &Range<&[u8]>,
    direction: Direction,
    limit: usize,
) -> rusqlite::Result<Vec<Record>> {
    let mut statement = connection.prepare_cached(sql(direction))?;
    let mut rows = statement.query((range.start, range.end, limit as i64))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(record(row)?);
    }
    Ok(found)
}

type Written<'a> = (&'a Bytes, &'a Option<Bytes>);

/// Records of the database as the writes over them leave them.
fn scan_under<'a>(
    connection: &Connection,
    written: impl Iterator<Item = Written<'a>>,
    range: &Range<&[u8]>,
    direction: Direction,
    limit: usize,
) -> rusqlite::Result<Vec<Record>> {
    let mut statement = connection.prepare_cached(sql(direction))?;
    // No limit (-1): how many rows the writes hide is not known; rows are fetched one by one.
    let mut rows = statement.query((range.start, range.end, -1_i64))?;
    let mut written = written.peekable();
    let mut found = Vec::new();
    let mut is_stored = rows.next()?.is_some();
    while found.len() < limit {
        let stored = if is_stored { rows.get() } else { None };
        let order = match (stored, written.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            // What a write hides is not copied: there may be much of it.
            (Some(row), Some((key, _))) => ordered(row.get_ref(0)?.as_blob()?.cmp(&key[..]), direction),
        };
        if order.is_lt() {
            found.extend(stored.map(record).transpose()?);
        }
        if order.is_le() {
            is_stored = rows.next()?.is_some();
        }
        if order.is_ge()
            && let Some((key, Some(value))) = written.next()
        {
            found.push(Record { key: key.clone(), value: value.clone() });
        }
    }
    Ok(found)
}

/// Two sorted runs of writes as one; where both have a key, the upper one's write counts.
struct Merged<U: Iterator, L: Iterator> {
    upper: std::iter::Peekable<U>,
    lower: std::iter::Peekable<L>,
    direction: Direction,
}

impl<'a, U: Iterator<Item = Written<'a>>, L: Iterator<Item = Written<'a>>> Merged<U, L> {
    fn new(upper: U, lower: L, direction: Direction) -> Self {
        Self { upper: upper.peekable(), lower: lower.peekable(), direction }
    }
}

impl<'a, U: Iterator<Item = Written<'a>>, L: Iterator<Item = Written<'a>>> Iterator for Merged<U, L> {
    type Item = Written<'a>;

    fn next(&mut self) -> Option<Written<'a>> {
        let order = match (self.upper.peek(), self.lower.peek()) {
            (None, _) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some((upper, _)), Some((lower, _))) => ordered(upper.cmp(lower), self.direction),
        };
        if order.is_eq() {
            self.lower.next();
        }
        if order.is_le() { self.upper.next() } else { self.lower.next() }
    }
}

fn ordered(order: Ordering, direction: Direction) -> Ordering {
    match direction {
        Direction::Forward => order,
        Direction::Reverse => order.reverse(),
    }
}

fn sql(direction: Direction) -> &'static str {
    match direction {
        Direction::Forward => schema::SCAN_FORWARD,
        Direction::Reverse => schema::SCAN_REVERSE,
    }
}

fn record(row: &rusqlite::Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record {
        key: Bytes::copy_from_slice(row.get_ref(0)?.as_blob()?),
        value: Bytes::copy_from_slice(row.get_ref(1)?.as_blob()?),
    })
}

fn within(what: &'static str, size: usize, limit: usize) -> Result<()> {
    if size > limit { Err(Error::TooLarge { what, size, limit }) } else { Ok(()) }
}
