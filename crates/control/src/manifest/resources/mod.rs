//! What both kinds of manifest declare beside functions.
//!
//! ```text
//! sonagi.toml: native::… ──┐                            ┌──► shape: a service's properties
//!                          ├──► Declared ──► Resource ──┼──► json: documents, with their places
//! SAM: sam::… ─────────────┘                            └──► texts: patterns, schedules, transformers
//! ```
//!
//! Start reading at [`Declared`]. Always true here: what a service would refuse in a text that people write is found when
//! the manifest is read, at its place.

mod json;
mod mapping;
mod place;
mod shape;
mod texts;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sonagi_model::{
    limits,
    resource::{Resource, ResourceKind},
};

use super::{problem::Report, tree::Span};

pub(super) use json::Json;
pub(super) use mapping::Source;
pub(super) use place::Place;
pub(super) use shape::{Field, Shape, needed, read, said};
pub(super) use texts::{is_time, path, pattern, schedule, transformer, zone};

/// What a manifest declares, while it is read.
#[derive(Default)]
pub(super) struct Declared {
    entries: BTreeMap<String, (Resource, usize)>,
    /// ARNs of queues, and statements that let a service send there.
    senders: Vec<(String, Value)>,
    /// ARNs of queues, and the time-outs in seconds of functions that their messages wake.
    readers: Vec<(String, u32, Span)>,
}

/// One of the platform's own services, as policies name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    Topics,
    Rules,
}

impl Declared {
    /// `name` is its name in the manifest.
    pub(super) fn add(&mut self, name: &str, resource: Resource, span: &Span, report: &Report) {
        let line = report.line(span.start);
        let taken = self.entries.iter().find(|(other, (it, _))| {
            other.as_str() == name
                || it.kind == resource.kind && it.name == resource.name && !it.name.is_empty()
        });
        if let Some((_, (_, first))) = taken {
            let said = if resource.name.is_empty() { name } else { &resource.name };
            return report.problem(span, format!("the name {said:?} is taken already, in line {first}"));
        }
        if self.entries.len() == limits::RESOURCES_PER_APP {
            let most = limits::RESOURCES_PER_APP;
            report.problem(span, format!("more than {most} queues, topics, rules and schedules in one app"));
        }
        self.entries.insert(name.to_owned(), (resource, line));
    }

    pub(super) fn get_mut(&mut self, kind: ResourceKind, name: &str) -> Option<&mut Resource> {
        let mut all = self.entries.values_mut().map(|(resource, _)| resource);
        all.find(|resource| resource.kind == kind && resource.name == name)
    }

    pub(super) fn get(&self, kind: ResourceKind, name: &str) -> Option<&Resource> {
        let mut all = self.entries.values().map(|(resource, _)| resource);
        all.find(|resource| resource.kind == kind && resource.name == name)
    }

    /// Lets a service send to a queue, if the queue is declared here, for what has the ARN `source`.
    pub(super) fn lets_send(&mut self, queue: &str, sender: Sender, source: &str) {
        let service = match sender {
            Sender::Topics => "sns.amazonaws.com",
            Sender::Rules => "events.amazonaws.com",
        };
        let statement = json!({
            "Effect": "Allow",
            "Principal": { "Service": service },
            "Action": "sqs:SendMessage",
            "Resource": queue,
            "Condition": { "ArnEquals": { "aws:SourceArn": source } },
        });
        self.senders.push((queue.to_owned(), statement));
    }

    /// The messages of a queue wake a function with this time-out in seconds.
    pub(super) fn wakes(&mut self, queue: &str, timeout: u32, span: &Span) {
        self.readers.push((queue.to_owned(), timeout, span.clone()));
    }

    /// Everything, by its name in the manifest.
    pub(super) fn finish(mut self, report: &Report) -> BTreeMap<String, Resource> {
        for (queue, timeout, span) in std::mem::take(&mut self.readers) {
            let name = queue.rsplit(':').next().unwrap_or_default();
            let Some(resource) = self.get(ResourceKind::Queue, name) else { continue };
            let said = attribute(resource, "VisibilityTimeout").and_then(Value::as_str);
            let visibility = said.map_or(Some(limits::QUEUE_VISIBILITY), |text| text.parse().ok());
            if let Some(visibility) = visibility.filter(|visibility| *visibility < timeout) {
                let message = format!(
                    "Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds"
                );
                report.problem_with_help(
                    &span,
                    message,
                    "give the queue six times the function's, as AWS advises",
                );
            }
        }
        for (queue, statement) in std::mem::take(&mut self.senders) {
            let name = queue.rsplit(':').next().unwrap_or_default();
            let Some(resource) = self.get_mut(ResourceKind::Queue, name) else { continue };
            let before = attribute(resource, "Policy").and_then(Value::as_str).unwrap_or("{}");
            let mut policy: Value = serde_json::from_str(before).unwrap_or_default();
            if policy.get("Version").is_none() {
                policy["Version"] = "2012-10-17".into();
            }
            let mut statements = match policy["Statement"].take() {
                Value::Array(statements) => statements,
                Value::Null => Vec::new(),
                single => vec![single],
            };
            if !statements.contains(&statement) {
                statements.push(statement);
            }
            policy["Statement"] = statements.into();
            set_attribute(resource, "Policy", policy.to_string());
        }
        self.entries.into_iter().map(|(name, (resource, _))| (name, resource)).collect()
    }
}

/// One of the `Attributes` of a queue or a topic.
pub(super) fn attribute<'r>(resource: &'r Resource, name: &str) -> Option<&'r Value> {
    resource.properties.get("Attributes")?.get(name)
}

pub(super) fn set_attribute(resource: &mut Resource, name: &str, text: impl Into<String>) {
    let attributes = resource.properties.entry("Attributes").or_insert_with(|| json!({}));
    if let Some(attributes) = attributes.as_object_mut() {
        attributes.insert(name.to_owned(), Value::String(text.into()));
    }
}
