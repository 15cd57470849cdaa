//! A queue's attributes: GetQueueAttributes, SetQueueAttributes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sonagi_data::queues::{
    BadAttribute, DeduplicationScope, Depth, FifoThroughput, Given, Queue, allow_text, changed,
    read_attributes, redrive_text,
};
use sonagi_model::limits;

use super::{Answer, Call, address, error::Fault, policies, text::Text};
use crate::platform::Parts;

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
                None => return Err(BadAttribute::unknown(asked).into()),
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
        "RedrivePolicy" => redrive_text(address::place(parts), settings.redrive.as_ref()?),
        "RedriveAllowPolicy" => allow_text(address::place(parts), settings.redrive_allow.as_ref()?),
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
    let changes = read_attributes(address::place(parts), &name, &given)?;
    let changed = parts.queues.set(&name, move |settings| Ok(changed(settings, &changes))).await;
    changed.map_err(|error| policies::explain(error, &given))?;
    call.done()
}
