//! A queue's attributes: GetQueueAttributes, SetQueueAttributes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sonagi_data::queues::{
    DeduplicationScope, Depth, FifoThroughput, Queue, QueueName, Redrive, RedriveAllow, Settings,
};
use sonagi_model::limits;

use super::{
    Answer, Call, address,
    error::{Code, Fault},
    policies,
    text::Text,
};
use crate::platform::Parts;

/// Attributes as clients send them.
pub(super) type Given = BTreeMap<String, String>;

/// All that a queue can be asked for; some queues have no answer to some of them.
const NAMES: [&str; 21] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "ContentBasedDeduplication",
    "CreatedTimestamp",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "LastModifiedTimestamp",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "Policy",
    "QueueArn",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetInput<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    attribute_names: Option<Vec<Text<'a>>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetOutput {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'static str, String>,
}

pub(super) async fn get(parts: &Parts, call: &Call) -> Answer {
    let input: GetInput<'_> = call.read()?;
    let name = call.queue(parts, input.queue_url.as_deref()).await?;
    let queue = parts.queues.find(&name).await?;
    let mut wanted = Vec::new();
    for asked in input.attribute_names.unwrap_or_default() {
        match &*asked {
            "All" => wanted.extend(NAMES),
            asked => match NAMES.iter().find(|known| **known == asked) {
                Some(known) => wanted.push(*known),
                None => return Err(unknown(asked)),
            },
        }
    }
    let depth = match wanted.iter().any(|name| name.starts_with("Approximate")) {
        true => parts.queues.depth(&name).await?,
        false => Depth::default(),
    };
    let attributes =
        wanted.into_iter().filter_map(|name| Some((name, value(parts, &queue, depth, name)?))).collect();
    call.answer(&GetOutput { attributes })
}

/// What a queue answers to one of [`NAMES`].
fn value(parts: &Parts, queue: &Queue, depth: Depth, name: &str) -> Option<String> {
    let Queue { settings, created, modified, .. } = queue;
    let fifo = settings.fifo;
    Some(match name {
        "ApproximateNumberOfMessages" => depth.visible.to_string(),
        "ApproximateNumberOfMessagesDelayed" => depth.delayed.to_string(),
        "ApproximateNumberOfMessagesNotVisible" => depth.in_flight.to_string(),
        "CreatedTimestamp" => created.seconds().to_string(),
        "LastModifiedTimestamp" => modified.seconds().to_string(),
        "QueueArn" => address::arn(parts, &queue.name),
        "DelaySeconds" => settings.delay.to_string(),
        "MaximumMessageSize" => settings.message_size.to_string(),
        "MessageRetentionPeriod" => settings.retention.to_string(),
        "ReceiveMessageWaitTimeSeconds" => settings.wait.to_string(),
        "VisibilityTimeout" => settings.visibility_timeout.to_string(),
        "Policy" => settings.policy.clone()?,
        "RedrivePolicy" => policies::redrive_text(parts, settings.redrive.as_ref()?),
        "RedriveAllowPolicy" => policies::allow_text(parts, settings.redrive_allow.as_ref()?),
        "FifoQueue" => fifo.map(|_| true)?.to_string(),
        "ContentBasedDeduplication" => fifo?.by_content.to_string(),
        "DeduplicationScope" => match fifo?.scope {
            DeduplicationScope::Queue => "queue".into(),
            DeduplicationScope::MessageGroup => "messageGroup".into(),
        },
        "FifoThroughputLimit" => match fifo?.throughput {
            FifoThroughput::PerQueue => "perQueue".into(),
            FifoThroughput::PerMessageGroupId => "perMessageGroupId".into(),
        },
        "KmsMasterKeyId" => settings.kms_key.clone()?,
        "KmsDataKeyReusePeriodSeconds" => {
            settings.kms_key.as_ref()?;
            settings.kms_reuse.unwrap_or(limits::QUEUE_KEY_REUSE).to_string()
        }
        "SqsManagedSseEnabled" => {
            settings.managed_encryption.unwrap_or(settings.kms_key.is_none()).to_string()
        }
        _ => return None,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SetInput<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    attributes: Option<Given>,
}

pub(super) async fn set(parts: &Parts, call: &Call) -> Answer {
    let input: SetInput<'_> = call.read()?;
    let name = call.queue(parts, input.queue_url.as_deref()).await?;
    let given = input.attributes.filter(|given| !given.is_empty());
    let given = given.ok_or_else(|| Fault::missing("Attribute.Name"))?;
    // A queue that is not there has no attributes that could be wrong.
    parts.queues.find(&name).await?;
    let changes = read(parts, &name, &given)?;
    let changed = parts.queues.set(&name, move |settings| Ok(changed(settings, &changes))).await;
    changed.map_err(|error| policies::explain(error, &given))?;
    call.done()
}

/// Whether a queue of that name can be given attributes of these names.
fn check_names(name: &QueueName, given: &Given) -> Result<(), Fault> {
    const READ_ONLY: [&str; 6] = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesDelayed",
        "ApproximateNumberOfMessagesNotVisible",
        "CreatedTimestamp",
        "LastModifiedTimestamp",
        "QueueArn",
    ];
    for (key, value) in given {
        match key.as_str() {
            "FifoQueue" if name.is_fifo() && value != "true" => {
                return Err(Fault::new(
                    Code::INVALID_ATTRIBUTE_VALUE,
                    "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.",
                ));
            }
            "FifoQueue" | "ContentBasedDeduplication" if !name.is_fifo() => return Err(unknown(key)),
            "DeduplicationScope" | "FifoThroughputLimit" if !name.is_fifo() => {
                return Err(Fault::new(
                    Code::INVALID_ATTRIBUTE_NAME,
                    format!("You can specify the {key} only when FifoQueue is set to true."),
                ));
            }
            key if READ_ONLY.contains(&key) || !NAMES.contains(&key) => return Err(unknown(key)),
            _ => {}
        }
    }
    let has = |name: &str| given.get(name).is_some_and(|value| !value.is_empty());
    if has("KmsMasterKeyId") && given.get("SqsManagedSseEnabled").is_some_and(|value| value == "true") {
        return Err(Fault::new(
            Code::INVALID_ATTRIBUTE_NAME,
            "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
        ));
    }
    Ok(())
}

/// One attribute that is to be another.
pub(super) enum Change {
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
pub(super) fn read(parts: &Parts, name: &QueueName, given: &Given) -> Result<Vec<Change>, Fault> {
    check_names(name, given)?;
    let changes = given.iter().filter_map(|(key, value)| change(parts, key, value).transpose());
    changes.collect()
}

fn change(parts: &Parts, key: &str, value: &str) -> Result<Option<Change>, Fault> {
    let number = || value.parse::<u32>().map_err(|_| invalid(key));
    let flag = || value.to_ascii_lowercase().parse::<bool>().map_err(|_| invalid(key));
    Ok(Some(match key {
        "VisibilityTimeout" => Change::VisibilityTimeout(number()?),
        "DelaySeconds" => Change::Delay(number()?),
        "MaximumMessageSize" => Change::MessageSize(number()?),
        "MessageRetentionPeriod" => Change::Retention(number()?),
        "ReceiveMessageWaitTimeSeconds" => Change::Wait(number()?),
        "Policy" => Change::Policy(policies::check(value)?),
        "RedrivePolicy" => Change::Redrive(policies::redrive(parts, value)?),
        "RedriveAllowPolicy" => Change::RedriveAllow(policies::allow(parts, value)?),
        "KmsMasterKeyId" => Change::Key((!value.is_empty()).then(|| value.to_owned())),
        "KmsDataKeyReusePeriodSeconds" if value.is_empty() => Change::KeyReuse(None),
        "KmsDataKeyReusePeriodSeconds" => Change::KeyReuse(Some(number()?)),
        "SqsManagedSseEnabled" => Change::ManagedEncryption(flag()?),
        "ContentBasedDeduplication" => Change::ByContent(flag()?),
        "DeduplicationScope" => Change::Scope(match value {
            "queue" => DeduplicationScope::Queue,
            "messageGroup" => DeduplicationScope::MessageGroup,
            _ => return Err(invalid(key)),
        }),
        "FifoThroughputLimit" => Change::Throughput(match value {
            "perQueue" => FifoThroughput::PerQueue,
            "perMessageGroupId" => FifoThroughput::PerMessageGroupId,
            _ => return Err(invalid(key)),
        }),
        // The name has said it.
        "FifoQueue" => return Ok(None),
        other => return Err(unknown(other)),
    }))
}

/// The settings with the changes.
pub(super) fn changed(mut settings: Settings, changes: &[Change]) -> Settings {
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

fn unknown(name: &str) -> Fault {
    let name: String = name.chars().take(128).collect();
    Fault::new(Code::INVALID_ATTRIBUTE_NAME, format!("Unknown Attribute {name}."))
}

fn invalid(name: &str) -> Fault {
    Fault::new(Code::INVALID_ATTRIBUTE_VALUE, format!("Invalid value for the parameter {name}."))
}
