use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sonagi_backend::{
    Error, Transaction,
    records::{Direction, after},
};
use sonagi_model::{AppName, Timestamp};

use super::{
    QueueName, Settings,
    layout::{self, Id},
    message::damaged,
};

/// A queue, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    pub name: QueueName,
    pub(super) id: Id,
    /// The app that declares it, or none: then it was made through an API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppName>,
    /// The app that declared it until it no longer did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) left: Option<AppName>,
    pub settings: Settings,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    pub created: Timestamp,
    pub modified: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) purged: Option<Timestamp>,
}

impl Queue {
    pub(super) fn decode(record: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(record).map_err(|_| damaged("a queue"))
    }

    pub(super) fn find(t: &mut dyn Transaction, name: &QueueName) -> Result<Option<Self>, Error> {
        t.get(&layout::name(name))?.map(|record| Self::decode(&record)).transpose()
    }

    pub(super) fn store(&self, t: &mut dyn Transaction) -> Result<(), Error> {
        let record = serde_json::to_vec(self).map_err(|_| damaged("a queue"))?;
        t.put(&layout::name(&self.name), &record)
    }

    /// Whether it has no message, also none in flight.
    pub(super) fn is_empty(&self, t: &mut dyn Transaction) -> Result<bool, Error> {
        let from = layout::all(layout::MESSAGE, self.id);
        Ok(t.scan(&from..&after(&from), Direction::Forward, 1)?.is_empty())
    }

    /// Takes it away; its messages are cleared later.
    pub(super) fn remove(&self, t: &mut dyn Transaction) -> Result<(), Error> {
        t.delete(&layout::name(&self.name))?;
        t.put(&layout::gone(self.id), &[])
    }

    pub fn is_fifo(&self) -> bool {
        self.settings.fifo.is_some()
    }
}

/// A queue that was read before, for the transactions that follow: most find it as it was.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) record: Bytes,
    pub(super) queue: std::sync::Arc<Queue>,
}

impl Known {
    pub(super) fn of(record: Bytes) -> Result<Self, Error> {
        let queue = std::sync::Arc::new(Queue::decode(&record)?);
        Ok(Self { record, queue })
    }

    /// The queue as the transaction finds it; none: it is gone.
    pub(super) fn now(&self, t: &mut dyn Transaction) -> Result<Option<std::sync::Arc<Queue>>, Error> {
        match t.get(&layout::name(&self.queue.name))? {
            Some(record) if record == self.record => Ok(Some(std::sync::Arc::clone(&self.queue))),
            Some(record) => Ok(Some(Self::of(record)?.queue)),
            None => Ok(None),
        }
    }
}
