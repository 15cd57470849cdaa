//! Messages of FIFO queues within a transaction: a group waits as a whole.

use serde::{Deserialize, Serialize};
use sonagi_backend::{
    Error, Transaction,
    records::{Direction, Record, after},
};
use sonagi_model::Timestamp;

use super::{
    Queue,
    layout::{self, FLYING, Id, Position, WAITING},
    message::{Lease, Message, damaged, forget},
    receive::{Found, Taking},
};

/// A group that has messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    /// When something of it can be received: while something is in flight, when the last of that is not any more.
    due: Timestamp,
    /// Names it in the index beside its time: no other group has it.
    at: Position,
    pub(super) messages: u64,
    /// What is in flight, and until when.
    pub(super) flying: Vec<(Position, Timestamp)>,
}

impl Group {
    fn find(t: &mut dyn Transaction, id: Id, name: &str) -> Result<Option<Self>, Error> {
        t.get(&layout::group(id, name))?.map(|record| Self::decode(&record)).transpose()
    }

    pub(super) fn decode(record: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(record).map_err(|_| damaged("a message group"))
    }

    fn store(&self, t: &mut dyn Transaction, id: Id, name: &str) -> Result<(), Error> {
        let record = serde_json::to_vec(self).map_err(|_| damaged("a message group"))?;
        t.put(&layout::group(id, name), &record)
    }

    /// Stores it with the time that follows from what it has now, or removes it if that is nothing.
    fn settle(mut self, t: &mut dyn Transaction, id: Id, name: &str) -> Result<(), Error> {
        let before = layout::due(WAITING, id, self.due, self.at);
        let due = match self.flying.iter().map(|(_, until)| *until).max() {
            Some(until) => Some(until),
            None => first(t, id, name)?.map(|message| message.head.due),
        };
        let Some(due) = due else {
            t.delete(&before)?;
            return t.delete(&layout::group(id, name));
        };
        if due != self.due {
            t.delete(&before)?;
            self.due = due;
            t.put(&layout::due(WAITING, id, due, self.at), name.as_bytes())?;
        }
        self.store(t, id, name)
    }
}

/// The oldest message of a group.
fn first(t: &mut dyn Transaction, id: Id, group: &str) -> Result<Option<Message>, Error> {
    messages(t, id, group, 1)?.first().map(|record| Message::decode(&record.value)).transpose()
}

fn messages(t: &mut dyn Transaction, id: Id, group: &str, most: usize) -> Result<Vec<Record>, Error> {
    let from = layout::messages(id, group);
    t.scan(&from..&after(&from), Direction::Forward, most)
}

pub(super) fn put(
    t: &mut dyn Transaction,
    id: Id,
    position: Position,
    message: &Message,
) -> Result<(), Error> {
    let name = message.group();
    t.put(&layout::message(id, name, position), &message.encode()?)?;
    match Group::find(t, id, name)? {
        Some(group) => Group { messages: group.messages + 1, ..group }.store(t, id, name),
        None => {
            let due = message.head.due;
            t.put(&layout::due(WAITING, id, due, position), name.as_bytes())?;
            Group { due, at: position, messages: 1, flying: Vec::new() }.store(t, id, name)
        }
    }
}

/// Takes of the groups that are due, the one that is due for the longest first, as much of each as there is.
pub(super) fn take(taking: &mut Taking<'_, '_>, queue: &Queue) -> Result<(), Error> {
    let id = queue.id;
    while taking.wants() > 0 && taking.goes_on() {
        let (from, to) = layout::due_by(WAITING, id, taking.outbox.now.steady);
        let due = taking.outbox.t.scan(&from..&to, Direction::Forward, taking.wants())?;
        if due.is_empty() {
            return Ok(());
        }
        for record in due {
            if taking.wants() == 0 {
                return Ok(());
            }
            let name =
                String::from_utf8(record.value.to_vec()).map_err(|_| damaged("a message group's name"))?;
            match Group::find(taking.outbox.t, id, &name)? {
                Some(group) => take_of(taking, queue, &name, group)?,
                None => taking.outbox.t.delete(&record.key)?,
            }
        }
        if taking.is_for_a_moment() {
            return Ok(());
        }
    }
    Ok(())
}

fn take_of(taking: &mut Taking<'_, '_>, queue: &Queue, name: &str, mut group: Group) -> Result<(), Error> {
    let id = queue.id;
    // All of it is due, so none of this is in flight any more.
    for (position, until) in group.flying.drain(..) {
        taking.outbox.t.delete(&layout::due(FLYING, id, until, position))?;
    }
    'all: loop {
        let wanted = taking.wants();
        let records = messages(taking.outbox.t, id, name, wanted)?;
        let ends = records.len() < wanted;
        let mut left = 0;
        for Record { key, value } in records {
            let position = layout::position_of(&key).ok_or_else(|| damaged("a message's key"))?;
            let message = Message::decode(&value)?;
            let is_late = message.head.due > taking.outbox.now.steady;
            if is_late || taking.wants() == 0 || !taking.goes_on() {
                break 'all;
            }
            match taking.consider(queue, position, message)? {
                Found::Taken => group.flying.push((position, taking.until)),
                Found::Left => {
                    forget(taking.outbox.t, id, name, position)?;
                    group.messages = group.messages.saturating_sub(1);
                    left += 1;
                }
            }
        }
        // Those that were taken would be found again.
        if ends || left == 0 || !group.flying.is_empty() {
            break;
        }
    }
    group.settle(taking.outbox.t, id, name)
}

/// When the next group is due that is not due yet.
pub(super) fn next_due(t: &mut dyn Transaction, id: Id, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let (from, to) = layout::due_after(WAITING, id, now);
    let found = t.scan(&from..&to, Direction::Forward, 1)?;
    Ok(found.first().and_then(|record| layout::due_of(&record.key)).map(|(due, _)| due))
}

/// Removes a message that is in flight.
pub(super) fn remove(
    t: &mut dyn Transaction,
    id: Id,
    name: &str,
    position: Position,
    lease: &Lease,
) -> Result<(), Error> {
    forget(t, id, name, position)?;
    t.delete(&layout::due(FLYING, id, lease.until, position))?;
    let Some(mut group) = Group::find(t, id, name)? else { return Ok(()) };
    group.messages = group.messages.saturating_sub(1);
    group.flying.retain(|(flying, _)| *flying != position);
    group.settle(t, id, name)
}

/// A message in flight is so until another time.
pub(super) fn extend(
    t: &mut dyn Transaction,
    id: Id,
    name: &str,
    position: Position,
    until: Timestamp,
) -> Result<(), Error> {
    let Some(mut group) = Group::find(t, id, name)? else { return Ok(()) };
    for (flying, end) in &mut group.flying {
        if *flying == position {
            *end = until;
        }
    }
    group.settle(t, id, name)
}

/// Drops what is older than the queue keeps it, from the front of a group.
pub(super) fn expire(
    t: &mut dyn Transaction,
    id: Id,
    name: &str,
    is_old: impl Fn(&Message) -> bool,
    most: usize,
) -> Result<usize, Error> {
    let Some(mut group) = Group::find(t, id, name)? else { return Ok(0) };
    let mut dropped = 0;
    for Record { key, value } in messages(t, id, name, most)? {
        let position = layout::position_of(&key).ok_or_else(|| damaged("a message's key"))?;
        if !is_old(&Message::decode(&value)?) {
            break;
        }
        if let Some(at) = group.flying.iter().position(|(flying, _)| *flying == position) {
            let (_, until) = group.flying.remove(at);
            t.delete(&layout::due(FLYING, id, until, position))?;
        }
        forget(t, id, name, position)?;
        group.messages = group.messages.saturating_sub(1);
        dropped += 1;
    }
    group.settle(t, id, name)?;
    Ok(dropped)
}
