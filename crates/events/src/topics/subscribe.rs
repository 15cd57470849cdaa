//! Subscribing, confirming and cancelling.

use sonagi_backend::Error as BackendError;
use sonagi_data::queues::Outbox;
use sonagi_model::{RequestId, Timestamp, limits};

use super::{
    Protocol, Refusal, Topics,
    asking::{Asker, TOKEN, new_token},
    envelope::MessageType,
    layout,
    registry::{Refused, Within},
    settings::SubscriptionSettings,
    subscription::{State, Subscription},
    topic::Topic,
};
use crate::{Result, TopicName};

/// What is to be subscribed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    pub topic: TopicName,
    pub protocol: Protocol,
    /// An ARN or a URL.
    pub endpoint: String,
    pub settings: SubscriptionSettings,
    /// The ARN of who subscribes.
    pub principal: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm {
    pub topic: TopicName,
    pub token: String,
    /// Whether nobody is to cancel it without saying who he is.
    pub authenticated: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscribe {
    pub topic: TopicName,
    pub id: String,
    /// Whether who asks has said who he is. Otherwise its endpoint is told, and can restore it.
    pub signed: bool,
}

impl Topics {
    /// Subscribes an endpoint. What is subscribed already and is the same is no failure. An HTTP endpoint is asked first.
    pub async fn subscribe(&self, wanted: Subscribe) -> Result<Subscription> {
        let events = self.0.clone();
        let topics = self.clone();
        let (id, token) = (self.new_id(), self.new_token());
        let now = events.clock().now();
        let done = events
            .queues()
            .transact(move |outbox| topics.subscribe_in(outbox, &wanted, (&id, &token), now))
            .await?;
        Ok(done?)
    }

    fn subscribe_in(
        &self,
        outbox: &mut Outbox<'_>,
        wanted: &Subscribe,
        (id, token): (&str, &str),
        now: Timestamp,
    ) -> Within<Subscription> {
        let Some(mut topic) = Topic::find(outbox.transaction(), &wanted.topic)? else {
            return Ok(Err(Refusal::NoTopic));
        };
        let all = Subscription::all_of(outbox.transaction(), &wanted.topic)?;
        let (over, all): (Vec<_>, Vec<_>) = all.into_iter().partition(|known| known.is_over(now));
        let same = |known: &&Subscription| {
            known.is_there(now) && (known.protocol, &known.endpoint) == (wanted.protocol, &wanted.endpoint)
        };
        let known = all.iter().find(same).cloned();
        if let Some(known) = &known {
            let silent = wanted.settings == SubscriptionSettings::default();
            if !silent && wanted.settings != known.settings {
                return Ok(Err(Refusal::parameter(
                    "Attributes Reason: Subscription already exists with different attributes",
                )));
            }
        }
        let limit = match topic.is_fifo() {
            true => limits::TOPIC_SUBSCRIPTIONS_FIFO,
            false => limits::TOPIC_SUBSCRIPTIONS,
        };
        if known.is_none() && all.len() >= limit {
            return Ok(Err(Refusal::TooManySubscriptions { limit }));
        }
        let t = outbox.transaction();
        for old in over {
            t.delete(&layout::subscription(&topic.name, &old.id))?;
        }
        let subscription = match known {
            Some(known) if known.is_confirmed() => return Ok(Ok(known)),
            Some(known) => {
                Subscription { state: State::Pending { token: token.to_owned(), since: now }, ..known }
            }
            None => Subscription {
                id: id.to_owned(),
                topic: topic.name.clone(),
                protocol: wanted.protocol,
                endpoint: wanted.endpoint.clone(),
                settings: wanted.settings.clone(),
                state: match wanted.protocol.is_http() {
                    true => State::Pending { token: token.to_owned(), since: now },
                    false => State::Confirmed,
                },
                authenticated: !wanted.protocol.is_http(),
                principal: wanted.principal.clone(),
            },
        };
        subscription.store(t)?;
        topic.store(t)?;
        if subscription.is_pending() {
            self.ask(outbox, &topic, &subscription, MessageType::SubscriptionConfirmation, now)?;
        }
        Ok(Ok(subscription))
    }

    /// Makes a subscription, or one that was cancelled again, of what its endpoint was sent the token for.
    pub async fn confirm(&self, wanted: Confirm) -> Result<Subscription> {
        let now = self.0.clock().now();
        if wanted.token.len() != TOKEN * 2 || !wanted.token.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Refusal::Value("Invalid token".into()).into());
        }
        self.change(move |t| {
            let Some(mut topic) = Topic::find(t, &wanted.topic)? else {
                return Ok(Err(Refusal::parameter("Topic")));
            };
            let all = Subscription::all_of(t, &wanted.topic)?;
            let mut all = all.into_iter();
            let found = all.find(|known| known.token() == Some(&wanted.token) && !known.is_over(now));
            let Some(mut subscription) = found else { return Ok(Err(Refusal::parameter("Token"))) };
            subscription.state = State::Confirmed;
            subscription.authenticated = wanted.authenticated;
            subscription.store(t)?;
            topic.store(t)?;
            Ok(Ok(subscription))
        })
        .await
    }

    /// Cancels a subscription. That there is none is no failure.
    pub async fn unsubscribe(&self, wanted: Unsubscribe) -> Result<()> {
        let topics = self.clone();
        let token = self.new_token();
        let now = self.0.clock().now();
        let done: Refused<()> = self
            .0
            .queues()
            .transact(move |outbox| topics.unsubscribe_in(outbox, &wanted, &token, now))
            .await?;
        Ok(done?)
    }

    fn unsubscribe_in(
        &self,
        outbox: &mut Outbox<'_>,
        wanted: &Unsubscribe,
        token: &str,
        now: Timestamp,
    ) -> Within<()> {
        let t = outbox.transaction();
        let key = layout::subscription(&wanted.topic, &wanted.id);
        let (Some(mut topic), Some(record)) = (Topic::find(t, &wanted.topic)?, t.get(&key)?) else {
            return Ok(Ok(()));
        };
        let mut subscription = Subscription::decode(&record)?;
        if !subscription.is_there(now) {
            return Ok(Ok(()));
        }
        if subscription.authenticated && !wanted.signed {
            return Ok(Err(Refusal::Unsigned));
        }
        topic.deleted += 1;
        topic.store(t)?;
        if wanted.signed || !subscription.is_confirmed() || !subscription.protocol.is_http() {
            t.delete(&key)?;
            return Ok(Ok(()));
        }
        subscription.state = State::Cancelled { token: token.to_owned(), since: now };
        subscription.store(t)?;
        self.ask(outbox, &topic, &subscription, MessageType::UnsubscribeConfirmation, now)?;
        Ok(Ok(()))
    }

    /// Asks an HTTP endpoint what its token is for.
    fn ask(
        &self,
        outbox: &mut Outbox<'_>,
        topic: &Topic,
        subscription: &Subscription,
        kind: MessageType,
        now: Timestamp,
    ) -> std::result::Result<(), BackendError> {
        let asker = Asker { config: self.0.config(), queues: self.0.queues() };
        asker.ask(outbox, topic, subscription, (kind, &self.new_id()), now)
    }

    pub(super) fn new_id(&self) -> String {
        RequestId::random(&**self.0.entropy()).to_string()
    }

    fn new_token(&self) -> String {
        new_token(&**self.0.entropy())
    }
}
