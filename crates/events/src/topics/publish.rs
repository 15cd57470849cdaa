//! Publishing: one transaction for a message and all that it is delivered as.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sonagi_backend::{Error as BackendError, Transaction, records::Direction};
use sonagi_data::queues::{Draft, Outbox, QueueName};
use sonagi_model::{Digest, Timestamp, limits};

use super::{
    DeduplicationScope, Protocol, Publication, Published, Refusal, SERVICE, Topics,
    attributes::Seen,
    envelope::{MessageType, Notification},
    known::{Ready, ReadySubscription},
    layout,
    posting::{KIND, Note},
    registry::{Refused, Within},
    topic::damaged,
};
use crate::{Destination, Parcel, Result, TopicName, Undeliverable};

impl Topics {
    /// Publishes several messages in one transaction; each fails or is accepted by itself.
    pub async fn publish(
        &self,
        topic: &TopicName,
        messages: Vec<Publication>,
    ) -> Result<Vec<Refused<Published>>> {
        let (topics, name) = (self.clone(), topic.clone());
        let now = self.0.clock().now();
        let done = self
            .0
            .queues()
            .transact(move |outbox| {
                let Some(ready) = topics.ready(outbox, &name)? else { return Ok(Err(Refusal::NoTopic)) };
                let publish = |message: &Publication| topics.publish_to(outbox, &ready, message, now);
                Ok(Ok(messages.iter().map(publish).collect::<std::result::Result<Vec<_>, BackendError>>()?))
            })
            .await?;
        Ok(done?)
    }

    /// The same for what is delivered to a topic.
    pub(crate) fn deliver_to(
        &self,
        outbox: &mut Outbox<'_>,
        name: &TopicName,
        parcel: &Parcel,
    ) -> std::result::Result<std::result::Result<(), Undeliverable>, BackendError> {
        if parcel.depth >= limits::DELIVERY_DEPTH {
            return Ok(Err(Undeliverable::invalid(format!(
                "The event went through {} buses and topics; it goes no further.",
                parcel.depth
            ))));
        }
        let Some(ready) = self.ready(outbox, name)? else {
            return Ok(Err(Undeliverable::absent(&Destination::Topic(name.clone()), &self.0)));
        };
        let Ok(message) = std::str::from_utf8(&parcel.body) else {
            return Ok(Err(Undeliverable::invalid("The event is no text.")));
        };
        let message = Publication {
            message: message.to_owned(),
            subject: parcel.subject.clone(),
            attributes: parcel.attributes.clone(),
            group: parcel.group.clone(),
            deduplication: parcel.deduplication.clone(),
            trace: parcel.trace.clone(),
            depth: parcel.depth,
            ..Publication::default()
        };
        let published = self.publish_to(outbox, &ready, &message, self.0.clock().now())?;
        Ok(published.map(drop).map_err(|refusal| Undeliverable::invalid(refusal.to_string())))
    }

    fn ready(
        &self,
        outbox: &mut Outbox<'_>,
        name: &TopicName,
    ) -> std::result::Result<Option<Arc<Ready>>, BackendError> {
        let config = self.0.config();
        self.0.known_topics().now(outbox.transaction(), name, (&config.account, &config.region))
    }

    fn publish_to(
        &self,
        outbox: &mut Outbox<'_>,
        Ready { topic, subscriptions, .. }: &Ready,
        message: &Publication,
        now: Timestamp,
    ) -> Within<Published> {
        if let Err(refusal) = message.check().and_then(|()| message.fits(topic)) {
            return Ok(Err(refusal));
        }
        let mut seen = Looked::at(message);
        let wanted: Vec<&ReadySubscription> =
            subscriptions.iter().filter(|subscription| seen.wanted_by(subscription)).collect();
        if wanted.len().saturating_mul(message.size()) > limits::TOPIC_FAN_OUT_SIZE {
            return Ok(Err(Refusal::parameter(format!(
                "Message too long: its copies for {} subscriptions have more than {} bytes together",
                wanted.len(),
                limits::TOPIC_FAN_OUT_SIZE
            ))));
        }
        let mut published = Published { id: self.new_id(), sequence: None };
        let mut deduplication = None;
        if let Some(fifo) = &topic.settings.fifo {
            let given = message.deduplication.clone();
            let given = given.unwrap_or_else(|| Digest::of(message.message.as_bytes()).to_string());
            let scope = match fifo.scope {
                Some(DeduplicationScope::MessageGroup) => message.group.as_deref().unwrap_or_default(),
                Some(DeduplicationScope::Topic) | None => "",
            };
            let t = outbox.transaction();
            if let Some(earlier) = earlier(t, &topic.name, (scope, &given), now)? {
                return Ok(Ok(earlier));
            }
            let sequence = next_sequence(t, &topic.name)?;
            note(t, &topic.name, (scope, &given), &Earlier { id: published.id.clone(), sequence, at: now })?;
            published.sequence = Some(shown(sequence));
            deduplication = Some(given);
        }
        let outgoing = Outgoing {
            topics: self,
            message,
            published: &published,
            topic_arn: &self.arn(&topic.name),
            signature_version: topic.settings.signature_version(),
            deduplication: deduplication.as_deref(),
            now,
        };
        for subscription in wanted {
            outgoing.deliver(outbox, subscription)?;
        }
        Ok(Ok(published))
    }
}

/// A message, as filters look at it.
struct Looked<'a> {
    message: &'a Publication,
    attributes: Seen<'a>,
    /// By protocol, each read once.
    bodies: Vec<(Protocol, Value)>,
}

impl<'a> Looked<'a> {
    fn at(message: &'a Publication) -> Self {
        Self { message, attributes: Seen::new(&message.attributes), bodies: Vec::new() }
    }

    fn wanted_by(&mut self, ReadySubscription { subscription, filter, .. }: &ReadySubscription) -> bool {
        let Some(filter) = filter else { return true };
        if !subscription.settings.filters_body {
            return self.attributes.match_with(filter);
        }
        let protocol = subscription.protocol;
        if let Some((_, body)) = self.bodies.iter().find(|(known, _)| *known == protocol) {
            return filter.matches(body);
        }
        let body = serde_json::from_str(self.message.text(protocol)).unwrap_or_default();
        let wanted = filter.matches(&body);
        self.bodies.push((protocol, body));
        wanted
    }
}

/// A message on its way to its subscriptions.
struct Outgoing<'a> {
    topics: &'a Topics,
    message: &'a Publication,
    published: &'a Published,
    topic_arn: &'a str,
    signature_version: &'a str,
    deduplication: Option<&'a str>,
    now: Timestamp,
}

impl Outgoing<'_> {
    /// What cannot be delivered goes to the subscription's dead letters; without those it is gone, as with SNS.
    fn deliver(
        &self,
        outbox: &mut Outbox<'_>,
        ReadySubscription { subscription, to, .. }: &ReadySubscription,
    ) -> std::result::Result<(), BackendError> {
        let arn = self.topics.subscription_arn(&subscription.topic, &subscription.id);
        let notification = self.notification(&arn, subscription.protocol);
        let raw = subscription.settings.raw;
        let events = &self.topics.0;
        let Some(to) = to else {
            let note = Note {
                kind: MessageType::Notification,
                id: self.published.id.clone(),
                topic: subscription.topic.clone(),
                subscription: subscription.id.clone(),
                raw,
            };
            let draft = Draft { note: Some(note.text()?), ..self.draft(&notification, raw) };
            let queue = QueueName::own(KIND, &subscription.id);
            let message = events.queues().prepare_own(draft);
            return match outbox.send_own(&queue, limits::TOPIC_POST_LEASE, &message)? {
                Ok(_) => Ok(()),
                Err(refusal) => Err(damaged(&format!("{queue}: {refusal}"))),
            };
        };
        let parcel = match to {
            Destination::Function { .. } => Parcel {
                body: notification.event().into(),
                trace: self.message.trace.clone(),
                sender: SERVICE.to_owned(),
                depth: self.message.depth + 1,
                ..Parcel::default()
            },
            Destination::Queue(_) | Destination::Topic(_) | Destination::Bus(_) => {
                self.parcel(&notification, raw, to)
            }
        };
        let undeliverable = events.deliver(outbox, to, &parcel)?.err();
        if let (Some(_), Some(letters)) = (undeliverable, &subscription.settings.dead_letters) {
            let letters = Destination::Queue(letters.clone());
            let parcel = self.parcel(&notification, raw, &letters);
            let left = events.deliver(outbox, &letters, &parcel)?.is_err();
            if left && raw {
                // It may have more attributes than a queue takes; in its envelope it has none.
                drop(events.deliver(outbox, &letters, &self.parcel(&notification, false, &letters))?);
            }
        }
        Ok(())
    }

    fn notification<'n>(&'n self, arn: &'n str, protocol: Protocol) -> Notification<'n> {
        Notification {
            id: &self.published.id,
            topic_arn: self.topic_arn,
            subscription_arn: arn,
            subject: self.message.subject.as_deref(),
            message: self.message.text(protocol),
            attributes: &self.message.attributes,
            at: self.now,
            sequence: self.published.sequence.as_deref(),
            signature_version: self.signature_version,
            endpoint: &self.topics.0.config().endpoint,
        }
    }

    /// A message for a queue: a FIFO queue wants to know what it is deduplicated by, and others take nothing of that.
    fn parcel(&self, notification: &Notification<'_>, raw: bool, to: &Destination) -> Parcel {
        let fifo = matches!(to, Destination::Queue(name) if name.is_fifo());
        let Draft { body, attributes, group, trace, sender, .. } = self.draft(notification, raw);
        let deduplication = self.deduplication.filter(|_| fifo).map(str::to_owned);
        let depth = self.message.depth + 1;
        Parcel { body, attributes, group, deduplication, trace, sender, depth, ..Parcel::default() }
    }

    fn draft(&self, notification: &Notification<'_>, raw: bool) -> Draft {
        let (body, attributes) = match raw {
            true => (Bytes::from(notification.message.to_owned()), self.message.attributes.clone()),
            false => (Bytes::from(notification.envelope()), Vec::new()),
        };
        Draft {
            body,
            attributes,
            group: self.message.group.clone(),
            deduplication: self.deduplication.map(str::to_owned),
            trace: self.message.trace.clone(),
            sender: SERVICE.to_owned(),
            ..Draft::default()
        }
    }
}

/// What is kept of a message to know its duplicates by.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Earlier {
    id: String,
    sequence: u64,
    at: Timestamp,
}

/// Deduplication ids are kept in windows, so that old ones are found by their key alone.
fn window(now: Timestamp) -> u64 {
    now.seconds() / limits::TOPIC_DEDUPLICATION.as_secs()
}

/// The message that was published with the same deduplication id within the last five minutes.
fn earlier(
    t: &mut dyn Transaction,
    topic: &TopicName,
    (scope, given): (&str, &str),
    now: Timestamp,
) -> std::result::Result<Option<Published>, BackendError> {
    let window = window(now);
    for window in [Some(window), window.checked_sub(1)].into_iter().flatten() {
        if let Some(record) = t.get(&layout::sent(topic, window, scope, given))? {
            let Earlier { id, sequence, at } =
                serde_json::from_slice(&record).map_err(|_| damaged("a deduplication id"))?;
            if now.since(at) < limits::TOPIC_DEDUPLICATION {
                return Ok(Some(Published { id, sequence: Some(shown(sequence)) }));
            }
        }
    }
    Ok(None)
}

/// Keeps what a message is known by, and forgets some of what is too old.
fn note(
    t: &mut dyn Transaction,
    topic: &TopicName,
    (scope, given): (&str, &str),
    earlier: &Earlier,
) -> std::result::Result<(), BackendError> {
    let window = window(earlier.at);
    let (from, to) = (layout::all_sent(topic), layout::sent_from(topic, window.saturating_sub(1)));
    for record in t.scan(&from..&to, Direction::Forward, limits::TOPIC_CLEARED_AT_ONCE)? {
        t.delete(&record.key)?;
    }
    let record = serde_json::to_vec(earlier).map_err(|_| damaged("a deduplication id"))?;
    t.put(&layout::sent(topic, window, scope, given), &record)
}

fn next_sequence(t: &mut dyn Transaction, topic: &TopicName) -> std::result::Result<u64, BackendError> {
    let key = layout::sequence(topic);
    let last = match t.get(&key)? {
        Some(record) => {
            let bytes = record.as_ref().try_into().map_err(|_| damaged("a topic's sequence number"))?;
            u64::from_be_bytes(bytes)
        }
        None => 0,
    };
    t.put(&key, &(last + 1).to_be_bytes())?;
    Ok(last + 1)
}

/// As SNS's look: twenty digits, of which the first is not 0.
fn shown(sequence: u64) -> String {
    format!("1{sequence:019}")
}
