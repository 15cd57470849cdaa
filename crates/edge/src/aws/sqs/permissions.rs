//! AddPermission and RemovePermission: they edit a queue's policy.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use sonagi_data::queues::Refusal;
use sonagi_model::{AccountId, limits};

use super::{
    super::policy_text::{one_or_all, read, statements},
    Answer, Call, address,
    error::Fault,
    text::Text,
};
use crate::platform::Parts;

/// What a policy that these operations made can allow to others.
const ACTIONS: [&str; 9] = [
    "*",
    "SendMessage",
    "ReceiveMessage",
    "DeleteMessage",
    "ChangeMessageVisibility",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
];
/// What nobody but the queue's owner may do.
const OWNERS: [&str; 12] = [
    "AddPermission",
    "CancelMessageMoveTask",
    "CreateQueue",
    "DeleteQueue",
    "ListMessageMoveTasks",
    "ListQueueTags",
    "ListQueues",
    "RemovePermission",
    "SetQueueAttributes",
    "StartMessageMoveTask",
    "TagQueue",
    "UntagQueue",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AddInput<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    label: Option<Text<'a>>,
    #[serde(rename = "AWSAccountIds")]
    accounts: Option<Vec<String>>,
    actions: Option<Vec<String>>,
}

pub(super) async fn add(parts: &Parts, call: &Call) -> Answer {
    let input: AddInput<'_> = call.read()?;
    let name = call.queue(parts, input.queue_url.as_deref()).await?;
    let label = label(input.label)?;
    let accounts = input.accounts.filter(|list| !list.is_empty());
    let accounts = accounts.ok_or_else(|| Fault::missing("AWSAccountIds"))?;
    let actions = input.actions.filter(|list| !list.is_empty());
    let actions = actions.ok_or_else(|| Fault::missing("Actions"))?;
    for account in &accounts {
        if !AccountId::is_valid(account) {
            let account: String = account.chars().take(64).collect();
            return Err(Fault::parameter(format!(
                "Value [{account}] for parameter PrincipalId is invalid. Reason: Unable to verify."
            )));
        }
    }
    for action in &actions {
        let reason = if ACTIONS.contains(&action.as_str()) {
            continue;
        } else if OWNERS.contains(&action.as_str()) {
            "Only the queue owner is allowed to invoke this action."
        } else {
            "Please refer to the appropriate WSDL for a list of valid actions."
        };
        let action: String = action.chars().take(64).collect();
        return Err(Fault::parameter(format!(
            "Value SQS:{action} for parameter ActionName is invalid. Reason: {reason}"
        )));
    }
    let arn = address::arn(parts, &name);
    let principals = accounts.iter().map(|account| format!("arn:aws:iam::{account}:root"));
    let statement = json!({
        "Sid": label,
        "Effect": "Allow",
        "Principal": { "AWS": one_or_all(principals) },
        "Action": one_or_all(actions.iter().map(|action| format!("SQS:{action}"))),
        "Resource": arn,
    });
    let set = move |mut settings: sonagi_data::queues::Settings| {
        let mut policy = read(settings.policy.as_deref()).unwrap_or_else(|| {
            Map::from_iter([
                ("Version".to_owned(), json!("2008-10-17")),
                ("Id".to_owned(), json!(format!("{arn}/SQSDefaultPolicy"))),
            ])
        });
        let mut statements = statements(&mut policy);
        if statements.iter().any(|statement| statement["Sid"] == *label) {
            return Err(Refusal::Parameter(format!(
                "Value {label} for parameter Label is invalid. Reason: Already exists."
            )));
        }
        statements.push(statement.clone());
        policy.insert("Statement".to_owned(), Value::Array(statements));
        let text = Value::Object(policy).to_string();
        if text.len() > limits::QUEUE_POLICY_SIZE {
            return Err(Refusal::Parameter(format!(
                "The policy would have more than {} bytes.",
                limits::QUEUE_POLICY_SIZE
            )));
        }
        settings.policy = Some(text);
        Ok(settings)
    };
    parts.queues.set(&name, set).await?;
    call.done()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RemoveInput<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    label: Option<Text<'a>>,
}

pub(super) async fn remove(parts: &Parts, call: &Call) -> Answer {
    let input: RemoveInput<'_> = call.read()?;
    let name = call.queue(parts, input.queue_url.as_deref()).await?;
    let label = label(input.label)?;
    let set = move |mut settings: sonagi_data::queues::Settings| {
        let mut policy = read(settings.policy.as_deref()).unwrap_or_default();
        let mut statements = statements(&mut policy);
        let before = statements.len();
        statements.retain(|statement| statement["Sid"] != *label);
        if statements.len() == before {
            return Err(Refusal::Parameter(format!(
                "Value {label} for parameter Label is invalid. Reason: can't find label."
            )));
        }
        settings.policy = (!statements.is_empty()).then(|| {
            policy.insert("Statement".to_owned(), Value::Array(statements));
            Value::Object(policy).to_string()
        });
        Ok(settings)
    };
    parts.queues.set(&name, set).await?;
    call.done()
}

/// A label: up to 80 letters, digits, hyphens and underscores.
fn label(label: Option<Text<'_>>) -> Result<String, Fault> {
    let label = label.filter(|label| !label.is_empty()).ok_or_else(|| Fault::missing("Label"))?;
    if label.len() > limits::QUEUE_BATCH_ID_SIZE
        || !label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    {
        let label: String = label.chars().take(128).collect();
        return Err(Fault::parameter(format!(
            "Value {label} for parameter Label is invalid. Reason: Can only include alphanumeric characters, hyphens, or \
             underscores. 1 to 80 in length."
        )));
    }
    Ok(label.into_string())
}
