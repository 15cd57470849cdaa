//! Receiving that was tried before: a receiver that did not get the answer asks again and gets the same (SQS API
//! Reference, "ReceiveMessage", `ReceiveRequestAttemptId`).

use serde::{Deserialize, Serialize};
use sonagi_backend::Error;
use sonagi_model::{Timestamp, limits};

use super::{
    Handle, Queue, Received, fifo,
    layout::{self, FLYING, Position},
    message::{Lease, Message, damaged, sequence},
    send::Outbox,
};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attempt {
    at: Timestamp,
    /// Position, receipt and group of each.
    taken: Vec<(Position, u32, String)>,
}

/// Keeps what an attempt got.
pub(super) fn note(
    outbox: &mut Outbox<'_>,
    queue: &Queue,
    attempt: &str,
    taken: &[Received],
) -> Result<(), Error> {
    let taken = taken.iter().map(|received| {
        let Handle { position, receipt, group, .. } = &received.handle;
        (*position, *receipt, group.clone())
    });
    let attempt_record = Attempt { at: outbox.now.steady, taken: taken.collect() };
    let record = serde_json::to_vec(&attempt_record).map_err(|_| damaged("a receive attempt"))?;
    outbox.t.put(&layout::attempt(queue.id, attempt), &record)
}

/// What the attempt got before, hidden anew; none if it is new, too old, or something of it has been acknowledged,
/// changed or received by somebody else since.
pub(super) fn repeat(
    outbox: &mut Outbox<'_>,
    queue: &Queue,
    attempt: &str,
    until: Timestamp,
) -> Result<Option<Vec<Received>>, Error> {
    let id = queue.id;
    let Some(record) = outbox.t.get(&layout::attempt(id, attempt))? else { return Ok(None) };
    let Attempt { at, taken } = decode(&record)?;
    if is_over(at, outbox.now.steady) {
        return Ok(None);
    }
    let mut again = Vec::new();
    for (position, receipt, group) in taken {
        let lease = outbox.t.get(&layout::lease(id, position))?;
        let lease = lease.map(|record| Lease::decode(&record)).transpose()?;
        let message = outbox.t.get(&layout::message(id, &group, position))?;
        match (lease, message) {
            (Some(lease), Some(message)) if lease.receives == receipt && lease.until > outbox.now.steady => {
                again.push((position, group, lease, Message::decode(&message)?));
            }
            (_, _) => return Ok(None),
        }
    }
    let mut all = Vec::with_capacity(again.len());
    for (position, group, lease, message) in again {
        if until != lease.until {
            // Written again it would count as one more in flight.
            outbox.t.delete(&layout::due(FLYING, id, lease.until, position))?;
            outbox.t.put(&layout::due(FLYING, id, until, position), &[])?;
        }
        outbox.t.put(&layout::lease(id, position), &Lease { until, ..lease }.encode())?;
        fifo::extend(outbox.t, id, &group, position, until)?;
        all.push(Received {
            message,
            handle: Handle { queue: id, position, receipt: lease.receives, group },
            receives: lease.receives,
            first_received: lease.first,
            sequence: Some(sequence(position)),
        });
    }
    Ok(Some(all))
}

/// Whether such a record is of no use any more.
pub(super) fn is_stale(record: &[u8], now: Timestamp) -> Result<bool, Error> {
    decode(record).map(|attempt| is_over(attempt.at, now))
}

fn decode(record: &[u8]) -> Result<Attempt, Error> {
    serde_json::from_slice(record).map_err(|_| damaged("a receive attempt"))
}

fn is_over(at: Timestamp, now: Timestamp) -> bool {
    now.since(at) >= limits::QUEUE_DEDUPLICATION
}
