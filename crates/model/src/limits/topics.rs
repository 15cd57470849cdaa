//! Limits of topics (SNS: "Amazon SNS endpoints and quotas", and each operation in the API Reference).

use std::time::Duration;

use super::MIB;

/// Topics of the account.
pub const TOPICS: usize = 10_000;
/// Subscriptions of a standard topic: one transaction writes a message for each.
pub const TOPIC_SUBSCRIPTIONS: usize = 1_000;
/// Subscriptions of a FIFO topic.
pub const TOPIC_SUBSCRIPTIONS_FIFO: usize = 100;
/// Bytes of a message and its attributes, if its topic says nothing.
pub const TOPIC_MESSAGE_SIZE: usize = 262_144;
/// Bytes, the least and the most, that a topic may say.
pub const TOPIC_MESSAGE_SIZE_MIN: usize = 1_024;
pub const TOPIC_MESSAGE_SIZE_MAX: usize = MIB;
/// Bytes of all copies that one transaction makes of what is published.
pub const TOPIC_FAN_OUT_SIZE: usize = 48 * MIB;
/// Messages of one batch.
pub const TOPIC_BATCH: usize = 10;
/// Characters of a batch entry's id.
pub const TOPIC_BATCH_ID_SIZE: usize = 80;
/// Characters of a subject.
pub const TOPIC_SUBJECT_SIZE: usize = 100;
/// Bytes of a message attribute's name.
pub const TOPIC_ATTRIBUTE_NAME_SIZE: usize = 256;
/// Characters of a group's and a deduplication id.
pub const TOPIC_GROUP_SIZE: usize = 128;
/// Characters of a display name.
pub const TOPIC_DISPLAY_NAME_SIZE: usize = 100;
/// Bytes of a topic's policy.
pub const TOPIC_POLICY_SIZE: usize = 30_720;
/// Bytes of a data protection policy.
pub const TOPIC_DATA_PROTECTION_SIZE: usize = 30_720;
/// Bytes of the URL of an HTTP endpoint.
pub const TOPIC_ENDPOINT_SIZE: usize = 2_048;
/// Bytes of a request's body: the largest message, each byte escaped, and what is around it.
pub const TOPIC_BODY_SIZE: usize = 4 * MIB;
/// Topics or subscriptions of one page of a list.
pub const TOPIC_LIST: usize = 100;
/// Topics that are kept ready to be published to.
pub const TOPICS_KNOWN: usize = 1_000;
/// How long a FIFO topic knows a message by its deduplication id.
pub const TOPIC_DEDUPLICATION: Duration = Duration::from_secs(300);
/// Deduplication ids that are too old, and that one message clears away.
pub const TOPIC_CLEARED_AT_ONCE: usize = 4;
/// How long a subscription can be confirmed, and one that was cancelled be restored.
pub const TOPIC_CONFIRMATION: Duration = Duration::from_secs(2 * 86_400);

/// Retries of a delivery policy.
pub const TOPIC_RETRIES_MAX: u32 = 100;
/// Seconds between two attempts that a delivery policy can name, and seconds of all of them together.
pub const TOPIC_RETRY_DELAY_MAX: u32 = 3_600;
/// How long an HTTP endpoint may take to answer.
pub const TOPIC_POST_TIMEOUT: Duration = Duration::from_secs(15);
/// Seconds that a message for an HTTP endpoint is the poster's; after a crash it is posted again when they are over.
pub const TOPIC_POST_LEASE: u32 = 60;
/// Messages that one HTTP endpoint is posted at once.
pub const TOPIC_POSTS_AT_ONCE: usize = 10;
/// Seconds without a message after which nobody waits at an endpoint's queue.
pub const TOPIC_POST_IDLE: u32 = 600;
/// Bytes of an HTTP endpoint's answer that are read, so that its connection can end in order.
pub const TOPIC_ANSWER_SIZE: usize = 64 << 10;
