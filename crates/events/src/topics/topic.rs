use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sonagi_backend::{Error, Transaction};
use sonagi_model::{AppName, Timestamp};

use super::{layout, settings::TopicSettings};
use crate::TopicName;

/// A topic, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    pub name: TopicName,
    pub settings: TopicSettings,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    pub created: Timestamp,
    /// The app that declares it, or none: then it was made through an API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppName>,
    /// The commit that changed it, or a subscription of it, the last time.
    pub(super) changed: u64,
    /// Subscriptions that it had, and has no longer.
    pub(super) deleted: u64,
}

/// How many subscriptions a topic has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub confirmed: u64,
    pub pending: u64,
    pub deleted: u64,
}

impl Topic {
    pub(super) fn decode(record: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(record).map_err(|_| damaged("a topic"))
    }

    pub(super) fn find(t: &mut dyn Transaction, name: &TopicName) -> Result<Option<Self>, Error> {
        t.get(&layout::name(name))?.map(|record| Self::decode(&record)).transpose()
    }

    /// Writes it, changed as of this commit.
    pub(super) fn store(&mut self, t: &mut dyn Transaction) -> Result<(), Error> {
        self.changed = t.sequence().0;
        let record = serde_json::to_vec(self).map_err(|_| damaged("a topic"))?;
        t.put(&layout::name(&self.name), &record)
    }

    pub fn is_fifo(&self) -> bool {
        self.settings.fifo.is_some()
    }
}

pub(super) fn damaged(what: &str) -> Error {
    Error::Damaged { what: what.to_owned() }
}
