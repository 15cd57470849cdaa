//! A queue's attributes by SQS's names, as texts (SQS API Reference, "SetQueueAttributes").

use std::collections::BTreeMap;

use super::{
    DeduplicationScope, FifoThroughput, Place, QueueName, Redrive, RedriveAllow, Settings, policies,
};

/// Attributes as they are given.
pub type Given = BTreeMap<String, String>;

/// Why attributes cannot be a queue's: in SQS's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAttribute {
    /// There is none of that name, or this queue has none: `InvalidAttributeName`.
    #[error("{0}")]
    Name(String),
    /// `InvalidAttributeValue`.
    #[error("{0}")]
    Value(String),
    /// `InvalidParameterValue`.
    #[error("{0}")]
    Parameter(String),
}

impl BadAttribute {
    pub(super) fn name(text: impl Into<String>) -> Self {
        Self::Name(text.into())
    }

    pub(super) fn value(text: impl Into<String>) -> Self {
        Self::Value(text.into())
    }

    pub fn unknown(name: &str) -> Self {
        let name: String = name.chars().take(128).collect();
        Self::Name(format!("Unknown Attribute {name}."))
    }

    fn invalid(name: &str) -> Self {
        Self::Value(format!("Invalid value for the parameter {name}."))
    }
}

/// What a queue can be given.
const SETTABLE: [&str; 15] = [
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "Policy",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
];

/// One attribute that is to be another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    VisibilityTimeout(u32),
    Delay(u32),
    MessageSize(u32),
    Retention(u32),
    Wait(u32),
    Policy(Option<String>),
    Redrive(Option<Redrive>),
    RedriveAllow(Option<RedriveAllow>),
    Key(Option<String>),
    KeyReuse(Option<u32>),
    ManagedEncryption(bool),
    ByContent(bool),
    Scope(DeduplicationScope),
    Throughput(FifoThroughput),
}

/// What is given, if a queue of that name can have it.
pub fn read_attributes(
    place: Place<'_>,
    name: &QueueName,
    given: &Given,
) -> Result<Vec<Change>, BadAttribute> {
    check_names(name, given)?;
    let changes = given.iter().filter_map(|(key, value)| change(place, key, value).transpose());
    changes.collect()
}

/// The settings with the changes.
pub fn changed(mut settings: Settings, changes: &[Change]) -> Settings {
    for change in changes {
        match change {
            Change::VisibilityTimeout(seconds) => settings.visibility_timeout = *seconds,
            Change::Delay(seconds) => settings.delay = *seconds,
            Change::MessageSize(bytes) => settings.message_size = *bytes,
            Change::Retention(seconds) => settings.retention = *seconds,
            Change::Wait(seconds) => settings.wait = *seconds,
            Change::Policy(policy) => settings.policy.clone_from(policy),
            Change::Redrive(redrive) => settings.redrive.clone_from(redrive),
            Change::RedriveAllow(allow) => settings.redrive_allow.clone_from(allow),
            Change::Key(key) => {
                settings.kms_key.clone_from(key);
                settings.managed_encryption = Some(false);
            }
            Change::KeyReuse(seconds) => settings.kms_reuse = *seconds,
            Change::ManagedEncryption(on) => {
                settings.managed_encryption = Some(*on);
                if *on {
                    settings.kms_key = None;
                }
            }
            Change::ByContent(on) => settings.fifo.iter_mut().for_each(|fifo| fifo.by_content = *on),
            Change::Scope(scope) => settings.fifo.iter_mut().for_each(|fifo| fifo.scope = *scope),
            Change::Throughput(limit) => settings.fifo.iter_mut().for_each(|fifo| fifo.throughput = *limit),
        }
    }
    settings
}

/// Whether a queue of that name can be given attributes of these names.
fn check_names(name: &QueueName, given: &Given) -> Result<(), BadAttribute> {
    for (key, value) in given {
        match key.as_str() {
            "FifoQueue" if name.is_fifo() && value != "true" => {
                return Err(BadAttribute::value(
                    "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.",
                ));
            }
            "FifoQueue" | "ContentBasedDeduplication" if !name.is_fifo() => {
                return Err(BadAttribute::unknown(key));
            }
            "DeduplicationScope" | "FifoThroughputLimit" if !name.is_fifo() => {
                return Err(BadAttribute::name(format!(
                    "You can specify the {key} only when FifoQueue is set to true."
                )));
            }
            key if !SETTABLE.contains(&key) => return Err(BadAttribute::unknown(key)),
            _ => {}
        }
    }
    let has = |name: &str| given.get(name).is_some_and(|value| !value.is_empty());
    if has("KmsMasterKeyId") && given.get("SqsManagedSseEnabled").is_some_and(|value| value == "true") {
        return Err(BadAttribute::name(
            "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
        ));
    }
    Ok(())
}

fn change(place: Place<'_>, key: &str, value: &str) -> Result<Option<Change>, BadAttribute> {
    let number = || value.parse::<u32>().map_err(|_| BadAttribute::invalid(key));
    let flag = || value.to_ascii_lowercase().parse::<bool>().map_err(|_| BadAttribute::invalid(key));
    Ok(Some(match key {
        "VisibilityTimeout" => Change::VisibilityTimeout(number()?),
        "DelaySeconds" => Change::Delay(number()?),
        "MaximumMessageSize" => Change::MessageSize(number()?),
        "MessageRetentionPeriod" => Change::Retention(number()?),
        "ReceiveMessageWaitTimeSeconds" => Change::Wait(number()?),
        "Policy" => Change::Policy(policies::check(value)?),
        "RedrivePolicy" => Change::Redrive(policies::redrive(place, value)?),
        "RedriveAllowPolicy" => Change::RedriveAllow(policies::allow(place, value)?),
        "KmsMasterKeyId" => Change::Key((!value.is_empty()).then(|| value.to_owned())),
        "KmsDataKeyReusePeriodSeconds" if value.is_empty() => Change::KeyReuse(None),
        "KmsDataKeyReusePeriodSeconds" => Change::KeyReuse(Some(number()?)),
        "SqsManagedSseEnabled" => Change::ManagedEncryption(flag()?),
        "ContentBasedDeduplication" => Change::ByContent(flag()?),
        "DeduplicationScope" => Change::Scope(match value {
            "queue" => DeduplicationScope::Queue,
            "messageGroup" => DeduplicationScope::MessageGroup,
            _ => return Err(BadAttribute::invalid(key)),
        }),
        "FifoThroughputLimit" => Change::Throughput(match value {
            "perQueue" => FifoThroughput::PerQueue,
            "perMessageGroupId" => FifoThroughput::PerMessageGroupId,
            _ => return Err(BadAttribute::invalid(key)),
        }),
        // The name has said it.
        "FifoQueue" => return Ok(None),
        other => return Err(BadAttribute::unknown(other)),
    }))
}
