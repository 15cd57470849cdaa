//! A message, and what is kept of its receipts.

use bytes::{BufMut as _, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use sonagi_backend::{Error, Transaction};
use sonagi_model::Timestamp;

use super::{
    Attribute, Handle, QueueName,
    layout::{self, Id, Position},
};

/// A message as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub head: Head,
    pub body: Bytes,
}

/// All of a message but its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// A UUID.
    pub id: String,
    pub sent: Timestamp,
    /// When it can be received first, on the queues' own time.
    pub due: Timestamp,
    /// Who sent it, as SQS says it (`SenderId`).
    pub sender: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<(String, Attribute)>,
    /// `AWSTraceHeader`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deduplication: Option<String>,
    /// The queue that it was moved from, if it is a dead letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter_of: Option<QueueName>,
    /// What the platform itself has to know of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    pub message: Message,
    pub handle: Handle,
    /// This one included.
    pub receives: u32,
    pub first_received: Timestamp,
    /// Of a FIFO queue's message.
    pub sequence: Option<String>,
}

/// What is kept of a message's receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lease {
    /// Until when it is in flight, on the queues' own time.
    pub(super) until: Timestamp,
    pub(super) receives: u32,
    pub(super) first: Timestamp,
    /// When it was received the last time, on the queues' own time.
    pub(super) last: Timestamp,
}

impl Message {
    pub(super) fn encode(&self) -> Result<Bytes, Error> {
        let head = serde_json::to_vec(&self.head).map_err(|_| damaged("a message's head"))?;
        let mut bytes = BytesMut::with_capacity(4 + head.len() + self.body.len());
        bytes.put_u32(head.len() as u32);
        bytes.put_slice(&head);
        bytes.put_slice(&self.body);
        Ok(bytes.freeze())
    }

    /// The body shares the record's memory.
    pub(super) fn decode(record: &Bytes) -> Result<Self, Error> {
        let wrong = || damaged("a message");
        let (size, rest) = record.split_first_chunk::<4>().ok_or_else(wrong)?;
        let size = u32::from_be_bytes(*size) as usize;
        let head = rest.get(..size).ok_or_else(wrong)?;
        let head = serde_json::from_slice(head).map_err(|_| wrong())?;
        Ok(Self { head, body: record.slice(4 + size..) })
    }

    /// The group of a FIFO queue's message, and of others none.
    pub(super) fn group(&self) -> &str {
        self.head.group.as_deref().unwrap_or_default()
    }
}

impl Lease {
    pub(super) fn encode(&self) -> [u8; 28] {
        let mut bytes = [0; 28];
        bytes[..8].copy_from_slice(&self.until.micros().to_be_bytes());
        bytes[8..16].copy_from_slice(&self.first.micros().to_be_bytes());
        bytes[16..24].copy_from_slice(&self.last.micros().to_be_bytes());
        bytes[24..].copy_from_slice(&self.receives.to_be_bytes());
        bytes
    }

    pub(super) fn decode(record: &[u8]) -> Result<Self, Error> {
        let wrong = || damaged("a message's receipts");
        let record: &[u8; 28] = record.try_into().map_err(|_| wrong())?;
        let time = |at: usize| record[at..at + 8].try_into().map(u64::from_be_bytes).map(Timestamp);
        let receives = record[24..].try_into().map(u32::from_be_bytes).map_err(|_| wrong())?;
        Ok(Self {
            until: time(0).map_err(|_| wrong())?,
            first: time(8).map_err(|_| wrong())?,
            last: time(16).map_err(|_| wrong())?,
            receives,
        })
    }
}

/// Removes a message that is in neither index, with what is kept of its receipts.
pub(super) fn forget(t: &mut dyn Transaction, id: Id, group: &str, position: Position) -> Result<(), Error> {
    t.delete(&layout::message(id, group, position))?;
    if t.get(&layout::lease(id, position))?.is_some() {
        t.delete(&layout::lease(id, position))?;
    }
    Ok(())
}

/// A FIFO queue's `SequenceNumber`: twenty digits that grow.
pub(super) fn sequence(position: Position) -> String {
    format!("{position:020}")
}

pub(super) fn damaged(what: &str) -> Error {
    Error::Damaged { what: what.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_comes_back_and_what_is_cut_off_is_damage() {
        let head = Head {
            id: "id".into(),
            sent: Timestamp(1),
            due: Timestamp(2),
            sender: "me".into(),
            attributes: Vec::new(),
            trace: None,
            group: Some("g".into()),
            deduplication: None,
            dead_letter_of: None,
            note: None,
        };
        let message = Message { head, body: Bytes::from_static(b"body") };
        let record = message.encode().unwrap();
        assert_eq!(Message::decode(&record).unwrap(), message);
        for size in 0..record.len() - 4 {
            assert!(Message::decode(&record.slice(..size)).is_err(), "cut to {size}");
        }
        let lease = Lease { until: Timestamp(4), receives: 3, first: Timestamp(2), last: Timestamp(3) };
        assert_eq!(Lease::decode(&lease.encode()).unwrap(), lease);
        assert!(Lease::decode(&lease.encode()[1..]).is_err());
        assert_eq!(sequence(258), "00000000000000000258");
    }
}
