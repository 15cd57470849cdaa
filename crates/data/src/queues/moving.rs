//! Moving dead letters back, or elsewhere (SQS API Reference, "StartMessageMoveTask").

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use sonagi_backend::{
    Error,
    records::{Direction, after},
};
use sonagi_model::{Timestamp, limits};

use super::{
    Queue, QueueName, Queues, Receive, Received, Refusal, acknowledge, layout, message::damaged,
    registry::Inner, send::Outbox,
};
use crate::Result;

/// A task that moves a queue's messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveTask {
    /// A UUID.
    pub id: String,
    pub source: QueueName,
    /// None: each message goes back to where it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<QueueName>,
    /// Messages in a second; none: as quick as it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
    pub started: Timestamp,
    pub state: MoveState,
    pub moved: u64,
    /// About how many there were at the start.
    pub to_move: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MoveState {
    Running,
    Cancelling,
    Cancelled,
    Completed,
    Failed,
}

impl MoveState {
    /// SQS's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Cancelling => "CANCELLING",
            Self::Cancelled => "CANCELLED",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }

    const fn is_over(self) -> bool {
        match self {
            Self::Running | Self::Cancelling => false,
            Self::Cancelled | Self::Completed | Self::Failed => true,
        }
    }
}

impl MoveTask {
    fn key(&self) -> Vec<u8> {
        let mut key = layout::moves(&self.source);
        key.extend_from_slice(&self.started.micros().to_be_bytes());
        key
    }

    fn decode(record: &[u8]) -> std::result::Result<Self, Error> {
        serde_json::from_slice(record).map_err(|_| damaged("a task that moves messages"))
    }

    fn store(&self, t: &mut dyn sonagi_backend::Transaction) -> std::result::Result<(), Error> {
        let record = serde_json::to_vec(self).map_err(|_| damaged("a task that moves messages"))?;
        t.put(&self.key(), &record)
    }
}

impl Queues {
    /// Begins to move the messages of a dead-letter queue. Its id.
    pub async fn start_move(
        &self,
        source: &QueueName,
        destination: Option<QueueName>,
        rate: Option<u32>,
    ) -> Result<String> {
        if let Some(destination) = &destination {
            let queue = self.find(destination).await?;
            if queue.is_fifo() != source.is_fifo() {
                return Err(Refusal::OtherDeadLetters.into());
            }
        }
        if self.sources_of(source).await?.is_empty() {
            return Err(Refusal::NotDeadLetters.into());
        }
        let task = MoveTask {
            id: self.new_id(),
            source: source.clone(),
            destination,
            rate,
            started: self.moment().wall,
            state: MoveState::Running,
            moved: 0,
            to_move: self.depth(source).await?.visible,
            failure: None,
        };
        let id = task.id.clone();
        self.change(move |t| {
            let from = layout::moves(&task.source);
            let before = t.scan(&from..&after(&from), Direction::Forward, limits::SCAN_ROWS)?;
            let tasks = before.iter().map(|record| MoveTask::decode(&record.value));
            let tasks = tasks.collect::<std::result::Result<Vec<_>, _>>()?;
            if tasks.iter().any(|task| !task.state.is_over()) {
                return Ok(Err(Refusal::Moving));
            }
            // The last ten are shown.
            for old in tasks.iter().rev().skip(limits::QUEUE_MOVES_KEPT - 1) {
                t.delete(&old.key())?;
            }
            task.store(t)?;
            Ok(Ok(()))
        })
        .await?;
        self.inner.moves.notify_one();
        Ok(id)
    }

    /// The newest tasks of a source first, at most `most`.
    pub async fn moves(&self, source: &QueueName, most: usize) -> Result<Vec<MoveTask>> {
        self.find(source).await?;
        let from = layout::moves(source);
        let found = self.records().snapshot().scan(&from..&after(&from), Direction::Reverse, most).await?;
        Ok(found
            .iter()
            .map(|record| MoveTask::decode(&record.value))
            .collect::<std::result::Result<_, _>>()?)
    }

    /// Stops a task. How many messages it has moved.
    pub async fn cancel_move(&self, source: &QueueName, id: &str) -> Result<u64> {
        let (source, id) = (source.clone(), id.to_owned());
        let moved = self
            .change(move |t| {
                let from = layout::moves(&source);
                for record in t.scan(&from..&after(&from), Direction::Reverse, limits::SCAN_ROWS)? {
                    let mut task = MoveTask::decode(&record.value)?;
                    if task.id == id {
                        if task.state != MoveState::Running {
                            return Ok(Err(Refusal::TaskOver));
                        }
                        task.state = MoveState::Cancelling;
                        task.store(t)?;
                        return Ok(Ok(task.moved));
                    }
                }
                Ok(Err(Refusal::NoTask))
            })
            .await?;
        self.inner.moves.notify_one();
        Ok(moved)
    }
}

/// Does what tasks there are, also those that a restart finds.
pub(super) async fn run(inner: Arc<Inner>) {
    loop {
        let news = inner.moves.notified();
        match step_all(&inner).await {
            Ok(None) => news.await,
            Ok(Some(pause)) => inner.clock.sleep(pause).await,
            Err(crate::Error::Backend(Error::Closed)) => return,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "dead letters are not moved");
                inner.clock.sleep(limits::RECORDS_RETRY).await;
            }
        }
    }
}

/// A step of each task; how long to rest before the next, if there is one.
async fn step_all(inner: &Arc<Inner>) -> Result<Option<Duration>> {
    let mut tasks = Vec::new();
    let snapshot = inner.records.snapshot();
    super::depth::each(&*snapshot, (layout::MOVES.to_vec(), after(layout::MOVES)), |record| {
        let task = MoveTask::decode(&record.value)?;
        if !task.state.is_over() {
            tasks.push(task);
        }
        Ok(())
    })
    .await?;
    drop(snapshot);
    let mut pause = None;
    for task in tasks {
        let rest = match task.rate {
            // Ten messages take so long at that rate.
            Some(rate) => Duration::from_secs(10) / rate.clamp(1, 10_000),
            None => Duration::ZERO,
        };
        if step(inner, task).await? {
            pause = Some(pause.map_or(rest, |pause: Duration| pause.min(rest)));
        }
    }
    Ok(pause)
}

/// Whether there may be more to move.
async fn step(inner: &Arc<Inner>, mut task: MoveTask) -> Result<bool> {
    let queues = Queues::within(inner);
    let mut received = Vec::new();
    if task.state == MoveState::Running {
        let ask = Receive { visibility: Some(limits::QUEUE_VISIBILITY), wait: Some(0), ..Receive::up_to(10) };
        match queues.receive(&task.source, ask).await {
            Ok(messages) => received = messages,
            Err(crate::Error::Queue(refusal)) => {
                task.state = MoveState::Failed;
                task.failure = Some(refusal.to_string());
            }
            Err(error) => return Err(error),
        }
    }
    let ids: Vec<String> = received.iter().map(|_| queues.new_id()).collect();
    let now = queues.moment();
    let key = task.key();
    let goes_on = queues
        .change(move |t| {
            // It may have been cancelled meanwhile.
            let Some(record) = t.get(&key)? else { return Ok(Ok(false)) };
            let mut stored = MoveTask::decode(&record)?;
            stored.state = match (stored.state, task.state) {
                (MoveState::Cancelling, _) => MoveState::Cancelled,
                (_, MoveState::Running) if received.is_empty() => MoveState::Completed,
                (_, now) => now,
            };
            stored.failure.clone_from(&task.failure);
            if stored.state == MoveState::Running {
                let mut outbox = Outbox::new(t, now);
                match move_all(&mut outbox, &stored, &received, &ids)? {
                    Ok(moved) => stored.moved += moved,
                    Err(reason) => {
                        stored.state = MoveState::Failed;
                        stored.failure = Some(reason);
                    }
                }
            }
            stored.store(t)?;
            Ok(Ok(stored.state == MoveState::Running))
        })
        .await?;
    Ok(goes_on)
}

/// What is moved is a new message where it comes to. How many; or why they cannot be.
fn move_all(
    outbox: &mut Outbox<'_>,
    task: &MoveTask,
    received: &[Received],
    ids: &[String],
) -> std::result::Result<std::result::Result<u64, String>, Error> {
    let Some(source) = Queue::find(outbox.t, &task.source)? else { return Ok(Ok(0)) };
    let mut moved = 0;
    for (received, id) in received.iter().zip(ids) {
        let mut message = received.message.clone();
        let to = task.destination.as_ref().or(message.head.dead_letter_of.as_ref());
        let Some(to) = to else { return Ok(Err("CouldNotDetermineMessageSource".into())) };
        let Some(to) = Queue::find(outbox.t, to)? else {
            return Ok(Err("AWS.SimpleQueueService.NonExistentQueue".into()));
        };
        if acknowledge::remove(outbox.t, &source, &received.handle, outbox.now)?.is_err() {
            // Somebody else has it again.
            continue;
        }
        message.head.id.clone_from(id);
        message.head.sent = outbox.now.wall;
        message.head.due = outbox.now.steady;
        message.head.dead_letter_of = None;
        let position = outbox.position()?;
        outbox.put(&to, position, &message)?;
        moved += 1;
    }
    Ok(Ok(moved))
}
