//! A subscription's attributes: GetSubscriptionAttributes, SetSubscriptionAttributes.

use std::collections::BTreeMap;

use serde_json::json;
use sonagi_events::{
    Destination,
    topics::{
        Subscription, SubscriptionChange, SubscriptionDelivery, SubscriptionSettings, SubscriptionTarget,
    },
};

use super::{
    Answer, Call, address,
    error::Fault,
    xml::{self, Output},
};
use crate::platform::Parts;

pub(super) async fn set(parts: &Parts, call: &Call) -> Answer {
    let (topic, id) = address::subscription(parts, call.required("SubscriptionArn")?)?;
    call.may_subscription(parts, &topic, &id).await?;
    let attribute = call.required("AttributeName")?;
    let value = call.form.text("AttributeValue").unwrap_or_default();
    let topics = parts.events.topics();
    let subscription = topics.subscription(&topic, &id).await?;
    let target = SubscriptionTarget { protocol: subscription.protocol, endpoint: &subscription.endpoint };
    let change = SubscriptionChange::read(parts.events.config(), &target, attribute, value)?;
    let change = change.ok_or_else(|| Fault::parameter("AttributeName"))?;
    let set = move |settings: &mut SubscriptionSettings| {
        change.apply(settings);
        settings.check_filter()
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
