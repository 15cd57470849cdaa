//! ARNs of topics and subscriptions.

use sonagi_events::{TopicName, topics::Refusal};

use super::error::Fault;
use crate::platform::Parts;

/// The topic that an ARN of this account and region names; `member` is what the form calls it.
pub(super) fn topic(parts: &Parts, member: &str, arn: &str) -> Result<TopicName, Fault> {
    let name = resource(parts, member, arn)?;
    // What cannot be a topic's name is none's.
    TopicName::new(name).ok_or_else(|| Refusal::NoTopic.into())
}

/// The topic and the id of a subscription.
pub(super) fn subscription(parts: &Parts, arn: &str) -> Result<(TopicName, String), Fault> {
    let (name, id) = resource(parts, "SubscriptionArn", arn)?
        .split_once(':')
        .ok_or_else(|| Fault::parameter("SubscriptionId"))?;
    let is_id = id.len() == 36 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    match TopicName::new(name) {
        Some(name) if is_id => Ok((name, id.to_owned())),
        Some(_) | None => Err(Fault::parameter("SubscriptionId")),
    }
}

/// What an ARN of SNS's in this account and region names.
fn resource<'a>(parts: &Parts, member: &str, arn: &'a str) -> Result<&'a str, Fault> {
    let count = arn.split(':').count();
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    let [scheme, partition, service, region, account, name] = fields[..] else {
        return Err(Fault::parameter(format!(
            "{member} Reason: An ARN must have at least 6 elements, not {count}"
        )));
    };
    let ours = scheme == "arn"
        && partition.starts_with("aws")
        && service == "sns"
        && region == parts.config.region.as_str()
        && account == parts.config.account.as_str();
    if ours { Ok(name) } else { Err(Fault::parameter(member)) }
}
