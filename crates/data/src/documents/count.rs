//! How much is in a table and its indexes, exactly: kept by the transactions that change it.

use sonagi_backend::{Error, Transaction};

use super::{
    layout::{self, Id, IndexNo},
    table::damaged,
};

/// Items, and bytes as DynamoDB counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    pub items: u64,
    pub bytes: u64,
}

/// Whose count it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Table,
    Index(IndexNo),
}

/// How counts change by one write.
#[derive(Debug, Default)]
pub(super) struct Changes(Vec<(u32, i64, i64)>);

const TABLE: u32 = u32::MAX;
const SIZE: usize = 20;

impl Of {
    fn number(self) -> u32 {
        match self {
            Self::Table => TABLE,
            Self::Index(no) => no,
        }
    }
}

impl Changes {
    /// What was that large is now so large; none: it is not there.
    pub(super) fn note(&mut self, of: Of, before: Option<usize>, after: Option<usize>) {
        let items = i64::from(after.is_some()) - i64::from(before.is_some());
        let bytes = after.unwrap_or_default() as i64 - before.unwrap_or_default() as i64;
        if (items, bytes) == (0, 0) {
            return;
        }
        match self.0.iter_mut().find(|(number, ..)| *number == of.number()) {
            Some(change) => {
                change.1 += items;
                change.2 += bytes;
            }
            None => self.0.push((of.number(), items, bytes)),
        }
    }

    pub(super) fn write(&self, t: &mut dyn Transaction, id: Id) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let key = layout::all(layout::COUNT, id);
        let mut counts = read(t.get(&key)?.as_deref().unwrap_or_default())?;
        for (number, items, bytes) in &self.0 {
            let place = match counts.iter().position(|(other, _)| other == number) {
                Some(place) => place,
                None => {
                    counts.push((*number, Count::default()));
                    counts.len() - 1
                }
            };
            let count = &mut counts[place].1;
            count.items = count.items.saturating_add_signed(*items);
            count.bytes = count.bytes.saturating_add_signed(*bytes);
        }
        t.put(&key, &written(&counts))
    }
}

fn read(record: &[u8]) -> Result<Vec<(u32, Count)>, Error> {
    let (chunks, rest) = record.as_chunks::<SIZE>();
    if !rest.is_empty() {
        return Err(damaged("the count of a table's items"));
    }
    let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let count = |chunk: &[u8; SIZE]| Count { items: number(&chunk[4..12]), bytes: number(&chunk[12..]) };
    Ok(chunks.iter().map(|chunk| (number(&chunk[..4]) as u32, count(chunk))).collect())
}

fn written(counts: &[(u32, Count)]) -> Vec<u8> {
    let mut record = Vec::with_capacity(counts.len() * SIZE);
    for (number, count) in counts {
        record.extend_from_slice(&number.to_be_bytes());
        record.extend_from_slice(&count.items.to_be_bytes());
        record.extend_from_slice(&count.bytes.to_be_bytes());
    }
    record
}

/// Takes the count of an index away that is no longer there.
pub(super) fn forget(t: &mut dyn Transaction, id: Id, index: IndexNo) -> Result<(), Error> {
    let key = layout::all(layout::COUNT, id);
    let mut counts = read(t.get(&key)?.as_deref().unwrap_or_default())?;
    counts.retain(|(number, _)| *number != index);
    t.put(&key, &written(&counts))
}

/// The count of a table, and of its indexes by their numbers.
#[derive(Debug, Clone, Default)]
pub struct Counts(Vec<(u32, Count)>);

impl Counts {
    pub(super) fn decode(record: &[u8]) -> Result<Self, Error> {
        read(record).map(Self)
    }

    pub fn table(&self) -> Count {
        self.of(TABLE)
    }

    pub fn index(&self, index: &super::Index) -> Count {
        self.of(index.no)
    }

    fn of(&self, number: u32) -> Count {
        self.0.iter().find(|(other, _)| *other == number).map_or(Count::default(), |(_, count)| *count)
    }
}
