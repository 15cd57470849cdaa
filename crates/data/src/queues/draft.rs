//! A message that is to be sent.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sonagi_model::limits;

use super::{Fifo, Queue, Refusal};

/// A message that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Draft {
    pub body: Bytes,
    /// In the order of their names.
    pub attributes: Vec<(String, Attribute)>,
    /// Seconds, from 0 to 900; none: what the queue says.
    pub delay: Option<u32>,
    /// A FIFO queue wants one.
    pub group: Option<String>,
    pub deduplication: Option<String>,
    pub trace: Option<String>,
    pub sender: String,
    /// What the platform itself has to know of it; no client sees it.
    pub note: Option<String>,
}

/// A message attribute (SQS Developer Guide, "Message attributes").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// `String`, `Number` or `Binary`, and perhaps a dot and a label.
    pub kind: String,
    pub value: AttributeValue,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttributeValue {
    Text(String),
    Binary(Bytes),
}

impl AttributeValue {
    fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }
}

impl Draft {
    /// Bytes that count against a queue's and a batch's limit.
    pub fn size(&self) -> usize {
        let attributes = self.attributes.iter();
        let attributes =
            attributes.map(|(name, attribute)| name.len() + attribute.kind.len() + attribute.value.size());
        self.body.len() + attributes.sum::<usize>()
    }

    /// What does not depend on the queue. Looks at every character.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.body.is_empty() {
            return Err(Refusal::Missing { name: "MessageBody" });
        }
        if !is_text(&self.body) {
            return Err(Refusal::Characters);
        }
        if self.attributes.len() > limits::QUEUE_ATTRIBUTES {
            return Err(Refusal::Parameter(format!(
                "Number of message attributes [{}] exceeds the allowed maximum [{}].",
                self.attributes.len(),
                limits::QUEUE_ATTRIBUTES
            )));
        }
        for (name, id) in [("MessageGroupId", &self.group), ("MessageDeduplicationId", &self.deduplication)] {
            if id.as_deref().is_some_and(|id| !is_id(id)) {
                return Err(Refusal::Parameter(format!(
                    "Value {} for parameter {name} is invalid. Reason: {name} can only include alphanumeric and \
                     punctuation characters. 1 to {} in length.",
                    id.as_deref()
                        .unwrap_or_default()
                        .chars()
                        .take(limits::QUEUE_GROUP_SIZE)
                        .collect::<String>(),
                    limits::QUEUE_GROUP_SIZE
                )));
            }
        }
        Ok(())
    }

    /// What depends on the queue. Seconds of delay.
    pub(super) fn fits(&self, queue: &Queue) -> Result<u32, Refusal> {
        if self.size() > queue.settings.message_size as usize {
            return Err(Refusal::TooLong { limit: queue.settings.message_size });
        }
        match (&queue.settings.fifo, self.delay) {
            (None, _) if self.deduplication.is_some() => Err(Refusal::Parameter(format!(
                "Value {} for parameter MessageDeduplicationId is invalid. Reason: The request includes a parameter \
                 that is not valid for this queue type.",
                self.deduplication.as_deref().unwrap_or_default()
            ))),
            (None, None) => Ok(queue.settings.delay),
            (None | Some(_), Some(delay)) if delay > limits::QUEUE_DELAY_MAX => {
                Err(Refusal::Parameter(format!(
                    "Value {delay} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= {}.",
                    limits::QUEUE_DELAY_MAX
                )))
            }
            (None, Some(delay)) => Ok(delay),
            (Some(_), Some(delay)) if delay != queue.settings.delay && delay > 0 => {
                Err(Refusal::Parameter(format!(
                    "Value {delay} for parameter DelaySeconds is invalid. Reason: The request include parameter that is \
                 not valid for this queue type."
                )))
            }
            (Some(_), _) if self.group.is_none() => Err(Refusal::Missing { name: "MessageGroupId" }),
            (Some(Fifo { by_content: false, .. }), _) if self.deduplication.is_none() => {
                Err(Refusal::NoDeduplicationId)
            }
            (Some(_), _) => Ok(queue.settings.delay),
        }
    }
}

/// Whether it has no characters but those that XML 1.0 has, which SQS takes.
pub fn is_text(body: &[u8]) -> bool {
    std::str::from_utf8(body).is_ok_and(|text| {
        text.bytes().all(|byte| byte >= 0x20 || matches!(byte, b'\t' | b'\n' | b'\r'))
            && !text.contains(['\u{fffe}', '\u{ffff}'])
    })
}

/// 1 to 128 letters, digits and punctuation.
fn is_id(id: &str) -> bool {
    (1..=limits::QUEUE_GROUP_SIZE).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}
