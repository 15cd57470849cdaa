//! What subscribers get, in SNS's own words (SNS Developer Guide, "Parsing Amazon SNS message formats"; Lambda Developer
//! Guide, "Invoking Lambda functions with Amazon SNS notifications").
//!
//! Nothing is signed: the members of a signature are empty, where they are expected at all. SNS does not sign what goes
//! through FIFO topics either, and leaves them out there.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use sonagi_data::queues::{Attribute, AttributeValue};
use sonagi_model::Timestamp;

/// Which of SNS's messages one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) enum MessageType {
    Notification,
    SubscriptionConfirmation,
    UnsubscribeConfirmation,
}

impl MessageType {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Notification => "Notification",
            Self::SubscriptionConfirmation => "SubscriptionConfirmation",
            Self::UnsubscribeConfirmation => "UnsubscribeConfirmation",
        }
    }
}

/// A notification for one subscription.
pub(super) struct Notification<'a> {
    pub(super) id: &'a str,
    pub(super) topic_arn: &'a str,
    pub(super) subscription_arn: &'a str,
    pub(super) subject: Option<&'a str>,
    pub(super) message: &'a str,
    pub(super) attributes: &'a [(String, Attribute)],
    pub(super) at: Timestamp,
    /// Of a FIFO topic.
    pub(super) sequence: Option<&'a str>,
    /// `1` or `2`.
    pub(super) signature_version: &'a str,
    /// The platform's address.
    pub(super) endpoint: &'a str,
}

impl Notification<'_> {
    /// For queues and HTTP.
    pub(super) fn envelope(&self) -> String {
        let mut text = Members::new();
        text.add("Type", "Notification");
        text.add("MessageId", self.id);
        if let Some(sequence) = self.sequence {
            text.add("SequenceNumber", sequence);
        }
        text.add("TopicArn", self.topic_arn);
        if let Some(subject) = self.subject {
            text.add("Subject", subject);
        }
        text.add("Message", self.message);
        text.add("Timestamp", &self.at.to_string());
        if self.sequence.is_none() {
            text.add("SignatureVersion", self.signature_version);
            text.add("Signature", "");
            text.add("SigningCertURL", &certificate_url(self.endpoint));
        }
        text.add("UnsubscribeURL", &self.unsubscribe_url());
        if !self.attributes.is_empty() {
            let members = self.attributes.iter().map(|(name, attribute)| {
                let (kind, value) = shown(attribute);
                format!("    {} : {}", quoted(name), json!({ "Type": kind, "Value": value }))
            });
            let members: Vec<String> = members.collect();
            text.add_raw("MessageAttributes", &format!("{{\n{}\n  }}", members.join(",\n")));
        }
        text.end()
    }

    /// For functions.
    pub(super) fn event(&self) -> String {
        let attributes: Map<String, Value> = self
            .attributes
            .iter()
            .map(|(name, attribute)| {
                let (kind, value) = shown(attribute);
                (name.clone(), json!({ "Type": kind, "Value": value }))
            })
            .collect();
        json!({
            "Records": [{
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "EventSubscriptionArn": self.subscription_arn,
                "Sns": {
                    "Type": "Notification",
                    "MessageId": self.id,
                    "TopicArn": self.topic_arn,
                    "Subject": self.subject,
                    "Message": self.message,
                    "Timestamp": self.at.to_string(),
                    "SignatureVersion": self.signature_version,
                    "Signature": "",
                    "SigningCertUrl": certificate_url(self.endpoint),
                    "UnsubscribeUrl": self.unsubscribe_url(),
                    "MessageAttributes": attributes,
                },
            }],
        })
        .to_string()
    }

    fn unsubscribe_url(&self) -> String {
        format!("{}/?Action=Unsubscribe&SubscriptionArn={}", self.endpoint, self.subscription_arn)
    }
}

/// Nothing is signed, and no certificate is there; but clients that check an event's form want an address.
fn certificate_url(endpoint: &str) -> String {
    format!("{endpoint}/SimpleNotificationService-unsigned.pem")
}

/// What asks an endpoint whether it wants to be subscribed, or wants to be still.
pub(super) struct Question<'a> {
    pub(super) kind: MessageType,
    pub(super) id: &'a str,
    pub(super) token: &'a str,
    pub(super) topic_arn: &'a str,
    pub(super) subscription_arn: &'a str,
    pub(super) at: Timestamp,
    pub(super) signature_version: &'a str,
    pub(super) endpoint: &'a str,
}

impl Question<'_> {
    pub(super) fn envelope(&self) -> String {
        let message = match self.kind {
            MessageType::UnsubscribeConfirmation => format!(
                "You have chosen to deactivate subscription {}.\nTo cancel this operation and restore the subscription, \
                 visit the SubscribeURL included in this message.",
                self.subscription_arn
            ),
            MessageType::SubscriptionConfirmation | MessageType::Notification => format!(
                "You have chosen to subscribe to the topic {}.\nTo confirm the subscription, visit the SubscribeURL \
                 included in this message.",
                self.topic_arn
            ),
        };
        let url = format!(
            "{}/?Action=ConfirmSubscription&TopicArn={}&Token={}",
            self.endpoint, self.topic_arn, self.token
        );
        let mut text = Members::new();
        text.add("Type", self.kind.as_str());
        text.add("MessageId", self.id);
        text.add("Token", self.token);
        text.add("TopicArn", self.topic_arn);
        text.add("Message", &message);
        text.add("SubscribeURL", &url);
        text.add("Timestamp", &self.at.to_string());
        text.add("SignatureVersion", self.signature_version);
        text.add("Signature", "");
        text.add("SigningCertURL", &certificate_url(self.endpoint));
        text.end()
    }
}

/// The members of an object, laid out as SNS does.
struct Members(String);

impl Members {
    fn new() -> Self {
        Self("{".to_owned())
    }

    fn add(&mut self, name: &str, value: &str) {
        self.add_raw(name, &quoted(value));
    }

    fn add_raw(&mut self, name: &str, value: &str) {
        let comma = if self.0.len() > 1 { "," } else { "" };
        write!(self.0, "{comma}\n  \"{name}\" : {value}").ok();
    }

    fn end(mut self) -> String {
        self.0.push_str("\n}");
        self.0
    }
}

fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

/// The type and the value of an attribute.
fn shown(attribute: &Attribute) -> (&str, String) {
    let value = match &attribute.value {
        AttributeValue::Text(text) => text.clone(),
        AttributeValue::Binary(bytes) => STANDARD.encode(bytes),
    };
    (&attribute.kind, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notification<'a>(attributes: &'a [(String, Attribute)]) -> Notification<'a> {
        Notification {
            id: "4d1b0b2a-2e2c-4f5a-8f3e-1c8a2d9a7c11",
            topic_arn: "arn:aws:sns:us-east-1:000000000000:news",
            subscription_arn: "arn:aws:sns:us-east-1:000000000000:news:s",
            subject: Some("rain"),
            message: "\"wet\"\n",
            attributes,
            at: Timestamp::from_millis(1_769_847_330_123),
            sequence: None,
            signature_version: "1",
            endpoint: "http://127.0.0.1:4566",
        }
    }

    #[test]
    fn an_envelope_is_laid_out_as_sns_does() {
        let text = |kind: &str, value| (kind.to_owned(), Attribute { kind: kind.into(), value });
        let attributes = [
            text("Binary", AttributeValue::Binary(vec![2, 3, 4].into())),
            text("Number", AttributeValue::Text("1".into())),
        ];
        let expected = r#"{
  "Type" : "Notification",
  "MessageId" : "4d1b0b2a-2e2c-4f5a-8f3e-1c8a2d9a7c11",
  "TopicArn" : "arn:aws:sns:us-east-1:000000000000:news",
  "Subject" : "rain",
  "Message" : "\"wet\"\n",
  "Timestamp" : "2026-01-31T08:15:30.123Z",
  "SignatureVersion" : "1",
  "Signature" : "",
  "SigningCertURL" : "http://127.0.0.1:4566/SimpleNotificationService-unsigned.pem",
  "UnsubscribeURL" : "http://127.0.0.1:4566/?Action=Unsubscribe&SubscriptionArn=arn:aws:sns:us-east-1:000000000000:news:s",
  "MessageAttributes" : {
    "Binary" : {"Type":"Binary","Value":"AgME"},
    "Number" : {"Type":"Number","Value":"1"}
  }
}"#;
        assert_eq!(notification(&attributes).envelope(), expected);
        let fifo = Notification { sequence: Some("1"), subject: None, ..notification(&[]) }.envelope();
        let fifo: Value = serde_json::from_str(&fifo).unwrap();
        let names: Vec<&str> = fifo.as_object().unwrap().keys().map(String::as_str).collect();
        let expected =
            ["Type", "MessageId", "SequenceNumber", "TopicArn", "Message", "Timestamp", "UnsubscribeURL"];
        assert_eq!(names, expected);
    }

    #[test]
    fn an_event_has_all_its_members_always() {
        let event = Notification { subject: None, ..notification(&[]) }.event();
        let event: Value = serde_json::from_str(&event).unwrap();
        let record = &event["Records"][0];
        assert_eq!(record["EventSource"], "aws:sns");
        let certificate = "http://127.0.0.1:4566/SimpleNotificationService-unsigned.pem";
        assert_eq!(
            (&record["Sns"]["Signature"], &record["Sns"]["SigningCertUrl"]),
            (&json!(""), &json!(certificate))
        );
        assert_eq!(record["Sns"]["Subject"], Value::Null);
        assert_eq!(record["Sns"]["MessageAttributes"], json!({}));
        assert_eq!(record["Sns"]["Message"], "\"wet\"\n");
    }
}
