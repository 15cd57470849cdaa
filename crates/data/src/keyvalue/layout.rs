//! Where a store's keys and values are among the records.
//!
//! ```text
//! data/keyvalue/keys/<app>/<store>/<key>     revision (8 bytes), a mark, and the value if it is small
//! data/keyvalue/values/<app>/<store>/<key>   a large value
//! ```
//!
//! Large values are apart so that a listing of keys need not read them.

use bytes::{BufMut as _, Bytes, BytesMut};
use sonagi_backend::{Error, Sequence, Transaction};
use sonagi_model::AppName;

/// Bytes of a value that is kept beside its key.
const BESIDE: usize = 512;

/// A key record's head: the revision and the mark.
const HEAD: usize = 9;
const MARK_BESIDE: u8 = 0;
const MARK_APART: u8 = 1;

/// The two places of one store.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    keys: Vec<u8>,
    values: Vec<u8>,
}

/// What a key's record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) revision: u64,
    pub(super) value: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Beside(Bytes),
    Apart,
}

impl Layout {
    /// `store` holds no slash, and so no store's place is within another's.
    pub(super) fn new(app: &AppName, store: &str) -> Self {
        Self {
            keys: format!("data/keyvalue/keys/{app}/{store}/").into_bytes(),
            values: format!("data/keyvalue/values/{app}/{store}/").into_bytes(),
        }
    }

    /// What all keys' records begin with.
    pub(super) fn keys(&self) -> &[u8] {
        &self.keys
    }

    pub(super) fn key(&self, key: &str) -> Vec<u8> {
        [&self.keys, key.as_bytes()].concat()
    }

    pub(super) fn value(&self, key: &str) -> Vec<u8> {
        [&self.values, key.as_bytes()].concat()
    }

    pub(super) fn entry(&self, t: &mut dyn Transaction, key: &str) -> Result<Option<Entry>, Error> {
        t.get(&self.key(key))?.map(Entry::decode).transpose()
    }

    /// The entry and its value.
    pub(super) fn read(&self, t: &mut dyn Transaction, key: &str) -> Result<Option<(Entry, Bytes)>, Error> {
        let Some(entry) = self.entry(t, key)? else { return Ok(None) };
        let value = match &entry.value {
            Place::Beside(value) => value.clone(),
            Place::Apart => t.get(&self.value(key))?.ok_or_else(missing)?,
        };
        Ok(Some((entry, value)))
    }

    pub(super) fn write(&self, t: &mut dyn Transaction, key: &str, value: &[u8]) -> Result<(), Error> {
        let Sequence(revision) = t.sequence();
        if value.len() <= BESIDE {
            self.drop_value(t, key)?;
            t.put(&self.key(key), &head(revision, MARK_BESIDE, value))
        } else {
            t.put(&self.value(key), value)?;
            t.put(&self.key(key), &head(revision, MARK_APART, &[]))
        }
    }

    pub(super) fn delete(&self, t: &mut dyn Transaction, key: &str) -> Result<(), Error> {
        // What is not there is not written about.
        if self.entry(t, key)?.is_some() {
            self.drop_value(t, key)?;
            t.delete(&self.key(key))?;
        }
        Ok(())
    }

    /// Deletes the large value that is there, if one is.
    fn drop_value(&self, t: &mut dyn Transaction, key: &str) -> Result<(), Error> {
        match self.entry(t, key)? {
            Some(Entry { value: Place::Apart, .. }) => t.delete(&self.value(key)),
            Some(Entry { value: Place::Beside(_), .. }) | None => Ok(()),
        }
    }
}

impl Entry {
    pub(super) fn decode(record: Bytes) -> Result<Self, Error> {
        let damaged = || Error::Damaged { what: "a key's record in a key-value store".into() };
        let (revision, rest) = record.split_first_chunk::<8>().ok_or_else(damaged)?;
        let value = match rest.first() {
            Some(&MARK_BESIDE) => Place::Beside(record.slice(HEAD..)),
            Some(&MARK_APART) if rest.len() == 1 => Place::Apart,
            Some(_) | None => return Err(damaged()),
        };
        Ok(Self { revision: u64::from_be_bytes(*revision), value })
    }
}

pub(super) fn missing() -> Error {
    Error::Damaged { what: "a value of a key-value store is not there".into() }
}

fn head(revision: u64, mark: u8, value: &[u8]) -> Bytes {
    let mut record = BytesMut::with_capacity(HEAD + value.len());
    record.put_u64(revision);
    record.put_u8(mark);
    record.put_slice(value);
    record.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_is_not_ours_is_damage_and_no_panic() {
        for record in [&b""[..], b"1234567", b"12345678", b"12345678\x02", b"12345678\x01value"] {
            let decoded = Entry::decode(Bytes::copy_from_slice(record));
            assert!(matches!(decoded, Err(Error::Damaged { .. })), "{record:?}");
        }
        let whole = Entry::decode(head(7, MARK_BESIDE, b"value")).unwrap();
        assert_eq!(whole, Entry { revision: 7, value: Place::Beside(Bytes::from_static(b"value")) });
    }
}
