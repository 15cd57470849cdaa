//! `[queue.NAME]` and `[topic.NAME]`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sonagi_expressions::pattern::{Dialect, Scope};
use sonagi_model::{
    limits,
    resource::{Resource, ResourceKind},
};

use super::{
    super::{
        fields::{self, Fields},
        problem::Report,
        resources::{Declared, Sender, pattern},
        tree::{Key, Node, Span},
    },
    things::{Sort, Things},
};

/// A name here becomes a part of one that services have.
pub(super) fn check_name(key: &Key, sort: &str, report: &Report) {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if key.text.is_empty() || key.text.len() > limits::DECLARED_NAME_SIZE || !key.text.bytes().all(letter) {
        let most = limits::DECLARED_NAME_SIZE;
        let message =
            format!("{:?} cannot name a {sort}: 1 to {most} letters, digits, `-` and `_`", key.text);
        report.problem(&key.span, message);
    }
}

pub(super) fn queue(key: &Key, node: &Node, things: &Things<'_>, declared: &mut Declared, report: &Report) {
    check_name(key, "queue", report);
    let Some(fields) = Fields::of(node, format!("queue `{}`", key.text), report) else { return };
    let fields = fields.at(&key.span);
    let mut attributes = Map::new();
    for (key, name, least, most, unit) in [
        ("visibility", "VisibilityTimeout", 0, limits::QUEUE_VISIBILITY_MAX, " seconds"),
        ("delay", "DelaySeconds", 0, limits::QUEUE_DELAY_MAX, " seconds"),
        (
            "retention",
            "MessageRetentionPeriod",
            limits::QUEUE_RETENTION_MIN,
            limits::QUEUE_RETENTION_MAX,
            " seconds",
        ),
        ("wait", "ReceiveMessageWaitTimeSeconds", 0, limits::QUEUE_WAIT_MAX, " seconds"),
        ("message_size", "MaximumMessageSize", 1_024, limits::QUEUE_MESSAGE_SIZE as u32, " bytes"),
    ] {
        if let Some(number) = fields.number32(key, least..=most, unit) {
            attributes.insert(name.into(), number.to_string().into());
        }
    }
    fifo(&fields, &mut attributes, ResourceKind::Queue, report);
    if let Some(letters) = fields.fields("dead_letters") {
        let to = letters.get("queue").and_then(|node| things.arn(Sort::Queue, node, report));
        let receives = letters.number32("receives", 1..=limits::QUEUE_RECEIVES_MAX, " receipts");
        for (key, example) in
            [("queue", "such as `queue = \"lost\"`"), ("receives", "such as `receives = 3`")]
        {
            if !letters.has(key) {
                letters.missing(key, example);
            }
        }
        letters.finish();
        if let (Some(to), Some(receives)) = (to, receives) {
            let policy = json!({ "deadLetterTargetArn": to, "maxReceiveCount": receives });
            attributes.insert("RedrivePolicy".into(), policy.to_string().into());
        }
    }
    if let Some(allow) = fields.get("dead_letters_of").and_then(|node| allow(node, things, report)) {
        attributes.insert("RedriveAllowPolicy".into(), allow.to_string().into());
    }
    let mut properties = Map::new();
    if !attributes.is_empty() {
        properties.insert("Attributes".into(), attributes.into());
    }
    if let Some(tags) = tags(&fields, report) {
        let tags: Map<_, _> = tags.into_iter().map(|(key, value)| (key, value.into())).collect();
        properties.insert("Tags".into(), tags.into());
    }
    add(Sort::Queue, key, (&fields, properties), things, declared, report);
    fields.finish();
}

/// Which queues may have their dead letters here: `"all"`, `"none"` or a list of queues.
fn allow(node: &Node, things: &Things<'_>, report: &Report) -> Option<Value> {
    if let Some(list) = node.list() {
        let arns: Vec<_> = list.iter().filter_map(|node| things.arn(Sort::Queue, node, report)).collect();
        if !(1..=limits::QUEUE_REDRIVE_SOURCES).contains(&list.len()) {
            let most = limits::QUEUE_REDRIVE_SOURCES;
            report.problem(&node.span, format!("`dead_letters_of` names 1 to {most} queues"));
        }
        return Some(json!({ "redrivePermission": "byQueue", "sourceQueueArns": arns }));
    }
    let word = match fields::text(node, "`dead_letters_of`", report)?.as_str() {
        "all" => "allowAll",
        "none" => "denyAll",
        other => {
            let message =
                format!("`dead_letters_of` is {other:?}, which is not \"all\", \"none\" or a list of queues");
            report.problem(&node.span, message);
            return None;
        }
    };
    Some(json!({ "redrivePermission": word }))
}

fn fifo(fields: &Fields<'_>, attributes: &mut Map<String, Value>, kind: ResourceKind, report: &Report) {
    let fifo = fields.flag("fifo") == Some(true);
    let (by_content, per_group) = (fields.flag("by_content"), fields.flag("per_group"));
    if !fifo {
        for key in ["by_content", "per_group"] {
            if fields.flag(key) == Some(true) {
                report.problem(&fields.span_of(key), format!("`{key}` is for what says `fifo = true`"));
            }
        }
        return;
    }
    let mut set = |name: &str, value: &str| drop(attributes.insert(name.into(), value.into()));
    let queue = kind == ResourceKind::Queue;
    set(if queue { "FifoQueue" } else { "FifoTopic" }, "true");
    if by_content == Some(true) {
        set("ContentBasedDeduplication", "true");
    }
    match (per_group == Some(true), queue) {
        (true, true) => {
            set("DeduplicationScope", "messageGroup");
            set("FifoThroughputLimit", "perMessageGroupId");
        }
        (true, false) => set("FifoThroughputScope", "MessageGroup"),
        (false, _) => {}
    }
}

fn tags(fields: &Fields<'_>, report: &Report) -> Option<BTreeMap<String, String>> {
    let tags = fields.text_map("tags")?;
    if tags.len() > limits::TAGS {
        report.problem(&fields.span_of("tags"), format!("more than {} tags", limits::TAGS));
    }
    Some(tags)
}

/// Tags as most services have them.
pub(super) fn tag_list(fields: &Fields<'_>, properties: &mut Map<String, Value>, report: &Report) {
    let Some(tags) = tags(fields, report) else { return };
    let tags = tags.into_iter().map(|(key, value)| json!({ "Key": key, "Value": value }));
    properties.insert("Tags".into(), tags.collect::<Vec<_>>().into());
}

pub(super) fn add(
    sort: Sort,
    key: &Key,
    (fields, properties): (&Fields<'_>, Map<String, Value>),
    things: &Things<'_>,
    declared: &mut Declared,
    report: &Report,
) {
    let retain = fields.flag("keep").unwrap_or_default();
    let (Some(kind), Some(name)) = (sort.kind(), things.name(sort, &key.text)) else { return };
    let resource = Resource { kind, name: name.to_owned(), properties, retain };
    declared.add(&format!("{}.{}", sort.word(), key.text), resource, &key.span, report);
}

pub(super) fn topic(key: &Key, node: &Node, things: &Things<'_>, declared: &mut Declared, report: &Report) {
    check_name(key, "topic", report);
    let Some(fields) = Fields::of(node, format!("topic `{}`", key.text), report) else { return };
    let fields = fields.at(&key.span);
    let mut attributes = Map::new();
    if let Some(display) = fields.text("display") {
        attributes.insert("DisplayName".into(), display.into());
    }
    fifo(&fields, &mut attributes, ResourceKind::Topic, report);
    let mut properties = Map::new();
    if !attributes.is_empty() {
        properties.insert("Attributes".into(), attributes.into());
    }
    tag_list(&fields, &mut properties, report);
    add(Sort::Topic, key, (&fields, properties), things, declared, report);
    let topic = things.name(Sort::Topic, &key.text).unwrap_or_default();
    let topic = things.place().arn(ResourceKind::Topic, topic);
    for (index, node) in fields.list("subscriptions").unwrap_or_default().iter().enumerate() {
        let Some(fields) = Fields::of(node, "a subscription", report) else { continue };
        let endpoint = match fields.text("url") {
            Some(url) => Some((if url.starts_with("https:") { "https" } else { "http" }, url)),
            None if fields.has("url") => None,
            None => {
                things.one(&fields, &[Sort::Queue, Sort::Function], report).map(|(sort, arn)| match sort {
                    Sort::Queue => ("sqs", arn),
                    Sort::Topic | Sort::Bus | Sort::Function => ("lambda", arn),
                })
            }
        };
        let attributes = subscription(&fields, things, report);
        fields.finish();
        if let Some((protocol, endpoint)) = endpoint {
            let name = format!("topic.{}.subscription.{}", key.text, index + 1);
            subscribe((&name, &topic), (protocol, endpoint), attributes, (&node.span, declared), report);
        }
    }
    fields.finish();
}

/// What a subscription says beside the topic and where its messages go, as attributes.
pub(super) fn subscription(fields: &Fields<'_>, things: &Things<'_>, report: &Report) -> Map<String, Value> {
    let mut attributes = Map::new();
    let scope = fields.choice("filter_on", &[("attributes", Scope::Attributes), ("body", Scope::Body)]);
    if scope == Some(Scope::Body) {
        attributes.insert("FilterPolicyScope".into(), "MessageBody".into());
    }
    if let Some(node) = fields.get("filter") {
        let dialect = Dialect::Subscription(scope.unwrap_or(Scope::Attributes));
        if let Some(text) = pattern(node, dialect, report) {
            attributes.insert("FilterPolicy".into(), text.into());
        }
    }
    if fields.flag("raw") == Some(true) {
        attributes.insert("RawMessageDelivery".into(), "true".into());
    }
    if let Some(queue) = dead_letters(fields, things, report) {
        let policy = json!({ "deadLetterTargetArn": queue });
        attributes.insert("RedrivePolicy".into(), policy.to_string().into());
    }
    attributes
}

/// `dead_letters`: the ARN of a queue, which is named by its name alone.
pub(super) fn dead_letters(fields: &Fields<'_>, things: &Things<'_>, report: &Report) -> Option<String> {
    fields.get("dead_letters").and_then(|node| things.arn(Sort::Queue, node, report))
}

pub(super) fn subscribe(
    (name, topic): (&str, &str),
    (protocol, endpoint): (&str, String),
    attributes: Map<String, Value>,
    (span, declared): (&Span, &mut Declared),
    report: &Report,
) {
    if endpoint.ends_with(".fifo") && !topic.ends_with(".fifo") {
        report.problem(span, "a FIFO queue can be subscribed to a FIFO topic alone");
    }
    if protocol == "sqs" {
        declared.lets_send(&endpoint, Sender::Topics, topic);
    }
    let mut properties = Map::new();
    properties.insert("TopicArn".into(), topic.into());
    properties.insert("Protocol".into(), protocol.into());
    properties.insert("Endpoint".into(), endpoint.into());
    if !attributes.is_empty() {
        properties.insert("Attributes".into(), attributes.into());
    }
    let resource =
        Resource { kind: ResourceKind::Subscription, name: String::new(), properties, retain: false };
    declared.add(name, resource, span, report);
}
