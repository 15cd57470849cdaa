//! Delivery: an event goes where it is to go, in the transaction of whoever sends it.

use bytes::Bytes;
use sonagi_backend::Error as BackendError;
use sonagi_data::queues::{Attribute, Draft, Outbox};

use crate::{Destination, Events};

/// One event on its way.
#[derive(Debug, Clone, Default)]
pub struct Parcel {
    /// What a function gets as its event and a queue as its message.
    pub body: Bytes,
    /// Message attributes, for queues and topics; in the order of their names.
    pub attributes: Vec<(String, Attribute)>,
    /// Of a FIFO queue or topic.
    pub group: Option<String>,
    pub deduplication: Option<String>,
    /// `X-Amzn-Trace-Id` of what it came of, lineage included.
    pub trace: Option<String>,
    /// Who sends, as SQS says it (`SenderId`).
    pub sender: String,
    /// Of a message to a topic.
    pub subject: Option<String>,
    /// What an event bus has to know.
    pub detail: Option<Detail>,
    /// Buses and topics that it went through.
    pub depth: u32,
}

/// Of an event for a bus (EventBridge API Reference, `PutEventsRequestEntry`); its `Detail` is the parcel's body.
#[derive(Debug, Clone, Default)]
pub struct Detail {
    pub source: String,
    pub kind: String,
    pub resources: Vec<String>,
}

/// Why an event cannot be delivered, and will not be if it is tried again: in the words of AWS's dead letters
/// (EventBridge User Guide, "Using dead-letter queues to process undelivered events").
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {text}")]
pub struct Undeliverable {
    /// `RESOURCE_NOT_FOUND`, `INVALID_PARAMETER` and the like.
    pub code: &'static str,
    pub text: String,
}

impl Undeliverable {
    pub(crate) fn absent(what: &Destination, events: &Events) -> Self {
        let config = events.config();
        let text = format!("{} does not exist.", what.arn(&config.account, &config.region));
        Self { code: "RESOURCE_NOT_FOUND", text }
    }

    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Self { code: "INVALID_PARAMETER", text: text.into() }
    }
}

impl Events {
    /// Delivers within a transaction. What cannot be delivered changes nothing there; whoever sends decides what becomes
    /// of it.
    pub fn deliver(
        &self,
        outbox: &mut Outbox<'_>,
        to: &Destination,
        parcel: &Parcel,
    ) -> std::result::Result<std::result::Result<(), Undeliverable>, BackendError> {
        match to {
            Destination::Function { name, qualifier } => {
                self.deliver_to_function(outbox, to, (name, qualifier.as_deref()), parcel)
            }
            Destination::Topic(name) => self.topics().deliver_to(outbox, name, parcel),
            Destination::Bus(name) => self.buses().take(outbox, name, parcel),
            Destination::Queue(name) => {
                let message = match self.queues().prepare(draft(parcel)) {
                    Ok(message) => message,
                    Err(refusal) => return Ok(Err(Undeliverable::invalid(refusal.to_string()))),
                };
                Ok(match outbox.send_to(name, &message)? {
                    Ok(_) => Ok(()),
                    Err(sonagi_data::queues::Refusal::NoQueue) => Err(Undeliverable::absent(to, self)),
                    Err(refusal) => Err(Undeliverable::invalid(refusal.to_string())),
                })
            }
        }
    }
}

fn draft(parcel: &Parcel) -> Draft {
    Draft {
        body: parcel.body.clone(),
        attributes: parcel.attributes.clone(),
        delay: None,
        group: parcel.group.clone(),
        deduplication: parcel.deduplication.clone(),
        trace: parcel.trace.clone(),
        sender: parcel.sender.clone(),
        note: None,
    }
}
