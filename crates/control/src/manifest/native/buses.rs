//! `[bus.NAME]`, `[rule.NAME]` and `[schedule.NAME]`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sonagi_expressions::{pattern::Dialect, schedule};
use sonagi_model::{
    limits,
    resource::{Resource, ResourceKind},
};

use super::{
    super::{
        fields::Fields,
        names::{self, Order},
        problem::Report,
        resources::{
            Declared, Json, Sender, is_time, path, pattern, schedule as expression, transformer, zone,
        },
        tree::{Key, Node, Span},
    },
    queues::{add, check_name, dead_letters, tag_list},
    things::{Sort, Things},
};

pub(super) fn bus(key: &Key, node: &Node, things: &Things<'_>, declared: &mut Declared, report: &Report) {
    check_name(key, "bus", report);
    let Some(fields) = Fields::of(node, format!("bus `{}`", key.text), report) else { return };
    let fields = fields.at(&key.span);
    let mut properties = Map::new();
    if let Some(text) = fields.text("description") {
        properties.insert("Description".into(), text.into());
    }
    if let Some(queue) = dead_letters(&fields, things, report) {
        properties.insert("DeadLetterConfig".into(), json!({ "Arn": queue }));
    }
    tag_list(&fields, &mut properties, report);
    if let Some(archive) = fields.fields("archive") {
        let bus = things.name(Sort::Bus, &key.text).unwrap_or_default();
        let mut properties = Map::new();
        properties.insert("EventSourceArn".into(), things.place().arn(ResourceKind::Bus, bus).into());
        if let Some(days) = archive.number32("days", 1..=u32::MAX, " days") {
            properties.insert("RetentionDays".into(), days.into());
        }
        let event = archive.get("event").and_then(|node| pattern(node, Dialect::Bus, report));
        if let Some(text) = event {
            properties.insert("EventPattern".into(), text.into());
        }
        archive.finish();
        let name = names::resource(things.app, &key.text, ResourceKind::Archive, Order::Standard);
        let resource = Resource { kind: ResourceKind::Archive, name, properties, retain: false };
        declared.add(&format!("bus.{}.archive", key.text), resource, &key.span, report);
    }
    add(Sort::Bus, key, (&fields, properties), things, declared, report);
    fields.finish();
}

/// Where a rule's or a schedule's events go beside functions.
const TARGETS: [Sort; 4] = [Sort::Function, Sort::Queue, Sort::Topic, Sort::Bus];

pub(super) fn rule(key: &Key, node: &Node, things: &Things<'_>, declared: &mut Declared, report: &Report) {
    check_name(key, "rule", report);
    let Some(fields) = Fields::of(node, format!("rule `{}`", key.text), report) else { return };
    let fields = fields.at(&key.span);
    let name = names::resource(things.app, &key.text, ResourceKind::Rule, Order::Standard);
    let rule = Rule::read(&fields, name, things, report);
    let mut targets = Vec::new();
    let single = fields.get("to").map(std::slice::from_ref).unwrap_or_default();
    if single.is_empty() && !fields.has("to") {
        fields.missing("to", "such as `to = [{ queue = \"orders\" }]`");
    }
    for (index, node) in single.first().and_then(Node::list).unwrap_or(single).iter().enumerate() {
        let Some(to) = Fields::of(node, "a target", report) else { continue };
        let target = things.one(&to, &TARGETS, report);
        let mut properties = target_properties(&to, things, report);
        if let Some(group) = to.text("group") {
            properties.insert("SqsParameters".into(), json!({ "MessageGroupId": group }));
        }
        to.finish();
        let Some((sort, arn)) = target else { continue };
        if let (Sort::Queue, Some(rule)) = (sort, &rule) {
            declared.lets_send(&arn, Sender::Rules, &rule.arn(things));
        }
        properties.insert("Id".into(), (index + 1).to_string().into());
        properties.insert("Arn".into(), arn.into());
        targets.push(properties);
    }
    if targets.len() > limits::BUS_TARGETS {
        let most = limits::BUS_TARGETS;
        report.problem(&fields.span_of("to"), format!("a rule has at most {most} targets"));
    }
    fields.finish();
    if let Some(rule) = rule {
        rule.declare(&format!("rule.{}", key.text), targets, (&key.span, declared), report);
    }
}

/// A rule without its targets.
pub(super) struct Rule {
    name: String,
    properties: Map<String, Value>,
}

impl Rule {
    /// `event`, `bus`, `enabled` and `description`. None: it has no event that it is for.
    pub(super) fn read(
        fields: &Fields<'_>,
        name: String,
        things: &Things<'_>,
        report: &Report,
    ) -> Option<Self> {
        let mut properties = Map::new();
        if let Some(bus) = fields.get("bus").and_then(|node| bus_of(node, things, report)) {
            properties.insert("EventBusName".into(), bus.into());
        }
        if let Some(text) = fields.text("description") {
            properties.insert("Description".into(), text.into());
        }
        if fields.flag("enabled") == Some(false) {
            properties.insert("State".into(), "DISABLED".into());
        }
        if !fields.has("event") {
            fields.missing("event", "such as `event = { source = [\"shop\"] }`");
        }
        let event = pattern(fields.get("event")?, Dialect::Bus, report)?;
        properties.insert("EventPattern".into(), event.into());
        Some(Self { name, properties })
    }

    pub(super) fn arn(&self, things: &Things<'_>) -> String {
        let bus = self.properties.get("EventBusName").and_then(Value::as_str);
        things.place().rule(bus, &self.name)
    }

    pub(super) fn declare(
        self,
        key: &str,
        targets: Vec<Map<String, Value>>,
        (span, declared): (&Span, &mut Declared),
        report: &Report,
    ) {
        let Self { name, mut properties } = self;
        properties.insert("Targets".into(), targets.into());
        let rule = Resource { kind: ResourceKind::Rule, name, properties, retain: false };
        declared.add(key, rule, span, report);
    }
}

/// The name of a bus, which may be the one that is always there.
fn bus_of(node: &Node, things: &Things<'_>, report: &Report) -> Option<String> {
    if node.scalar() == Some("default") {
        return None;
    }
    let arn = things.arn(Sort::Bus, node, report)?;
    Some(arn.rsplit('/').next().unwrap_or(&arn).to_owned())
}

/// `input`, `path`, `paths` and `template`, and how delivery goes on that fails.
pub(super) fn target_properties(
    fields: &Fields<'_>,
    things: &Things<'_>,
    report: &Report,
) -> Map<String, Value> {
    let mut properties = attempts(fields, things, report);
    let given = ["input", "path", "template"].into_iter().filter(|key| fields.has(key)).count();
    if given > 1 {
        report.problem(fields.span, "one of `input`, `path` and `template` says what the target gets");
    }
    if let Some(json) = fields.get("input").and_then(Json::of) {
        properties.insert("Input".into(), document(fields, json).into());
    }
    if let Some(path) = fields.get("path").and_then(|node| path(node, report)) {
        properties.insert("InputPath".into(), path.into());
    }
    let paths: BTreeMap<String, String> = fields.text_map("paths").unwrap_or_default();
    if let Some(template) = fields.text("template") {
        if let Some(node) = fields.get("template") {
            transformer(&paths, &template, node, report);
        }
        let input = json!({ "InputPathsMap": paths, "InputTemplate": template });
        properties.insert("InputTransformer".into(), input);
    } else if fields.has("paths") {
        report.problem(&fields.span_of("paths"), "`paths` are what a `template` is filled with");
    }
    properties
}

/// A text is sent as JSON has texts.
fn document(fields: &Fields<'_>, json: Json) -> String {
    match fields.get("input").and_then(Node::map).is_some() || json.text.starts_with('[') {
        true => json.text,
        false => match serde_json::from_str::<Value>(&json.text) {
            Ok(_) => json.text,
            Err(_) => Value::from(json.text).to_string(),
        },
    }
}

/// `retries`, `max_age` and `dead_letters` of a target.
fn attempts(fields: &Fields<'_>, things: &Things<'_>, report: &Report) -> Map<String, Value> {
    let mut properties = Map::new();
    let mut policy = Map::new();
    if let Some(retries) = fields.number32("retries", 0..=limits::TARGET_RETRIES_MAX, " attempts") {
        policy.insert("MaximumRetryAttempts".into(), retries.into());
    }
    let ages = limits::TARGET_AGE_MIN..=limits::TARGET_AGE_MAX;
    if let Some(seconds) = fields.number32("max_age", ages, " seconds") {
        policy.insert("MaximumEventAgeInSeconds".into(), seconds.into());
    }
    if !policy.is_empty() {
        properties.insert("RetryPolicy".into(), policy.into());
    }
    if let Some(queue) = dead_letters(fields, things, report) {
        properties.insert("DeadLetterConfig".into(), json!({ "Arn": queue }));
    }
    properties
}

pub(super) fn schedule(
    key: &Key,
    node: &Node,
    things: &Things<'_>,
    declared: &mut Declared,
    report: &Report,
) {
    check_name(key, "schedule", report);
    let Some(fields) = Fields::of(node, format!("schedule `{}`", key.text), report) else { return };
    let fields = fields.at(&key.span);
    let to = fields.fields("to");
    if !fields.has("to") {
        fields.missing("to", "such as `to = { function = \"clean\" }`");
    }
    let target = to.and_then(|to| {
        let target = things.one(&to, &TARGETS, report);
        let mut more = Map::new();
        if let Some(group) = to.text("group") {
            more.insert("SqsParameters".into(), json!({ "MessageGroupId": group }));
        }
        let (source, kind) = (to.text("source"), to.text("detail_type"));
        match (target.as_ref().map(|(sort, _)| *sort), source, kind) {
            (Some(Sort::Bus), Some(source), Some(kind)) => {
                more.insert("EventBridgeParameters".into(), json!({ "Source": source, "DetailType": kind }));
            }
            (Some(Sort::Bus), _, _) => {
                report.problem(to.span, "an event for a bus has a `source` and a `detail_type`");
            }
            (_, None, None) => {}
            _ => report.problem(to.span, "`source` and `detail_type` are of an event for a bus"),
        }
        to.finish();
        target.map(|(_, arn)| (arn, more))
    });
    let name = names::resource(things.app, &key.text, ResourceKind::Schedule, Order::Standard);
    let key_here = format!("schedule.{}", key.text);
    if let Some((arn, more)) = target {
        one_schedule((&key_here, name), (arn, more), (&fields, declared), things, report);
    } else {
        // What else is wrong with it is said all the same.
        let mut nothing = Declared::default();
        one_schedule((&key_here, name), (String::new(), Map::new()), (&fields, &mut nothing), things, report);
    }
    fields.finish();
}

/// A schedule for one target, with what `fields` say of it.
pub(super) fn one_schedule(
    (key, name): (&str, String),
    (target, more): (String, Map<String, Value>),
    (fields, declared): (&Fields<'_>, &mut Declared),
    things: &Things<'_>,
    report: &Report,
) {
    let mut properties = Map::new();
    if !fields.has("schedule") {
        fields.missing("schedule", "such as `schedule = \"rate(1 day)\"` or `\"0 3 * * *\"`");
    }
    let when = fields.get("schedule").and_then(|node| expression(node, schedule::Dialect::Manifest, report));
    if let Some(text) = fields.text("description") {
        properties.insert("Description".into(), text.into());
    }
    if let Some(zone) = fields.get("zone").and_then(|node| zone(node, report)) {
        properties.insert("ScheduleExpressionTimezone".into(), zone.into());
    }
    for (key, name) in [("start", "StartDate"), ("end", "EndDate")] {
        if let Some(date) = fields.text(key) {
            if !is_time(&date) {
                let message = format!("`{key}` is {date:?}, which is no time");
                report.problem_with_help(&fields.span_of(key), message, "write it as 2030-01-31T08:00:00Z");
            }
            properties.insert(name.into(), date.into());
        }
    }
    let window = match fields.number32("window", 1..=limits::SCHEDULE_WINDOW_MAX, " minutes") {
        Some(minutes) => json!({ "Mode": "FLEXIBLE", "MaximumWindowInMinutes": minutes }),
        None => json!({ "Mode": "OFF" }),
    };
    properties.insert("FlexibleTimeWindow".into(), window);
    if fields.flag("enabled") == Some(false) {
        properties.insert("State".into(), "DISABLED".into());
    }
    if fields.flag("delete_when_done") == Some(true) {
        properties.insert("ActionAfterCompletion".into(), "DELETE".into());
    }
    let mut to = attempts(fields, things, report);
    if let Some(json) = fields.get("input").and_then(Json::of) {
        to.insert("Input".into(), json.text.into());
    }
    to.extend(more);
    let role = format!("arn:aws:iam::{}:role/{}-schedules", things.context.account, things.app);
    to.insert("RoleArn".into(), role.into());
    to.insert("Arn".into(), target.into());
    properties.insert("Target".into(), to.into());
    let Some(when) = when else { return };
    properties.insert("ScheduleExpression".into(), when.into());
    let resource = Resource { kind: ResourceKind::Schedule, name, properties, retain: false };
    declared.add(key, resource, fields.span, report);
}
