//! Receiving.

use std::sync::Arc;

use sonagi_backend::Error;
use sonagi_model::{Timestamp, clock::within, limits};
use tokio_util::sync::CancellationToken;

use super::{
    Handle, Queue, QueueName, Queues, Received, Refusal, attempts, fifo,
    layout::{self, FLYING, Position},
    message::{Lease, Message, sequence},
    send::Outbox,
    standard,
};
use crate::Result;

/// What a receiver wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receive {
    /// From 1 to [`QUEUE_RECEIVE_MAX`](limits::QUEUE_RECEIVE_MAX).
    pub most: usize,
    /// Seconds that what is received is hidden; none: what the queue says.
    pub visibility: Option<u32>,
    /// Seconds to wait for a first message, from 0 to 20; none: what the queue says.
    pub wait: Option<u32>,
    /// Names this receiving, so that it can be repeated within five minutes and get the same (FIFO queues).
    pub attempt: Option<String>,
}

impl Receive {
    pub fn up_to(most: usize) -> Self {
        Self { most, visibility: None, wait: None, attempt: None }
    }
}

/// What became of a message that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Taken,
    /// It is in this queue no longer.
    Left,
}

/// Receiving, within its transaction.
pub(super) struct Taking<'o, 't> {
    pub(super) outbox: &'o mut Outbox<'t>,
    most: usize,
    visibility: u32,
    /// Until when what is taken is in flight.
    pub(super) until: Timestamp,
    taken: Vec<Received>,
    /// Bytes of them.
    size: usize,
    left: usize,
    dead_letters: Option<Arc<Queue>>,
}

impl Taking<'_, '_> {
    /// How many more.
    pub(super) fn wants(&self) -> usize {
        if self.size >= limits::QUEUE_RECEIVE_SIZE { 0 } else { self.most - self.taken.len() }
    }

    /// Whether others must wait no longer for this transaction to clear old messages away.
    pub(super) fn goes_on(&self) -> bool {
        self.left < limits::QUEUE_CLEARED_AT_ONCE
    }

    /// What is taken can be received again at once, and would be taken twice.
    pub(super) fn is_for_a_moment(&self) -> bool {
        self.visibility == 0
    }

    /// Takes a message that is due, unless it is too old or was received too often.
    pub(super) fn consider(
        &mut self,
        queue: &Queue,
        position: Position,
        message: Message,
    ) -> std::result::Result<Found, Error> {
        let now = self.outbox.now;
        if is_old(queue, &message, now.wall) {
            self.left += 1;
            return Ok(Found::Left);
        }
        let key = layout::lease(queue.id, position);
        let before = self.outbox.t.get(&key)?.map(|record| Lease::decode(&record)).transpose()?;
        let receives = before.map_or(0, |lease| lease.receives);
        if let (Some(redrive), Some(dead_letters)) = (&queue.settings.redrive, &self.dead_letters)
            && receives >= redrive.receives
        {
            let dead_letters = Arc::clone(dead_letters);
            move_to(self.outbox, queue, &dead_letters, message)?;
            self.left += 1;
            return Ok(Found::Left);
        }
        let lease = Lease {
            until: self.until,
            receives: receives + 1,
            first: before.filter(|lease| lease.receives > 0).map_or(now.wall, |lease| lease.first),
            last: now.steady,
        };
        self.outbox.t.put(&key, &lease.encode())?;
        self.outbox.t.put(&layout::due(FLYING, queue.id, self.until, position), &[])?;
        self.add(queue, position, message, &lease);
        Ok(Found::Taken)
    }

    fn add(&mut self, queue: &Queue, position: Position, message: Message, lease: &Lease) {
        self.size += message.body.len();
        self.taken.push(Received {
            handle: Handle {
                queue: queue.id,
                position,
                receipt: lease.receives,
                group: if queue.is_fifo() { message.group().to_owned() } else { String::new() },
            },
            receives: lease.receives,
            first_received: lease.first,
            sequence: queue.is_fifo().then(|| sequence(position)),
            message,
        });
    }
}

/// A message becomes a dead letter. In a standard queue its age goes on; in a FIFO queue it begins anew (SQS Developer
/// Guide, "Using dead-letter queues").
pub(super) fn move_to(
    outbox: &mut Outbox<'_>,
    from: &Queue,
    dead_letters: &Queue,
    mut message: Message,
) -> std::result::Result<(), Error> {
    message.head.dead_letter_of = Some(from.name.clone());
    message.head.due = outbox.now.steady;
    if dead_letters.is_fifo() {
        message.head.sent = outbox.now.wall;
    }
    let position = outbox.position()?;
    outbox.put(dead_letters, position, &message)
}

/// Whether a queue keeps a message no longer.
pub(super) fn is_old(queue: &Queue, message: &Message, now: Timestamp) -> bool {
    now.since(message.head.sent).as_secs() >= u64::from(queue.settings.retention)
}

/// What one look at a queue comes to.
struct Look {
    taken: Vec<Received>,
    /// When to look again, if nothing comes before.
    next: Option<Timestamp>,
}

impl Queues {
    /// Receives messages: hides them from other receivers until they are acknowledged or their time is over.
    pub async fn receive(&self, name: &QueueName, ask: Receive) -> Result<Vec<Received>> {
        self.receive_until(name, ask, &CancellationToken::new()).await
    }

    /// The same, but waits for a first message no longer than until `stop`.
    pub async fn receive_until(
        &self,
        name: &QueueName,
        ask: Receive,
        stop: &CancellationToken,
    ) -> Result<Vec<Received>> {
        let queue = self.known(name).await?.queue;
        let wait = ask.wait.unwrap_or(queue.settings.wait);
        let deadline = self.clock().tick() + std::time::Duration::from_secs(wait.into());
        let mut member = self.waiting().join(queue.id);
        loop {
            let queue = self.known(name).await?.queue;
            if !member.is_at(queue.id) {
                // It was purged.
                member = self.waiting().join(queue.id);
            }
            // From here on nothing is missed.
            let woken = member.woken();
            let Look { taken, next } = self.look(name, &queue, ask.clone()).await?;
            if !taken.is_empty() || self.clock().tick() >= deadline || stop.is_cancelled() {
                return Ok(taken);
            }
            let mut until = deadline;
            if let Some(next) = next {
                member.looks_at(next);
                until = until.min(self.steady().tick_of(next));
            }
            within(&**self.clock(), until, stop.run_until_cancelled(woken)).await;
        }
    }

    async fn look(&self, name: &QueueName, queue: &Queue, ask: Receive) -> Result<Look> {
        if self.depths().flying(queue.id).is_some_and(|flying| flying >= limits::QUEUE_IN_FLIGHT) {
            return Err(Refusal::TooManyInFlight.into());
        }
        let now = self.moment();
        let most = ask.most.clamp(1, limits::QUEUE_RECEIVE_MAX);
        self.with(name, move |t, queue| {
            let visibility = ask.visibility.unwrap_or(queue.settings.visibility_timeout);
            let until = Timestamp(now.steady.micros() + u64::from(visibility) * 1_000_000);
            let mut outbox = Outbox::new(t, now);
            if let Some(attempt) = &ask.attempt
                && let Some(taken) = attempts::repeat(&mut outbox, queue, attempt, until)?
            {
                return Ok(Ok(Look { taken, next: None }));
            }
            let dead_letters = match &queue.settings.redrive {
                Some(redrive) => Queue::find(outbox.t, &redrive.dead_letters)?.map(Arc::new),
                None => None,
            };
            let mut taking = Taking {
                outbox: &mut outbox,
                most,
                visibility,
                until,
                taken: Vec::new(),
                size: 0,
                left: 0,
                dead_letters,
            };
            let next_due = if queue.is_fifo() {
                fifo::take(&mut taking, queue)?;
                fifo::next_due
            } else {
                standard::take(&mut taking, queue)?;
                standard::next_due
            };
            let (taken, goes_on) = (std::mem::take(&mut taking.taken), taking.goes_on());
            if !taken.is_empty() {
                if let Some(attempt) = &ask.attempt {
                    attempts::note(&mut outbox, queue, attempt, &taken)?;
                }
                return Ok(Ok(Look { taken, next: None }));
            }
            // With more to clear away there may be something behind it.
            let next = if goes_on { next_due(outbox.t, queue.id, now.steady)? } else { Some(now.steady) };
            Ok(Ok(Look { taken, next }))
        })
        .await
    }
}
