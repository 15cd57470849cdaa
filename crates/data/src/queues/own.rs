//! The platform's own queues: made when something is sent to them first, seen by no client, and composed with whatever
//! else a transaction does.

use sonagi_backend::{Error as BackendError, Transaction, records::after};
use sonagi_model::Timestamp;
use tokio::sync::watch;

use super::{
    Draft, Handle, Outbox, Queue, QueueName, Queues, Refusal, Sent, Settings, acknowledge,
    layout::{self, FLYING},
    message::{Lease, Message},
    name::OWN,
    receive,
    send::Prepared,
    visibility,
};
use crate::Result;

/// How a message that was received goes back to its queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Return {
    pub handle: Handle,
    /// Seconds until it can be received again, from 0 to 43,200.
    pub seconds: u32,
    /// Whether the receipt counts: one that nobody has looked at does not.
    pub counts: bool,
}

impl Settings {
    /// Of one of the platform's own: whoever reads it decides what is too old.
    fn own(lease: u32) -> Self {
        Self { visibility_timeout: lease, message_size: u32::MAX, retention: u32::MAX, ..Self::default() }
    }
}

impl Outbox<'_> {
    /// When the transaction is, by the wall clock.
    pub fn now(&self) -> Timestamp {
        self.now.wall
    }

    /// The transaction, for what else it does.
    pub fn transaction(&mut self) -> &mut dyn Transaction {
        self.t
    }

    /// Sends to one of the platform's own queues, and makes it if it is not there: `lease` is its visibility time-out in
    /// seconds.
    pub fn send_own(
        &mut self,
        name: &QueueName,
        lease: u32,
        message: &Prepared,
    ) -> std::result::Result<std::result::Result<Sent, Refusal>, BackendError> {
        let queue = match Queue::find(self.t, name)? {
            Some(queue) => queue,
            None => {
                let queue = Queue {
                    name: name.clone(),
                    id: self.id()?,
                    app: None,
                    left: None,
                    settings: Settings::own(lease),
                    tags: Default::default(),
                    created: self.now.wall,
                    modified: self.now.wall,
                    purged: None,
                };
                queue.store(self.t)?;
                queue
            }
        };
        self.send(&queue, message)
    }

    /// Removes what was received with this handle. What is gone already is no failure.
    pub fn acknowledge(
        &mut self,
        name: &QueueName,
        handle: &Handle,
    ) -> std::result::Result<std::result::Result<(), Refusal>, BackendError> {
        match Queue::find(self.t, name)? {
            Some(queue) => acknowledge::remove(self.t, &queue, handle, self.now),
            None => Ok(Ok(())),
        }
    }

    /// Gives back what was received with this handle, unless somebody else has received it since.
    pub fn give_back(&mut self, name: &QueueName, back: &Return) -> std::result::Result<(), BackendError> {
        let Some(queue) = Queue::find(self.t, name)? else { return Ok(()) };
        give_back(self.t, &queue, back, self.now.steady)
    }
}

impl Outbox<'_> {
    /// Gives back what was received with this handle with another note.
    pub fn amend(
        &mut self,
        name: &QueueName,
        back: &Return,
        note: &str,
    ) -> std::result::Result<(), BackendError> {
        let Some(queue) = Queue::find(self.t, name)? else { return Ok(()) };
        let key = layout::message(queue.id, &back.handle.group, back.handle.position);
        if back.handle.queue == queue.id
            && let Some(record) = self.t.get(&key)?
        {
            let mut message = Message::decode(&record)?;
            message.head.note = Some(note.to_owned());
            self.t.put(&key, &message.encode()?)?;
        }
        give_back(self.t, &queue, back, self.now.steady)
    }
}

impl Outbox<'_> {
    /// Moves what was received with this handle to its queue's dead-letter queue. Whether there was one; without one it is
    /// gone.
    pub fn bury(&mut self, name: &QueueName, handle: &Handle) -> std::result::Result<bool, BackendError> {
        let Some(queue) = Queue::find(self.t, name)? else { return Ok(false) };
        if handle.queue != queue.id {
            return Ok(false);
        }
        let letters = match &queue.settings.redrive {
            Some(redrive) => Queue::find(self.t, &redrive.dead_letters)?,
            None => None,
        };
        let record = self.t.get(&layout::message(queue.id, &handle.group, handle.position))?;
        if let (Err(_), _) | (Ok(()), None) =
            (acknowledge::remove(self.t, &queue, handle, self.now)?, &record)
        {
            return Ok(false);
        }
        let (Some(letters), Some(record)) = (letters, record) else { return Ok(false) };
        receive::move_to(self, &queue, &letters, Message::decode(&record)?)?;
        Ok(true)
    }
}

fn give_back(
    t: &mut dyn Transaction,
    queue: &Queue,
    Return { handle, seconds, counts }: &Return,
    now: Timestamp,
) -> std::result::Result<(), BackendError> {
    let id = queue.id;
    if handle.queue != id {
        return Ok(());
    }
    let key = layout::lease(id, handle.position);
    let Some(record) = t.get(&key)? else { return Ok(()) };
    let lease = Lease::decode(&record)?;
    if lease.receives != handle.receipt || (queue.is_fifo() && lease.until <= now) {
        return Ok(());
    }
    let until = Timestamp(now.micros() + u64::from(*seconds) * 1_000_000);
    let receives = if *counts { lease.receives } else { lease.receives.saturating_sub(1) };
    t.put(&key, &Lease { until, receives, ..lease }.encode())?;
    if until == lease.until {
        return Ok(());
    }
    t.delete(&layout::due(FLYING, id, lease.until, handle.position))?;
    t.put(&layout::due(FLYING, id, until, handle.position), &[])?;
    visibility::extend(t, queue, handle, until)
}

impl Queues {
    /// Runs `body` as one transaction: what it sends, gives back and writes is there if it commits. It may run more than
    /// once.
    pub async fn transact<T, F>(&self, mut body: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Outbox<'_>) -> std::result::Result<T, BackendError> + Send + 'static,
    {
        let now = self.moment();
        let (value, _) = self.records().transact(move |t| body(&mut Outbox::new(t, now))).await?;
        Ok(value)
    }

    /// Gives back what was received.
    pub async fn give_back(&self, name: &QueueName, returns: Vec<Return>) -> Result<()> {
        let name = name.clone();
        self.transact(move |outbox| returns.iter().try_for_each(|back| outbox.give_back(&name, back))).await
    }

    /// Makes a draft of the platform's own ready to be sent: its text may have any characters.
    pub fn prepare_own(&self, draft: Draft) -> Prepared {
        Prepared { draft, id: self.new_id(), content: None }
    }

    /// The names of the platform's own queues of a kind.
    pub async fn own(&self, kind: &str) -> Result<Vec<QueueName>> {
        let prefix = [layout::NAMES, format!("{OWN}{kind}{OWN}").as_bytes()].concat();
        let mut names = Vec::new();
        let snapshot = self.records().snapshot();
        super::depth::each(&*snapshot, (prefix.clone(), after(&prefix)), |record| {
            names.push(Queue::decode(&record.value)?.name);
            Ok(())
        })
        .await?;
        Ok(names)
    }

    /// Changes whenever one of the platform's own queues is made.
    pub fn own_made(&self) -> watch::Receiver<u64> {
        self.inner.own_made.subscribe()
    }

    /// Removes one of the platform's own queues if nothing is in it.
    pub async fn drop_if_empty(&self, name: &QueueName) -> Result<bool> {
        let name = name.clone();
        self.transact(move |outbox| {
            let Some(queue) = Queue::find(outbox.t, &name)? else { return Ok(true) };
            let empty = queue.is_empty(outbox.t)?;
            if empty {
                queue.remove(outbox.t)?;
            }
            Ok(empty)
        })
        .await
    }
}
