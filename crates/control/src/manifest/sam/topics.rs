//! `AWS::SNS::Topic`, `AWS::SNS::Subscription` and `AWS::SNS::TopicPolicy`.

use serde_json::{Map, Value};
use sonagi_expressions::pattern::{Dialect, Scope};
use sonagi_model::{
    limits,
    resource::{Resource as Thing, ResourceKind},
};

use super::{
    super::{
        fields::Fields,
        problem::Report,
        resources::{Declared, Field, Sender, Shape, needed, pattern, read, said},
        tree::Span,
    },
    queues,
    template::{Resource, Template},
};

const TOPIC: &[Field] = &[
    said("ArchivePolicy", Shape::Document),
    said("ContentBasedDeduplication", Shape::Flag),
    said("DisplayName", Shape::Text),
    said("FifoThroughputScope", Shape::Word(&["Topic", "MessageGroup"])),
    said("FifoTopic", Shape::Flag),
    said("KmsMasterKeyId", Shape::Text),
    said("SignatureVersion", Shape::Word(&["1", "2"])),
    said("TracingConfig", Shape::Word(&["PassThrough", "Active"])),
];
const BESIDE: &[Field] = &[
    said("DataProtectionPolicy", Shape::Unsupported("")),
    said("DeliveryStatusLogging", Shape::Idle("deliveries are not logged to CloudWatch")),
    said("Tags", Shape::Tags),
];

pub(super) fn topic(template: &Template<'_>, name: &str, resource: &Resource<'_>, declared: &mut Declared) {
    let report = template.report;
    let Some(properties) = template.within(name, || template.evaluate(&resource.properties)) else { return };
    let Some(fields) = Fields::of(&properties, "an AWS::SNS::Topic", report) else { return };
    let fields = fields.at(&resource.key.span);
    fields.has("TopicName");
    let span = fields.span_of("TopicName");
    let Some(topic) = template.declared_name(name, ResourceKind::Topic, &span) else { return };
    let attributes = read(&fields, TOPIC, report);
    let fifo = attributes.get("FifoTopic") == Some(&Value::Bool(true));
    if fifo != topic.ends_with(".fifo") {
        let message = "a FIFO topic, and no other, has a name that ends in .fifo";
        report.problem_with_help(&span, message, "say `FifoTopic: true` and give it such a name, or none");
    }
    let word = topic.strip_suffix(".fifo").unwrap_or(&topic);
    let letters = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if word.is_empty() || topic.len() > limits::TOPIC_NAME_SIZE || !letters {
        let most = limits::TOPIC_NAME_SIZE;
        let message = format!("{topic:?} cannot name a topic: 1 to {most} letters, digits, `-` and `_`");
        report.problem(&span, message);
    }
    let mut properties = read(&fields, BESIDE, report);
    let attributes: Map<String, Value> = attributes
        .into_iter()
        .filter(|(key, _)| fifo || key != "FifoTopic")
        .map(|(key, value)| match value {
            Value::String(_) => (key, value),
            other => (key, Value::String(other.to_string())),
        })
        .collect();
    if !attributes.is_empty() {
        properties.insert("Attributes".into(), attributes.into());
    }
    let arn = template.place().arn(ResourceKind::Topic, &topic);
    let inline = fields.list("Subscription").unwrap_or_default();
    let retain = template.retained(resource);
    let thing = Thing { kind: ResourceKind::Topic, name: topic, properties, retain };
    declared.add(name, thing, &resource.key.span, report);
    for (index, node) in inline.iter().enumerate() {
        let Some(fields) = Fields::of(node, "an inline subscription", report) else { continue };
        let mut properties = read(&fields, INLINE, report);
        fields.finish();
        properties.insert("TopicArn".into(), arn.clone().into());
        subscribe(&format!("{name}Subscription{index}"), properties, &node.span, declared, report);
    }
    fields.finish();
}

const PROTOCOLS: &[&str] =
    &["lambda", "sqs", "http", "https", "email", "email-json", "sms", "application", "firehose"];
const INLINE: &[Field] = &[
    needed("Endpoint", Shape::Text, "such as `!GetAtt Clicks.Arn`"),
    needed("Protocol", Shape::Word(PROTOCOLS), "such as `Protocol: sqs`"),
];
const SUBSCRIPTION: &[Field] = &[
    needed("TopicArn", Shape::Text, "such as `!Ref News`"),
    needed("Protocol", Shape::Word(PROTOCOLS), "such as `Protocol: sqs`"),
    needed("Endpoint", Shape::Text, "such as `!GetAtt Clicks.Arn`"),
];
const ATTRIBUTES: &[Field] = &[
    said("DeliveryPolicy", Shape::Document),
    said("RawMessageDelivery", Shape::Flag),
    said("RedrivePolicy", Shape::Document),
    said("ReplayPolicy", Shape::Document),
    said("SubscriptionRoleArn", Shape::Text),
];

pub(super) fn subscription(
    template: &Template<'_>,
    name: &str,
    resource: &Resource<'_>,
    declared: &mut Declared,
) {
    let report = template.report;
    let Some(properties) = template.within(name, || template.evaluate(&resource.properties)) else { return };
    let Some(fields) = Fields::of(&properties, "an AWS::SNS::Subscription", report) else { return };
    let fields = fields.at(&resource.key.span);
    let mut properties = read(&fields, SUBSCRIPTION, report);
    let mut attributes = read(&fields, ATTRIBUTES, report);
    filter(&fields, &mut attributes, report);
    region(&fields, template);
    fields.finish();
    if !attributes.is_empty() {
        properties.insert("Attributes".into(), texts(attributes));
    }
    subscribe(name, properties, &resource.key.span, declared, report);
}

/// `FilterPolicy` and `FilterPolicyScope`, as attributes.
pub(super) fn filter(fields: &Fields<'_>, attributes: &mut Map<String, Value>, report: &Report) {
    let scopes = [("MessageAttributes", Scope::Attributes), ("MessageBody", Scope::Body)];
    let scope = fields.choice("FilterPolicyScope", &scopes);
    if let Some(scope) = scope {
        let word = if scope == Scope::Body { "MessageBody" } else { "MessageAttributes" };
        attributes.insert("FilterPolicyScope".into(), word.into());
    }
    if let Some(node) = fields.get("FilterPolicy") {
        let dialect = Dialect::Subscription(scope.unwrap_or(Scope::Attributes));
        if let Some(text) = pattern(node, dialect, report) {
            attributes.insert("FilterPolicy".into(), text.into());
        }
    }
}

/// There is one region here.
pub(super) fn region(fields: &Fields<'_>, template: &Template<'_>) {
    let here = template.context.region.as_str();
    if let Some(region) = fields.text("Region").filter(|region| region != here) {
        let message = format!("the region {region:?} is not here: this is {here}");
        template.report.problem(&fields.span_of("Region"), message);
    }
}

/// SNS takes attributes as texts.
pub(super) fn texts(attributes: Map<String, Value>) -> Value {
    let text = |value: Value| match value {
        Value::String(_) => value,
        other => Value::String(other.to_string()),
    };
    attributes.into_iter().map(|(key, value)| (key, text(value))).collect()
}

/// A subscription with the properties of SNS's `Subscribe`.
pub(super) fn subscribe(
    name: &str,
    properties: Map<String, Value>,
    span: &Span,
    declared: &mut Declared,
    report: &Report,
) {
    let text = |key: &str| properties.get(key).and_then(Value::as_str).map(str::to_owned);
    match text("Protocol").as_deref() {
        Some("lambda" | "sqs" | "http" | "https") | None => {}
        Some(other) => {
            let message = format!("the protocol {other} is not supported yet");
            report.problem_with_help(span, message, "supported are lambda, sqs, http and https");
        }
    }
    let (topic, endpoint) = (text("TopicArn"), text("Endpoint"));
    if let (Some(topic), Some(endpoint)) = (&topic, &endpoint)
        && topic.contains(":sns:")
        && text("Protocol").as_deref() == Some("sqs")
        && topic.ends_with(".fifo") != endpoint.ends_with(".fifo")
        && !topic.ends_with(".fifo")
    {
        report.problem(span, "a FIFO queue can be subscribed to a FIFO topic alone");
    }
    let thing = Thing { kind: ResourceKind::Subscription, name: String::new(), properties, retain: false };
    declared.add(name, thing, span, report);
}

/// A queue that is subscribed by an event of a function, with what lets the topic send to it.
pub(super) fn subscribe_queue(
    name: &str,
    (topic, queue): (&str, &str),
    attributes: Map<String, Value>,
    span: &Span,
    declared: &mut Declared,
    report: &Report,
) {
    let mut properties = Map::new();
    properties.insert("TopicArn".into(), topic.into());
    properties.insert("Protocol".into(), "sqs".into());
    properties.insert("Endpoint".into(), queue.into());
    if !attributes.is_empty() {
        properties.insert("Attributes".into(), texts(attributes));
    }
    declared.lets_send(queue, Sender::Topics, topic);
    subscribe(name, properties, span, declared, report);
}

const POLICY: &[Field] = &[
    needed("Topics", Shape::Texts, "a list such as `[!Ref News]`"),
    needed("PolicyDocument", Shape::Document, "with its `Statement`"),
];

pub(super) fn policy(template: &Template<'_>, name: &str, resource: &Resource<'_>, declared: &mut Declared) {
    let report = template.report;
    let Some(properties) = template.within(name, || template.evaluate(&resource.properties)) else { return };
    let Some(fields) = Fields::of(&properties, "an AWS::SNS::TopicPolicy", report) else { return };
    let fields = fields.at(&resource.key.span);
    read(&fields, POLICY, report);
    let document = fields.get("PolicyDocument").and_then(|node| queues::resource_policy(node, template));
    let (arns, span) = (fields.texts("Topics").unwrap_or_default(), fields.span_of("Topics"));
    fields.finish();
    let Some(document) = document else { return };
    for arn in arns {
        let topic = arn.rsplit(':').next().unwrap_or_default();
        queues::attach(declared, ResourceKind::Topic, topic, (&document, &span), template);
    }
}
