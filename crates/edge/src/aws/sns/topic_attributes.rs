//! A topic's attributes: GetTopicAttributes, SetTopicAttributes.

use std::collections::BTreeMap;

use sonagi_events::topics::{Counts, DeduplicationScope, Topic, TopicChange, TopicDelivery, TopicSettings};

use super::{
    Answer, Call,
    error::Fault,
    policies,
    xml::{self, Output},
};
use crate::platform::Parts;

pub(super) async fn set(parts: &Parts, call: &Call) -> Answer {
    let name = call.topic(parts, "TopicArn").await?;
    let attribute = call.required("AttributeName")?;
    let value = call.form.text("AttributeValue").unwrap_or_default();
    // A topic that is not there has no attributes that could be wrong.
    parts.events.topics().find(&name).await?;
    let change = TopicChange::read(attribute, value, name.is_fifo())?;
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
