//! Acknowledging: what is done with is removed.

use sonagi_backend::{Error, Transaction};

use super::{
    Handle, Queue, QueueName, Queues, Refusal, fifo, layout, message::Lease, standard, steady::Moment,
};
use crate::Result;

/// Removes messages that were received.
pub type Acknowledge = Vec<std::result::Result<(), Refusal>>;

impl Queues {
    /// Removes what was received with these handles, in one transaction; each fails or is done by itself. What is gone
    /// already is no failure.
    pub async fn acknowledge(&self, name: &QueueName, handles: Vec<Handle>) -> Result<Acknowledge> {
        let now = self.moment();
        self.with(name, move |t, queue| {
            let removed = handles.iter().map(|handle| remove(t, queue, handle, now));
            Ok(Ok(removed.collect::<std::result::Result<_, _>>()?))
        })
        .await
    }
}

/// In a standard queue any of a message's handles removes it; in a FIFO queue the last one does, while the message is
/// in flight.
pub(super) fn remove(
    t: &mut dyn Transaction,
    queue: &Queue,
    handle: &Handle,
    now: Moment,
) -> std::result::Result<std::result::Result<(), Refusal>, Error> {
    let id = handle.queue;
    // Of another queue, or of what this one was purged of.
    if id != queue.id {
        return Ok(Ok(()));
    }
    let Some(record) = t.get(&layout::lease(id, handle.position))? else { return Ok(Ok(())) };
    let lease = Lease::decode(&record)?;
    if queue.is_fifo() {
        if lease.receives != handle.receipt || lease.until <= now.steady {
            return Ok(Err(Refusal::HandleExpired(handle.to_string())));
        }
        fifo::remove(t, id, &handle.group, handle.position, &lease)?;
    } else {
        standard::remove(t, id, handle.position, &lease)?;
    }
    Ok(Ok(()))
}
