//! Subscribe, ConfirmSubscription, Unsubscribe, ListSubscriptions, ListSubscriptionsByTopic.

use sonagi_events::{
    TopicName,
    topics::{
        Confirm, Protocol, Subscribe, Subscription, SubscriptionTarget, Unsubscribe, read_subscription,
    },
};
use sonagi_identity::policy::Given;
use sonagi_model::limits;

use super::{
    Answer, Call, address,
    error::{Code, Fault},
    topics::{bad_token, next, token},
    xml::{self, Output},
};
use crate::platform::Parts;

pub(super) async fn subscribe(parts: &Parts, call: &Call) -> Answer {
    let topic = address::topic(parts, "TopicArn", call.required("TopicArn")?)?;
    let text = call.required("Protocol")?;
    let endpoint = call.form.text("Endpoint").unwrap_or_default();
    let context = [("sns:Protocol", Given::from(text)), ("sns:Endpoint", Given::from(endpoint))];
    call.may(parts, &topic, &context).await?;
    let protocol = Protocol::new(text).ok_or_else(|| {
        let text: String = text.chars().take(64).collect();
        Fault::parameter(format!("Amazon SNS does not support this protocol string: {text}"))
    })?;
    if endpoint.is_empty() {
        return Err(Fault::new(Code::NOT_FOUND, "Endpoint not specified in subscription"));
    }
    let target = SubscriptionTarget { protocol, endpoint };
    target.check(parts.events.config(), &topic)?;
    let given = call.form.map("Attributes");
    let settings = read_subscription(parts.events.config(), &target, &given)
        .map_err(|refusal| Fault::of_attributes(refusal.into()))?;
    let topics = parts.events.topics();
    let wanted = Subscribe {
        topic: topic.clone(),
        protocol,
        endpoint: endpoint.to_owned(),
        settings,
        principal: call.principal.arn(&parts.config.account),
    };
    let subscription = topics.subscribe(wanted).await?;
    let arn_always =
        call.form.text("ReturnSubscriptionArn").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let arn = match subscription.is_pending() && !arn_always {
        true => "pending confirmation".to_owned(),
        false => topics.subscription_arn(&topic, &subscription.id),
    };
    Ok(Output::Result(xml::text("SubscriptionArn", &arn)))
}

/// Whoever has the token may confirm.
pub(super) async fn confirm(parts: &Parts, call: &Call) -> Answer {
    let topic = address::topic(parts, "TopicArn", call.required("TopicArn")?);
    let topic = topic.map_err(|_| Fault::parameter("Topic"))?;
    let authenticated =
        call.form.text("AuthenticateOnUnsubscribe").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if authenticated {
        call.may(parts, &topic, &[]).await?;
    }
    let token = call.required("Token")?.to_owned();
    let topics = parts.events.topics();
    let subscription = topics.confirm(Confirm { topic: topic.clone(), token, authenticated }).await?;
    Ok(Output::Result(xml::text("SubscriptionArn", &topics.subscription_arn(&topic, &subscription.id))))
}

pub(super) async fn unsubscribe(parts: &Parts, call: &Call) -> Answer {
    let arn = call.required("SubscriptionArn")?;
    if arn.is_empty() {
        return Err(Fault::parameter("SubscriptionArn Reason: no value for required parameter"));
    }
    let (topic, id) = address::subscription(parts, arn)?;
    if call.signed {
        call.may_subscription(parts, &topic, &id).await?;
    }
    parts.events.topics().unsubscribe(Unsubscribe { topic, id, signed: call.signed }).await?;
    Ok(Output::Nothing)
}

pub(super) async fn list(parts: &Parts, call: &Call) -> Answer {
    call.may_everywhere(parts)?;
    page(parts, call, None).await
}

pub(super) async fn list_by_topic(parts: &Parts, call: &Call) -> Answer {
    let topic = call.topic(parts, "TopicArn").await?;
    parts.events.topics().find(&topic).await?;
    page(parts, call, Some(&topic)).await
}

async fn page(parts: &Parts, call: &Call, topic: Option<&TopicName>) -> Answer {
    let last = match token(call)? {
        Some(text) => {
            let (topic, id) = text.split_once(':').ok_or_else(bad_token)?;
            Some((TopicName::new(topic).ok_or_else(bad_token)?, id.to_owned()))
        }
        None => None,
    };
    let page = parts.events.topics().subscriptions(topic, last.as_ref(), limits::TOPIC_LIST).await?;
    let members = page.items.iter().map(|subscription| member(parts, subscription));
    let mut result = xml::list("Subscriptions", members);
    if let Some(last) = page.items.last().filter(|_| page.more) {
        result.push_str(&next(&format!("{}:{}", last.topic, last.id)));
    }
    Ok(Output::Result(result))
}

fn member(parts: &Parts, subscription: &Subscription) -> String {
    let topics = parts.events.topics();
    let arn = match subscription.is_pending() {
        true => "PendingConfirmation".to_owned(),
        false => topics.subscription_arn(&subscription.topic, &subscription.id),
    };
    [
        xml::text("SubscriptionArn", &arn),
        xml::text("Owner", parts.config.account.as_str()),
        xml::text("Protocol", subscription.protocol.as_str()),
        xml::text("Endpoint", &subscription.endpoint),
        xml::text("TopicArn", &topics.arn(&subscription.topic)),
    ]
    .concat()
}
