//! Bringing messages to HTTP endpoints: each confirmed or asked endpoint has a queue of its own.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sonagi_backend::Error as BackendError;
use sonagi_data::queues::{QueueName, Receive, Received, Return};
use sonagi_model::{Tick, clock::within, limits};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    SERVICE, SubscriptionDelivery, Topics,
    envelope::MessageType,
    layout,
    subscription::Subscription,
    topic::{Topic, damaged},
};
use crate::{
    Destination, Parcel, Result, TopicName, own_queues,
    poller::{Verdict, Work},
};

/// Of the queues of endpoints.
pub(super) const KIND: &str = "h";

/// Posts to whoever subscribed over HTTP. `edge` does.
#[async_trait]
pub trait Post: Send + Sync + 'static {
    /// The status of the answer.
    async fn post(&self, request: Request) -> std::result::Result<u16, PostFailure>;
}

/// What is posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
}

/// Why there was no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PostFailure(pub String);

/// What is known of a message in an endpoint's queue, beside its text.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Note {
    pub(super) kind: MessageType,
    pub(super) id: String,
    pub(super) topic: TopicName,
    pub(super) subscription: String,
    pub(super) raw: bool,
}

impl Note {
    pub(super) fn text(&self) -> std::result::Result<String, BackendError> {
        serde_json::to_string(self).map_err(|_| damaged("a posting's note"))
    }
}

impl Topics {
    /// Begins to post. With `stop` nothing new is begun; the handle is ready when all that was under way has ended.
    pub fn start_posting(&self, post: Arc<dyn Post>, stop: &CancellationToken) -> JoinHandle<()> {
        tokio::spawn(follow(self.clone(), post, stop.clone()))
    }
}

async fn follow(topics: Topics, post: Arc<dyn Post>, stop: CancellationToken) {
    let at =
        |name| Endpoint { topics: topics.clone(), post: Arc::clone(&post), name, next: Mutex::default() };
    own_queues::follow(&topics.0, KIND, at, &stop).await;
}

/// An endpoint's queue.
struct Endpoint {
    topics: Topics,
    post: Arc<dyn Post>,
    name: QueueName,
    /// When the next message may be posted, where the endpoint takes so many a second.
    next: Mutex<Tick>,
}

/// What became of a post.
enum Ending {
    Taken,
    /// It may be taken later.
    Later(Verdict),
    Refused,
}

impl Work for Endpoint {
    type Job = Received;

    fn at_once(&self) -> usize {
        limits::TOPIC_POSTS_AT_ONCE
    }

    async fn next(&self, most: usize, stop: &CancellationToken) -> Result<Option<Vec<Received>>> {
        let ask = Receive { most, visibility: None, wait: Some(limits::TOPIC_POST_IDLE), attempt: None };
        own_queues::next(&self.topics.0, &self.name, &ask, || false, stop).await
    }

    async fn run(&self, job: Received) -> Verdict {
        match self.bring(&job).await {
            Ok(verdict) => verdict,
            Err(error) => {
                // Its lease ends by itself, and it is posted again.
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    queue = %self.name,
                    "a message for an HTTP endpoint is put off"
                );
                Verdict::Done
            }
        }
    }
}

impl Endpoint {
    async fn bring(&self, job: &Received) -> Result<Verdict> {
        let note: Note = serde_json::from_str(job.message.head.note.as_deref().unwrap_or_default())
            .map_err(|_| damaged("a posting's note"))?;
        let Some((subscription, policy)) = self.wanted(&note).await? else {
            self.settle(job, None).await?;
            return Ok(Verdict::Done);
        };
        self.wait_for_turn(&policy).await;
        let ending = self.try_post(job, &note, &subscription, &policy).await;
        let failed = match ending {
            Ending::Taken => {
                self.settle(job, None).await?;
                return Ok(Verdict::Done);
            }
            Ending::Later(verdict) => Some(verdict),
            Ending::Refused => None,
        };
        let wait = failed.and_then(|_| policy.retries().wait(job.receives));
        match wait {
            Some(wait) => {
                let seconds = wait.as_secs_f64().round() as u32;
                let back = Return { handle: job.handle.clone(), seconds, counts: true };
                self.topics.0.queues().give_back(&self.name, vec![back]).await?;
            }
            None => {
                tracing::debug!(endpoint = subscription.endpoint, message = note.id, "no endpoint took it");
                let letters = subscription.settings.dead_letters;
                self.settle(job, letters.filter(|_| note.kind == MessageType::Notification)).await?;
            }
        }
        Ok(failed.unwrap_or(Verdict::Done))
    }

    /// The subscription, and how it wants messages, if it is one for which this message is still.
    async fn wanted(&self, note: &Note) -> Result<Option<(Subscription, SubscriptionDelivery)>> {
        let snapshot = self.topics.0.records().snapshot();
        let key = layout::subscription(&note.topic, &note.subscription);
        let (Some(topic), Some(record)) =
            (snapshot.get(&layout::name(&note.topic)).await?, snapshot.get(&key).await?)
        else {
            return Ok(None);
        };
        let (topic, subscription) = (Topic::decode(&topic)?, Subscription::decode(&record)?);
        let wanted = match note.kind {
            MessageType::Notification => subscription.is_confirmed(),
            MessageType::SubscriptionConfirmation => subscription.is_pending(),
            MessageType::UnsubscribeConfirmation => subscription.token().is_some(),
        };
        let policy = SubscriptionDelivery::effective(
            subscription.settings.delivery.as_ref(),
            topic.settings.delivery.as_ref(),
        );
        Ok(wanted.then_some((subscription, policy)))
    }

    async fn wait_for_turn(&self, policy: &SubscriptionDelivery) {
        let Some(throttle) = policy.throttle_policy else { return };
        let clock = self.topics.0.clock();
        let turn = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*next).max(clock.tick());
            *next = turn + Duration::from_secs(1) / throttle.max_receives_per_second.max(1);
            turn
        };
        if turn > clock.tick() {
            clock.sleep_until(turn).await;
        }
    }

    async fn try_post(
        &self,
        job: &Received,
        note: &Note,
        subscription: &Subscription,
        policy: &SubscriptionDelivery,
    ) -> Ending {
        let mut headers = vec![
            ("x-amz-sns-message-type", note.kind.as_str().to_owned()),
            ("x-amz-sns-message-id", note.id.clone()),
            ("x-amz-sns-topic-arn", self.topics.arn(&note.topic)),
        ];
        if note.kind != MessageType::SubscriptionConfirmation {
            let arn = self.topics.subscription_arn(&note.topic, &note.subscription);
            headers.push(("x-amz-sns-subscription-arn", arn));
        }
        if note.raw {
            headers.push(("x-amz-sns-rawdelivery", "true".into()));
        }
        let content_type = match note.kind {
            MessageType::Notification => policy.content_type().to_owned(),
            MessageType::SubscriptionConfirmation | MessageType::UnsubscribeConfirmation => {
                SubscriptionDelivery::default().content_type().to_owned()
            }
        };
        headers.push(("content-type", content_type));
        headers.push(("user-agent", "Amazon Simple Notification Service Agent".into()));
        let request = Request { url: subscription.endpoint.clone(), headers, body: job.message.body.clone() };
        let clock = self.topics.0.clock();
        let deadline = clock.tick() + limits::TOPIC_POST_TIMEOUT;
        match within(&**clock, deadline, self.post.post(request)).await {
            Some(Ok(200..=299)) => Ending::Taken,
            Some(Ok(429)) => Ending::Later(Verdict::Throttled),
            Some(Ok(status)) if status < 500 => Ending::Refused,
            Some(Ok(status)) => {
                tracing::debug!(endpoint = subscription.endpoint, status, "an endpoint failed");
                Ending::Later(Verdict::Done)
            }
            Some(Err(failure)) => {
                tracing::debug!(endpoint = subscription.endpoint, %failure, "an endpoint did not answer");
                Ending::Later(Verdict::Done)
            }
            None => {
                tracing::debug!(endpoint = subscription.endpoint, "an endpoint did not answer in time");
                Ending::Later(Verdict::Done)
            }
        }
    }

    /// Removes a message from the endpoint's queue, and puts it among the dead letters if there are any.
    async fn settle(&self, job: &Received, letters: Option<QueueName>) -> Result<()> {
        let (events, name, handle) = (self.topics.0.clone(), self.name.clone(), job.handle.clone());
        let letters = letters.map(|letters| {
            let head = &job.message.head;
            let fifo = letters.is_fifo();
            let parcel = Parcel {
                body: job.message.body.clone(),
                attributes: head.attributes.clone(),
                group: head.group.clone(),
                deduplication: head.deduplication.clone().filter(|_| fifo),
                trace: head.trace.clone(),
                sender: SERVICE.to_owned(),
                ..Parcel::default()
            };
            (Destination::Queue(letters), parcel)
        });
        self.topics
            .0
            .queues()
            .transact(move |outbox| {
                if outbox.acknowledge(&name, &handle)?.is_ok()
                    && let Some((letters, parcel)) = &letters
                    && events.deliver(outbox, letters, parcel)?.is_err()
                {
                    // It may have more attributes than a queue takes.
                    let bare = Parcel { attributes: Vec::new(), ..parcel.clone() };
                    drop(events.deliver(outbox, letters, &bare)?);
                }
                Ok(())
            })
            .await?;
        Ok(())
    }
}
