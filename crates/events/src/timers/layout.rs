//! Where timers are among the records.
//!
//! ```text
//! events/timers/k<kind>/<key>        when it is due
//! events/timers/t<due><kind>/<key>   the same, by time
//! ```
//!
//! Times are big-endian, so that they sort.

use sonagi_backend::{Error, Transaction};
use sonagi_model::Timestamp;

const OWNERS: &[u8] = b"events/timers/k";
const TIMES: &[u8] = b"events/timers/t";

/// Sets the timer of that kind and key; if it was set already, this time counts.
pub(crate) fn set(t: &mut dyn Transaction, kind: &str, key: &str, due: Timestamp) -> Result<(), Error> {
    let owner = owner(kind, key);
    if let Some(before) = t.get(&owner)? {
        t.delete(&time(decode(&before)?, kind, key))?;
    }
    t.put(&owner, &due.micros().to_be_bytes())?;
    t.put(&time(due, kind, key), &[])
}

/// Removes it, if it is set.
pub(crate) fn remove(t: &mut dyn Transaction, kind: &str, key: &str) -> Result<(), Error> {
    let owner = owner(kind, key);
    if let Some(before) = t.get(&owner)? {
        t.delete(&owner)?;
        t.delete(&time(decode(&before)?, kind, key))?;
    }
    Ok(())
}

/// Removes it if it is still set for that time; whether it was.
pub(super) fn take(t: &mut dyn Transaction, Entry { due, kind, key }: &Entry) -> Result<bool, Error> {
    let owner = owner(kind, key);
    let set = t.get(&owner)?.map(|record| decode(&record)).transpose()? == Some(*due);
    if set {
        t.delete(&owner)?;
    }
    t.delete(&time(*due, kind, key))?;
    Ok(set)
}

/// A timer as it stands in the order of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) due: Timestamp,
    pub(super) kind: String,
    pub(super) key: String,
}

impl Entry {
    /// None for a key that is not one in the order of time.
    pub(super) fn of(key: &[u8]) -> Option<Self> {
        let (due, rest) = key.strip_prefix(TIMES)?.split_first_chunk::<8>()?;
        let (kind, key) = std::str::from_utf8(rest).ok()?.split_once('/')?;
        Some(Self { due: Timestamp(u64::from_be_bytes(*due)), kind: kind.into(), key: key.into() })
    }

    /// The due time alone, of a key that is one in the order of time.
    pub(super) fn due(key: &[u8]) -> Option<Timestamp> {
        let (due, _) = key.strip_prefix(TIMES)?.split_first_chunk::<8>()?;
        Some(Timestamp(u64::from_be_bytes(*due)))
    }
}

/// Where all timers are, in the order of time.
pub(super) fn all() -> (Vec<u8>, Vec<u8>) {
    (TIMES.to_vec(), sonagi_backend::records::after(TIMES))
}

fn owner(kind: &str, key: &str) -> Vec<u8> {
    [OWNERS, kind.as_bytes(), b"/", key.as_bytes()].concat()
}

fn time(due: Timestamp, kind: &str, key: &str) -> Vec<u8> {
    [TIMES, &due.micros().to_be_bytes(), kind.as_bytes(), b"/", key.as_bytes()].concat()
}

fn decode(record: &[u8]) -> Result<Timestamp, Error> {
    let bytes = record.try_into().map_err(|_| Error::Damaged { what: "a timer".into() })?;
    Ok(Timestamp(u64::from_be_bytes(bytes)))
}
