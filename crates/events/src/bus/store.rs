//! Records as structs, and listings in pages.

use serde::{Serialize, de::DeserializeOwned};
use sonagi_backend::{
    Error, Snapshot, Transaction,
    records::{Direction, Record, after},
};
use sonagi_model::limits;

/// A part of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Whether there are more behind the last one.
    pub more: bool,
}

pub(super) fn decode<T: DeserializeOwned>(record: &[u8], what: &str) -> Result<T, Error> {
    serde_json::from_slice(record).map_err(|_| damaged(what))
}

pub(super) fn get<T: DeserializeOwned>(
    t: &mut dyn Transaction,
    key: &[u8],
    what: &str,
) -> Result<Option<T>, Error> {
    t.get(key)?.map(|record| decode(&record, what)).transpose()
}

pub(super) fn put<T: Serialize>(
    t: &mut dyn Transaction,
    key: &[u8],
    value: &T,
    what: &str,
) -> Result<(), Error> {
    t.put(key, &serde_json::to_vec(value).map_err(|_| damaged(what))?)
}

/// All records whose keys begin with `prefix`, of things of which there are not many.
pub(super) fn all(t: &mut dyn Transaction, prefix: &[u8]) -> Result<Vec<Record>, Error> {
    t.scan(prefix..&after(prefix), Direction::Forward, limits::SCAN_ROWS)
}

/// Those of a snapshot.
pub(super) async fn all_of(snapshot: &dyn Snapshot, prefix: &[u8]) -> Result<Vec<Record>, Error> {
    snapshot.scan(prefix..&after(prefix), Direction::Forward, limits::SCAN_ROWS).await
}

/// At most `most` things behind `last`, of those that are `wanted`, in the order of their names.
pub(super) fn page<T: DeserializeOwned>(
    records: &[Record],
    what: &str,
    most: usize,
    wanted: impl Fn(&T) -> bool,
) -> Result<Page<T>, Error> {
    let mut items = Vec::new();
    for record in records {
        let item: T = decode(&record.value, what)?;
        if !wanted(&item) {
            continue;
        }
        if items.len() == most {
            return Ok(Page { items, more: true });
        }
        items.push(item);
    }
    Ok(Page { items, more: false })
}

pub(super) fn damaged(what: &str) -> Error {
    Error::Damaged { what: what.to_owned() }
}
