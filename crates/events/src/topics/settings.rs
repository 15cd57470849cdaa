//! What topics and subscriptions are told to be.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sonagi_data::queues::QueueName;
use sonagi_expressions::pattern::{Dialect, Pattern, PatternError, Scope};
use sonagi_model::limits;

use super::{SubscriptionDelivery, TopicDelivery};

/// SNS's attributes of a topic (API Reference, "SetTopicAttributes").
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopicSettings {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<TopicDelivery>,
    /// An IAM policy, as it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Bytes of a message and its attributes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_size: Option<u32>,
    /// There for a FIFO topic, and for no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fifo: Option<FifoSettings>,
    /// Kept and shown: `SignatureVersion`, `TracingConfig`, `KmsMasterKeyId`, roles and rates of feedback.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shown: BTreeMap<String, String>,
    /// Kept and shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_protection: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FifoSettings {
    /// A message without a deduplication id gets the digest of its body for one.
    pub by_content: bool,
    /// None: nothing was said, which means the topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<DeduplicationScope>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeduplicationScope {
    Topic,
    MessageGroup,
}

/// SNS's attributes of a subscription (API Reference, "SetSubscriptionAttributes").
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionSettings {
    /// A filter policy, as it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Whether the filter looks at the message itself, and not at its attributes.
    #[serde(default)]
    pub filters_body: bool,
    /// Whether a message is delivered as it is, without the envelope.
    #[serde(default)]
    pub raw: bool,
    /// Where what cannot be delivered goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letters: Option<QueueName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<SubscriptionDelivery>,
}

impl TopicSettings {
    pub(super) fn signature_version(&self) -> &str {
        self.shown.get("SignatureVersion").map_or("1", String::as_str)
    }

    /// Bytes that a message of this topic may have.
    pub fn size(&self) -> usize {
        self.message_size.map_or(limits::TOPIC_MESSAGE_SIZE, |size| size as usize)
    }
}

impl SubscriptionSettings {
    /// The filter, if there is one.
    pub fn pattern(&self) -> Result<Option<Pattern>, PatternError> {
        let scope = if self.filters_body { Scope::Body } else { Scope::Attributes };
        self.filter.as_deref().map(|text| Pattern::parse(text, Dialect::Subscription(scope))).transpose()
    }
}
