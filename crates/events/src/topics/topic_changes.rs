//! What may be said of a topic (SNS API Reference, "SetTopicAttributes").

use std::collections::BTreeMap;

use sonagi_model::{
    limits,
    policy::{Document, Purpose},
};

use super::{DeduplicationScope, Refusal, TopicDelivery, TopicSettings};

/// One attribute that is to be another.
#[derive(Debug, Clone)]
pub enum TopicChange {
    Policy(Option<String>),
    DisplayName(String),
    Delivery(Option<TopicDelivery>),
    MessageSize(u32),
    ByContent(bool),
    Scope(DeduplicationScope),
    /// One that is kept and shown.
    Shown(String, String),
}

impl TopicChange {
    /// An attribute by its name. None: no topic can be given that.
    pub fn read(name: &str, value: &str, fifo: bool) -> Result<Option<Self>, Refusal> {
        read(name, value, fifo)
    }

    /// All that is given, if such a topic can have it.
    pub fn read_all(given: &BTreeMap<String, String>, fifo: bool) -> Result<Vec<Self>, Refusal> {
        let read =
            |(name, value): (&String, &String)| Self::read(name, value, fifo)?.ok_or_else(|| unknown(name));
        given.iter().map(read).collect()
    }

    /// Changes settings by it.
    pub fn apply(&self, settings: &mut TopicSettings) {
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

fn read(name: &str, value: &str, fifo: bool) -> Result<Option<TopicChange>, Refusal> {
    let invalid =
        |reason: &str| Refusal::parameter(format!("{name}: Invalid value [{}]. {reason}", shown(value)));
    Ok(Some(match name {
        "Policy" => TopicChange::Policy(policy(value)?),
        "DisplayName" if value.chars().count() > limits::TOPIC_DISPLAY_NAME_SIZE => {
            return Err(invalid("It has at most 100 characters."));
        }
        "DisplayName" => TopicChange::DisplayName(value.to_owned()),
        "DeliveryPolicy" if value.is_empty() => TopicChange::Delivery(None),
        "DeliveryPolicy" => TopicChange::Delivery(Some(TopicDelivery::parse(value)?)),
        "MaximumMessageSize" => {
            let range = limits::TOPIC_MESSAGE_SIZE_MIN..=limits::TOPIC_MESSAGE_SIZE_MAX;
            let bytes = value.parse().ok().filter(|bytes: &u32| range.contains(&(*bytes as usize)));
            TopicChange::MessageSize(bytes.ok_or_else(|| invalid("Must be from 1024 to 1048576."))?)
        }
        "ContentBasedDeduplication" if fifo => TopicChange::ByContent(
            value.to_ascii_lowercase().parse().map_err(|_| invalid("Must be true or false."))?,
        ),
        "FifoThroughputScope" if fifo => TopicChange::Scope(match value {
            "Topic" => DeduplicationScope::Topic,
            "MessageGroup" => DeduplicationScope::MessageGroup,
            _ => return Err(invalid("Must be Topic or MessageGroup.")),
        }),
        "SignatureVersion" if !["1", "2"].contains(&value) => return Err(invalid("Must be 1 or 2.")),
        "TracingConfig" if !["PassThrough", "Active"].contains(&value) => {
            return Err(invalid("Must be PassThrough or Active."));
        }
        "ArchivePolicy" if !value.is_empty() && value != "{}" => {
            return Err(Refusal::parameter("ArchivePolicy: Sonagi keeps no archive of messages"));
        }
        "SignatureVersion" | "TracingConfig" | "KmsMasterKeyId" => {
            TopicChange::Shown(name.to_owned(), value.to_owned())
        }
        name if is_feedback(name) => TopicChange::Shown(name.to_owned(), value.to_owned()),
        _ => return Ok(None),
    }))
}

/// Whether it says what SNS logs of deliveries.
fn is_feedback(name: &str) -> bool {
    let rest =
        ["HTTP", "Firehose", "Lambda", "Application", "SQS"].iter().find_map(|of| name.strip_prefix(of));
    matches!(rest, Some("SuccessFeedbackRoleArn" | "SuccessFeedbackSampleRate" | "FailureFeedbackRoleArn"))
}

fn unknown(name: &str) -> Refusal {
    Refusal::parameter(format!("Unknown attribute {}", shown(name)))
}

/// As much of a value as an error shows.
fn shown(text: &str) -> String {
    text.chars().take(256).collect()
}

/// A policy as it was given; none if that is empty.
fn policy(text: &str) -> Result<Option<String>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() > limits::TOPIC_POLICY_SIZE {
        return Err(Refusal::parameter(format!(
            "Policy Error: a policy has at most {} bytes",
            limits::TOPIC_POLICY_SIZE
        )));
    }
    match Document::parse(text, Purpose::Resource) {
        Ok(_) => Ok(Some(text.to_owned())),
        Err(mistake) => Err(Refusal::parameter(format!("Policy Error: {mistake}"))),
    }
}
