//! ReceiveMessage.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};
use sonagi_data::queues::{Receive, Received, md5, md5_of_attributes};
use sonagi_model::limits;

use super::{
    Answer, Call, address,
    error::Fault,
    message::{self, AttributeOutput},
    text::Text,
};
use crate::platform::Parts;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    /// The old name of `MessageSystemAttributeNames`.
    #[serde(borrow)]
    attribute_names: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    message_system_attribute_names: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    message_attribute_names: Option<Vec<Text<'a>>>,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    #[serde(borrow)]
    receive_request_attempt_id: Option<Text<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<MessageOutput<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MessageOutput<'a> {
    message_id: &'a str,
    receipt_handle: String,
    #[serde(rename = "MD5OfBody")]
    digest: String,
    body: Cow<'a, str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'static str, Cow<'a, str>>,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    attributes_digest: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    message_attributes: BTreeMap<&'a str, AttributeOutput<'a>>,
}

pub(super) async fn receive(parts: &Parts, call: &Call) -> Answer {
    let input: Input<'_> = call.read()?;
    let name = call.queue(parts, input.queue_url.as_deref()).await?;
    let most = between(
        "MaxNumberOfMessages",
        input.max_number_of_messages,
        1..=limits::QUEUE_BATCH as u32,
        format_args!("Must be between 1 and {}, if provided.", limits::QUEUE_BATCH),
    )?;
    let [visibility, wait] = [
        ("VisibilityTimeout", input.visibility_timeout, limits::QUEUE_VISIBILITY_MAX),
        ("WaitTimeSeconds", input.wait_time_seconds, limits::QUEUE_WAIT_MAX),
    ]
    .map(|(name, value, most)| {
        between(name, value, 0..=most, format_args!("Must be >= 0 and <= {most}, if provided."))
    });
    let attempt = input.receive_request_attempt_id.as_deref();
    if let Some(attempt) = attempt {
        check_attempt(attempt, name.is_fifo())?;
    }
    let system = System::of([&input.attribute_names, &input.message_system_attribute_names])?;
    let wanted = Names(input.message_attribute_names.as_deref().unwrap_or_default());
    let ask = Receive {
        most: most.unwrap_or(1) as usize,
        visibility: visibility?,
        wait: wait?,
        attempt: attempt.map(str::to_owned),
    };
    let received = parts.queues.receive_until(&name, ask, &parts.draining).await?;
    let messages = received.iter().map(|received| output(parts, received, system, &wanted)).collect();
    call.answer(&Output { messages })
}

fn between(
    name: &str,
    value: Option<i64>,
    range: std::ops::RangeInclusive<u32>,
    reason: std::fmt::Arguments<'_>,
) -> Result<Option<u32>, Fault> {
    let Some(value) = value else { return Ok(None) };
    match u32::try_from(value).ok().filter(|value| range.contains(value)) {
        Some(value) => Ok(Some(value)),
        None => {
            Err(Fault::parameter(format!("Value {value} for parameter {name} is invalid. Reason: {reason}")))
        }
    }
}

fn check_attempt(attempt: &str, fifo: bool) -> Result<(), Fault> {
    let fits = (1..=limits::QUEUE_GROUP_SIZE).contains(&attempt.len())
        && attempt.bytes().all(|byte| byte.is_ascii_graphic());
    let reason = if !fits {
        format!(
            "ReceiveRequestAttemptId can only include alphanumeric and punctuation characters. 1 to {} in length.",
            limits::QUEUE_GROUP_SIZE
        )
    } else if !fifo {
        "The request include parameter that is not valid for this queue type.".to_owned()
    } else {
        return Ok(());
    };
    let attempt: String = attempt.chars().take(limits::QUEUE_GROUP_SIZE + 1).collect();
    Err(Fault::parameter(format!(
        "Value {attempt} for parameter ReceiveRequestAttemptId is invalid. Reason: {reason}"
    )))
}

/// What SQS says of each message.
const SYSTEM: [&str; 9] = [
    "SenderId",
    "SentTimestamp",
    "ApproximateReceiveCount",
    "ApproximateFirstReceiveTimestamp",
    "SequenceNumber",
    "MessageDeduplicationId",
    "MessageGroupId",
    message::TRACE,
    "DeadLetterQueueSourceArn",
];

/// Which of [`SYSTEM`] a receiver wants, a bit for each.
#[derive(Debug, Clone, Copy)]
struct System(u16);

impl System {
    fn of(asked: [&Option<Vec<Text<'_>>>; 2]) -> Result<Self, Fault> {
        let mut bits = 0;
        for name in asked.into_iter().flatten().flatten() {
            bits |= match SYSTEM.iter().position(|known| **known == **name) {
                Some(at) => 1 << at,
                None if &**name == "All" => u16::MAX,
                None => {
                    let name: String = name.chars().take(128).collect();
                    return Err(Fault::new(
                        super::error::Code::INVALID_ATTRIBUTE_NAME,
                        format!("Unknown Attribute {name}."),
                    ));
                }
            };
        }
        Ok(Self(bits))
    }
}

/// The message attributes that a receiver wants: names, `prefix.*`, `All` or `.*`.
struct Names<'a>(&'a [Text<'a>]);

impl Names<'_> {
    fn want(&self, name: &str) -> bool {
        self.0.iter().any(|wanted| match wanted.strip_suffix(".*") {
            Some(prefix) => name.starts_with(prefix),
            None => &**wanted == "All" || &**wanted == name || &**wanted == "*",
        })
    }
}

fn output<'a>(
    parts: &Parts,
    received: &'a Received,
    system: System,
    wanted: &Names<'_>,
) -> MessageOutput<'a> {
    let head = &received.message.head;
    let mut attributes = BTreeMap::new();
    for (at, name) in SYSTEM.into_iter().enumerate() {
        if system.0 >> at & 1 == 0 {
            continue;
        }
        let value = match name {
            "SenderId" => Some(Cow::Borrowed(head.sender.as_str())),
            "SentTimestamp" => Some(head.sent.millis().to_string().into()),
            "ApproximateReceiveCount" => Some(received.receives.to_string().into()),
            "ApproximateFirstReceiveTimestamp" => Some(received.first_received.millis().to_string().into()),
            "SequenceNumber" => received.sequence.as_deref().map(Cow::Borrowed),
            "MessageDeduplicationId" => head.deduplication.as_deref().map(Cow::Borrowed),
            "MessageGroupId" => head.group.as_deref().map(Cow::Borrowed),
            message::TRACE => head.trace.as_deref().map(Cow::Borrowed),
            _ => head.dead_letter_of.as_ref().map(|queue| address::arn(parts, queue).into()),
        };
        attributes.extend(value.map(|value| (name, value)));
    }
    let chosen = || head.attributes.iter().filter(|(name, _)| wanted.want(name));
    MessageOutput {
        message_id: &head.id,
        receipt_handle: received.handle.to_string(),
        digest: md5(&received.message.body),
        body: String::from_utf8_lossy(&received.message.body),
        attributes,
        attributes_digest: md5_of_attributes(chosen().map(|(name, attribute)| (name.as_str(), attribute))),
        message_attributes: chosen()
            .map(|(name, attribute)| (name.as_str(), AttributeOutput::of(attribute)))
            .collect(),
    }
}
