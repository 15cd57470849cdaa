//! Where tables are among the records.
//!
//! ```text
//! data/documents/names/<name>                          the table: its id, keys, indexes, settings
//! data/documents/gone/<key>                            where a range of keys begins that is to be removed; its end
//! data/documents/streams/<name>/<label>                a stream, also one whose table is gone
//! data/documents/tokens/<token>                        a transaction that was done, for those who ask again
//! data/documents/t<id><bucket><key>                    an item
//! data/documents/i<id><index><bucket><key><base key>   an index's entry: the parts of the item that it projects
//! data/documents/x<id><time><bucket><key>              when an item expires
//! data/documents/c<id>                                 how many items and bytes it has, and its indexes have
//! data/documents/k<id><bucket><partition>              bytes of a partition, of a table with local indexes
//! data/documents/h<id><position>                       what an item was before, of a table with point-in-time recovery
//! data/documents/s<stream id><position>                a stream's record
//! ```
//!
//! Numbers are big-endian, so that they sort. A bucket is a byte out of the partition key: items of one partition are
//! together in the order of their sort keys, and a scan's segments are ranges of buckets.

use sonagi_backend::Sequence;
use sonagi_model::Timestamp;

use super::TableName;

pub(super) const PREFIX: &[u8] = b"data/documents/";
pub(super) const NAMES: &[u8] = b"data/documents/names/";
pub(super) const GONE: &[u8] = b"data/documents/gone/";
pub(super) const STREAMS: &[u8] = b"data/documents/streams/";
pub(super) const TOKENS: &[u8] = b"data/documents/tokens/";

pub(super) const ITEM: u8 = b't';
pub(super) const ENTRY: u8 = b'i';
pub(super) const EXPIRY: u8 = b'x';
pub(super) const COUNT: u8 = b'c';
pub(super) const COLLECTION: u8 = b'k';
pub(super) const HISTORY: u8 = b'h';
pub(super) const STREAM: u8 = b's';
/// The tags of what has a table's id, which are all that is removed with it.
pub(super) const TAGS: [u8; 6] = [ITEM, ENTRY, EXPIRY, COUNT, COLLECTION, HISTORY];

/// A table's items belong to this and not to its name: one that is deleted and made anew has another.
pub(super) type Id = u64;
/// An index among those of its table.
pub(super) type IndexNo = u32;
/// A stream's record in the order of the changes: the commit's number, and its place in that.
pub(super) type Position = u64;

/// Buckets of a table.
pub(super) const BUCKETS: usize = 256;
/// Bits of an id that count within the commit that made it.
pub(super) const WITHIN_ID: u32 = 8;
/// Bits of a position that count within one commit.
pub(super) const WITHIN_COMMIT: u32 = 16;

pub(super) fn name(name: &TableName) -> Vec<u8> {
    [NAMES, name.as_str().as_bytes()].concat()
}

/// `from` is the first key of a range.
pub(super) fn gone(from: &[u8]) -> Vec<u8> {
    [GONE, from.strip_prefix(PREFIX).unwrap_or(from)].concat()
}

/// All streams of tables of that name.
pub(super) fn streams(table: &TableName) -> Vec<u8> {
    [STREAMS, table.as_str().as_bytes(), b"/"].concat()
}

pub(super) fn stream(table: &TableName, label: &str) -> Vec<u8> {
    [STREAMS, table.as_str().as_bytes(), b"/", label.as_bytes()].concat()
}

pub(super) fn token(token: &str) -> Vec<u8> {
    [TOKENS, token.as_bytes()].concat()
}

/// What all keys of a tag and an id begin with; `more` follows.
pub(super) fn all(tag: u8, id: Id) -> Vec<u8> {
    let mut key = Vec::with_capacity(PREFIX.len() + 64);
    key.extend_from_slice(PREFIX);
    key.push(tag);
    key.extend_from_slice(&id.to_be_bytes());
    key
}

/// What all entries of an index begin with.
pub(super) fn entries(id: Id, index: IndexNo) -> Vec<u8> {
    let mut key = all(ENTRY, id);
    key.extend_from_slice(&index.to_be_bytes());
    key
}

/// `item` is the item's key behind its tag and id.
pub(super) fn expiry(id: Id, at: Timestamp, item: &[u8]) -> Vec<u8> {
    let mut key = all(EXPIRY, id);
    key.extend_from_slice(&at.micros().to_be_bytes());
    key.extend_from_slice(item);
    key
}

/// The first key that may come after `key`.
pub(super) fn behind(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

/// Of a [`STREAM`]'s record, or of a table's [`HISTORY`].
pub(super) fn position(tag: u8, id: Id, position: Position) -> Vec<u8> {
    let mut key = all(tag, id);
    key.extend_from_slice(&position.to_be_bytes());
    key
}

/// The first position of a commit's.
pub(super) fn first_of(commit: Sequence) -> Position {
    commit.0 << WITHIN_COMMIT
}

/// The tag, the id and what follows them, of a key that has them.
pub(super) fn parts(key: &[u8]) -> Option<(u8, Id, &[u8])> {
    let rest = key.strip_prefix(PREFIX)?;
    let (tag, rest) = rest.split_first()?;
    let (id, rest) = rest.split_first_chunk::<8>()?;
    // A word's second letter is no id's first byte, which is zero.
    let is_tag = *tag == STREAM || TAGS.contains(tag);
    (is_tag && id[0] == 0).then(|| (*tag, u64::from_be_bytes(*id), rest))
}

/// The bucket of a partition: by FNV-1a, which is quick and stays what it is.
pub(super) fn bucket(partition: &[u8]) -> u8 {
    let hash = partition.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    (hash ^ (hash >> 32)).to_le_bytes().iter().fold(0, |folded, byte| folded ^ byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_say_whose_they_are() {
        let name = TableName::new("xyz").unwrap();
        assert_eq!(parts(&position(STREAM, 5, 7)), Some((STREAM, 5, &7_u64.to_be_bytes()[..])));
        assert_eq!(parts(&all(COUNT, 5)), Some((COUNT, 5, &[][..])));
        for key in [
            super::name(&name),
            gone(&all(ITEM, 1)),
            stream(&name, "label"),
            token("t"),
            b"data/queues/t".to_vec(),
        ] {
            assert_eq!(parts(&key), None, "{}", key.escape_ascii());
        }
    }

    #[test]
    fn buckets_are_filled_evenly() {
        let mut counts = [0_u32; BUCKETS];
        (0..25_600_u32).for_each(|n| counts[usize::from(bucket(format!("user-{n}").as_bytes()))] += 1);
        assert!(counts.iter().all(|count| (50..150).contains(count)), "{counts:?}");
    }
}
