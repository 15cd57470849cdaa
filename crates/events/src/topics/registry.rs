//! All topics: making, finding, changing and removing them, and reading their subscriptions.

use std::collections::BTreeMap;

use sonagi_backend::{
    Error as BackendError, Transaction,
    records::{Direction, after},
};
use sonagi_model::limits;

use super::{
    Refusal, layout,
    settings::{FifoSettings, SubscriptionSettings, TopicSettings},
    subscription::Subscription,
    topic::{Counts, Topic},
};
use crate::{Destination, Events, Result, TopicName};

/// All topics. Cheap to clone.
#[derive(Clone)]
pub struct Topics(pub(super) Events);

/// A part of all that there is, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Whether there is more behind the last one.
    pub more: bool,
}

pub(super) type Refused<T> = std::result::Result<T, Refusal>;
pub(super) type Within<T> = std::result::Result<Refused<T>, BackendError>;

impl Topics {
    pub(crate) fn of(events: Events) -> Self {
        Self(events)
    }

    pub fn arn(&self, name: &TopicName) -> String {
        let config = self.0.config();
        Destination::Topic(name.clone()).arn(&config.account, &config.region)
    }

    pub fn subscription_arn(&self, topic: &TopicName, id: &str) -> String {
        format!("{}:{id}", self.arn(topic))
    }

    /// Makes a topic: `with` changes the settings that a new one has. One of that name which is the same already is no
    /// failure.
    pub async fn create<F>(&self, name: &TopicName, with: F, tags: BTreeMap<String, String>) -> Result<()>
    where
        F: Fn(TopicSettings) -> TopicSettings + Send + 'static,
    {
        if tags.len() > limits::TAGS {
            return Err(Refusal::TooManyTags.into());
        }
        let (name, now) = (name.clone(), self.0.clock().now());
        self.change(move |t| {
            if let Some(topic) = Topic::find(t, &name)? {
                let differs = |what: &str| {
                    Refusal::parameter(format!(
                        "{what} Reason: Topic already exists with different {}",
                        what.to_ascii_lowercase()
                    ))
                };
                if with(topic.settings.clone()) != topic.settings {
                    return Ok(Err(differs("Attributes")));
                }
                let known = tags.iter().all(|(key, value)| topic.tags.get(key) == Some(value));
                return Ok(if known { Ok(()) } else { Err(differs("Tags")) });
            }
            let (from, to) = (layout::NAMES, after(layout::NAMES));
            if t.scan(from..&to, Direction::Forward, limits::TOPICS)?.len() >= limits::TOPICS {
                return Ok(Err(Refusal::TooManyTopics));
            }
            let fresh = TopicSettings {
                fifo: name.is_fifo().then(FifoSettings::default),
                ..TopicSettings::default()
            };
            let mut topic = Topic {
                name: name.clone(),
                settings: with(fresh),
                tags: tags.clone(),
                created: now,
                app: None,
                changed: 0,
                deleted: 0,
            };
            topic.store(t).map(Ok)
        })
        .await
    }

    pub async fn find(&self, name: &TopicName) -> Result<Topic> {
        let record = self.0.records().snapshot().get(&layout::name(name)).await?;
        Ok(Topic::decode(&record.ok_or(Refusal::NoTopic)?)?)
    }

    /// Gives a topic other settings.
    pub async fn set<F>(&self, name: &TopicName, with: F) -> Result<()>
    where
        F: Fn(&mut TopicSettings) -> Refused<()> + Send + 'static,
    {
        self.alter(name, move |topic| with(&mut topic.settings)).await
    }

    /// Gives a topic other tags.
    pub async fn tag<F>(&self, name: &TopicName, with: F) -> Result<()>
    where
        F: Fn(&mut BTreeMap<String, String>) + Send + 'static,
    {
        self.alter(name, move |topic| {
            with(&mut topic.tags);
            if topic.tags.len() > limits::TAGS { Err(Refusal::TooManyTags) } else { Ok(()) }
        })
        .await
    }

    /// Removes a topic with its subscriptions. That there is none is no failure.
    pub async fn delete(&self, name: &TopicName) -> Result<()> {
        let name = name.clone();
        loop {
            let name = name.clone();
            let done = self
                .change(move |t| {
                    let sent = layout::all_sent(&name);
                    let old = t.scan(&sent..&after(&sent), Direction::Forward, limits::SCAN_ROWS)?;
                    old.iter().try_for_each(|record| t.delete(&record.key))?;
                    if old.len() == limits::SCAN_ROWS {
                        return Ok(Ok(false));
                    }
                    let from = layout::subscriptions(&name);
                    for record in t.scan(&from..&after(&from), Direction::Forward, limits::SCAN_ROWS)? {
                        t.delete(&record.key)?;
                    }
                    t.delete(&layout::sequence(&name))?;
                    t.delete(&layout::name(&name))?;
                    Ok(Ok(true))
                })
                .await?;
            if done {
                return Ok(());
            }
        }
    }

    /// At most `most` topics behind `last`, in the order of their names.
    pub async fn list(&self, last: Option<&TopicName>, most: usize) -> Result<Page<TopicName>> {
        let mut from = layout::NAMES.to_vec();
        if let Some(last) = last {
            from = [&layout::name(last)[..], &[0]].concat();
        }
        let to = after(layout::NAMES);
        let mut found = self.0.records().snapshot().scan(&from..&to, Direction::Forward, most + 1).await?;
        let more = found.len() > most;
        found.truncate(most);
        let names = found.iter().map(|record| Topic::decode(&record.value).map(|topic| topic.name));
        Ok(Page { items: names.collect::<std::result::Result<_, _>>()?, more })
    }

    pub async fn subscription(&self, topic: &TopicName, id: &str) -> Result<Subscription> {
        let record = self.0.records().snapshot().get(&layout::subscription(topic, id)).await?;
        let found = Subscription::decode(&record.ok_or(Refusal::NoSubscription)?)?;
        if found.is_there(self.0.clock().now()) { Ok(found) } else { Err(Refusal::NoSubscription.into()) }
    }

    /// At most `most` subscriptions, of one topic or of all, behind the one of `last`.
    pub async fn subscriptions(
        &self,
        topic: Option<&TopicName>,
        last: Option<&(TopicName, String)>,
        most: usize,
    ) -> Result<Page<Subscription>> {
        let prefix = topic.map_or_else(|| layout::SUBSCRIPTIONS.to_vec(), layout::subscriptions);
        let (mut from, to) = (prefix.clone(), after(&prefix));
        if let Some((topic, id)) = last {
            from = from.max([&layout::subscription(topic, id)[..], &[0]].concat());
        }
        let now = self.0.clock().now();
        let snapshot = self.0.records().snapshot();
        let mut items = Vec::new();
        loop {
            let found = snapshot.scan(&from..&to, Direction::Forward, most + 1).await?;
            for record in &found {
                let subscription = Subscription::decode(&record.value)?;
                if subscription.is_there(now) {
                    items.push(subscription);
                }
            }
            match found.last() {
                Some(last) if found.len() > most && items.len() <= most => {
                    from = [&last.key[..], &[0]].concat();
                }
                Some(_) | None => break,
            }
        }
        let more = items.len() > most;
        items.truncate(most);
        Ok(Page { items, more })
    }

    pub async fn counts(&self, topic: &Topic) -> Result<Counts> {
        let prefix = layout::subscriptions(&topic.name);
        let snapshot = self.0.records().snapshot();
        let found = snapshot.scan(&prefix..&after(&prefix), Direction::Forward, limits::SCAN_ROWS).await?;
        let now = self.0.clock().now();
        let mut counts = Counts { deleted: topic.deleted, ..Counts::default() };
        for record in found {
            let subscription = Subscription::decode(&record.value)?;
            counts.confirmed += u64::from(subscription.is_confirmed());
            counts.pending += u64::from(subscription.is_pending() && subscription.is_there(now));
        }
        Ok(counts)
    }

    /// Gives a subscription other settings.
    pub async fn set_subscription<F>(&self, topic: &TopicName, id: &str, with: F) -> Result<()>
    where
        F: Fn(&mut SubscriptionSettings) -> Refused<()> + Send + 'static,
    {
        let (name, id, now) = (topic.clone(), id.to_owned(), self.0.clock().now());
        self.change(move |t| {
            let Some(mut topic) = Topic::find(t, &name)? else { return Ok(Err(Refusal::NoSubscription)) };
            let Some(record) = t.get(&layout::subscription(&name, &id))? else {
                return Ok(Err(Refusal::NoSubscription));
            };
            let mut subscription = Subscription::decode(&record)?;
            if !subscription.is_there(now) {
                return Ok(Err(Refusal::NoSubscription));
            }
            if let Err(refusal) = with(&mut subscription.settings) {
                return Ok(Err(refusal));
            }
            subscription.store(t)?;
            topic.store(t).map(Ok)
        })
        .await
    }

    async fn alter<F>(&self, name: &TopicName, with: F) -> Result<()>
    where
        F: Fn(&mut Topic) -> Refused<()> + Send + 'static,
    {
        let name = name.clone();
        self.change(move |t| {
            let Some(mut topic) = Topic::find(t, &name)? else { return Ok(Err(Refusal::NoTopic)) };
            match with(&mut topic) {
                Ok(()) => topic.store(t).map(Ok),
                Err(refusal) => Ok(Err(refusal)),
            }
        })
        .await
    }

    /// Runs `body` as one transaction. It refuses before it writes.
    pub(super) async fn change<T, F>(&self, body: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Transaction) -> Within<T> + Send + 'static,
    {
        let (done, _) = self.0.records().transact(body).await?;
        Ok(done?)
    }
}
