//! Topics that were published to before, ready for the next message.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use sonagi_backend::{Error, Transaction};
use sonagi_expressions::pattern::Pattern;
use sonagi_model::{AccountId, Region, limits};

use super::{
    layout,
    subscription::Subscription,
    topic::{Topic, damaged},
};
use crate::{Destination, TopicName};

#[derive(Default)]
pub(crate) struct Known {
    topics: Mutex<HashMap<TopicName, Arc<Ready>>>,
}

/// A topic and its confirmed subscriptions, as of the topic's record.
pub(super) struct Ready {
    record: Bytes,
    pub(super) topic: Topic,
    pub(super) subscriptions: Vec<ReadySubscription>,
}

pub(super) struct ReadySubscription {
    pub(super) subscription: Subscription,
    /// None: its endpoint is one of HTTP.
    pub(super) to: Option<Destination>,
    pub(super) filter: Option<Pattern>,
}

impl Known {
    /// The topic of that name as the transaction finds it; none: there is none.
    pub(super) fn now(
        &self,
        t: &mut dyn Transaction,
        name: &TopicName,
        (account, region): (&AccountId, &Region),
    ) -> Result<Option<Arc<Ready>>, Error> {
        let Some(record) = t.get(&layout::name(name))? else { return Ok(None) };
        if let Some(ready) = self.lock().get(name).filter(|ready| ready.record == record) {
            return Ok(Some(Arc::clone(ready)));
        }
        let topic = Topic::decode(&record)?;
        let mut subscriptions = Vec::new();
        for subscription in Subscription::all_of(t, name)?.into_iter().filter(Subscription::is_confirmed) {
            let to = match subscription.protocol.is_http() {
                true => None,
                false => Some(
                    Destination::parse(&subscription.endpoint, account, region)
                        .map_err(|_| damaged("a subscription's endpoint"))?,
                ),
            };
            let filter =
                subscription.settings.pattern().map_err(|_| damaged("a subscription's filter policy"))?;
            subscriptions.push(ReadySubscription { subscription, to, filter });
        }
        let ready = Arc::new(Ready { record, topic, subscriptions });
        let mut topics = self.lock();
        if topics.len() >= limits::TOPICS_KNOWN {
            topics.clear();
        }
        topics.insert(name.clone(), Arc::clone(&ready));
        Ok(Some(ready))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TopicName, Arc<Ready>>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
