//! Messages of standard queues within a transaction.

use sonagi_backend::{Error, Transaction, records::Direction};

use super::{
    Queue,
    layout::{self, FLYING, Id, Position, WAITING},
    message::{Lease, Message, forget},
    receive::{Found, Taking},
};

pub(super) fn put(
    t: &mut dyn Transaction,
    id: Id,
    position: Position,
    message: &Message,
) -> Result<(), Error> {
    t.put(&layout::message(id, "", position), &message.encode()?)?;
    t.put(&layout::due(WAITING, id, message.head.due, position), &[])
}

/// Takes what is due: first what is due for the longest.
pub(super) fn take(taking: &mut Taking<'_, '_>, queue: &Queue) -> Result<(), Error> {
    while taking.wants() > 0 && taking.goes_on() {
        let now = taking.outbox.now.steady;
        let mut due = Vec::new();
        for tag in [WAITING, FLYING] {
            let (from, to) = layout::due_by(tag, queue.id, now);
            let found = taking.outbox.t.scan(&from..&to, Direction::Forward, taking.wants())?;
            due.extend(found.into_iter().filter_map(|record| {
                layout::due_of(&record.key).map(|(due, position)| (due, position, tag))
            }));
        }
        if due.is_empty() {
            return Ok(());
        }
        due.sort_unstable();
        due.truncate(taking.wants());
        for (due, position, tag) in due {
            if taking.wants() == 0 {
                return Ok(());
            }
            taking.outbox.t.delete(&layout::due(tag, queue.id, due, position))?;
            let Some(record) = taking.outbox.t.get(&layout::message(queue.id, "", position))? else {
                continue;
            };
            let message = Message::decode(&record)?;
            match taking.consider(queue, position, message)? {
                Found::Taken => {}
                Found::Left => forget(taking.outbox.t, queue.id, "", position)?,
            }
        }
        if taking.is_for_a_moment() {
            return Ok(());
        }
    }
    Ok(())
}

/// When the next message is due that is not due yet.
pub(super) fn next_due(
    t: &mut dyn Transaction,
    id: Id,
    now: sonagi_model::Timestamp,
) -> Result<Option<sonagi_model::Timestamp>, Error> {
    let mut next = None;
    for tag in [WAITING, FLYING] {
        let (from, to) = layout::due_after(tag, id, now);
        let found = t.scan(&from..&to, Direction::Forward, 1)?;
        let due = found.first().and_then(|record| layout::due_of(&record.key)).map(|(due, _)| due);
        next = match (next, due) {
            (Some(one), Some(other)) => Some(std::cmp::min(one, other)),
            (one, other) => one.or(other),
        };
    }
    Ok(next)
}

/// Removes a message that was received.
pub(super) fn remove(
    t: &mut dyn Transaction,
    id: Id,
    position: Position,
    lease: &Lease,
) -> Result<(), Error> {
    t.delete(&layout::message(id, "", position))?;
    t.delete(&layout::lease(id, position))?;
    t.delete(&layout::due(FLYING, id, lease.until, position))
}
