//! Where queues are among the records.
//!
//! ```text
//! data/queues/names/<name>                          the queue: its id, settings, tags
//! data/queues/gone/<id>                             an id whose messages are to be removed
//! data/queues/time                                  how far the queues' time has come
//! data/queues/moves/<name>/<started>                a task that moves dead letters back
//! data/queues/m<id><group>0<position>               a message; of a standard queue <group> is empty
//! data/queues/l<id><position>                       what its receipts are: there once it was received
//! data/queues/w<id><due><position>                  waiting: a message, or the group that begins with it
//! data/queues/f<id><due><position>                  in flight until <due>
//! data/queues/g<id><group>                          a FIFO group that has messages
//! data/queues/u<id><window><scope>0<deduplication>  what was sent in that window
//! data/queues/a<id><attempt>                        what a receive request attempt got
//! ```
//!
//! Numbers are big-endian, so that they sort. A message of a standard queue is either in `w` or in `f`; one whose time
//! in `f` is over can be received as if it waited. One of a FIFO queue is in `f` while it is in flight, and its group in
//! `w` from when it can be received.

use sonagi_backend::records::after;
use sonagi_model::Timestamp;

use super::{QueueName, name::OWN};

pub(super) const PREFIX: &[u8] = b"data/queues/";
pub(super) const NAMES: &[u8] = b"data/queues/names/";
pub(super) const GONE: &[u8] = b"data/queues/gone/";
pub(super) const MOVES: &[u8] = b"data/queues/moves/";
pub(super) const TIME: &[u8] = b"data/queues/time";

/// The tags of what has a queue's id, which are all that is removed with it.
pub(super) const TAGS: [u8; 7] = [MESSAGE, LEASE, WAITING, FLYING, GROUP, DEDUPLICATION, ATTEMPT];
pub(super) const MESSAGE: u8 = b'm';
pub(super) const LEASE: u8 = b'l';
pub(super) const WAITING: u8 = b'w';
pub(super) const FLYING: u8 = b'f';
pub(super) const GROUP: u8 = b'g';
pub(super) const DEDUPLICATION: u8 = b'u';
pub(super) const ATTEMPT: u8 = b'a';

/// A queue's messages belong to this and not to its name: a queue that is purged goes on with another.
pub(super) type Id = u64;
/// A message's place in the order of sending: the commit's number, and its place in that.
pub(super) type Position = u64;

/// Bits of an id that are the number of the commit that made the queue, and bits above them that count within it.
pub(super) const COMMIT: u32 = 40;
pub(super) const QUEUES_OF_COMMIT: u32 = 16;
/// Bits of a position that count within one commit.
pub(super) const WITHIN_COMMIT: u32 = 16;

pub(super) fn name(name: &QueueName) -> Vec<u8> {
    [NAMES, name.as_str().as_bytes()].concat()
}

/// Where the names of the platform's own queues begin, behind all others.
pub(super) fn own() -> Vec<u8> {
    [NAMES, OWN.to_string().as_bytes()].concat()
}

pub(super) fn gone(id: Id) -> Vec<u8> {
    [GONE, &id.to_be_bytes()].concat()
}

pub(super) fn moves(name: &QueueName) -> Vec<u8> {
    [MOVES, name.as_str().as_bytes(), b"/"].concat()
}

/// What all keys of a tag and an id begin with.
pub(super) fn all(tag: u8, id: Id) -> Vec<u8> {
    let mut key = Vec::with_capacity(PREFIX.len() + 40);
    key.extend_from_slice(PREFIX);
    key.push(tag);
    key.extend_from_slice(&id.to_be_bytes());
    key
}

fn with(tag: u8, id: Id, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = all(tag, id);
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key
}

/// What all messages of a group begin with.
pub(super) fn messages(id: Id, group: &str) -> Vec<u8> {
    with(MESSAGE, id, &[group.as_bytes(), &[0]])
}

pub(super) fn message(id: Id, group: &str, position: Position) -> Vec<u8> {
    with(MESSAGE, id, &[group.as_bytes(), &[0], &position.to_be_bytes()])
}

pub(super) fn lease(id: Id, position: Position) -> Vec<u8> {
    with(LEASE, id, &[&position.to_be_bytes()])
}

pub(super) fn due(tag: u8, id: Id, due: Timestamp, position: Position) -> Vec<u8> {
    with(tag, id, &[&due.micros().to_be_bytes(), &position.to_be_bytes()])
}

/// The keys of a tag that are due by `now`.
pub(super) fn due_by(tag: u8, id: Id, now: Timestamp) -> (Vec<u8>, Vec<u8>) {
    (all(tag, id), with(tag, id, &[&now.micros().saturating_add(1).to_be_bytes()]))
}

/// Those that are due later.
pub(super) fn due_after(tag: u8, id: Id, now: Timestamp) -> (Vec<u8>, Vec<u8>) {
    let all = all(tag, id);
    (due_by(tag, id, now).1, after(&all))
}

/// The time and the position in such a key.
pub(super) fn due_of(key: &[u8]) -> Option<(Timestamp, Position)> {
    let rest = key.get(PREFIX.len() + 9..)?;
    let (due, rest) = rest.split_first_chunk::<8>()?;
    let position = <[u8; 8]>::try_from(rest).ok()?;
    Some((Timestamp(u64::from_be_bytes(*due)), u64::from_be_bytes(position)))
}

/// The tag and the id in a key that has them.
pub(super) fn owner_of(key: &[u8]) -> Option<(u8, Id)> {
    let rest = key.strip_prefix(PREFIX)?;
    let (tag, rest) = rest.split_first()?;
    if !TAGS.contains(tag) {
        return None;
    }
    let (id, rest) = rest.split_first_chunk::<8>()?;
    // `names`, `gone`, `moves` and `time` have no such id: its first bytes are zero.
    (id[0] == 0 && !rest.is_empty()).then(|| (*tag, u64::from_be_bytes(*id)))
}

/// The position at the end of a message's key.
pub(super) fn position_of(key: &[u8]) -> Option<Position> {
    key.last_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes))
}

pub(super) fn group(id: Id, group: &str) -> Vec<u8> {
    with(GROUP, id, &[group.as_bytes()])
}

pub(super) fn deduplication(id: Id, window: u64, scope: &str, deduplication: &str) -> Vec<u8> {
    with(DEDUPLICATION, id, &[&window.to_be_bytes(), scope.as_bytes(), &[0], deduplication.as_bytes()])
}

/// Those of all windows before `window`.
pub(super) fn deduplication_before(id: Id, window: u64) -> (Vec<u8>, Vec<u8>) {
    (all(DEDUPLICATION, id), with(DEDUPLICATION, id, &[&window.to_be_bytes()]))
}

pub(super) fn attempt(id: Id, attempt: &str) -> Vec<u8> {
    with(ATTEMPT, id, &[attempt.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_sorts_by_its_time() {
        let at = |due, position| super::due(WAITING, 7, Timestamp(due), position);
        let (from, to) = due_by(WAITING, 7, Timestamp(10));
        for (key, within) in [(at(0, 9), true), (at(10, u64::MAX), true), (at(11, 0), false)] {
            assert_eq!((from.as_slice()..to.as_slice()).contains(&key.as_slice()), within);
        }
        assert_eq!(due_after(WAITING, 7, Timestamp(10)).0, to);
        assert_eq!(due_of(&at(10, 3)), Some((Timestamp(10), 3)));
        assert_eq!(due_of(b"data/queues/w"), None);
    }

    #[test]
    fn keys_say_whose_they_are() {
        assert_eq!(owner_of(&message(5, "group", 1)), Some((MESSAGE, 5)));
        assert_eq!(owner_of(&lease(5, 1)), Some((LEASE, 5)));
        let name = super::name(&QueueName::new("gone-with-the-wind").unwrap());
        for key in [name, gone(1), moves(&QueueName::new("m").unwrap()), TIME.to_vec(), b"other/m1".to_vec()]
        {
            assert_eq!(owner_of(&key), None, "{}", key.escape_ascii());
        }
    }
}
