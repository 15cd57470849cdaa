//! `AWS::Lambda::EventSourceMapping`, and the same as an event of a function.

use sonagi_model::limits;

use super::{
    super::{
        DeclaredFunction,
        fields::Fields,
        resources::{Declared, Source},
    },
    permissions,
    template::{Resource, Template},
};

const STREAMS: &str = "it is for streams, which are not here";
/// What streams and other sources alone have.
const OTHERS: [&str; 14] = [
    "AmazonManagedKafkaEventSourceConfig",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "DocumentDBEventSourceConfig",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "Queues",
    "SelfManagedEventSource",
    "SelfManagedKafkaEventSourceConfig",
    "SourceAccessConfigurations",
    "StartingPosition",
    "StartingPositionTimestamp",
    "Topics",
];

/// All but the source and the function.
pub(super) fn source(fields: &Fields<'_>, arn: String, template: &Template<'_>) -> Source {
    let report = template.report;
    let mut source = Source {
        arn,
        enabled: fields.flag("Enabled"),
        batch: fields.number32("BatchSize", 1..=limits::MAPPING_BATCH_MAX, " messages"),
        window: fields.number32("MaximumBatchingWindowInSeconds", 0..=limits::MAPPING_WINDOW_MAX, " seconds"),
        ..Source::default()
    };
    if let Some(criteria) = fields.fields("FilterCriteria") {
        for filter in criteria.list("Filters").unwrap_or_default() {
            let Some(filter) = Fields::of(filter, "a filter", report) else { continue };
            match filter.get("Pattern") {
                Some(pattern) => source.filter(pattern, report),
                None => filter.missing("Pattern", "such as `Pattern: '{\"body\": {\"kind\": [\"click\"]}}'`"),
            }
            filter.finish();
        }
        criteria.finish();
    }
    for kind in fields.texts("FunctionResponseTypes").unwrap_or_default() {
        match kind.as_str() {
            "ReportBatchItemFailures" => source.partial = true,
            other => {
                let message = format!("the response type {other:?} is not ReportBatchItemFailures");
                report.problem(&fields.span_of("FunctionResponseTypes"), message);
            }
        }
    }
    if let Some(scaling) = fields.fields("ScalingConfig") {
        let range = limits::MAPPING_CONCURRENCY_MIN..=limits::MAPPING_CONCURRENCY_MAX;
        source.concurrency = scaling.number32("MaximumConcurrency", range, " invocations at once");
        scaling.finish();
    }
    fields.note("KmsKeyArn", "filters are not encrypted with a key of your own");
    fields.note("MetricsConfig", "no metrics of event sources are collected");
    fields.unsupported("ProvisionedPollerConfig", "pollers are there as long as there is something to poll");
    source
}

pub(super) fn mapping(
    template: &Template<'_>,
    name: &str,
    resource: &Resource<'_>,
    (functions, declared): (&mut [DeclaredFunction], &mut Declared),
) {
    let report = template.report;
    let Some(properties) = template.within(name, || template.evaluate(&resource.properties)) else { return };
    let Some(fields) = Fields::of(&properties, "an AWS::Lambda::EventSourceMapping", report) else { return };
    let fields = fields.at(&resource.key.span);
    for (key, example) in
        [("FunctionName", "such as `!Ref Count`"), ("EventSourceArn", "such as `!GetAtt Clicks.Arn`")]
    {
        if !fields.has(key) {
            fields.missing(key, example);
        }
    }
    let (function, arn) = (fields.text("FunctionName"), fields.text("EventSourceArn"));
    let source = source(&fields, arn.clone().unwrap_or_default(), template);
    fields.note("Tags", "event source mappings have no tags here");
    fields.note("LoggingConfig", "what pollers do is in the server's log");
    OTHERS.iter().for_each(|key| fields.unsupported(key, STREAMS));
    let (function_span, source_span) = (fields.span_of("FunctionName"), fields.span_of("EventSourceArn"));
    fields.finish();
    let (Some(function), Some(arn)) = (function, arn) else { return };
    if !is_queue(&arn) {
        return report
            .problem(&source_span, format!("{arn:?} is not the ARN of a queue: other sources are not here"));
    }
    let (lambda_name, qualifier) = function_of(&function);
    let found = functions.iter_mut().find(|it| it.function.lambda_name.as_str() == lambda_name);
    let Some(found) = found else {
        let message = format!("the function {lambda_name:?} is not of this template");
        return report.problem_with_help(&function_span, message, "name it as `!Ref`");
    };
    let alias = qualifier.filter(|qualifier| *qualifier != "$LATEST");
    let draft = &mut found.function;
    let named = draft.publish_alias.as_ref().filter(|known| alias == Some(known.as_str()));
    if alias.is_some() && named.is_none() {
        let message = format!("the function has no alias {:?}", alias.unwrap_or_default());
        report.problem_with_help(&function_span, message, "say `AutoPublishAlias` of the function");
    }
    declared.wakes(&arn, draft.timeout, &source_span);
    let mapping = source.mapping(&template.app, name, named, &resource.key.span, report);
    draft.mappings.push(mapping);
    // A role of one's own says what it grants.
    if template.has_own_role(draft.name.as_str()) {
        return;
    }
    permissions::grant_managed(&mut draft.permissions, "AWSLambdaSQSQueueExecutionRole", template);
}

pub(super) fn is_queue(arn: &str) -> bool {
    arn.starts_with("arn:") && arn.split(':').nth(2) == Some("sqs")
}

/// The name, and what it is qualified by, of a function that is named, also by its ARN.
pub(super) fn function_of(text: &str) -> (&str, Option<&str>) {
    let rest = text.rsplit_once("function:").map_or(text, |(_, rest)| rest);
    match rest.split_once(':') {
        Some((name, qualifier)) => (name, Some(qualifier)),
        None => (rest, None),
    }
}
