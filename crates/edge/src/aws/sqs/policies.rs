//! A queue's policy, and what is said of settings that cannot be.

use sonagi_data::queues::{Given, Queue, Refusal};
use sonagi_identity::policy::Policies;
use sonagi_model::policy::{Document, Purpose};

use super::error::{Code, Fault};

/// A queue's policy, if it has one that can be read.
pub(super) fn of(queue: &Queue) -> Option<Policies> {
    let document = Document::parse(queue.settings.policy.as_deref()?, Purpose::Resource).ok()?;
    Some(Policies::compile(&[document]))
}

/// Why settings were refused, with the value that was given.
pub(super) fn explain(error: sonagi_data::Error, given: &Given) -> Fault {
    match error {
        sonagi_data::Error::Queue(
            refusal @ (Refusal::NoDeadLetters
            | Refusal::OtherDeadLetters
            | Refusal::DeadLettersForbidden { .. }),
        ) => {
            let value = given.get("RedrivePolicy").map_or("", String::as_str);
            let text = refusal.to_string();
            let reason = text.strip_prefix("Value").unwrap_or(&text);
            Fault::parameter(format!("Value {}{reason}", shown(value)))
        }
        sonagi_data::Error::Queue(Refusal::Attribute { name: "FifoThroughputLimit" }) => Fault::new(
            Code::INVALID_ATTRIBUTE_VALUE,
            "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup",
        ),
        error => error.into(),
    }
}

/// As much of a value as an error shows.
fn shown(text: &str) -> String {
    text.chars().take(1_024).collect()
}
