//! What a stream's records are, and how they are written and kept.

use bytes::{BufMut as _, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use sonagi_backend::{Error, Transaction};
use sonagi_items::{Item, codec};
use sonagi_model::Timestamp;

use super::{
    TableName,
    layout::{self, Id, Position},
    table::{TableStream, damaged},
    write::By,
};

/// What a stream's records show of an item (API Reference, `StreamViewType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum View {
    Keys,
    New,
    Old,
    Both,
}

/// A stream, also one that is written no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    pub table: TableName,
    /// The time at which it was made, which tells the streams of a table from each other.
    pub label: String,
    pub(super) id: Id,
    pub view: View,
    pub key: super::KeySchema,
    pub created: Timestamp,
    /// Since when it is written no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    Insert,
    Modify,
    Remove,
}

/// A change of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRecord {
    /// Its place: what comes later has a greater one.
    pub position: Position,
    pub event: Event,
    pub at: Timestamp,
    pub keys: Item,
    pub old: Option<Item>,
    pub new: Option<Item>,
    /// Nobody removed it: its time was over.
    pub expired: bool,
    /// Bytes of the keys and images.
    pub size: usize,
}

/// An item before and after a change, as it is stored.
pub(super) struct Images<'a> {
    pub(super) old: Option<&'a Bytes>,
    pub(super) new: Option<&'a Bytes>,
}

impl Stream {
    pub(super) fn decode(record: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(record).map_err(|_| damaged("a stream"))
    }

    pub(super) fn find(
        t: &mut dyn Transaction,
        table: &TableName,
        label: &str,
    ) -> Result<Option<Self>, Error> {
        t.get(&layout::stream(table, label))?.map(|record| Self::decode(&record)).transpose()
    }

    pub(super) fn store(&self, t: &mut dyn Transaction) -> Result<(), Error> {
        let record = serde_json::to_vec(self).map_err(|_| damaged("a stream"))?;
        t.put(&layout::stream(&self.table, &self.label), &record)
    }
}

/// A record's position as the protocol says it: a text that sorts as the position does.
pub fn sequence_number(position: Position) -> String {
    format!("{position:0>SEQUENCE_NUMBER$}")
}

/// The position that a sequence number says.
pub fn of_sequence_number(text: &str) -> Option<Position> {
    (text.len() == SEQUENCE_NUMBER && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())?
}

/// The name of a stream's one shard.
pub fn shard_id(stream: &Stream) -> String {
    format!("shardId-{:0>20}-{:08x}", stream.created.millis(), crc32fast::hash(stream.label.as_bytes()))
}

/// Digits of a sequence number.
const SEQUENCE_NUMBER: usize = 21;

const EXPIRED: u8 = 0x80;

pub(super) fn append(
    t: &mut dyn Transaction,
    stream: &TableStream,
    position: Position,
    now: Timestamp,
    keys: &Item,
    images: Images<'_>,
    by: By,
) -> Result<(), Error> {
    let event = match (images.old, images.new) {
        (None, _) => Event::Insert,
        (Some(_), Some(_)) => Event::Modify,
        (Some(_), None) => Event::Remove,
    };
    let (old, new) = match stream.view {
        View::Keys => (None, None),
        View::New => (None, images.new),
        View::Old => (images.old, None),
        View::Both => (images.old, images.new),
    };
    let keys = codec::encode(keys);
    let size = keys.len() + [old, new].into_iter().flatten().map(Bytes::len).sum::<usize>();
    let mut record = BytesMut::with_capacity(size + 24);
    record.put_u8(event as u8 | if by == By::Expiry { EXPIRED } else { 0 });
    record.put_u64(now.micros());
    for part in [Some(&keys), old, new] {
        let part = part.map_or(&[][..], |part| &part[..]);
        record.put_u32(part.len() as u32);
        record.put_slice(part);
    }
    t.put(&layout::position(layout::STREAM, stream.id, position), &record)
}

impl StreamRecord {
    pub(super) fn decode(position: Position, record: &Bytes) -> Result<Self, Error> {
        Self::read(position, record).ok_or_else(|| damaged("a stream's record"))
    }

    fn read(position: Position, record: &Bytes) -> Option<Self> {
        let (head, rest) = record.split_first()?;
        let event = match head & !EXPIRED {
            0 => Event::Insert,
            1 => Event::Modify,
            2 => Event::Remove,
            _ => return None,
        };
        let (at, mut rest) = rest.split_first_chunk::<8>()?;
        let mut part = || {
            let (size, behind) = rest.split_first_chunk::<4>()?;
            let size = u32::from_be_bytes(*size) as usize;
            let part = behind.get(..size)?;
            rest = behind.get(size..)?;
            // An item has at least the number of its attributes.
            Some((size > 0).then(|| codec::decode(&record.slice_ref(part)).ok()))
        };
        let mut item = || match part()? {
            Some(item) => Some(Some(item?)),
            None => Some(None),
        };
        let (keys, old, new) = (item()??, item()?, item()?);
        let size =
            [Some(&keys), old.as_ref(), new.as_ref()].into_iter().flatten().map(sonagi_items::size).sum();
        let at = Timestamp(u64::from_be_bytes(*at));
        Some(Self { position, event, at, keys, old, new, expired: head & EXPIRED != 0, size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_records_are_told() {
        for bytes in [&b""[..], b"\x03", b"\x00\0\0\0\0\0\0\0\0", b"\x00\0\0\0\0\0\0\0\0\xff\xff\xff\xff"] {
            assert!(StreamRecord::decode(1, &Bytes::copy_from_slice(bytes)).is_err());
        }
    }
}
