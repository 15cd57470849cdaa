//! `AWS::Events::EventBus`, `AWS::Events::Rule` and `AWS::Events::Archive`.

use serde_json::{Map, Value};
use sonagi_expressions::{pattern, schedule};
use sonagi_model::{
    limits,
    resource::{Resource as Thing, ResourceKind},
};

use super::{
    super::{
        fields::Fields,
        problem::Report,
        resources::{Declared, Field, Shape, needed, read, said},
        tree::Span,
    },
    template::{Resource, Template},
};

const ELSEWHERE: &str = "its targets are services that are not here";

pub(super) const RETRY: &[Field] = &[
    said(
        "MaximumEventAgeInSeconds",
        Shape::Whole(limits::TARGET_AGE_MIN, limits::TARGET_AGE_MAX, " seconds"),
    ),
    said("MaximumRetryAttempts", Shape::Whole(0, limits::TARGET_RETRIES_MAX, " attempts")),
];
pub(super) const DEAD_LETTERS: &[Field] =
    &[needed("Arn", Shape::Text, "such as `Arn: !GetAtt DeadLetters.Arn`")];
pub(super) const GROUP: &[Field] = &[said("MessageGroupId", Shape::Text)];
const BUS: &[Field] = &[
    said("DeadLetterConfig", Shape::Map(DEAD_LETTERS)),
    said("Description", Shape::Text),
    said("EventSourceName", Shape::Unsupported("there are no partner event sources")),
    said("KmsKeyIdentifier", Shape::Idle("events are not encrypted with a key of your own")),
    said("LogConfig", Shape::Idle("a bus writes no log")),
    said("Policy", Shape::Document),
    said("Tags", Shape::Tags),
];
const RULE: &[Field] = &[
    said("Description", Shape::Text),
    said("EventBusName", Shape::Text),
    said("EventPattern", Shape::Pattern(pattern::Dialect::Bus)),
    said("RoleArn", Shape::Text),
    said("ScheduleExpression", Shape::Schedule(schedule::Dialect::Rule)),
    said("State", Shape::Word(STATES)),
    said("Tags", Shape::Tags),
    said("Targets", Shape::Maps(TARGET)),
];
pub(super) const STATES: &[&str] = &["ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"];
const TARGET: &[Field] = &[
    needed("Arn", Shape::Text, "such as `!GetAtt Count.Arn`"),
    needed("Id", Shape::Text, "a name that tells it from the rule's other targets"),
    said("DeadLetterConfig", Shape::Map(DEAD_LETTERS)),
    said("Input", Shape::Document),
    said("InputPath", Shape::Path),
    said("InputTransformer", Shape::Transformer),
    said("RetryPolicy", Shape::Map(RETRY)),
    said("RoleArn", Shape::Text),
    said("SqsParameters", Shape::Map(GROUP)),
    said("AppSyncParameters", Shape::Unsupported(ELSEWHERE)),
    said("BatchParameters", Shape::Unsupported(ELSEWHERE)),
    said("EcsParameters", Shape::Unsupported(ELSEWHERE)),
    said("HttpParameters", Shape::Unsupported(ELSEWHERE)),
    said("KinesisParameters", Shape::Unsupported(ELSEWHERE)),
    said("RedshiftDataParameters", Shape::Unsupported(ELSEWHERE)),
    said("RunCommandParameters", Shape::Unsupported(ELSEWHERE)),
    said("SageMakerPipelineParameters", Shape::Unsupported(ELSEWHERE)),
];
const ARCHIVE: &[Field] = &[
    said("Description", Shape::Text),
    said("EventPattern", Shape::Pattern(pattern::Dialect::Bus)),
    said("KmsKeyIdentifier", Shape::Idle("events are not encrypted with a key of your own")),
    said("RetentionDays", Shape::Whole(0, u32::MAX, " days")),
    needed("SourceArn", Shape::Text, "such as `SourceArn: !GetAtt Orders.Arn`"),
];

/// A resource's properties by a table, with its name on the platform.
fn properties(
    template: &Template<'_>,
    name: &str,
    resource: &Resource<'_>,
    (kind, place, table): (ResourceKind, &str, &[Field]),
) -> Option<Thing> {
    let report = template.report;
    let properties = template.within(name, || template.evaluate(&resource.properties))?;
    let fields = Fields::of(&properties, place, report)?.at(&resource.key.span);
    let key = super::values::name_key(kind);
    fields.has(key);
    let physical = template.declared_name(name, kind, &fields.span_of(key));
    let properties = read(&fields, table, report);
    if let Some(name) = &physical {
        check_name(name, kind, &fields.span_of(key), report);
    }
    fields.finish();
    Some(Thing { kind, name: physical?, properties, retain: template.retained(resource) })
}

/// Of names that may have letters, digits and `.-_`; that of a bus also `/`.
pub(super) fn check_name(name: &str, kind: ResourceKind, span: &Span, report: &Report) {
    let (what, most) = match kind {
        ResourceKind::Bus => ("an event bus", limits::BUS_NAME_SIZE),
        ResourceKind::Archive => ("an archive", limits::ARCHIVE_NAME_SIZE),
        ResourceKind::Rule => ("a rule", limits::RULE_NAME_SIZE),
        ResourceKind::ScheduleGroup => ("a group of schedules", limits::SCHEDULE_NAME_SIZE),
        ResourceKind::Schedule => ("a schedule", limits::SCHEDULE_NAME_SIZE),
        ResourceKind::Queue | ResourceKind::Topic | ResourceKind::Subscription => return,
    };
    let letter = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'.' | b'-' | b'_')
            || byte == b'/' && kind == ResourceKind::Bus
    };
    if name.is_empty() || name.len() > most || !name.bytes().all(letter) {
        let message = format!("{name:?} cannot name {what}: 1 to {most} letters, digits, `.`, `-` and `_`");
        report.problem(span, message);
    } else if kind == ResourceKind::Bus && name == "default" {
        report.problem(span, "the bus \"default\" is there already: rules name none to be on it");
    }
}

pub(super) fn bus(template: &Template<'_>, name: &str, resource: &Resource<'_>, declared: &mut Declared) {
    let table = (ResourceKind::Bus, "an AWS::Events::EventBus", BUS);
    if let Some(thing) = properties(template, name, resource, table) {
        declared.add(name, thing, &resource.key.span, template.report);
    }
}

pub(super) fn rule(template: &Template<'_>, name: &str, resource: &Resource<'_>, declared: &mut Declared) {
    let table = (ResourceKind::Rule, "an AWS::Events::Rule", RULE);
    let Some(thing) = properties(template, name, resource, table) else { return };
    if !["EventPattern", "ScheduleExpression"].iter().any(|key| resource.properties.get(key).is_some()) {
        let message = format!("the rule `{name}` has neither `EventPattern` nor `ScheduleExpression`");
        template.report.problem_with_help(&resource.key.span, message, "say which events it is for");
    }
    add_rule(name, thing, &resource.key.span, declared, template.report);
}

/// A rule that EventBridge would take.
pub(super) fn add_rule(name: &str, rule: Thing, span: &Span, declared: &mut Declared, report: &Report) {
    let said = |key: &str| rule.properties.contains_key(key);
    let on_a_bus = rule.properties.get("EventBusName").and_then(Value::as_str);
    if said("ScheduleExpression")
        && on_a_bus.is_some_and(|bus| bus != "default" && !bus.ends_with("event-bus/default"))
    {
        report.problem(span, "ScheduleExpression is supported only on the default event bus.");
    }
    let targets = rule.properties.get("Targets").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if targets.len() > limits::BUS_TARGETS {
        let most = limits::BUS_TARGETS;
        report.problem(span, format!("the rule `{name}` has more than {most} targets"));
    }
    for (index, target) in targets.iter().enumerate() {
        let inputs = ["Input", "InputPath", "InputTransformer"];
        if inputs.iter().filter(|key| target.get(**key).is_some()).count() > 1 {
            let message = format!("a target of the rule `{name}` has one of {}", inputs.join(", "));
            report.problem(span, message);
        }
        if targets[..index].iter().any(|other| other.get("Id") == target.get("Id")) {
            report.problem(span, format!("two targets of the rule `{name}` have the same id"));
        }
    }
    declared.add(name, rule, span, report);
}

pub(super) fn archive(template: &Template<'_>, name: &str, resource: &Resource<'_>, declared: &mut Declared) {
    let table = (ResourceKind::Archive, "an AWS::Events::Archive", ARCHIVE);
    let Some(mut thing) = properties(template, name, resource, table) else { return };
    // CloudFormation and the API have two names for it.
    let properties: Map<String, Value> = std::mem::take(&mut thing.properties);
    let renamed =
        |(key, value)| if key == "SourceArn" { ("EventSourceArn".into(), value) } else { (key, value) };
    thing.properties = properties.into_iter().map(renamed).collect();
    declared.add(name, thing, &resource.key.span, template.report);
}

pub(super) fn schedule_group(
    template: &Template<'_>,
    name: &str,
    resource: &Resource<'_>,
    declared: &mut Declared,
) {
    const TABLE: &[Field] = &[said("Tags", Shape::Tags)];
    let table = (ResourceKind::ScheduleGroup, "an AWS::Scheduler::ScheduleGroup", TABLE);
    if let Some(thing) = properties(template, name, resource, table) {
        declared.add(name, thing, &resource.key.span, template.report);
    }
}

pub(super) fn schedule(
    template: &Template<'_>,
    name: &str,
    resource: &Resource<'_>,
    declared: &mut Declared,
) {
    let table = (ResourceKind::Schedule, "an AWS::Scheduler::Schedule", super::schedules::SCHEDULE);
    let Some(thing) = properties(template, name, resource, table) else { return };
    super::schedules::add(name, thing, &resource.key.span, declared, template.report);
}
