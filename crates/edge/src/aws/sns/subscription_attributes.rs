//! A subscription's attributes: GetSubscriptionAttributes, SetSubscriptionAttributes.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sonagi_data::queues::QueueName;
use sonagi_events::{
    Destination,
    topics::{Protocol, Refusal, Subscription, SubscriptionDelivery, SubscriptionSettings},
};

use super::{
    Answer, Call, address,
    error::Fault,
    xml::{self, Output},
};
use crate::platform::Parts;

/// One attribute that is to be another.
#[derive(Debug, Clone)]
enum Change {
    Filter(Option<String>),
    FiltersBody(bool),
    Raw(bool),
    DeadLetters(Option<QueueName>),
    Delivery(Option<SubscriptionDelivery>),
}

/// What is subscribed, as far as its attributes have to know.
pub(super) struct Target<'a> {
    pub(super) protocol: Protocol,
    pub(super) endpoint: &'a str,
}

/// Settings with what is given, if they can be that subscription's.
pub(super) fn read(
    parts: &Parts,
    target: &Target<'_>,
    given: &BTreeMap<String, String>,
) -> Result<SubscriptionSettings, Fault> {
    let mut settings = SubscriptionSettings::default();
    for (name, value) in given {
        let change = change(parts, target, name, value)?;
        let change = change.ok_or_else(|| {
            let name: String = name.chars().take(128).collect();
            Fault::parameter(format!("Unknown attribute {name}"))
        })?;
        apply(&change, &mut settings);
    }
    check_filter(&settings)?;
    Ok(settings)
}

/// None: no subscription can be given that.
fn change(parts: &Parts, target: &Target<'_>, name: &str, value: &str) -> Result<Option<Change>, Fault> {
    let invalid = |reason: &str| {
        let value: String = value.chars().take(256).collect();
        Fault::parameter(format!("{name}: Invalid value [{value}]. {reason}"))
    };
    Ok(Some(match name {
        "FilterPolicy" => Change::Filter((!value.is_empty()).then(|| value.to_owned())),
        "FilterPolicyScope" => Change::FiltersBody(match value {
            "MessageAttributes" => false,
            "MessageBody" => true,
            _ => return Err(invalid("Please use either MessageBody or MessageAttributes")),
        }),
        "RawMessageDelivery" => {
            let on = value.to_ascii_lowercase().parse().map_err(|_| invalid("Must be true or false."))?;
            if on && target.protocol == Protocol::Lambda {
                return Err(Fault::parameter(
                    "RawMessageDelivery: Delivery protocol [lambda] does not support raw message delivery.",
                ));
            }
            Change::Raw(on)
        }
        "RedrivePolicy" => Change::DeadLetters(dead_letters(parts, target, value)?),
        "DeliveryPolicy" if value.is_empty() => Change::Delivery(None),
        "DeliveryPolicy" if !target.protocol.is_http() => {
            return Err(Fault::parameter(format!(
                "DeliveryPolicy: Delivery protocol [{}] has no delivery policy.",
                target.protocol
            )));
        }
        "DeliveryPolicy" => Change::Delivery(Some(SubscriptionDelivery::parse(value)?)),
        "ReplayPolicy" => {
            return Err(Fault::parameter("ReplayPolicy: Sonagi keeps no archive of messages"));
        }
        _ => return Ok(None),
    }))
}

fn apply(change: &Change, settings: &mut SubscriptionSettings) {
    match change {
        Change::Filter(policy) => settings.filter.clone_from(policy),
        Change::FiltersBody(on) => settings.filters_body = *on,
        Change::Raw(on) => settings.raw = *on,
        Change::DeadLetters(queue) => settings.dead_letters.clone_from(queue),
        Change::Delivery(delivery) => settings.delivery.clone_from(delivery),
    }
}

fn check_filter(settings: &SubscriptionSettings) -> Result<(), Refusal> {
    settings.pattern().map(drop).map_err(|error| Refusal::parameter(error.text()))
}

/// The queue for what cannot be delivered.
fn dead_letters(parts: &Parts, target: &Target<'_>, text: &str) -> Result<Option<QueueName>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    let policy: Map<String, Value> = serde_json::from_str(text)
        .map_err(|error| Fault::parameter(format!("RedrivePolicy: failed to parse JSON. {error}")))?;
    let Some(arn) = policy.get("deadLetterTargetArn") else {
        return match policy.is_empty() {
            true => Ok(None),
            false => Err(Fault::parameter("RedrivePolicy: deadLetterTargetArn is missing")),
        };
    };
    let (account, region) = (&parts.config.account, &parts.config.region);
    let found = Destination::parse(arn.as_str().unwrap_or_default(), account, region);
    let Ok(Destination::Queue(queue)) = found else {
        return Err(Fault::parameter("RedrivePolicy: deadLetterTargetArn is an invalid arn"));
    };
    let to_fifo = target.protocol == Protocol::Sqs && target.endpoint.ends_with(".fifo");
    match (to_fifo, queue.is_fifo()) {
        (true, false) => Err(Fault::parameter(
            "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.",
        )),
        (false, true) => Err(Fault::parameter(
            "RedrivePolicy: must use a standard queue as DLQ for a subscription that is not FIFO.",
        )),
        (true, true) | (false, false) => Ok(Some(queue)),
    }
}

pub(super) async fn set(parts: &Parts, call: &Call) -> Answer {
    let (topic, id) = address::subscription(parts, call.required("SubscriptionArn")?)?;
    call.may_subscription(parts, &topic, &id).await?;
    let attribute = call.required("AttributeName")?;
    let value = call.form.text("AttributeValue").unwrap_or_default();
    let topics = parts.events.topics();
    let subscription = topics.subscription(&topic, &id).await?;
    let target = Target { protocol: subscription.protocol, endpoint: &subscription.endpoint };
    let change = change(parts, &target, attribute, value)?;
    let change = change.ok_or_else(|| Fault::parameter("AttributeName"))?;
    let set = move |settings: &mut SubscriptionSettings| {
        apply(&change, settings);
        check_filter(settings)
    };
    topics.set_subscription(&topic, &id, set).await?;
    Ok(Output::Nothing)
}

pub(super) async fn get(parts: &Parts, call: &Call) -> Answer {
    let (name, id) = address::subscription(parts, call.required("SubscriptionArn")?)?;
    call.may_subscription(parts, &name, &id).await?;
    let topics = parts.events.topics();
    let subscription = topics.subscription(&name, &id).await?;
    let topic = topics.find(&name).await?;
    let Subscription { protocol, endpoint, settings, authenticated, principal, .. } = &subscription;
    let mut all = BTreeMap::from([
        ("ConfirmationWasAuthenticated", authenticated.to_string()),
        ("Endpoint", endpoint.clone()),
        ("Owner", parts.config.account.to_string()),
        ("PendingConfirmation", subscription.is_pending().to_string()),
        ("Protocol", protocol.to_string()),
        ("RawMessageDelivery", settings.raw.to_string()),
        ("SubscriptionArn", topics.subscription_arn(&name, &id)),
        ("SubscriptionPrincipal", principal.clone()),
        ("TopicArn", topics.arn(&name)),
    ]);
    if let Some(policy) = &settings.filter {
        all.insert("FilterPolicy", policy.clone());
        let scope = if settings.filters_body { "MessageBody" } else { "MessageAttributes" };
        all.insert("FilterPolicyScope", scope.into());
    }
    if let Some(queue) = &settings.dead_letters {
        let (account, region) = (&parts.config.account, &parts.config.region);
        let arn = Destination::Queue(queue.clone()).arn(account, region);
        all.insert("RedrivePolicy", json!({ "deadLetterTargetArn": arn }).to_string());
    }
    if let Some(delivery) = &settings.delivery {
        all.insert("DeliveryPolicy", delivery.text());
    }
    if protocol.is_http() {
        let effective =
            SubscriptionDelivery::effective(settings.delivery.as_ref(), topic.settings.delivery.as_ref());
        all.insert("EffectiveDeliveryPolicy", effective.text());
    }
    Ok(Output::Result(xml::map("Attributes", all.iter().map(|(name, value)| (*name, value.as_str())))))
}
