//! Asking HTTP endpoints whether they want to be subscribed, or wanted to be cancelled.

use std::fmt::Write as _;

use sonagi_backend::Error;
use sonagi_data::queues::{Draft, Outbox, QueueName, Queues};
use sonagi_model::{Entropy, Timestamp, limits};

use super::{
    envelope::{MessageType, Question},
    posting::{KIND, Note},
    subscription::Subscription,
    topic::Topic,
};
use crate::{Config, Destination};

/// Bytes of a token.
pub(super) const TOKEN: usize = 32;

pub(super) fn new_token(entropy: &dyn Entropy) -> String {
    let bytes = entropy.bytes::<TOKEN>();
    bytes.iter().fold(String::with_capacity(2 * TOKEN), |mut text, byte| {
        write!(text, "{byte:02x}").ok();
        text
    })
}

pub(super) struct Asker<'a> {
    pub(super) config: &'a Config,
    pub(super) queues: &'a Queues,
}

impl Asker<'_> {
    /// Puts the question, with an id of its own, into the endpoint's queue.
    pub(super) fn ask(
        &self,
        outbox: &mut Outbox<'_>,
        topic: &Topic,
        subscription: &Subscription,
        (kind, id): (MessageType, &str),
        now: Timestamp,
    ) -> Result<(), Error> {
        let topic_arn = Destination::Topic(topic.name.clone()).arn(&self.config.account, &self.config.region);
        let question = Question {
            kind,
            id,
            token: subscription.token().unwrap_or_default(),
            topic_arn: &topic_arn,
            subscription_arn: &format!("{topic_arn}:{}", subscription.id),
            at: now,
            signature_version: topic.settings.signature_version(),
            endpoint: &self.config.endpoint,
        };
        let note = Note {
            kind,
            id: id.to_owned(),
            topic: topic.name.clone(),
            subscription: subscription.id.clone(),
            raw: false,
        };
        let draft = Draft { note: Some(note.text()?), ..Draft::of(question.envelope()) };
        let message = self.queues.prepare_own(draft);
        let queue = QueueName::own(KIND, &subscription.id);
        match outbox.send_own(&queue, limits::TOPIC_POST_LEASE, &message)? {
            Ok(_) => Ok(()),
            Err(refusal) => Err(Error::Damaged { what: format!("{queue}: {refusal}") }),
        }
    }
}
