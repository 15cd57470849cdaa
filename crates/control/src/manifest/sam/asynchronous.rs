//! How asynchronous invocations of a function go on: `EventInvokeConfig` and `DeadLetterQueue` of a function, and
//! `AWS::Lambda::EventInvokeConfig`.

use sonagi_model::{
    function::Asynchronous,
    limits,
    policy::Document,
    resource::{Resource as Thing, ResourceKind},
};

use super::{
    super::{
        DeclaredFunction,
        fields::Fields,
        names::{self, Order},
        permissions::to_send,
        resources::Declared,
        tree::Span,
    },
    mappings,
    template::{Resource, Template},
};

/// What a function says of it, and what its role must allow for that.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) dead_letters: Option<String>,
    pub(super) asynchronous: Option<Asynchronous>,
    pub(super) grants: Vec<Document>,
}

pub(super) fn read(
    template: &Template<'_>,
    name: &str,
    fields: &Fields<'_>,
    declared: &mut Declared,
) -> Asked {
    let report = template.report;
    let mut asked = Asked::default();
    if let Some(queue) = fields.fields("DeadLetterQueue") {
        let kind = queue.choice("Type", &[("SQS", "sqs"), ("SNS", "sns")]);
        for (key, example) in [("Type", "SQS or SNS"), ("TargetArn", "such as `!GetAtt DeadLetters.Arn`")] {
            if !queue.has(key) {
                queue.missing(key, example);
            }
        }
        let target = queue.text("TargetArn");
        if let (Some(kind), Some(target)) = (kind, target) {
            if target.split(':').nth(2) == Some(kind) {
                asked.grants.push(to_send(&target));
                asked.dead_letters = Some(target);
            } else {
                let message = format!("{target:?} is not an ARN of {}", kind.to_ascii_uppercase());
                report.problem(&queue.span_of("TargetArn"), message);
            }
        }
        queue.finish();
    }
    if let Some(config) = fields.fields("EventInvokeConfig") {
        let mut asynchronous = attempts(&config);
        if let Some(destinations) = config.fields("DestinationConfig") {
            for (key, end) in [("OnSuccess", "OnSuccess"), ("OnFailure", "OnFailure")] {
                let Some(one) = destinations.fields(key) else { continue };
                let base = format!("{name}EventInvokeConfig{end}");
                let target = destination(template, &base, &one, declared);
                one.finish();
                asked.grants.extend(target.as_deref().map(to_send));
                match key {
                    "OnSuccess" => asynchronous.on_success = target,
                    _ => asynchronous.on_failure = target,
                }
            }
            destinations.finish();
        }
        config.finish();
        asked.asynchronous = Some(asynchronous);
    }
    asked
}

fn attempts(fields: &Fields<'_>) -> Asynchronous {
    let usual = Asynchronous::default();
    let ages = limits::EVENT_AGE_MIN..=limits::EVENT_AGE_MAX;
    Asynchronous {
        max_age: fields.number32("MaximumEventAgeInSeconds", ages, " seconds").unwrap_or(usual.max_age),
        retries: fields
            .number32("MaximumRetryAttempts", 0..=limits::EVENT_RETRIES_MAX, " attempts")
            .unwrap_or(usual.retries),
        ..usual
    }
}

/// `Type` and `Destination`; without the second SAM makes a queue or a topic.
fn destination(
    template: &Template<'_>,
    base: &str,
    fields: &Fields<'_>,
    declared: &mut Declared,
) -> Option<String> {
    let report = template.report;
    let kinds = [("SQS", "sqs"), ("SNS", "sns"), ("Lambda", "lambda"), ("EventBridge", "events")];
    if fields.text("Type").as_deref() == Some("S3Bucket") {
        report.problem(&fields.span_of("Type"), "destinations of type S3Bucket are not supported yet");
        fields.has("Destination");
        return None;
    }
    let kind = fields.choice("Type", &kinds);
    if !fields.has("Type") {
        fields.missing("Type", "SQS, SNS, Lambda or EventBridge");
    }
    let target = fields.text("Destination");
    let (span, kind) = (fields.span_of("Destination"), kind?);
    let made = match (target, kind) {
        (Some(target), kind) => {
            if target.split(':').nth(2) != Some(kind) {
                report.problem(&span, format!("{target:?} is not an ARN of `Type`"));
                return None;
            }
            return Some(target);
        }
        (None, _) if fields.get("Destination").is_some() => return None,
        (None, "sqs") => (ResourceKind::Queue, "Queue"),
        (None, "sns") => (ResourceKind::Topic, "Topic"),
        (None, _) => {
            fields.missing("Destination", "such as `Destination: !GetAtt Other.Arn`");
            return None;
        }
    };
    Some(generate(template, &format!("{base}{}", made.1), made.0, &span, declared))
}

/// A queue or a topic that SAM makes; its ARN.
pub(super) fn generate(
    template: &Template<'_>,
    name: &str,
    kind: ResourceKind,
    span: &Span,
    declared: &mut Declared,
) -> String {
    let physical = names::resource(&template.app, name, kind, Order::Standard);
    let arn = template.place().arn(kind, &physical);
    let thing = Thing { kind, name: physical, properties: Default::default(), retain: false };
    declared.add(name, thing, span, template.report);
    arn
}

/// `AWS::Lambda::EventInvokeConfig`.
pub(super) fn config(
    template: &Template<'_>,
    name: &str,
    resource: &Resource<'_>,
    functions: &mut [DeclaredFunction],
) {
    let report = template.report;
    let Some(properties) = template.within(name, || template.evaluate(&resource.properties)) else { return };
    let Some(fields) = Fields::of(&properties, "an AWS::Lambda::EventInvokeConfig", report) else { return };
    let fields = fields.at(&resource.key.span);
    for (key, example) in [("FunctionName", "such as `!Ref Count`"), ("Qualifier", "such as $LATEST")] {
        if !fields.has(key) {
            fields.missing(key, example);
        }
    }
    let mut asynchronous = attempts(&fields);
    if let Some(destinations) = fields.fields("DestinationConfig") {
        for key in ["OnSuccess", "OnFailure"] {
            let Some(one) = destinations.fields(key) else { continue };
            let target = one.text("Destination");
            if !one.has("Destination") {
                one.missing("Destination", "such as `Destination: !GetAtt Failed.Arn`");
            }
            one.finish();
            match key {
                "OnSuccess" => asynchronous.on_success = target,
                _ => asynchronous.on_failure = target,
            }
        }
        destinations.finish();
    }
    let (function, qualifier) = (fields.text("FunctionName"), fields.text("Qualifier"));
    let (span, qualifier_span) = (fields.span_of("FunctionName"), fields.span_of("Qualifier"));
    fields.finish();
    let (Some(function), Some(qualifier)) = (function, qualifier) else { return };
    let (lambda_name, _) = mappings::function_of(&function);
    let found = functions.iter_mut().find(|it| it.function.lambda_name.as_str() == lambda_name);
    let Some(draft) = found.map(|found| &mut found.function) else {
        let message = format!("the function {lambda_name:?} is not of this template");
        return report.problem_with_help(&span, message, "name it as `!Ref`");
    };
    let meant = draft.publish_alias.as_ref().map_or("$LATEST", |alias| alias.as_str());
    if qualifier != meant {
        let message = format!("the function's events go to {meant}, and `Qualifier` is {qualifier}");
        return report.problem(&qualifier_span, message);
    }
    if draft.asynchronous.is_some() {
        return report.problem(&resource.key.span, "the function has an event invoke config already");
    }
    draft.asynchronous = Some(asynchronous);
}
