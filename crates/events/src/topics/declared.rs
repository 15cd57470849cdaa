//! Topics and subscriptions that releases declare, in the release's transaction.

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;
use serde_json::{Map, Value};
use sonagi_backend::{
    Transaction,
    records::{Direction, after},
};
use sonagi_data::queues::{Outbox, Queues};
use sonagi_model::{AppName, Digest, Entropy, RequestId, limits};

use super::{
    FifoSettings, Protocol, Refusal, State, Subscription, SubscriptionSettings, SubscriptionTarget, Topic,
    TopicChange, TopicSettings,
    asking::{Asker, new_token},
    envelope::MessageType,
    layout, read_subscription,
};
use crate::{
    Config, Destination, TopicName,
    declaration::{self, Declaration, Outcome, Tag, input},
};

/// A topic as a release declares it: `CreateTopic`'s input.
pub(crate) struct DeclaredTopic {
    name: TopicName,
    settings: TopicSettings,
    tags: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TopicInput {
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

impl DeclaredTopic {
    pub(crate) fn read(name: &str, properties: &Map<String, Value>) -> Result<Self, Refusal> {
        let TopicInput { mut attributes, tags } = input(properties).map_err(Refusal::parameter)?;
        let name = TopicName::new(name).ok_or_else(|| Refusal::parameter("Topic Name"))?;
        // The name says it.
        attributes.remove("FifoTopic");
        let mut settings =
            TopicSettings { fifo: name.is_fifo().then(FifoSettings::default), ..TopicSettings::default() };
        for change in TopicChange::read_all(&attributes, name.is_fifo())? {
            change.apply(&mut settings);
        }
        if tags.len() > limits::TAGS {
            return Err(Refusal::TooManyTags);
        }
        Ok(Self { name, settings, tags: declaration::tags(tags) })
    }
}

impl Declaration for DeclaredTopic {
    type Refusal = Refusal;

    fn declare(&self, outbox: &mut Outbox<'_>, app: &AppName) -> Outcome<Refusal> {
        let now = outbox.now();
        let t = outbox.transaction();
        let before = Topic::find(t, &self.name)?;
        if before.as_ref().is_some_and(|before| before.app.as_ref() != Some(app)) {
            return Ok(Err(Refusal::Value(format!("There is a topic {} already.", self.name))));
        }
        let Some(before) = before else {
            let (from, to) = (layout::NAMES, after(layout::NAMES));
            if t.scan(from..&to, Direction::Forward, limits::TOPICS)?.len() >= limits::TOPICS {
                return Ok(Err(Refusal::TooManyTopics));
            }
            let mut topic = Topic {
                name: self.name.clone(),
                settings: self.settings.clone(),
                tags: self.tags.clone(),
                created: now,
                app: Some(app.clone()),
                changed: 0,
                deleted: 0,
            };
            return topic.store(t).map(Ok);
        };
        if before.settings == self.settings && before.tags == self.tags {
            return Ok(Ok(()));
        }
        let mut topic = Topic { settings: self.settings.clone(), tags: self.tags.clone(), ..before };
        topic.store(t).map(Ok)
    }

    /// One that others have subscribed to stays, and is nobody's.
    fn retire(&self, outbox: &mut Outbox<'_>, app: &AppName) -> Outcome<Refusal> {
        let t = outbox.transaction();
        let found = Topic::find(t, &self.name)?;
        let Some(topic) = found.filter(|topic| topic.app.as_ref() == Some(app)) else { return Ok(Ok(())) };
        if Subscription::all_of(t, &self.name)?.is_empty() {
            t.delete(&layout::name(&self.name))?;
            if t.get(&layout::sequence(&self.name))?.is_some() {
                t.delete(&layout::sequence(&self.name))?;
            }
            return Ok(Ok(()));
        }
        let mut topic = Topic { app: None, ..topic };
        topic.store(t).map(Ok)
    }
}

/// A subscription as a release declares it: `Subscribe`'s input.
pub(crate) struct DeclaredSubscription {
    topic: TopicName,
    protocol: Protocol,
    endpoint: String,
    settings: SubscriptionSettings,
    with: Subscribing,
}

/// What subscribing needs.
#[derive(Clone)]
pub(crate) struct Subscribing {
    pub(crate) config: Config,
    pub(crate) queues: Queues,
    pub(crate) entropy: Arc<dyn Entropy>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct SubscriptionInput {
    topic_arn: String,
    protocol: String,
    endpoint: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

impl DeclaredSubscription {
    pub(crate) fn read(with: &Subscribing, properties: &Map<String, Value>) -> Result<Self, Refusal> {
        let config = &with.config;
        let SubscriptionInput { topic_arn, protocol, endpoint, attributes } =
            input(properties).map_err(Refusal::parameter)?;
        let Ok(Destination::Topic(topic)) = Destination::parse(&topic_arn, &config.account, &config.region)
        else {
            return Err(Refusal::parameter("TopicArn"));
        };
        let protocol = Protocol::new(&protocol).ok_or_else(|| {
            Refusal::parameter(format!("Amazon SNS does not support this protocol string: {protocol}"))
        })?;
        let target = SubscriptionTarget { protocol, endpoint: &endpoint };
        target.check(config, &topic)?;
        let settings = read_subscription(config, &target, &attributes)?;
        Ok(Self { topic, protocol, endpoint, settings, with: with.clone() })
    }

    /// The same for the same app, topic and endpoint, so that it is found again.
    fn id(&self, app: &AppName) -> String {
        let whole = format!("subscription/{app}/{}/{}/{}", self.topic, self.protocol, self.endpoint);
        let digest = Digest::of(whole.as_bytes()).to_string();
        format!(
            "{}-{}-4{}-8{}-{}",
            &digest[..8],
            &digest[8..12],
            &digest[13..16],
            &digest[17..20],
            &digest[20..32]
        )
    }
}

impl Declaration for DeclaredSubscription {
    type Refusal = Refusal;

    /// An HTTP endpoint is asked first, as with `Subscribe`, and again by a later release if it did not answer in time.
    fn declare(&self, outbox: &mut Outbox<'_>, app: &AppName) -> Outcome<Refusal> {
        let now = outbox.now();
        let t = outbox.transaction();
        let Some(mut topic) = Topic::find(t, &self.topic)? else { return Ok(Err(Refusal::NoTopic)) };
        let all = Subscription::all_of(t, &self.topic)?;
        let same =
            |known: &&Subscription| (known.protocol, &known.endpoint) == (self.protocol, &self.endpoint);
        let limit = match topic.is_fifo() {
            true => limits::TOPIC_SUBSCRIPTIONS_FIFO,
            false => limits::TOPIC_SUBSCRIPTIONS,
        };
        let before = all.iter().find(same);
        if before.is_none() && all.len() >= limit {
            return Ok(Err(Refusal::TooManySubscriptions { limit }));
        }
        let state = match before.filter(|known| known.is_there(now)) {
            Some(known) if known.settings == self.settings => return Ok(Ok(())),
            Some(known) => known.state.clone(),
            None if self.protocol.is_http() => {
                State::Pending { token: new_token(&*self.with.entropy), since: now }
            }
            None => State::Confirmed,
        };
        let is_asked = state != State::Confirmed && before.is_none_or(|known| known.state != state);
        let subscription = Subscription {
            // One that was made through an API is the release's from now on.
            id: before.map_or_else(|| self.id(app), |known| known.id.clone()),
            topic: self.topic.clone(),
            protocol: self.protocol,
            endpoint: self.endpoint.clone(),
            settings: self.settings.clone(),
            authenticated: before.map_or(!self.protocol.is_http(), |known| known.authenticated),
            state,
            principal: format!("arn:aws:iam::{}:root", self.with.config.account),
        };
        subscription.store(t)?;
        topic.store(t)?;
        if is_asked {
            let asker = Asker { config: &self.with.config, queues: &self.with.queues };
            let id = RequestId::random(&*self.with.entropy).to_string();
            asker.ask(outbox, &topic, &subscription, (MessageType::SubscriptionConfirmation, &id), now)?;
        }
        Ok(Ok(()))
    }

    fn retire(&self, outbox: &mut Outbox<'_>, _app: &AppName) -> Outcome<Refusal> {
        let t: &mut dyn Transaction = outbox.transaction();
        let Some(mut topic) = Topic::find(t, &self.topic)? else { return Ok(Ok(())) };
        for known in Subscription::all_of(t, &self.topic)? {
            if (known.protocol, &known.endpoint) == (self.protocol, &self.endpoint) {
                t.delete(&layout::subscription(&self.topic, &known.id))?;
                topic.deleted += 1;
                topic.store(t)?;
            }
        }
        Ok(Ok(()))
    }
}
