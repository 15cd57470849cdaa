//! Changing for how long received messages are hidden.

use sonagi_backend::{Error, Transaction};
use sonagi_model::{Timestamp, limits};

use super::{
    Handle, Queue, QueueName, Queues, Refusal, fifo,
    layout::{self, FLYING},
    message::Lease,
    steady::Moment,
};
use crate::Result;

/// What is received with `handle` stays hidden for so long from now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeVisibility {
    pub handle: Handle,
    /// From 0, which ends it, to 43,200.
    pub seconds: u32,
}

impl Queues {
    /// Changes several in one transaction; each fails or is done by itself.
    pub async fn change_visibility(
        &self,
        name: &QueueName,
        changes: Vec<ChangeVisibility>,
    ) -> Result<Vec<std::result::Result<(), Refusal>>> {
        let now = self.moment();
        self.with(name, move |t, queue| {
            let changed = changes.iter().map(|wanted| change(t, queue, wanted, now));
            Ok(Ok(changed.collect::<std::result::Result<_, _>>()?))
        })
        .await
    }
}

fn change(
    t: &mut dyn Transaction,
    queue: &Queue,
    ChangeVisibility { handle, seconds }: &ChangeVisibility,
    now: Moment,
) -> std::result::Result<std::result::Result<(), Refusal>, Error> {
    let not_in_flight = || Ok(Err(Refusal::NotInFlight(handle.to_string())));
    let id = queue.id;
    if handle.queue != id {
        return not_in_flight();
    }
    let Some(record) = t.get(&layout::lease(id, handle.position))? else { return not_in_flight() };
    let lease = Lease::decode(&record)?;
    // SQS still does it for a standard queue's message whose time is over, as long as nobody else received it.
    if lease.receives != handle.receipt || (queue.is_fifo() && lease.until <= now.steady) {
        return not_in_flight();
    }
    let until = Timestamp(now.steady.micros() + u64::from(*seconds) * 1_000_000);
    if until.since(lease.last).as_secs() > u64::from(limits::QUEUE_VISIBILITY_MAX) {
        return Ok(Err(Refusal::VisibilityTooLong { seconds: *seconds }));
    }
    if until == lease.until {
        // Writing it again would count as one more in flight.
        return Ok(Ok(()));
    }
    t.delete(&layout::due(FLYING, id, lease.until, handle.position))?;
    t.put(&layout::due(FLYING, id, until, handle.position), &[])?;
    t.put(&layout::lease(id, handle.position), &Lease { until, ..lease }.encode())?;
    extend(t, queue, handle, until)?;
    Ok(Ok(()))
}

/// The group of a message in flight waits for it as long.
pub(super) fn extend(
    t: &mut dyn Transaction,
    queue: &Queue,
    handle: &Handle,
    until: Timestamp,
) -> std::result::Result<(), Error> {
    if queue.is_fifo() {
        fifo::extend(t, queue.id, &handle.group, handle.position, until)?;
    }
    Ok(())
}
