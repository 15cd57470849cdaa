//! AddPermission and RemovePermission: they edit a topic's policy.

use serde_json::{Value, json};
use sonagi_events::topics::{Refusal, TopicSettings};
use sonagi_model::{AccountId, limits};

use super::{
    super::policy_text::{one_or_all, read, statements},
    Answer, Call,
    error::Fault,
    policies,
    xml::Output,
};
use crate::platform::Parts;

/// What a policy that these operations made can allow to others.
const ACTIONS: [&str; 9] = [
    "GetTopicAttributes",
    "SetTopicAttributes",
    "AddPermission",
    "RemovePermission",
    "DeleteTopic",
    "Subscribe",
    "ListSubscriptionsByTopic",
    "Publish",
    "Receive",
];

pub(super) async fn add(parts: &Parts, call: &Call) -> Answer {
    let name = call.topic(parts, "TopicArn").await?;
    let label = call.required("Label")?.to_owned();
    let (accounts, actions) = (call.form.texts("AWSAccountId"), call.form.texts("ActionName"));
    if label.is_empty() || accounts.is_empty() || actions.is_empty() {
        let missing = if label.is_empty() {
            "Label"
        } else if accounts.is_empty() {
            "AWSAccountId"
        } else {
            "ActionName"
        };
        return Err(Fault::parameter(format!("{missing} Reason: no value for required parameter")));
    }
    if let Some(account) = accounts.iter().find(|account| !AccountId::is_valid(account)) {
        let account: String = account.chars().take(64).collect();
        return Err(Fault::parameter(format!(
            "AWSAccountId Reason: {account} is not the number of an account"
        )));
    }
    if actions.iter().any(|action| !ACTIONS.contains(action)) {
        return Err(Fault::parameter("Policy statement action out of service scope!"));
    }
    let topics = parts.events.topics();
    let (arn, account) = (topics.arn(&name), parts.config.account.clone());
    let statement = json!({
        "Sid": label,
        "Effect": "Allow",
        "Principal": { "AWS": one_or_all(accounts.iter().map(|account| format!("arn:aws:iam::{account}:root"))) },
        "Action": one_or_all(actions.iter().map(|action| format!("SNS:{action}"))),
        "Resource": arn,
    });
    let set = move |settings: &mut TopicSettings| {
        let mut policy = read(settings.policy.as_deref()).unwrap_or_else(|| policies::usual(&arn, &account));
        let mut statements = statements(&mut policy);
        if statements.iter().any(|statement| statement["Sid"] == *label) {
            return Err(Refusal::parameter("Statement already exists"));
        }
        statements.push(statement.clone());
        policy.insert("Statement".to_owned(), Value::Array(statements));
        let text = Value::Object(policy).to_string();
        if text.len() > limits::TOPIC_POLICY_SIZE {
            return Err(Refusal::parameter(format!(
                "Policy Error: the policy would have more than {} bytes",
                limits::TOPIC_POLICY_SIZE
            )));
        }
        settings.policy = Some(text);
        Ok(())
    };
    topics.set(&name, set).await?;
    Ok(Output::Nothing)
}

/// That there is no statement of that label is no failure, as with SNS.
pub(super) async fn remove(parts: &Parts, call: &Call) -> Answer {
    let name = call.topic(parts, "TopicArn").await?;
    let label = call.required("Label")?.to_owned();
    let set = move |settings: &mut TopicSettings| {
        let Some(mut policy) = read(settings.policy.as_deref()) else { return Ok(()) };
        let mut statements = statements(&mut policy);
        statements.retain(|statement| statement["Sid"] != *label);
        policy.insert("Statement".to_owned(), Value::Array(statements));
        settings.policy = Some(Value::Object(policy).to_string());
        Ok(())
    };
    parts.events.topics().set(&name, set).await?;
    Ok(Output::Nothing)
}
