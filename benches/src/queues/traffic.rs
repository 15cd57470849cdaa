//! Those who send and those who receive: each sends its next request when the answer to the last has come. Those who send
//! wait while [`AHEAD`] messages are under way, so that what is measured is what can go on for ever, and not how fast a
//! queue grows.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use tokio::{sync::Semaphore, task::JoinSet};

use super::{
    BATCH, SIZE, WORKERS,
    broker::{Broker, Receiver, Sender},
};
use crate::statistics::Samples;

const QUEUE: &str = "traffic";
/// Messages that were sent and not deleted, at the most: four for each place in a worker's hands.
const AHEAD: usize = 4 * WORKERS * BATCH;

/// What goes through a queue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// Messages of one request.
    pub(super) batch: usize,
    /// Requests a second of all senders together; none: each sends when it has its answer.
    pub(super) rate: Option<u32>,
    pub(super) warm_up: Duration,
    pub(super) window: Duration,
}

/// What was seen within the window.
pub(super) struct Traffic {
    /// Messages a second, like the two that follow: whose sending was acknowledged.
    pub(super) sent: f64,
    pub(super) received: f64,
    /// Whose deletion was answered, or written, where it has no answer.
    pub(super) deleted: f64,
    /// Of a request that sends.
    pub(super) send: Samples,
    /// From before a message is sent until its receiver has it.
    pub(super) end_to_end: Samples,
    /// Messages that were sent and not received when the window closed.
    pub(super) left: u64,
}

/// When the traffic began, which is what messages are stamped by, and which part of it counts.
#[derive(Debug, Clone, Copy)]
struct Window {
    start: Instant,
    open: Instant,
    close: Instant,
}

impl Window {
    fn has(&self, at: Instant) -> bool {
        (self.open..self.close).contains(&at)
    }
}

/// Of one worker, or of all.
#[derive(Default)]
struct Seen {
    sent: u64,
    received: u64,
    deleted: u64,
    send: Vec<Duration>,
    end_to_end: Vec<Duration>,
    /// Those before the window too.
    all_sent: u64,
    all_received: u64,
}

impl Seen {
    fn add(&mut self, mut other: Self) {
        self.sent += other.sent;
        self.received += other.received;
        self.deleted += other.deleted;
        self.send.append(&mut other.send);
        self.end_to_end.append(&mut other.end_to_end);
        self.all_sent += other.all_sent;
        self.all_received += other.all_received;
    }
}

/// Sends through a new queue and receives from it, and deletes the queue.
pub(super) async fn run<B: Broker>(broker: &B, shape: Shape) -> Result<Traffic> {
    broker.create(QUEUE).await.context("create a queue")?;
    let (mut senders, mut receivers) = (Vec::new(), Vec::new());
    for _ in 0..WORKERS {
        senders.push(broker.sender(QUEUE).await?);
        receivers.push(broker.receiver(QUEUE).await?);
    }
    let start = Instant::now();
    let open = start + shape.warm_up;
    let window = Window { start, open, close: open + shape.window };
    let room = Arc::new(Semaphore::new(AHEAD));
    let mut workers = JoinSet::new();
    for receiver in receivers {
        workers.spawn(receive(receiver, shape.batch, window, Arc::clone(&room)));
    }
    for (sender, worker) in senders.into_iter().zip(0..) {
        workers.spawn(send(sender, shape, worker, window, Arc::clone(&room)));
    }
    let mut seen = Seen::default();
    while let Some(worker) = workers.join_next().await {
        seen.add(worker??);
    }
    broker.delete(QUEUE).await.context("delete a queue")?;
    let each_second = |messages: u64| messages as f64 / shape.window.as_secs_f64();
    Ok(Traffic {
        sent: each_second(seen.sent),
        received: each_second(seen.received),
        deleted: each_second(seen.deleted),
        send: Samples::new(seen.send),
        end_to_end: Samples::new(seen.end_to_end),
        left: seen.all_sent.saturating_sub(seen.all_received),
    })
}

async fn send(
    mut sender: impl Sender,
    shape: Shape,
    worker: u32,
    window: Window,
    room: Arc<Semaphore>,
) -> Result<Seen> {
    let (mut seen, batch) = (Seen::default(), shape.batch as u64);
    let step = shape.rate.map(|rate| Duration::from_secs(1) / rate);
    let mut due = window.start + step.unwrap_or_default() * worker;
    loop {
        // Whoever has no room when the window closes gets none.
        let permits = room.acquire_many(shape.batch as u32);
        let Ok(permits) = tokio::time::timeout_at(window.close.into(), permits).await else {
            return Ok(seen);
        };
        permits?.forget();
        let began = match step {
            None => Instant::now(),
            // What is late is late by the broker, and counted from when it was due.
            Some(_) => {
                tokio::time::sleep_until(due.into()).await;
                due
            }
        };
        if began >= window.close || Instant::now() >= window.close {
            return Ok(seen);
        }
        let stamp = began.duration_since(window.start).as_nanos();
        sender.send(&vec![message(stamp); shape.batch]).await?;
        let now = Instant::now();
        if window.has(now) {
            seen.sent += batch;
            seen.send.push(now.duration_since(began));
        }
        if now < window.close {
            seen.all_sent += batch;
        }
        due += step.unwrap_or_default() * WORKERS as u32;
    }
}

async fn receive(
    mut receiver: impl Receiver,
    batch: usize,
    window: Window,
    room: Arc<Semaphore>,
) -> Result<Seen> {
    let mut seen = Seen::default();
    loop {
        // Who waits for a message when the window closes waits in vain.
        let received = tokio::time::timeout_at(window.close.into(), receiver.receive(batch)).await;
        let Ok(bodies) = received else { return Ok(seen) };
        let (bodies, now) = (bodies?, Instant::now());
        if bodies.is_empty() {
            continue;
        }
        seen.all_received += bodies.len() as u64;
        if window.has(now) {
            seen.received += bodies.len() as u64;
            for body in &bodies {
                let sent = window.start + Duration::from_nanos(stamp(body)?);
                seen.end_to_end.push(now.duration_since(sent));
            }
        }
        receiver.delete().await?;
        room.add_permits(bodies.len());
        if window.has(Instant::now()) {
            seen.deleted += bodies.len() as u64;
        }
    }
}

/// A message of [`SIZE`] bytes that begins with a number.
pub(super) fn message(number: u128) -> String {
    format!("{number:<width$}", width = SIZE).replace(' ', ".")
}

fn stamp(body: &str) -> Result<u64> {
    let number = body.split('.').next().unwrap_or_default();
    number.parse().with_context(|| format!("a message that nobody sent: {body}"))
}
