//! What the operations on batches share: entries that fail by themselves.

use std::collections::HashSet;

use serde::Serialize;
use sonagi_model::limits;

use super::{
    error::{Code, Fault},
    operation::Operation,
};

/// The answer: an empty list is left out, as SQS does.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Outcome<T> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) successful: Vec<T>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) failed: Vec<Failed>,
}

/// An entry that was done, and there is nothing more to say of it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Done {
    pub(super) id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Failed {
    id: String,
    sender_fault: bool,
    code: &'static str,
    message: String,
}

impl<T> Outcome<T> {
    pub(super) fn new() -> Self {
        Self { successful: Vec::new(), failed: Vec::new() }
    }

    pub(super) fn fail(&mut self, id: String, fault: Fault) {
        let sender_fault = fault.is_senders();
        self.failed.push(Failed {
            id,
            sender_fault,
            code: fault.code.query,
            message: fault.message.into_owned(),
        });
    }
}

/// The ids of a batch's entries, if they can be a batch's.
pub(super) fn ids<T>(
    operation: Operation,
    entries: &[T],
    id: impl Fn(&T) -> Option<&str>,
) -> Result<Vec<String>, Fault> {
    let name = operation.name();
    if entries.is_empty() {
        return Err(Fault::new(
            Code::EMPTY_BATCH,
            format!("There should be at least one {name}RequestEntry in the request."),
        ));
    }
    if entries.len() > limits::QUEUE_BATCH {
        return Err(Fault::new(
            Code::TOO_MANY_ENTRIES,
            format!(
                "Maximum number of entries per request are {}. You have sent {}.",
                limits::QUEUE_BATCH,
                entries.len()
            ),
        ));
    }
    let mut ids = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let id = id(entry).ok_or_else(|| Fault::missing(&format!("{name}RequestEntry.{}.Id", index + 1)))?;
        if !is_id(id) {
            return Err(Fault::new(
                Code::INVALID_BATCH_ID,
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at \
                 most 80 letters long.",
            ));
        }
        ids.push(id.to_string());
    }
    let mut seen = HashSet::new();
    match ids.iter().find(|id| !seen.insert(id.as_str())) {
        Some(id) => Err(Fault::new(Code::BATCH_IDS, format!("Id {id} repeated."))),
        None => Ok(ids),
    }
}

fn is_id(id: &str) -> bool {
    (1..=limits::QUEUE_BATCH_ID_SIZE).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}
