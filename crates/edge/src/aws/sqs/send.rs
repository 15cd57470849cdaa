//! SendMessage, SendMessageBatch.

use serde::{Deserialize, Serialize};
use sonagi_data::queues::{Draft, Fifo, Refusal, Sent, md5, md5_of_attributes};
use sonagi_model::limits;

use super::{
    Answer, Call,
    batch::{self, Outcome},
    error::Fault,
    message::{self, AttributesInput},
    text::Text,
};
use crate::platform::Parts;

/// A message, alone or in a batch.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MessageInput<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    message_body: Option<Text<'a>>,
    delay_seconds: Option<i64>,
    #[serde(borrow)]
    message_attributes: Option<AttributesInput<'a>>,
    #[serde(borrow)]
    message_system_attributes: Option<AttributesInput<'a>>,
    #[serde(borrow)]
    message_deduplication_id: Option<Text<'a>>,
    #[serde(borrow)]
    message_group_id: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BatchInput<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    entries: Option<Vec<MessageInput<'a>>>,
}

#[derive(Serialize)]
struct SentOutput {
    #[serde(rename = "Id", skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(rename = "MD5OfMessageBody")]
    body: String,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    attributes: Option<String>,
    #[serde(rename = "MD5OfMessageSystemAttributes", skip_serializing_if = "Option::is_none")]
    system_attributes: Option<String>,
    #[serde(rename = "MessageId")]
    message_id: String,
    #[serde(rename = "SequenceNumber", skip_serializing_if = "Option::is_none")]
    sequence: Option<String>,
}

/// The digests of a message, of which the queue gets the rest.
struct Digests {
    body: String,
    attributes: Option<String>,
    system_attributes: Option<String>,
}

impl Digests {
    fn output(self, id: Option<String>, sent: Sent) -> SentOutput {
        let Self { body, attributes, system_attributes } = self;
        SentOutput { id, body, attributes, system_attributes, message_id: sent.id, sequence: sent.sequence }
    }
}

pub(super) async fn one(parts: &Parts, call: &Call) -> Answer {
    let input: MessageInput<'_> = call.read()?;
    let name = call.queue(parts, input.queue_url.as_deref()).await?;
    let sender = call.principal.user_id(&parts.config.account);
    let (draft, digests) = draft(call, input, sender)?;
    let sent = parts.queues.send_one(&name, draft).await?;
    call.answer(&digests.output(None, sent))
}

pub(super) async fn batch(parts: &Parts, call: &Call) -> Answer {
    let input: BatchInput<'_> = call.read()?;
    let name = call.queue(parts, input.queue_url.as_deref()).await?;
    let entries = input.entries.unwrap_or_default();
    let ids = batch::ids(call.operation, &entries, |entry| entry.id.as_deref())?;
    // What no entry of a FIFO queue may lack fails the whole request.
    let queue = parts.queues.recall(&name).await?;
    if let Some(Fifo { by_content, .. }) = queue.settings.fifo {
        for entry in &entries {
            if entry.message_deduplication_id.is_none() && !by_content {
                return Err(Refusal::NoDeduplicationId.into());
            }
            if entry.message_group_id.is_none() {
                return Err(Fault::parameter(Fault::missing("MessageGroupId").message));
            }
        }
    }
    let sender = call.principal.user_id(&parts.config.account);
    let mut outcome = Outcome::new();
    let (mut drafts, mut waiting, mut size) = (Vec::new(), Vec::new(), 0);
    for ((index, id), entry) in ids.into_iter().enumerate().zip(entries) {
        if entry.message_body.as_ref().is_none_or(|body| body.is_empty()) {
            let missing = format!("{}RequestEntry.{}.MessageBody", call.operation.name(), index + 1);
            outcome.fail(id, Fault::missing(&missing));
            continue;
        }
        match draft(call, entry, sender.clone()) {
            Ok((draft, digests)) => {
                size += draft.size();
                drafts.push(draft);
                waiting.push((id, digests));
            }
            Err(fault) => outcome.fail(id, fault),
        }
    }
    if size > limits::QUEUE_MESSAGE_SIZE {
        return Err(Refusal::BatchTooLong { size, limit: limits::QUEUE_MESSAGE_SIZE }.into());
    }
    if !drafts.is_empty() {
        let sent = parts.queues.send(&name, drafts).await?;
        for ((id, digests), sent) in waiting.into_iter().zip(sent) {
            match sent {
                Ok(sent) => outcome.successful.push(digests.output(Some(id), sent)),
                Err(Refusal::TooLong { limit }) => outcome.fail(
                    id,
                    Fault::parameter(format!(
                        "One or more parameters cannot be validated. Reason: Message must be shorter than {limit} bytes."
                    )),
                ),
                Err(refusal) => outcome.fail(id, refusal.into()),
            }
        }
    }
    call.answer(&outcome)
}

fn draft(call: &Call, input: MessageInput<'_>, sender: String) -> Result<(Draft, Digests), Fault> {
    let body = input.message_body.ok_or_else(|| Fault::missing("MessageBody"))?;
    let delay = input.delay_seconds.map(|delay| {
        u32::try_from(delay).map_err(|_| {
            Fault::parameter(format!(
                "Value {delay} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= {}.",
                limits::QUEUE_DELAY_MAX
            ))
        })
    });
    let delay = delay.transpose()?;
    let attributes = message::attributes(input.message_attributes)?;
    let trace = message::trace(input.message_system_attributes)?;
    let digests = Digests {
        body: md5(body.as_bytes()),
        attributes: md5_of_attributes(attributes.iter().map(|(name, attribute)| (name.as_str(), attribute))),
        system_attributes: md5_of_attributes(trace.iter().map(|attribute| (message::TRACE, attribute))),
    };
    let draft = Draft {
        body: call.bytes(body),
        attributes,
        delay,
        group: input.message_group_id.map(Text::into_string),
        deduplication: input.message_deduplication_id.map(Text::into_string),
        trace: trace.map(message::text_of).or_else(|| call.trace.clone()),
        sender,
        note: None,
    };
    Ok((draft, digests))
}
