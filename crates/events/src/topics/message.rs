//! A message that is to be published.

use std::collections::BTreeMap;

use sonagi_data::queues::{Attribute, AttributeValue, is_text};
use sonagi_model::limits;

use super::{Protocol, Refusal, Topic};

/// A message that is to be published.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Publication {
    pub message: String,
    /// What each protocol gets instead, by its name; see [`Publication::structured`].
    pub texts: BTreeMap<String, String>,
    pub subject: Option<String>,
    /// In the order of their names.
    pub attributes: Vec<(String, Attribute)>,
    pub group: Option<String>,
    pub deduplication: Option<String>,
    pub trace: Option<String>,
    /// Topics and buses that it came through.
    pub depth: u32,
}

/// A message that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// A UUID.
    pub id: String,
    /// Of a FIFO topic: twenty digits that grow.
    pub sequence: Option<String>,
}

impl Publication {
    /// One whose message is JSON that says what each protocol gets (API Reference, "Publish", `MessageStructure`).
    pub fn structured(mut self) -> Result<Self, Refusal> {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&self.message)
            .map_err(|_| Refusal::parameter("Message Structure - JSON message body failed to parse"))?;
        self.texts = object
            .into_iter()
            .filter_map(|(protocol, text)| Some((protocol, text.as_str()?.to_owned())))
            .collect();
        match self.texts.contains_key("default") {
            true => Ok(self),
            false => Err(Refusal::parameter("Message Structure - No default entry in JSON message body")),
        }
    }

    /// What a protocol gets.
    pub(super) fn text(&self, protocol: Protocol) -> &str {
        let found = self.texts.get(protocol.as_str()).or_else(|| self.texts.get("default"));
        found.map_or(&self.message, String::as_str)
    }

    /// Bytes that count against the topic's limit.
    pub fn size(&self) -> usize {
        let attributes = self.attributes.iter().map(|(name, Attribute { kind, value })| {
            let value = match value {
                AttributeValue::Text(text) => text.len(),
                AttributeValue::Binary(bytes) => bytes.len(),
            };
            name.len() + kind.len() + value
        });
        self.message.len() + attributes.sum::<usize>()
    }

    /// What does not depend on the topic.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if let Some(subject) = &self.subject {
            let size = subject.chars().count();
            if !(1..=limits::TOPIC_SUBJECT_SIZE).contains(&size) || subject.chars().any(char::is_control) {
                return Err(Refusal::parameter("Subject"));
            }
        }
        if self.message.is_empty() {
            return Err(Refusal::parameter("Empty message"));
        }
        if !is_text(self.message.as_bytes()) {
            return Err(Refusal::parameter(
                "Message Reason: Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to \
                 #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
            ));
        }
        for (name, id) in [("MessageGroupId", &self.group), ("MessageDeduplicationId", &self.deduplication)] {
            if id.as_deref().is_some_and(|id| !is_id(id)) {
                return Err(Refusal::parameter(format!(
                    "{name} Reason: {name} can only include alphanumeric and punctuation characters. 1 to {} in length",
                    limits::TOPIC_GROUP_SIZE
                )));
            }
        }
        Ok(())
    }

    /// What depends on the topic.
    pub(super) fn fits(&self, topic: &Topic) -> Result<(), Refusal> {
        if self.size() > topic.settings.size() {
            return Err(Refusal::parameter("Message too long"));
        }
        match &topic.settings.fifo {
            None if self.deduplication.is_some() => Err(Refusal::parameter(
                "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid \
                 for this topic type",
            )),
            Some(_) if self.group.is_none() => {
                Err(Refusal::parameter("The MessageGroupId parameter is required for FIFO topics"))
            }
            Some(fifo) if !fifo.by_content && self.deduplication.is_none() => Err(Refusal::parameter(
                "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided \
                 explicitly",
            )),
            None | Some(_) => Ok(()),
        }
    }
}

/// 1 to 128 letters, digits and punctuation.
fn is_id(id: &str) -> bool {
    (1..=limits::TOPIC_GROUP_SIZE).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_structured_message_says_what_each_protocol_gets() {
        let of = |message: &str| Publication { message: message.into(), ..Publication::default() };
        let message = of(r#"{"default": "d", "sqs": "s", "http": 1, "default": "D"}"#).structured().unwrap();
        assert_eq!((message.text(Protocol::Sqs), message.text(Protocol::Http)), ("s", "D"));
        assert_eq!(of("plain").text(Protocol::Sqs), "plain");
        for (message, text) in [
            ("{", "Invalid parameter: Message Structure - JSON message body failed to parse"),
            ("[]", "Invalid parameter: Message Structure - JSON message body failed to parse"),
            (
                r#"{"sqs": "s"}"#,
                "Invalid parameter: Message Structure - No default entry in JSON message body",
            ),
            (
                r#"{"default": {}}"#,
                "Invalid parameter: Message Structure - No default entry in JSON message body",
            ),
        ] {
            assert_eq!(of(message).structured().unwrap_err().to_string(), text);
        }
    }
}
