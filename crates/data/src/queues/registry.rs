//! All queues: making, finding, changing and removing them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sonagi_backend::{
    Error as BackendError, Records, Sequence, Transaction,
    records::{Direction, after},
};
use sonagi_model::{AppName, Clock, Entropy, RequestId, Timestamp, limits};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Queue, QueueName, Refusal, Settings,
    depth::Depths,
    janitor,
    layout::{self, Id},
    message::damaged,
    queue::Known,
    steady::{Moment, Steady},
    waiting::Waiting,
};
use crate::Result;

/// All queues. Cheap to clone.
#[derive(Clone)]
pub struct Queues {
    pub(super) inner: Arc<Inner>,
    /// Ends what works in the background with the last clone; that itself has none.
    _stop: Option<Arc<DropGuard>>,
}

pub(super) struct Inner {
    pub(super) records: Arc<dyn Records>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) steady: Steady,
    pub(super) waiting: Arc<Waiting>,
    pub(super) depths: Depths,
    /// How far the feed was followed.
    pub(super) seen: tokio::sync::watch::Sender<Sequence>,
    pub(super) moves: tokio::sync::Notify,
    /// How many of the platform's own queues were made.
    pub(super) own_made: tokio::sync::watch::Sender<u64>,
    known: Mutex<HashMap<QueueName, Known>>,
}

/// A part of all queues, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub queues: Vec<QueueName>,
    /// Whether there are more behind the last one.
    pub more: bool,
}

impl Queues {
    /// Must be called within a Tokio runtime.
    pub async fn open(
        records: Arc<dyn Records>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self> {
        let snapshot = records.snapshot();
        let reached = match snapshot.get(layout::TIME).await? {
            Some(record) => {
                let bytes = record.as_ref().try_into().map_err(|_| damaged("the queues' time"))?;
                Timestamp(u64::from_be_bytes(bytes))
            }
            None => Timestamp(0),
        };
        let from = snapshot.sequence().await?;
        drop(snapshot);
        let inner = Arc::new(Inner {
            steady: Steady::new(Arc::clone(&clock), reached),
            records,
            clock,
            entropy,
            waiting: Arc::default(),
            depths: Depths::default(),
            seen: tokio::sync::watch::Sender::new(from),
            moves: tokio::sync::Notify::new(),
            own_made: tokio::sync::watch::Sender::new(0),
            known: Mutex::default(),
        });
        let stop = CancellationToken::new();
        janitor::start(&inner, from, &stop);
        Ok(Self { inner, _stop: Some(Arc::new(stop.drop_guard())) })
    }

    /// For what works in the background.
    pub(super) fn within(inner: &Arc<Inner>) -> Self {
        Self { inner: Arc::clone(inner), _stop: None }
    }

    pub(super) fn records(&self) -> &Arc<dyn Records> {
        &self.inner.records
    }

    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    pub(super) fn steady(&self) -> &Steady {
        &self.inner.steady
    }

    pub(super) fn waiting(&self) -> &Arc<Waiting> {
        &self.inner.waiting
    }

    pub(super) fn depths(&self) -> &Depths {
        &self.inner.depths
    }

    /// Now, for an [`Outbox`](super::Outbox).
    pub fn moment(&self) -> Moment {
        self.inner.steady.now()
    }

    pub(super) fn new_id(&self) -> String {
        RequestId::random(&*self.inner.entropy).to_string()
    }

    /// Makes a queue. One of that name which is the same already is no failure; which of the two it was.
    pub async fn create(
        &self,
        name: &QueueName,
        settings: Settings,
        tags: BTreeMap<String, String>,
        app: Option<AppName>,
    ) -> Result<Arc<Queue>> {
        settings.check(name)?;
        if tags.len() > limits::TAGS {
            return Err(Refusal::TooManyTags.into());
        }
        let (name, now) = (name.clone(), self.inner.clock.now());
        let made = self
            .change(move |t| {
                if let Some(queue) = Queue::find(t, &name)? {
                    return Ok(match queue.settings.difference(&settings) {
                        Some(attribute) => Err(Refusal::Exists { attribute }),
                        None => Ok(queue),
                    });
                }
                if let Err(refusal) = check_dead_letters(t, &name, &settings)? {
                    return Ok(Err(refusal));
                }
                if !has_room(t)? {
                    return Ok(Err(Refusal::TooManyQueues));
                }
                let queue = Queue {
                    name: name.clone(),
                    id: t.sequence().0,
                    app: app.clone(),
                    left: None,
                    settings: settings.clone(),
                    tags: tags.clone(),
                    created: now,
                    modified: now,
                    purged: None,
                };
                queue.store(t)?;
                Ok(Ok(queue))
            })
            .await?;
        Ok(Arc::new(made))
    }

    /// The queue of that name as it was read the last time: for what every message needs to know of its queue.
    pub async fn recall(&self, name: &QueueName) -> Result<Arc<Queue>> {
        Ok(self.known(name).await?.queue)
    }

    /// The queue of that name.
    pub async fn find(&self, name: &QueueName) -> Result<Arc<Queue>> {
        self.lock().remove(name);
        Ok(self.known(name).await?.queue)
    }

    /// At most `most` queues whose names begin with `prefix`, behind `last`, in the order of their names.
    pub async fn list(&self, prefix: &str, last: Option<&QueueName>, most: usize) -> Result<Page> {
        let prefix = [layout::NAMES, prefix.as_bytes()].concat();
        let mut from = prefix.clone();
        if let Some(last) = last {
            let mut behind = layout::name(last);
            behind.push(0);
            from = from.max(behind);
        }
        let snapshot = self.inner.records.snapshot();
        let to = after(&prefix).min(layout::own());
        if from >= to {
            return Ok(Page { queues: Vec::new(), more: false });
        }
        let mut found = snapshot.scan(&from..&to, Direction::Forward, most + 1).await?;
        let more = found.len() > most;
        found.truncate(most);
        let queues = found.iter().map(|record| Queue::decode(&record.value).map(|queue| queue.name));
        Ok(Page { queues: queues.collect::<std::result::Result<_, _>>()?, more })
    }

    /// The queues whose dead letters come to this one.
    pub async fn sources_of(&self, name: &QueueName) -> Result<Vec<QueueName>> {
        self.find(name).await?;
        let snapshot = self.inner.records.snapshot();
        let mut sources = Vec::new();
        super::depth::each(&*snapshot, (layout::NAMES.to_vec(), after(layout::NAMES)), |record| {
            let queue = Queue::decode(&record.value)?;
            if queue.settings.redrive.is_some_and(|redrive| redrive.dead_letters == *name) {
                sources.push(queue.name);
            }
            Ok(())
        })
        .await?;
        Ok(sources)
    }

    /// Gives a queue other settings: `with` gets those that it has.
    pub async fn set<F>(&self, name: &QueueName, with: F) -> Result<()>
    where
        F: Fn(Settings) -> std::result::Result<Settings, Refusal> + Send + 'static,
    {
        let now = self.inner.clock.now();
        self.alter(name, move |t, mut queue| {
            queue.settings = match with(queue.settings.clone()) {
                Ok(settings) => settings,
                Err(refusal) => return Ok(Err(refusal)),
            };
            if let Err(refusal) = queue.settings.check(&queue.name) {
                return Ok(Err(refusal));
            }
            if let Err(refusal) = check_dead_letters(t, &queue.name, &queue.settings)? {
                return Ok(Err(refusal));
            }
            queue.modified = now;
            Ok(Ok(queue))
        })
        .await
    }

    /// Gives a queue other tags: `with` gets those that it has.
    pub async fn tag<F>(&self, name: &QueueName, with: F) -> Result<()>
    where
        F: Fn(&mut BTreeMap<String, String>) + Send + 'static,
    {
        self.alter(name, move |_, mut queue| {
            with(&mut queue.tags);
            Ok(if queue.tags.len() > limits::TAGS { Err(Refusal::TooManyTags) } else { Ok(queue) })
        })
        .await
    }

    /// Removes all messages of a queue, also those in flight.
    pub async fn purge(&self, name: &QueueName) -> Result<()> {
        let now = self.inner.clock.now();
        self.alter(name, move |t, mut queue| {
            if queue.purged.is_some_and(|at| now.since(at) < limits::QUEUE_PURGE_PAUSE) {
                return Ok(Err(Refusal::Purging { queue: queue.name }));
            }
            t.put(&layout::gone(queue.id), &[])?;
            queue.id = t.sequence().0;
            queue.purged = Some(now);
            Ok(Ok(queue))
        })
        .await
    }

    /// Removes a queue with its messages.
    pub async fn delete(&self, name: &QueueName) -> Result<()> {
        let name = name.clone();
        self.change(move |t| {
            let Some(queue) = Queue::find(t, &name)? else { return Ok(Err(Refusal::NoQueue)) };
            queue.remove(t)?;
            Ok(Ok(()))
        })
        .await
    }

    async fn alter<F>(&self, name: &QueueName, mut with: F) -> Result<()>
    where
        F: FnMut(
                &mut dyn Transaction,
                Queue,
            ) -> std::result::Result<std::result::Result<Queue, Refusal>, BackendError>
            + Send
            + 'static,
    {
        let name = name.clone();
        self.change(move |t| {
            let Some(queue) = Queue::find(t, &name)? else { return Ok(Err(Refusal::NoQueue)) };
            match with(t, queue)? {
                Ok(queue) => queue.store(t).map(Ok),
                Err(refusal) => Ok(Err(refusal)),
            }
        })
        .await
    }

    /// Runs `body` as one transaction; what it refuses is not written.
    pub(super) async fn change<T, F>(&self, body: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Transaction) -> std::result::Result<std::result::Result<T, Refusal>, BackendError>
            + Send
            + 'static,
    {
        Ok(self.inner.records.attempt(body).await??)
    }

    /// The same with the queue of that name.
    pub(super) async fn with<T, F>(&self, name: &QueueName, mut body: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(
                &mut dyn Transaction,
                &Queue,
            ) -> std::result::Result<std::result::Result<T, Refusal>, BackendError>
            + Send
            + 'static,
    {
        let known = self.known(name).await?;
        let done = self
            .change(move |t| match known.now(t)? {
                Some(queue) => body(t, &queue),
                None => Ok(Err(Refusal::NoQueue)),
            })
            .await;
        if let Err(crate::Error::Queue(Refusal::NoQueue)) = done {
            self.lock().remove(name);
        }
        done
    }

    /// The queue as it was read the last time: transactions find out whether it is so still.
    pub(super) async fn known(&self, name: &QueueName) -> Result<Known> {
        if let Some(known) = self.lock().get(name) {
            return Ok(known.clone());
        }
        let record = self.inner.records.snapshot().get(&layout::name(name)).await?;
        let known = Known::of(record.ok_or(Refusal::NoQueue)?)?;
        let mut all = self.lock();
        if all.len() >= limits::QUEUES_KNOWN {
            all.clear();
        }
        all.insert(name.clone(), known.clone());
        Ok(known)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<QueueName, Known>> {
        self.inner.known()
    }
}

impl Inner {
    fn known(&self) -> MutexGuard<'_, HashMap<QueueName, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A queue was made, changed or removed. Its id as it was known, and whether it could have been.
    pub(super) fn forget_name(&self, name: &[u8]) -> Option<Id> {
        let name = std::str::from_utf8(name).ok().and_then(|name| QueueName::stored(name).ok())?;
        self.known().remove(&name).map(|known| known.queue.id)
    }

    pub(super) fn forget_names(&self) {
        self.known().clear();
    }
}

/// Whether there may be one queue more.
pub(super) fn has_room(t: &mut dyn Transaction) -> std::result::Result<bool, BackendError> {
    let (from, to) = (layout::NAMES.to_vec(), layout::own());
    Ok(t.scan(&from..&to, Direction::Forward, limits::QUEUES)?.len() < limits::QUEUES)
}

/// Whether the queue that dead letters are to go to takes them.
pub(super) fn check_dead_letters(
    t: &mut dyn Transaction,
    name: &QueueName,
    settings: &Settings,
) -> std::result::Result<std::result::Result<(), Refusal>, BackendError> {
    let Some(redrive) = &settings.redrive else { return Ok(Ok(())) };
    let Some(queue) = Queue::find(t, &redrive.dead_letters)? else { return Ok(Err(Refusal::NoDeadLetters)) };
    if queue.is_fifo() != name.is_fifo() {
        return Ok(Err(Refusal::OtherDeadLetters));
    }
    let allowed = queue.settings.redrive_allow.as_ref().is_none_or(|allow| allow.allows(name));
    Ok(if allowed { Ok(()) } else { Err(Refusal::DeadLettersForbidden { source_queue: name.clone() }) })
}
