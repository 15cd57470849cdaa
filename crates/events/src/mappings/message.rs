//! A queue's message as a function sees it (Lambda Developer Guide, "Using Lambda with Amazon SQS").

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::Serialize;
use sonagi_data::queues::{AttributeValue, Received, md5, md5_of_attributes};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    message_id: &'a str,
    receipt_handle: String,
    body: &'a str,
    attributes: System<'a>,
    message_attributes: BTreeMap<&'a str, Attribute<'a>>,
    #[serde(rename = "md5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    digest_of_attributes: Option<String>,
    #[serde(rename = "md5OfBody")]
    digest: String,
    event_source: &'static str,
    #[serde(rename = "eventSourceARN")]
    source: &'a str,
    aws_region: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct System<'a> {
    approximate_receive_count: String,
    #[serde(rename = "AWSTraceHeader", skip_serializing_if = "Option::is_none")]
    trace: Option<&'a str>,
    sent_timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_group_id: Option<&'a str>,
    sender_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_deduplication_id: Option<&'a str>,
    approximate_first_receive_timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_queue_source_arn: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Attribute<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    string_value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binary_value: Option<String>,
    string_list_values: [(); 0],
    binary_list_values: [(); 0],
    data_type: &'a str,
}

/// `arn` is the queue's.
pub(super) fn event(received: &Received, arn: &str, region: &str) -> Bytes {
    let head = &received.message.head;
    let attributes = head.attributes.iter().map(|(name, attribute)| {
        let (string_value, binary_value) = match &attribute.value {
            AttributeValue::Text(text) => (Some(text.as_str()), None),
            AttributeValue::Binary(bytes) => (None, Some(STANDARD.encode(bytes))),
        };
        let attribute = Attribute {
            string_value,
            binary_value,
            string_list_values: [],
            binary_list_values: [],
            data_type: &attribute.kind,
        };
        (name.as_str(), attribute)
    });
    let place = arn.rsplit_once(':').map_or(arn, |(place, _)| place);
    let message = Message {
        message_id: &head.id,
        receipt_handle: received.handle.to_string(),
        // What is in a queue was checked to be text.
        body: std::str::from_utf8(&received.message.body).unwrap_or_default(),
        attributes: System {
            approximate_receive_count: received.receives.to_string(),
            trace: head.trace.as_deref(),
            sent_timestamp: head.sent.millis().to_string(),
            sequence_number: received.sequence.as_deref(),
            message_group_id: head.group.as_deref(),
            sender_id: &head.sender,
            message_deduplication_id: head.deduplication.as_deref(),
            approximate_first_receive_timestamp: received.first_received.millis().to_string(),
            dead_letter_queue_source_arn: head
                .dead_letter_of
                .as_ref()
                .map(|queue| format!("{place}:{queue}")),
        },
        message_attributes: attributes.collect(),
        digest_of_attributes: md5_of_attributes(
            head.attributes.iter().map(|(name, attribute)| (name.as_str(), attribute)),
        ),
        digest: md5(&received.message.body),
        event_source: "aws:sqs",
        source: arn,
        aws_region: region,
    };
    // Structs and maps of strings always serialise.
    serde_json::to_vec(&message).unwrap_or_default().into()
}
