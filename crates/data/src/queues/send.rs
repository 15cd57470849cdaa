//! Sending.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sonagi_backend::{Error, Transaction};
use sonagi_model::{Digest, Timestamp, limits};

use super::{
    DeduplicationScope, Draft, Fifo, Queue, QueueName, Queues, Refusal, fifo,
    layout::{self, COMMIT, Id, Position, QUEUES_OF_COMMIT, WITHIN_COMMIT},
    message::{Head, Message, damaged, sequence},
    standard,
    steady::Moment,
};
use crate::Result;

/// A message that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// A UUID.
    pub id: String,
    /// Of a FIFO queue.
    pub sequence: Option<String>,
}

/// A draft with what must be the same however often its transaction runs.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub(super) draft: Draft,
    pub(super) id: String,
    /// What it is deduplicated by, if its queue goes by content.
    pub(super) content: Option<String>,
}

/// Queues within a transaction, which may do other things as well: what is sent is sent if it commits. A transaction
/// has one of these.
pub struct Outbox<'t> {
    pub(super) t: &'t mut dyn Transaction,
    pub(super) now: Moment,
    sent: u64,
    made: u64,
}

impl Prepared {
    /// The message's id.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl<'t> Outbox<'t> {
    pub fn new(t: &'t mut dyn Transaction, now: Moment) -> Self {
        Self { t, now, sent: 0, made: 0 }
    }

    /// The id of the next queue that is made: no other queue has it.
    pub(super) fn id(&mut self) -> std::result::Result<Id, Error> {
        let at = self.made;
        self.made += 1;
        if at >> QUEUES_OF_COMMIT != 0 {
            return Err(Error::TooMany { what: "queues in one transaction", limit: 1 << QUEUES_OF_COMMIT });
        }
        Ok(self.t.sequence().0 | (at << COMMIT))
    }

    /// The place of the next message in the order of sending.
    pub(super) fn position(&mut self) -> std::result::Result<Position, Error> {
        let at = self.sent;
        self.sent += 1;
        if at >> WITHIN_COMMIT != 0 {
            return Err(Error::TooMany { what: "messages in one transaction", limit: 1 << WITHIN_COMMIT });
        }
        Ok((self.t.sequence().0 << WITHIN_COMMIT) | at)
    }

    /// Sends to the queue of that name, as it is at this moment.
    pub fn send_to(
        &mut self,
        queue: &QueueName,
        message: &Prepared,
    ) -> std::result::Result<std::result::Result<Sent, Refusal>, Error> {
        match Queue::find(self.t, queue)? {
            Some(queue) => self.send(&queue, message),
            None => Ok(Err(Refusal::NoQueue)),
        }
    }

    pub(super) fn send(
        &mut self,
        queue: &Queue,
        message: &Prepared,
    ) -> std::result::Result<std::result::Result<Sent, Refusal>, Error> {
        let Prepared { draft, id, content } = message;
        let delay = match draft.fits(queue) {
            Ok(delay) => delay,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let deduplication = match &queue.settings.fifo {
            Some(fifo) => {
                let given = draft.deduplication.as_ref().or(content.as_ref());
                let Some(given) = given else { return Ok(Err(Refusal::NoDeduplicationId)) };
                let scope = scope(fifo, draft);
                if let Some(earlier) = self.earlier(queue, scope, given)? {
                    return Ok(Ok(earlier));
                }
                Some((scope, given))
            }
            None => None,
        };
        let position = self.position()?;
        let head = Head {
            id: id.clone(),
            sent: self.now.wall,
            due: Timestamp(self.now.steady.micros() + u64::from(delay) * 1_000_000),
            sender: draft.sender.clone(),
            attributes: draft.attributes.clone(),
            trace: draft.trace.clone(),
            group: draft.group.clone(),
            deduplication: deduplication.map(|(_, given)| given.clone()),
            dead_letter_of: None,
            note: draft.note.clone(),
        };
        self.put(queue, position, &Message { head, body: draft.body.clone() })?;
        let sent = Sent { id: id.clone(), sequence: queue.is_fifo().then(|| sequence(position)) };
        if let Some((scope, given)) = deduplication {
            let window = window(self.now.steady);
            let earlier = Earlier { id: id.clone(), position, sent: self.now.steady };
            let record = serde_json::to_vec(&earlier).map_err(|_| damaged("a deduplication id"))?;
            self.t.put(&layout::deduplication(queue.id, window, scope, given), &record)?;
        }
        Ok(Ok(sent))
    }

    /// A message into its queue.
    pub(super) fn put(
        &mut self,
        queue: &Queue,
        position: Position,
        message: &Message,
    ) -> std::result::Result<(), Error> {
        if queue.is_fifo() {
            fifo::put(self.t, queue.id, position, message)
        } else {
            standard::put(self.t, queue.id, position, message)
        }
    }

    /// The message that was sent with the same deduplication id within the last five minutes.
    fn earlier(
        &mut self,
        queue: &Queue,
        scope: &str,
        given: &str,
    ) -> std::result::Result<Option<Sent>, Error> {
        let now = self.now.steady;
        let window = window(now);
        for window in [Some(window), window.checked_sub(1)].into_iter().flatten() {
            if let Some(record) = self.t.get(&layout::deduplication(queue.id, window, scope, given))? {
                let earlier: Earlier =
                    serde_json::from_slice(&record).map_err(|_| damaged("a deduplication id"))?;
                if now.since(earlier.sent) < limits::QUEUE_DEDUPLICATION {
                    return Ok(Some(Sent { id: earlier.id, sequence: Some(sequence(earlier.position)) }));
                }
            }
        }
        Ok(None)
    }
}

/// What is kept of a message to know its duplicates by.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Earlier {
    id: String,
    position: Position,
    sent: Timestamp,
}

/// Deduplication ids are kept in windows, so that old ones are removed by their key alone.
pub(super) fn window(now: Timestamp) -> u64 {
    now.seconds() / limits::QUEUE_DEDUPLICATION.as_secs()
}

fn scope<'a>(fifo: &Fifo, draft: &'a Draft) -> &'a str {
    match fifo.scope {
        DeduplicationScope::Queue => "",
        DeduplicationScope::MessageGroup => draft.group.as_deref().unwrap_or_default(),
    }
}

impl Queues {
    /// Makes a draft ready to be sent within a transaction.
    pub fn prepare(&self, draft: Draft) -> std::result::Result<Prepared, Refusal> {
        draft.check()?;
        let goes_by_content = draft.group.is_some() && draft.deduplication.is_none();
        let content = goes_by_content.then(|| Digest::of(&draft.body).to_string());
        Ok(Prepared { draft, id: self.new_id(), content })
    }

    /// Sends several messages in one transaction; each fails or is accepted by itself.
    pub async fn send(
        &self,
        queue: &QueueName,
        drafts: Vec<Draft>,
    ) -> Result<Vec<std::result::Result<Sent, Refusal>>> {
        let prepared: Vec<_> = drafts.into_iter().map(|draft| self.prepare(draft)).collect();
        let now = self.moment();
        self.with(queue, move |t, queue| {
            let mut outbox = Outbox::new(t, now);
            let send = |message: &std::result::Result<Prepared, Refusal>| match message {
                Ok(message) => outbox.send(queue, message),
                Err(refusal) => Ok(Err(refusal.clone())),
            };
            Ok(Ok(prepared.iter().map(send).collect::<std::result::Result<Vec<_>, _>>()?))
        })
        .await
    }

    /// Sends one message.
    pub async fn send_one(&self, queue: &QueueName, draft: Draft) -> Result<Sent> {
        match self.send(queue, vec![draft]).await?.pop() {
            Some(sent) => Ok(sent?),
            None => Err(crate::Error::Closed),
        }
    }
}

/// So that a draft of text is short to write.
impl Draft {
    pub fn of(body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }
}
