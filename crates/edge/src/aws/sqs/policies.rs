//! The attributes that are JSON: `Policy`, `RedrivePolicy`, `RedriveAllowPolicy`.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use sonagi_data::queues::{Queue, QueueName, Redrive, RedriveAllow, Refusal};
use sonagi_identity::policy::Policies;
use sonagi_model::{
    limits,
    policy::{Document, Purpose},
};

use super::{
    address::{self, ArnError},
    attributes::Given,
    error::{Code, Fault},
};
use crate::platform::Parts;

/// A policy as it was given; none if that is empty.
pub(super) fn check(text: &str) -> Result<Option<String>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() > limits::QUEUE_POLICY_SIZE {
        return Err(Fault::new(
            Code::INVALID_ATTRIBUTE_VALUE,
            format!(
                "Invalid value for the parameter Policy. Reason: A policy has at most {} bytes.",
                limits::QUEUE_POLICY_SIZE
            ),
        ));
    }
    match Document::parse(text, Purpose::Resource) {
        Ok(_) => Ok(Some(text.to_owned())),
        Err(mistake) => Err(Fault::new(
            Code::INVALID_ATTRIBUTE_VALUE,
            format!("Invalid value for the parameter Policy. Reason: {mistake}"),
        )),
    }
}

/// A queue's policy, if it has one that can be read.
pub(super) fn of(queue: &Queue) -> Option<Policies> {
    let document = Document::parse(queue.settings.policy.as_deref()?, Purpose::Resource).ok()?;
    Some(Policies::compile(&[document]))
}

pub(super) fn redrive(parts: &Parts, text: &str) -> Result<Option<Redrive>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    let Ok(policy) = serde_json::from_str::<Map<String, Value>>(text) else {
        return Err(Fault::new(
            Code::INVALID_ATTRIBUTE_VALUE,
            "Invalid value for the parameter RedrivePolicy. Reason: Redrive policy is not a valid JSON map.",
        ));
    };
    if policy.is_empty() {
        return Ok(None);
    }
    let wrong = |reason: &str| {
        Fault::parameter(format!(
            "Value {} for parameter RedrivePolicy is invalid. Reason: {reason}",
            shown(text)
        ))
    };
    let mandatory = |name: &str| {
        policy
            .get(name)
            .ok_or_else(|| wrong(&format!("Redrive policy does not contain mandatory attribute: {name}.")))
    };
    let arn = mandatory("deadLetterTargetArn")?;
    let count = mandatory("maxReceiveCount")?;
    let receives = match count {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let receives = receives.filter(|receives| (1..=limits::QUEUE_RECEIVES_MAX).contains(receives));
    let receives = receives.ok_or_else(|| {
        let count = count.as_str().map_or_else(|| count.to_string(), str::to_owned);
        wrong(&format!(
            "Invalid value for maxReceiveCount: {}, valid values are from 1 to {} both inclusive.",
            shown(&count),
            limits::QUEUE_RECEIVES_MAX
        ))
    })?;
    let dead_letters =
        address::of_arn(parts, arn.as_str().unwrap_or_default()).map_err(|error| match error {
            ArnError::Format => wrong("Invalid value for deadLetterTargetArn."),
            ArnError::Elsewhere => wrong("Dead letter target does not exist."),
        })?;
    Ok(Some(Redrive { dead_letters, receives }))
}

pub(super) fn redrive_text(parts: &Parts, redrive: &Redrive) -> String {
    let arn = address::arn(parts, &redrive.dead_letters);
    json!({ "deadLetterTargetArn": arn, "maxReceiveCount": redrive.receives }).to_string()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AllowPolicy {
    redrive_permission: String,
    #[serde(default)]
    source_queue_arns: Vec<String>,
}

pub(super) fn allow(parts: &Parts, text: &str) -> Result<Option<RedriveAllow>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    let format = || {
        Fault::new(
            Code::INVALID_ATTRIBUTE_VALUE,
            "Invalid value for the parameter RedriveAllowPolicy. Reason: Amazon SQS can't create the redrive allow \
             policy, as it’s in an unsupported format.",
        )
    };
    let AllowPolicy { redrive_permission, source_queue_arns } =
        serde_json::from_str(text).map_err(|_| format())?;
    let wrong = |reason: &str| {
        Fault::parameter(format!(
            "Value {} for parameter RedriveAllowPolicy is invalid. Reason: Amazon SQS can't create the redrive allow \
             policy. {reason}",
            shown(text)
        ))
    };
    let plain = match redrive_permission.as_str() {
        "allowAll" => Some(RedriveAllow::All),
        "denyAll" => Some(RedriveAllow::None),
        "byQueue" => None,
        _ => return Err(format()),
    };
    match plain {
        Some(plain) if source_queue_arns.is_empty() => Ok(Some(plain)),
        Some(_) => {
            Err(wrong("To specify one or more source queue ARNs, you must set redrivePermission to byQueue."))
        }
        None if source_queue_arns.is_empty() => Err(wrong(
            "When you specify the byQueue permission type, you must also specify one or more sourceQueueArns values.",
        )),
        None if source_queue_arns.len() > limits::QUEUE_REDRIVE_SOURCES => Err(wrong(&format!(
            "The maximum number of source queue ARNs you can specify is {}.",
            limits::QUEUE_REDRIVE_SOURCES
        ))),
        None => {
            let names = source_queue_arns.iter().map(|arn| address::of_arn(parts, arn));
            let names: Result<Vec<QueueName>, _> = names.collect();
            let names =
                names.map_err(|_| wrong("A source queue ARN is not one of a queue of this account."))?;
            Ok(Some(RedriveAllow::Queues(names)))
        }
    }
}

pub(super) fn allow_text(parts: &Parts, allow: &RedriveAllow) -> String {
    match allow {
        RedriveAllow::All => json!({ "redrivePermission": "allowAll" }),
        RedriveAllow::None => json!({ "redrivePermission": "denyAll" }),
        RedriveAllow::Queues(names) => {
            let arns: Vec<String> = names.iter().map(|name| address::arn(parts, name)).collect();
            json!({ "redrivePermission": "byQueue", "sourceQueueArns": arns })
        }
    }
    .to_string()
}

/// Why settings were refused, with the value that was given.
pub(super) fn explain(error: sonagi_data::Error, given: &Given) -> Fault {
    match error {
        sonagi_data::Error::Queue(
            refusal @ (Refusal::NoDeadLetters
            | Refusal::OtherDeadLetters
            | Refusal::DeadLettersForbidden { .. }),
        ) => {
            let value = given.get("RedrivePolicy").map_or("", String::as_str);
            let text = refusal.to_string();
            let reason = text.strip_prefix("Value").unwrap_or(&text);
            Fault::parameter(format!("Value {}{reason}", shown(value)))
        }
        sonagi_data::Error::Queue(Refusal::Attribute { name: "FifoThroughputLimit" }) => Fault::new(
            Code::INVALID_ATTRIBUTE_VALUE,
            "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup",
        ),
        error => error.into(),
    }
}

/// As much of a value as an error shows.
fn shown(text: &str) -> String {
    text.chars().take(1_024).collect()
}
