//! Publish, PublishBatch.

use std::collections::HashSet;

use sonagi_events::topics::{Publication, Published, Topic};
use sonagi_model::limits;

use super::{
    Answer, Call, address,
    error::{Code, Fault},
    form::Form,
    message,
    xml::{self, Output},
};
use crate::platform::Parts;

pub(super) async fn one(parts: &Parts, call: &Call) -> Answer {
    if let Some(number) = call.form.text("PhoneNumber") {
        let number: String = number.chars().take(32).collect();
        return Err(Fault::parameter(format!(
            "PhoneNumber Reason: {number} is not valid to publish to: Sonagi sends no text messages"
        )));
    }
    let topic = match (call.form.text("TopicArn"), call.form.text("TargetArn")) {
        (Some(arn), _) => address::topic(parts, "TopicArn", arn)?,
        (None, Some(arn)) if arn.split(':').nth(5).is_some_and(|name| name.contains('/')) => {
            return Err(Fault::parameter("TargetArn Reason: No endpoint found for the target arn specified"));
        }
        (None, Some(arn)) => address::topic(parts, "TargetArn", arn)?,
        (None, None) => {
            return Err(Fault::parameter("TopicArn or TargetArn Reason: no value for required parameter"));
        }
    };
    call.may(parts, &topic, &[]).await?;
    let message = message::read(&call.form, "", call.trace.as_deref())?;
    let published = parts.events.topics().publish(&topic, vec![message]).await?.pop();
    let Published { id, sequence } = published.ok_or_else(|| Fault::null("message"))??;
    let mut result = xml::text("MessageId", &id);
    if let Some(sequence) = sequence {
        result.push_str(&xml::text("SequenceNumber", &sequence));
    }
    Ok(Output::Result(result))
}

pub(super) async fn batch(parts: &Parts, call: &Call) -> Answer {
    let topic = call.topic(parts, "TopicArn").await?;
    let entries = call.form.items("PublishBatchRequestEntries");
    let ids = ids(&entries)?;
    let topics = parts.events.topics();
    let known = topics.find(&topic).await?;
    let mut messages = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let at = format!("publishBatchRequestEntries.{}.member.", index + 1);
        messages.push(message::read(entry, &at, call.trace.as_deref())?);
    }
    check(&known, &messages)?;
    let published = topics.publish(&topic, messages).await?;
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for (id, published) in ids.into_iter().zip(published) {
        match published {
            Ok(Published { id: message, sequence }) => {
                let mut member = xml::text("Id", id) + &xml::text("MessageId", &message);
                if let Some(sequence) = sequence {
                    member.push_str(&xml::text("SequenceNumber", &sequence));
                }
                successful.push(member);
            }
            Err(refusal) => {
                let fault = Fault::from(refusal);
                failed.push(
                    [
                        xml::text("Id", id),
                        xml::text("Code", fault.code.name),
                        xml::text("Message", &fault.message),
                        xml::text("SenderFault", if fault.is_senders() { "true" } else { "false" }),
                    ]
                    .concat(),
                );
            }
        }
    }
    let result = xml::list("Failed", failed.into_iter()) + &xml::list("Successful", successful.into_iter());
    Ok(Output::Result(result))
}

/// What no entry may lack fails the whole request, as with SNS.
fn check(topic: &Topic, messages: &[Publication]) -> Result<(), Fault> {
    if messages.iter().map(Publication::size).sum::<usize>() > topic.settings.size() {
        return Err(Fault::new(
            Code::BATCH_TOO_LONG,
            "The length of all the messages put together is more than the limit.",
        ));
    }
    let Some(fifo) = &topic.settings.fifo else { return Ok(()) };
    if messages.iter().any(|message| message.group.is_none()) {
        return Err(Fault::parameter("The MessageGroupId parameter is required for FIFO topics"));
    }
    if !fifo.by_content && messages.iter().any(|message| message.deduplication.is_none()) {
        return Err(Fault::parameter(
            "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        ));
    }
    Ok(())
}

/// The ids of a batch's entries, if they can be a batch's.
fn ids<'a>(entries: &[&'a Form]) -> Result<Vec<&'a str>, Fault> {
    if entries.is_empty() {
        return Err(Fault::new(Code::EMPTY_BATCH, "The batch request doesn't contain any entries."));
    }
    if entries.len() > limits::TOPIC_BATCH {
        return Err(Fault::new(
            Code::TOO_MANY_ENTRIES,
            "The batch request contains more entries than permissible.",
        ));
    }
    let mut ids = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let missing = || Fault::null(&format!("publishBatchRequestEntries.{}.member.id", index + 1));
        let id = entry.text("Id").ok_or_else(missing)?;
        let shown: String = id.chars().take(256).collect();
        if id.chars().count() > limits::TOPIC_BATCH_ID_SIZE {
            return Err(Fault::new(
                Code::INVALID_BATCH_ID,
                format!("The Id of a batch entry in the batch request is too long: {shown}"),
            ));
        }
        if id.is_empty()
            || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        {
            return Err(Fault::new(
                Code::INVALID_BATCH_ID,
                format!(
                    "The Id of a batch entry in the batch request contains an impermissible character: {shown}"
                ),
            ));
        }
        ids.push(id);
    }
    let mut seen = HashSet::new();
    match ids.iter().all(|id| seen.insert(*id)) {
        true => Ok(ids),
        false => {
            Err(Fault::new(Code::BATCH_IDS, "Two or more batch entries in the request have the same Id."))
        }
    }
}
