//! What may be said of a subscription (SNS API Reference, "SetSubscriptionAttributes").

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sonagi_data::queues::QueueName;
use sonagi_model::limits;

use super::{Protocol, Refusal, SubscriptionDelivery, SubscriptionSettings};
use crate::{Config, Destination, TopicName};

/// One attribute that is to be another.
#[derive(Debug, Clone)]
pub enum SubscriptionChange {
    Filter(Option<String>),
    FiltersBody(bool),
    Raw(bool),
    DeadLetters(Option<QueueName>),
    Delivery(Option<SubscriptionDelivery>),
}

/// What is subscribed, as far as its attributes have to know.
pub struct SubscriptionTarget<'a> {
    pub protocol: Protocol,
    pub endpoint: &'a str,
}

/// Settings with what is given, if they can be that subscription's.
pub fn read_subscription(
    config: &Config,
    target: &SubscriptionTarget<'_>,
    given: &BTreeMap<String, String>,
) -> Result<SubscriptionSettings, Refusal> {
    let mut settings = SubscriptionSettings::default();
    for (name, value) in given {
        let change = read(config, target, name, value)?;
        let change = change.ok_or_else(|| {
            let name: String = name.chars().take(128).collect();
            Refusal::parameter(format!("Unknown attribute {name}"))
        })?;
        change.apply(&mut settings);
    }
    settings.check_filter()?;
    Ok(settings)
}

/// None: no subscription can be given that.
fn read(
    config: &Config,
    target: &SubscriptionTarget<'_>,
    name: &str,
    value: &str,
) -> Result<Option<SubscriptionChange>, Refusal> {
    let invalid = |reason: &str| {
        let value: String = value.chars().take(256).collect();
        Refusal::parameter(format!("{name}: Invalid value [{value}]. {reason}"))
    };
    Ok(Some(match name {
        "FilterPolicy" => SubscriptionChange::Filter((!value.is_empty()).then(|| value.to_owned())),
        "FilterPolicyScope" => SubscriptionChange::FiltersBody(match value {
            "MessageAttributes" => false,
            "MessageBody" => true,
            _ => return Err(invalid("Please use either MessageBody or MessageAttributes")),
        }),
        "RawMessageDelivery" => {
            let on = value.to_ascii_lowercase().parse().map_err(|_| invalid("Must be true or false."))?;
            if on && target.protocol == Protocol::Lambda {
                return Err(Refusal::parameter(
                    "RawMessageDelivery: Delivery protocol [lambda] does not support raw message delivery.",
                ));
            }
            SubscriptionChange::Raw(on)
        }
        "RedrivePolicy" => SubscriptionChange::DeadLetters(dead_letters(config, target, value)?),
        "DeliveryPolicy" if value.is_empty() => SubscriptionChange::Delivery(None),
        "DeliveryPolicy" if !target.protocol.is_http() => {
            return Err(Refusal::parameter(format!(
                "DeliveryPolicy: Delivery protocol [{}] has no delivery policy.",
                target.protocol
            )));
        }
        "DeliveryPolicy" => SubscriptionChange::Delivery(Some(SubscriptionDelivery::parse(value)?)),
        "ReplayPolicy" => {
            return Err(Refusal::parameter("ReplayPolicy: Sonagi keeps no archive of messages"));
        }
        _ => return Ok(None),
    }))
}

impl SubscriptionChange {
    /// An attribute by its name. None: no subscription can be given that.
    pub fn read(
        config: &Config,
        target: &SubscriptionTarget<'_>,
        name: &str,
        value: &str,
    ) -> Result<Option<Self>, Refusal> {
        read(config, target, name, value)
    }

    /// Changes settings by it.
    pub fn apply(&self, settings: &mut SubscriptionSettings) {
        match self {
            SubscriptionChange::Filter(policy) => settings.filter.clone_from(policy),
            SubscriptionChange::FiltersBody(on) => settings.filters_body = *on,
            SubscriptionChange::Raw(on) => settings.raw = *on,
            SubscriptionChange::DeadLetters(queue) => settings.dead_letters.clone_from(queue),
            SubscriptionChange::Delivery(delivery) => settings.delivery.clone_from(delivery),
        }
    }
}

impl SubscriptionSettings {
    /// Whether its filter is one.
    pub fn check_filter(&self) -> Result<(), Refusal> {
        self.pattern().map(drop).map_err(|error| Refusal::parameter(error.text()))
    }
}

/// The queue for what cannot be delivered.
fn dead_letters(
    config: &Config,
    target: &SubscriptionTarget<'_>,
    text: &str,
) -> Result<Option<QueueName>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    let policy: Map<String, Value> = serde_json::from_str(text)
        .map_err(|error| Refusal::parameter(format!("RedrivePolicy: failed to parse JSON. {error}")))?;
    let Some(arn) = policy.get("deadLetterTargetArn") else {
        return match policy.is_empty() {
            true => Ok(None),
            false => Err(Refusal::parameter("RedrivePolicy: deadLetterTargetArn is missing")),
        };
    };
    let (account, region) = (&config.account, &config.region);
    let found = Destination::parse(arn.as_str().unwrap_or_default(), account, region);
    let Ok(Destination::Queue(queue)) = found else {
        return Err(Refusal::parameter("RedrivePolicy: deadLetterTargetArn is an invalid arn"));
    };
    let to_fifo = target.protocol == Protocol::Sqs && target.endpoint.ends_with(".fifo");
    match (to_fifo, queue.is_fifo()) {
        (true, false) => Err(Refusal::parameter(
            "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.",
        )),
        (false, true) => Err(Refusal::parameter(
            "RedrivePolicy: must use a standard queue as DLQ for a subscription that is not FIFO.",
        )),
        (true, true) | (false, false) => Ok(Some(queue)),
    }
}

impl SubscriptionTarget<'_> {
    /// Whether a topic can have such an endpoint.
    pub fn check(&self, config: &Config, topic: &TopicName) -> Result<(), Refusal> {
        let Self { protocol, endpoint } = *self;
        let parsed = || Destination::parse(endpoint, &config.account, &config.region);
        match protocol {
            Protocol::Sqs => match parsed() {
                Ok(Destination::Queue(queue)) if queue.is_fifo() && !topic.is_fifo() => {
                    return Err(Refusal::parameter(
                        "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
                    ));
                }
                Ok(Destination::Queue(_)) => return Ok(()),
                Ok(Destination::Function { .. } | Destination::Topic(_) | Destination::Bus(_)) | Err(_) => {
                    return Err(Refusal::parameter("SQS endpoint ARN"));
                }
            },
            Protocol::Lambda => {
                if !matches!(parsed(), Ok(Destination::Function { .. })) {
                    return Err(Refusal::parameter("Lambda endpoint ARN"));
                }
            }
            Protocol::Http | Protocol::Https => check_url(protocol, endpoint)?,
        }
        match topic.is_fifo() {
            true => Err(Refusal::parameter("Invalid parameter: Endpoint Reason: Please use FIFO SQS queue")),
            false => Ok(()),
        }
    }
}

fn check_url(protocol: Protocol, url: &str) -> Result<(), Refusal> {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    if scheme != Some(protocol.as_str()) {
        return Err(Refusal::parameter("Endpoint must match the specified protocol"));
    }
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let has_host =
        !host.is_empty() && !host.starts_with(':') && url.bytes().all(|byte| byte.is_ascii_graphic());
    match has_host && url.len() <= limits::TOPIC_ENDPOINT_SIZE {
        true => Ok(()),
        false => Err(Refusal::parameter("Endpoint Reason: it is not the URL of a server")),
    }
}
