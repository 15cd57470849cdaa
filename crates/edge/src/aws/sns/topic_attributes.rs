//! A topic's attributes: GetTopicAttributes, SetTopicAttributes.

use std::collections::BTreeMap;

use sonagi_events::topics::{Counts, DeduplicationScope, Topic, TopicDelivery, TopicSettings};
use sonagi_model::limits;

use super::{
    Answer, Call,
    error::Fault,
    policies,
    xml::{self, Output},
};
use crate::platform::Parts;

/// One attribute that is to be another.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Policy(Option<String>),
    DisplayName(String),
    Delivery(Option<TopicDelivery>),
    MessageSize(u32),
    ByContent(bool),
    Scope(DeduplicationScope),
    /// One that is kept and shown.
    Shown(String, String),
}

impl Change {
    pub(super) fn apply(&self, settings: &mut TopicSettings) {
        match self {
            Self::Policy(policy) => settings.policy.clone_from(policy),
            Self::DisplayName(name) => settings.display_name.clone_from(name),
            Self::Delivery(delivery) => settings.delivery.clone_from(delivery),
            Self::MessageSize(bytes) => settings.message_size = Some(*bytes),
            Self::ByContent(on) => settings.fifo.iter_mut().for_each(|fifo| fifo.by_content = *on),
            Self::Scope(scope) => settings.fifo.iter_mut().for_each(|fifo| fifo.scope = Some(*scope)),
            Self::Shown(name, value) if value.is_empty() => drop(settings.shown.remove(name)),
            Self::Shown(name, value) => drop(settings.shown.insert(name.clone(), value.clone())),
        }
    }
}

/// What is given, if such a topic can have it.
pub(super) fn read(given: &BTreeMap<String, String>, fifo: bool) -> Result<Vec<Change>, Fault> {
    given.iter().map(|(name, value)| change(name, value, fifo)?.ok_or_else(|| unknown(name))).collect()
}

/// None: no topic can be given that.
fn change(name: &str, value: &str, fifo: bool) -> Result<Option<Change>, Fault> {
    let invalid =
        |reason: &str| Fault::parameter(format!("{name}: Invalid value [{}]. {reason}", shown(value)));
    Ok(Some(match name {
        "Policy" => Change::Policy(policies::check(value)?),
        "DisplayName" if value.chars().count() > limits::TOPIC_DISPLAY_NAME_SIZE => {
            return Err(invalid("It has at most 100 characters."));
        }
        "DisplayName" => Change::DisplayName(value.to_owned()),
        "DeliveryPolicy" if value.is_empty() => Change::Delivery(None),
        "DeliveryPolicy" => Change::Delivery(Some(TopicDelivery::parse(value)?)),
        "MaximumMessageSize" => {
            let range = limits::TOPIC_MESSAGE_SIZE_MIN..=limits::TOPIC_MESSAGE_SIZE_MAX;
            let bytes = value.parse().ok().filter(|bytes: &u32| range.contains(&(*bytes as usize)));
            Change::MessageSize(bytes.ok_or_else(|| invalid("Must be from 1024 to 1048576."))?)
        }
        "ContentBasedDeduplication" if fifo => Change::ByContent(
            value.to_ascii_lowercase().parse().map_err(|_| invalid("Must be true or false."))?,
        ),
        "FifoThroughputScope" if fifo => Change::Scope(match value {
            "Topic" => DeduplicationScope::Topic,
            "MessageGroup" => DeduplicationScope::MessageGroup,
            _ => return Err(invalid("Must be Topic or MessageGroup.")),
        }),
        "SignatureVersion" if !["1", "2"].contains(&value) => return Err(invalid("Must be 1 or 2.")),
        "TracingConfig" if !["PassThrough", "Active"].contains(&value) => {
            return Err(invalid("Must be PassThrough or Active."));
        }
        "ArchivePolicy" if !value.is_empty() && value != "{}" => {
            return Err(Fault::parameter("ArchivePolicy: Sonagi keeps no archive of messages"));
        }
        "SignatureVersion" | "TracingConfig" | "KmsMasterKeyId" => {
            Change::Shown(name.to_owned(), value.to_owned())
        }
        name if is_feedback(name) => Change::Shown(name.to_owned(), value.to_owned()),
        _ => return Ok(None),
    }))
}

/// Whether it says what SNS logs of deliveries.
fn is_feedback(name: &str) -> bool {
    let rest =
        ["HTTP", "Firehose", "Lambda", "Application", "SQS"].iter().find_map(|of| name.strip_prefix(of));
    matches!(rest, Some("SuccessFeedbackRoleArn" | "SuccessFeedbackSampleRate" | "FailureFeedbackRoleArn"))
}

pub(super) async fn set(parts: &Parts, call: &Call) -> Answer {
    let name = call.topic(parts, "TopicArn").await?;
    let attribute = call.required("AttributeName")?;
    let value = call.form.text("AttributeValue").unwrap_or_default();
    // A topic that is not there has no attributes that could be wrong.
    parts.events.topics().find(&name).await?;
    let change = change(attribute, value, name.is_fifo())?;
    let change = change.ok_or_else(|| Fault::parameter("AttributeName"))?;
    let set = move |settings: &mut TopicSettings| {
        change.apply(settings);
        Ok(())
    };
    parts.events.topics().set(&name, set).await?;
    Ok(Output::Nothing)
}

pub(super) async fn get(parts: &Parts, call: &Call) -> Answer {
    let name = call.topic(parts, "TopicArn").await?;
    let topics = parts.events.topics();
    let topic = topics.find(&name).await?;
    let Counts { confirmed, pending, deleted } = topics.counts(&topic).await?;
    let account = &parts.config.account;
    let Topic { settings, .. } = &topic;
    let mut all = BTreeMap::from([
        ("DisplayName", settings.display_name.clone()),
        ("EffectiveDeliveryPolicy", TopicDelivery::effective(settings.delivery.as_ref()).text()),
        ("Owner", account.to_string()),
        ("Policy", policies::shown(&topics, &topic, account)),
        ("SubscriptionsConfirmed", confirmed.to_string()),
        ("SubscriptionsDeleted", deleted.to_string()),
        ("SubscriptionsPending", pending.to_string()),
        ("TopicArn", topics.arn(&name)),
    ]);
    if let Some(delivery) = &settings.delivery {
        all.insert("DeliveryPolicy", delivery.text());
    }
    if let Some(bytes) = settings.message_size {
        all.insert("MaximumMessageSize", bytes.to_string());
    }
    if let Some(fifo) = &settings.fifo {
        all.insert("FifoTopic", "true".into());
        all.insert("ContentBasedDeduplication", fifo.by_content.to_string());
        if let Some(scope) = fifo.scope {
            let scope = match scope {
                DeduplicationScope::Topic => "Topic",
                DeduplicationScope::MessageGroup => "MessageGroup",
            };
            all.insert("FifoThroughputScope", scope.into());
        }
    }
    all.extend(settings.shown.iter().map(|(name, value)| (name.as_str(), value.clone())));
    Ok(Output::Result(xml::map("Attributes", all.iter().map(|(name, value)| (*name, value.as_str())))))
}

fn unknown(name: &str) -> Fault {
    Fault::parameter(format!("Unknown attribute {}", shown(name)))
}

/// As much of a value as an error shows.
fn shown(text: &str) -> String {
    text.chars().take(256).collect()
}
