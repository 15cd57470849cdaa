//! The attributes that are JSON: `Policy`, `RedrivePolicy`, `RedriveAllowPolicy`.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use sonagi_model::{
    limits,
    policy::{Document, Purpose},
};

use super::{BadArn, BadAttribute, Place, QueueName, Redrive, RedriveAllow};

/// A policy as it was given; none if that is empty.
pub(super) fn check(text: &str) -> Result<Option<String>, BadAttribute> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() > limits::QUEUE_POLICY_SIZE {
        return Err(BadAttribute::value(format!(
            "Invalid value for the parameter Policy. Reason: A policy has at most {} bytes.",
            limits::QUEUE_POLICY_SIZE
        )));
    }
    match Document::parse(text, Purpose::Resource) {
        Ok(_) => Ok(Some(text.to_owned())),
        Err(mistake) => {
            Err(BadAttribute::value(format!("Invalid value for the parameter Policy. Reason: {mistake}")))
        }
    }
}

pub(super) fn redrive(place: Place<'_>, text: &str) -> Result<Option<Redrive>, BadAttribute> {
    if text.is_empty() {
        return Ok(None);
    }
    let Ok(policy) = serde_json::from_str::<Map<String, Value>>(text) else {
        return Err(BadAttribute::value(
            "Invalid value for the parameter RedrivePolicy. Reason: Redrive policy is not a valid JSON map.",
        ));
    };
    if policy.is_empty() {
        return Ok(None);
    }
    let wrong = |reason: &str| {
        BadAttribute::Parameter(format!(
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
    let dead_letters = place.of_arn(arn.as_str().unwrap_or_default()).map_err(|error| match error {
        BadArn::Format => wrong("Invalid value for deadLetterTargetArn."),
        BadArn::Elsewhere => wrong("Dead letter target does not exist."),
    })?;
    Ok(Some(Redrive { dead_letters, receives }))
}

pub fn redrive_text(place: Place<'_>, redrive: &Redrive) -> String {
    let arn = place.arn(&redrive.dead_letters);
    json!({ "deadLetterTargetArn": arn, "maxReceiveCount": redrive.receives }).to_string()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AllowPolicy {
    redrive_permission: String,
    #[serde(default)]
    source_queue_arns: Vec<String>,
}

pub(super) fn allow(place: Place<'_>, text: &str) -> Result<Option<RedriveAllow>, BadAttribute> {
    if text.is_empty() {
        return Ok(None);
    }
    let format = || {
        BadAttribute::value(
            "Invalid value for the parameter RedriveAllowPolicy. Reason: Amazon SQS can't create the redrive allow \
             policy, as it’s in an unsupported format.",
        )
    };
    let AllowPolicy { redrive_permission, source_queue_arns } =
        serde_json::from_str(text).map_err(|_| format())?;
    let wrong = |reason: &str| {
        BadAttribute::Parameter(format!(
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
            let names = source_queue_arns.iter().map(|arn| place.of_arn(arn));
            let names: Result<Vec<QueueName>, _> = names.collect();
            let names =
                names.map_err(|_| wrong("A source queue ARN is not one of a queue of this account."))?;
            Ok(Some(RedriveAllow::Queues(names)))
        }
    }
}

pub fn allow_text(place: Place<'_>, allow: &RedriveAllow) -> String {
    match allow {
        RedriveAllow::All => json!({ "redrivePermission": "allowAll" }),
        RedriveAllow::None => json!({ "redrivePermission": "denyAll" }),
        RedriveAllow::Queues(names) => {
            let arns: Vec<String> = names.iter().map(|name| place.arn(name)).collect();
            json!({ "redrivePermission": "byQueue", "sourceQueueArns": arns })
        }
    }
    .to_string()
}

/// As much of a value as an error shows.
fn shown(text: &str) -> String {
    text.chars().take(1_024).collect()
}
