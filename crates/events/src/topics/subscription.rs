use std::fmt;

use serde::{Deserialize, Serialize};
use sonagi_backend::{
    Error, Transaction,
    records::{Direction, after},
};
use sonagi_model::{Timestamp, limits};

use super::{layout, settings::SubscriptionSettings, topic::damaged};
use crate::TopicName;

/// A subscription, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// A UUID.
    pub id: String,
    pub topic: TopicName,
    pub protocol: Protocol,
    /// An ARN or a URL.
    pub endpoint: String,
    pub settings: SubscriptionSettings,
    pub state: State,
    /// Whether who confirmed it said who he is: then nobody else cancels it.
    pub authenticated: bool,
    /// The ARN of who subscribed.
    pub principal: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Protocol {
    Lambda,
    Sqs,
    Http,
    Https,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Its endpoint was sent the token, and has not answered with it.
    Pending {
        token: String,
        since: Timestamp,
    },
    Confirmed,
    /// It is a subscription no longer, unless somebody restores it with the token.
    Cancelled {
        token: String,
        since: Timestamp,
    },
}

impl Protocol {
    pub fn new(text: &str) -> Option<Self> {
        Some(match text {
            "lambda" => Self::Lambda,
            "sqs" => Self::Sqs,
            "http" => Self::Http,
            "https" => Self::Https,
            _ => return None,
        })
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lambda => "lambda",
            Self::Sqs => "sqs",
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    pub fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Subscription {
    pub(super) fn decode(record: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(record).map_err(|_| damaged("a subscription"))
    }

    pub(super) fn store(&self, t: &mut dyn Transaction) -> Result<(), Error> {
        let record = serde_json::to_vec(self).map_err(|_| damaged("a subscription"))?;
        t.put(&layout::subscription(&self.topic, &self.id), &record)
    }

    /// All of a topic's, also those that are none any more.
    pub(super) fn all_of(t: &mut dyn Transaction, topic: &TopicName) -> Result<Vec<Self>, Error> {
        let from = layout::subscriptions(topic);
        let found = t.scan(&from..&after(&from), Direction::Forward, limits::SCAN_ROWS)?;
        found.iter().map(|record| Self::decode(&record.value)).collect()
    }

    pub fn is_confirmed(&self) -> bool {
        self.state == State::Confirmed
    }

    pub fn is_pending(&self) -> bool {
        matches!(self.state, State::Pending { .. })
    }

    /// Whether it is one, confirmed or not.
    pub(super) fn is_there(&self, now: Timestamp) -> bool {
        match &self.state {
            State::Confirmed => true,
            State::Pending { .. } => !self.is_over(now),
            State::Cancelled { .. } => false,
        }
    }

    /// Whether nobody can confirm it any more.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        match &self.state {
            State::Confirmed => false,
            State::Pending { since, .. } | State::Cancelled { since, .. } => {
                now.since(*since) >= limits::TOPIC_CONFIRMATION
            }
        }
    }

    /// The token that confirms it.
    pub(super) fn token(&self) -> Option<&str> {
        match &self.state {
            State::Pending { token, .. } | State::Cancelled { token, .. } => Some(token),
            State::Confirmed => None,
        }
    }
}
