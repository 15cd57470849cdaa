//! Policies of topics, and what protects their data.

use serde_json::{Map, Value, json};
use sonagi_events::topics::{Topic, Topics};
use sonagi_identity::policy::Policies;
use sonagi_model::{
    AccountId, limits,
    policy::{Document, Purpose},
};

use super::{
    Answer, Call,
    error::Fault,
    xml::{self, Output},
};
use crate::platform::Parts;

/// A topic's policy, if it was given one. What SNS gives every topic grants nobody here what his own policies do not.
pub(super) fn of(topic: &Topic) -> Option<Policies> {
    let document = Document::parse(topic.settings.policy.as_deref()?, Purpose::Resource).ok()?;
    Some(Policies::compile(&[document]))
}

/// The policy that SNS gives a topic which has no other.
pub(super) fn usual(arn: &str, account: &AccountId) -> Map<String, Value> {
    let actions = [
        "GetTopicAttributes",
        "SetTopicAttributes",
        "AddPermission",
        "RemovePermission",
        "DeleteTopic",
        "Subscribe",
        "ListSubscriptionsByTopic",
        "Publish",
    ];
    let statement = json!({
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": { "AWS": "*" },
        "Action": actions.map(|action| format!("SNS:{action}")),
        "Resource": arn,
        "Condition": { "StringEquals": { "AWS:SourceOwner": account.as_str() } },
    });
    Map::from_iter([
        ("Version".to_owned(), json!("2008-10-17")),
        ("Id".to_owned(), json!("__default_policy_ID")),
        ("Statement".to_owned(), json!([statement])),
    ])
}

/// The policy that a topic shows.
pub(super) fn shown(topics: &Topics, topic: &Topic, account: &AccountId) -> String {
    let usual = || Value::Object(usual(&topics.arn(&topic.name), account)).to_string();
    topic.settings.policy.clone().unwrap_or_else(usual)
}

pub(super) async fn get_data_protection(parts: &Parts, call: &Call) -> Answer {
    let name = call.topic(parts, "ResourceArn").await?;
    let topic = parts.events.topics().find(&name).await?;
    let policy = topic.settings.data_protection;
    Ok(Output::Result(policy.map(|policy| xml::text("DataProtectionPolicy", &policy)).unwrap_or_default()))
}

pub(super) async fn put_data_protection(parts: &Parts, call: &Call) -> Answer {
    let name = call.topic(parts, "ResourceArn").await?;
    let policy = data_protection(call.required("DataProtectionPolicy")?)?;
    let set = move |settings: &mut sonagi_events::topics::TopicSettings| {
        settings.data_protection.clone_from(&policy);
        Ok(())
    };
    parts.events.topics().set(&name, set).await?;
    Ok(Output::Nothing)
}

/// A data protection policy, as it was given; none if that is empty.
pub(super) fn data_protection(text: &str) -> Result<Option<String>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() > limits::TOPIC_DATA_PROTECTION_SIZE {
        return Err(Fault::parameter(format!(
            "DataProtectionPolicy Reason: a policy has at most {} bytes",
            limits::TOPIC_DATA_PROTECTION_SIZE
        )));
    }
    match serde_json::from_str::<Map<String, Value>>(text) {
        Ok(_) => Ok(Some(text.to_owned())),
        Err(error) => {
            Err(Fault::parameter(format!("DataProtectionPolicy Reason: failed to parse JSON. {error}")))
        }
    }
}
