//! What a queue is told to be.

use serde::{Deserialize, Serialize};
use sonagi_model::limits;

use super::{QueueName, Refusal};

/// SQS's attributes of a queue (API Reference, "SetQueueAttributes"), with its defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Seconds that a received message is hidden from other receivers, from 0 to 43,200.
    pub visibility_timeout: u32,
    /// Seconds before a message that says nothing of it can be received, from 0 to 900.
    pub delay: u32,
    /// Bytes of a message's body and attributes, from 1,024 to 1,048,576.
    pub message_size: u32,
    /// Seconds that a message is kept, from 60 to 1,209,600.
    pub retention: u32,
    /// Seconds that a receiver waits which says nothing of it, from 0 to 20.
    pub wait: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redrive: Option<Redrive>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redrive_allow: Option<RedriveAllow>,
    /// There for a FIFO queue, and for no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fifo: Option<Fifo>,
    /// An IAM policy, as it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// Seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_reuse: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_encryption: Option<bool>,
}

/// Where messages go that were received too often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redrive {
    pub dead_letters: QueueName,
    /// Receipts after which the next one finds the message moved, from 1 to 1,000.
    pub receives: u32,
}

/// Which queues may name this one for their dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum RedriveAllow {
    All,
    None,
    /// At most 10.
    Queues(Vec<QueueName>),
}

impl RedriveAllow {
    pub fn allows(&self, source: &QueueName) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Queues(names) => names.contains(source),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fifo {
    /// A message without a deduplication id gets the digest of its body for one.
    pub by_content: bool,
    pub scope: DeduplicationScope,
    pub throughput: FifoThroughput,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum DeduplicationScope {
    #[default]
    Queue,
    MessageGroup,
}

/// What SQS throttles by. Nothing is throttled here; it is kept and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum FifoThroughput {
    #[default]
    PerQueue,
    PerMessageGroupId,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            visibility_timeout: limits::QUEUE_VISIBILITY,
            delay: 0,
            message_size: limits::QUEUE_MESSAGE_SIZE as u32,
            retention: limits::QUEUE_RETENTION,
            wait: 0,
            redrive: None,
            redrive_allow: None,
            fifo: None,
            policy: None,
            kms_key: None,
            kms_reuse: None,
            managed_encryption: None,
        }
    }
}

impl Settings {
    /// The usual ones of a queue of that name.
    pub fn of(name: &QueueName) -> Self {
        Self { fifo: name.is_fifo().then(Fifo::default), ..Self::default() }
    }

    /// The first attribute, by SQS's name, that differs.
    pub fn difference(&self, want: &Self) -> Option<&'static str> {
        let have = self;
        [
            ("VisibilityTimeout", have.visibility_timeout == want.visibility_timeout),
            ("DelaySeconds", have.delay == want.delay),
            ("MaximumMessageSize", have.message_size == want.message_size),
            ("MessageRetentionPeriod", have.retention == want.retention),
            ("ReceiveMessageWaitTimeSeconds", have.wait == want.wait),
            ("RedrivePolicy", have.redrive == want.redrive),
            ("RedriveAllowPolicy", have.redrive_allow == want.redrive_allow),
            ("FifoQueue", have.fifo.is_some() == want.fifo.is_some()),
            (
                "ContentBasedDeduplication",
                have.fifo.map(|fifo| fifo.by_content) == want.fifo.map(|fifo| fifo.by_content),
            ),
            ("DeduplicationScope", have.fifo.map(|fifo| fifo.scope) == want.fifo.map(|fifo| fifo.scope)),
            (
                "FifoThroughputLimit",
                have.fifo.map(|fifo| fifo.throughput) == want.fifo.map(|fifo| fifo.throughput),
            ),
            ("Policy", have.policy == want.policy),
            ("KmsMasterKeyId", have.kms_key == want.kms_key),
            ("KmsDataKeyReusePeriodSeconds", have.kms_reuse == want.kms_reuse),
            ("SqsManagedSseEnabled", have.managed_encryption == want.managed_encryption),
        ]
        .into_iter()
        .find_map(|(name, same)| (!same).then_some(name))
    }

    /// Whether these can be a queue's.
    pub(super) fn check(&self, name: &QueueName) -> Result<(), Refusal> {
        let ranges = [
            ("VisibilityTimeout", self.visibility_timeout, 0, limits::QUEUE_VISIBILITY_MAX),
            ("DelaySeconds", self.delay, 0, limits::QUEUE_DELAY_MAX),
            ("MaximumMessageSize", self.message_size, 1_024, limits::QUEUE_MESSAGE_SIZE as u32),
            (
                "MessageRetentionPeriod",
                self.retention,
                limits::QUEUE_RETENTION_MIN,
                limits::QUEUE_RETENTION_MAX,
            ),
            ("ReceiveMessageWaitTimeSeconds", self.wait, 0, limits::QUEUE_WAIT_MAX),
            ("KmsDataKeyReusePeriodSeconds", self.kms_reuse.unwrap_or(limits::QUEUE_KEY_REUSE), 60, 86_400),
            (
                "RedrivePolicy",
                self.redrive.as_ref().map_or(1, |redrive| redrive.receives),
                1,
                limits::QUEUE_RECEIVES_MAX,
            ),
        ];
        for (name, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                return Err(Refusal::Attribute { name });
            }
        }
        if self.fifo.is_some() != name.is_fifo() {
            return Err(Refusal::Attribute { name: "FifoQueue" });
        }
        if let Some(Fifo {
            scope: DeduplicationScope::Queue,
            throughput: FifoThroughput::PerMessageGroupId,
            ..
        }) = self.fifo
        {
            return Err(Refusal::Attribute { name: "FifoThroughputLimit" });
        }
        if let Some(RedriveAllow::Queues(names)) = &self.redrive_allow
            && !(1..=limits::QUEUE_REDRIVE_SOURCES).contains(&names.len())
        {
            return Err(Refusal::Attribute { name: "RedriveAllowPolicy" });
        }
        Ok(())
    }
}
