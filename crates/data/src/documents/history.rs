//! What items were, so that a table can be restored as it was at a time (Developer Guide, "Point-in-time backups for
//! DynamoDB").

use bytes::{BufMut as _, Bytes, BytesMut};
use sonagi_backend::{Error, Transaction};
use sonagi_model::Timestamp;

use super::{
    layout::{self, Id, Position},
    table::damaged,
};

/// An item as it was before a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Past {
    /// When it was changed.
    pub(super) until: Timestamp,
    pub(super) key: Bytes,
    /// None: it was not there.
    pub(super) record: Option<Bytes>,
}

pub(super) fn append(
    t: &mut dyn Transaction,
    id: Id,
    position: Position,
    now: Timestamp,
    key: &[u8],
    record: Option<&Bytes>,
) -> Result<(), Error> {
    let mut past = BytesMut::with_capacity(key.len() + record.map_or(0, Bytes::len) + 16);
    past.put_u64(now.micros());
    past.put_u32(key.len() as u32);
    past.put_slice(key);
    past.put_u8(u8::from(record.is_some()));
    past.put_slice(record.map_or(&[], |record| &record[..]));
    t.put(&layout::position(layout::HISTORY, id, position), &past)
}

impl Past {
    pub(super) fn decode(record: &Bytes) -> Result<Self, Error> {
        let read = || {
            let (until, rest) = record.split_first_chunk::<8>()?;
            let (size, rest) = rest.split_first_chunk::<4>()?;
            let size = u32::from_be_bytes(*size) as usize;
            let key = rest.get(..size)?;
            let (is_there, rest) = rest.get(size..)?.split_first()?;
            let item = (*is_there != 0).then(|| record.slice_ref(rest));
            let until = Timestamp(u64::from_be_bytes(*until));
            Some(Self { until, key: record.slice_ref(key), record: item })
        };
        read().ok_or_else(|| damaged("what an item was"))
    }
}
