//! `AWS::SQS::Queue` and `AWS::SQS::QueuePolicy`.

use serde_json::Value;
use sonagi_model::{
    limits,
    policy::{Document, Purpose},
    resource::{Resource as Thing, ResourceKind},
};

use super::{
    super::{
        fields::Fields,
        resources::{Declared, Field, Json, Shape, attribute, needed, read, said, set_attribute},
        tree::Node,
    },
    template::{Resource, Template},
};

const QUEUE: &[Field] = &[
    said("ContentBasedDeduplication", Shape::Flag),
    said("DeduplicationScope", Shape::Word(&["queue", "messageGroup"])),
    said("DelaySeconds", Shape::Whole(0, limits::QUEUE_DELAY_MAX, " seconds")),
    said("FifoQueue", Shape::Flag),
    said("FifoThroughputLimit", Shape::Word(&["perQueue", "perMessageGroupId"])),
    said("KmsDataKeyReusePeriodSeconds", Shape::Whole(60, 86_400, " seconds")),
    said("KmsMasterKeyId", Shape::Text),
    said("MaximumMessageSize", Shape::Whole(1_024, limits::QUEUE_MESSAGE_SIZE as u32, " bytes")),
    said(
        "MessageRetentionPeriod",
        Shape::Whole(limits::QUEUE_RETENTION_MIN, limits::QUEUE_RETENTION_MAX, " seconds"),
    ),
    said("ReceiveMessageWaitTimeSeconds", Shape::Whole(0, limits::QUEUE_WAIT_MAX, " seconds")),
    said("RedriveAllowPolicy", Shape::Document),
    said("RedrivePolicy", Shape::Document),
    said("SqsManagedSseEnabled", Shape::Flag),
    said("VisibilityTimeout", Shape::Whole(0, limits::QUEUE_VISIBILITY_MAX, " seconds")),
];
const TAGS: &[Field] = &[said("Tags", Shape::Tags)];
/// Those that only a FIFO queue has.
const FIFO: [&str; 3] = ["ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"];

pub(super) fn queue(template: &Template<'_>, name: &str, resource: &Resource<'_>, declared: &mut Declared) {
    let report = template.report;
    let Some(properties) = template.within(name, || template.evaluate(&resource.properties)) else { return };
    let Some(fields) = Fields::of(&properties, "an AWS::SQS::Queue", report) else { return };
    let fields = fields.at(&resource.key.span);
    fields.has("QueueName");
    let span = fields.span_of("QueueName");
    let Some(queue) = template.declared_name(name, ResourceKind::Queue, &span) else { return };
    let mut attributes = read(&fields, QUEUE, report);
    let fifo = attributes.get("FifoQueue") == Some(&Value::Bool(true));
    if fifo != queue.ends_with(".fifo") {
        let message = "a FIFO queue, and no other, has a name that ends in .fifo";
        report.problem_with_help(&span, message, "say `FifoQueue: true` and give it such a name, or none");
    }
    let word = queue.strip_suffix(".fifo").unwrap_or(&queue);
    let letters = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if word.is_empty() || queue.len() > limits::QUEUE_NAME_SIZE || !letters {
        let most = limits::QUEUE_NAME_SIZE;
        let message = format!("{queue:?} cannot name a queue: 1 to {most} letters, digits, `-` and `_`");
        report.problem(&span, message);
    }
    if !fifo {
        attributes.remove("FifoQueue");
        for key in FIFO.iter().filter(|key| attributes.contains_key(**key)) {
            report.problem(&fields.span_of(key), format!("`{key}` is for FIFO queues"));
        }
    }
    if attributes.get("FifoThroughputLimit").and_then(Value::as_str) == Some("perMessageGroupId")
        && attributes.get("DeduplicationScope").and_then(Value::as_str) != Some("messageGroup")
    {
        let span = fields.span_of("FifoThroughputLimit");
        report.problem(&span, "`perMessageGroupId` wants `DeduplicationScope: messageGroup`");
    }
    redrive(&fields, template);
    let tags = read(&fields, TAGS, report).remove("Tags");
    fields.finish();
    // SQS takes all of them as texts.
    let attributes = attributes.into_iter().map(|(key, value)| match value {
        Value::String(_) => (key, value),
        other => (key, Value::String(other.to_string())),
    });
    let mut thing = Thing {
        kind: ResourceKind::Queue,
        name: queue,
        properties: Default::default(),
        retain: template.retained(resource),
    };
    let attributes: serde_json::Map<_, _> = attributes.collect();
    if !attributes.is_empty() {
        thing.properties.insert("Attributes".into(), attributes.into());
    }
    if let Some(Value::Array(tags)) = tags {
        let pair = |tag: &Value| Some((tag.get("Key")?.as_str()?.to_owned(), tag.get("Value")?.clone()));
        let tags: serde_json::Map<_, _> = tags.iter().filter_map(pair).collect();
        thing.properties.insert("Tags".into(), tags.into());
    }
    declared.add(name, thing, &resource.key.span, report);
}

/// `RedrivePolicy`, whose parts SQS itself looks at when the queue is made: here it is told where it stands.
fn redrive(fields: &Fields<'_>, template: &Template<'_>) {
    let Some(policy) = fields.get("RedrivePolicy").filter(|node| node.map().is_some()) else { return };
    let Some(policy) = Fields::of(policy, "`RedrivePolicy`", template.report) else { return };
    let policy = policy.at(fields.span);
    for (key, example) in
        [("deadLetterTargetArn", "such as `!GetAtt DeadLetters.Arn`"), ("maxReceiveCount", "such as 3")]
    {
        if !policy.has(key) {
            policy.missing(key, example);
        }
    }
    policy.number32("maxReceiveCount", 1..=limits::QUEUE_RECEIVES_MAX, " receipts");
    policy.text("deadLetterTargetArn");
    policy.finish();
}

const POLICY: &[Field] = &[
    needed("Queues", Shape::Texts, "a list such as `[!Ref Clicks]`"),
    needed("PolicyDocument", Shape::Document, "with its `Statement`"),
];

pub(super) fn policy(template: &Template<'_>, name: &str, resource: &Resource<'_>, declared: &mut Declared) {
    let report = template.report;
    let Some(properties) = template.within(name, || template.evaluate(&resource.properties)) else { return };
    let Some(fields) = Fields::of(&properties, "an AWS::SQS::QueuePolicy", report) else { return };
    let fields = fields.at(&resource.key.span);
    read(&fields, POLICY, report);
    let document = fields.get("PolicyDocument").and_then(|node| resource_policy(node, template));
    let (urls, span) = (fields.texts("Queues").unwrap_or_default(), fields.span_of("Queues"));
    fields.finish();
    let Some(document) = document else { return };
    for url in urls {
        let queue = url.rsplit(['/', ':']).next().unwrap_or_default();
        attach(declared, ResourceKind::Queue, queue, (&document, &span), template);
    }
}

/// A resource's policy as text, if it is one.
pub(super) fn resource_policy(node: &Node, template: &Template<'_>) -> Option<String> {
    let json = Json::of(node)?;
    match Document::parse(&json.text, Purpose::Resource) {
        Ok(_) => Some(json.text),
        Err(error) => {
            template.report.problem(&node.span, error.to_string());
            None
        }
    }
}

/// Gives a queue or a topic of the template its policy.
pub(super) fn attach(
    declared: &mut Declared,
    kind: ResourceKind,
    name: &str,
    (document, span): (&str, &super::super::tree::Span),
    template: &Template<'_>,
) {
    let what = if kind == ResourceKind::Queue { "queue" } else { "topic" };
    match declared.get_mut(kind, name) {
        Some(thing) if attribute(thing, "Policy").is_some() => {
            template.report.problem(span, format!("the {what} {name:?} has a policy already"));
        }
        Some(thing) => set_attribute(thing, "Policy", document),
        None => {
            let message = format!("the {what} {name:?} is not of this template");
            template.report.problem_with_help(span, message, "name it as `!Ref`");
        }
    }
}

impl Template<'_> {
    /// Whether a resource stays when the template has it no more.
    pub(super) fn retained(&self, resource: &Resource<'_>) -> bool {
        let Some(node) = resource.node.get("DeletionPolicy") else { return false };
        match node.scalar() {
            Some("Delete") => false,
            Some("Retain" | "RetainExceptOnCreate") => true,
            Some(_) | None => {
                let message = "`DeletionPolicy` is one of Delete, Retain, RetainExceptOnCreate";
                self.report.problem(&node.span, message);
                false
            }
        }
    }
}
