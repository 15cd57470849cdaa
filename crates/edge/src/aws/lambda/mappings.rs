//! Event source mappings.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sonagi_control::{
    LiveFunction, LiveMapping,
    lambda::{CreateMapping, FunctionReference, MappingSettings, SourceQueue, UpdateMapping},
};
use sonagi_events::Destination;
use sonagi_events::MappingState;

use super::{
    Answer, Call, Page, destinations,
    error::invalid_parameter,
    event_invoke::seconds,
    functions::{is_nothing, not_here},
    input, qualified,
    route::Operation,
};
use crate::{
    aws::{error::AwsError, json},
    platform::Parts,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    event_source_arn: Option<String>,
    function_name: Option<String>,
    enabled: Option<bool>,
    batch_size: Option<i64>,
    maximum_batching_window_in_seconds: Option<i64>,
    filter_criteria: Option<Filters>,
    scaling_config: Option<Scaling>,
    function_response_types: Option<Vec<String>>,
    tags: Option<BTreeMap<String, String>>,
    starting_position: Option<Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filters {
    #[serde(default)]
    filters: Vec<Filter>,
}

/// A pattern that is not there is no pattern.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    #[serde(default)]
    pattern: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Scaling {
    maximum_concurrency: Option<i64>,
}

/// Members that queues have nothing to do with.
const OF_OTHER_SOURCES: [&str; 14] = [
    "ParallelizationFactor",
    "StartingPositionTimestamp",
    "DestinationConfig",
    "MaximumRecordAgeInSeconds",
    "BisectBatchOnFunctionError",
    "MaximumRetryAttempts",
    "TumblingWindowInSeconds",
    "Topics",
    "Queues",
    "SourceAccessConfigurations",
    "SelfManagedEventSource",
    "AmazonManagedKafkaEventSourceConfig",
    "SelfManagedKafkaEventSourceConfig",
    "DocumentDBEventSourceConfig",
];

/// Members that mappings of queues have on AWS, with nothing behind them here.
const BEYOND: [&str; 4] = ["KMSKeyArn", "MetricsConfig", "LoggingConfig", "ProvisionedPollerConfig"];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Configuration<'a> {
    #[serde(rename = "UUID")]
    uuid: &'a str,
    batch_size: u32,
    maximum_batching_window_in_seconds: u32,
    event_source_arn: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter_criteria: Option<Filters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scaling_config: Option<Scaling>,
    function_arn: String,
    last_modified: f64,
    last_processing_result: &'static str,
    state: &'static str,
    state_transition_reason: &'static str,
    function_response_types: &'static [&'static str],
    event_source_mapping_arn: String,
}

pub(super) async fn create(parts: &Parts, call: &Call) -> Answer {
    let input = read(&call.body)?;
    let function = input::required(input.function_name.clone(), "functionName")?;
    let source = input.event_source_arn.clone();
    check_position(&input, source.as_deref())?;
    let queue = source_queue(parts, source.as_deref()).await?;
    let tags = input.tags.clone().unwrap_or_default();
    let request = CreateMapping { function, source, settings: settings(input), tags, queue };
    let (function, mapping) = parts.control.create_mapping(request).await?;
    answer(parts, StatusCode::ACCEPTED, &function, &mapping, "Creating")
}

pub(super) fn get(parts: &Parts, call: &Call) -> Answer {
    let (function, mapping) = parts.control.find_mapping(&call.name)?;
    answer(parts, StatusCode::OK, &function, &mapping, rest(parts, &mapping))
}

pub(super) async fn update(parts: &Parts, call: &Call) -> Answer {
    let input = read(&call.body)?;
    let (_, before) = parts.control.find_mapping(&call.name)?;
    check_position(&input, Some(&before.mapping.source))?;
    let queue = source_queue(parts, Some(&before.mapping.source)).await?;
    let request = UpdateMapping { function: input.function_name.clone(), settings: settings(input), queue };
    let (function, after) = parts.control.update_mapping(&call.name, request).await?;
    let state = match (before.mapping.enabled, after.mapping.enabled) {
        (false, true) => "Enabling",
        (true, false) => "Disabling",
        (true, true) | (false, false) => "Updating",
    };
    answer(parts, StatusCode::ACCEPTED, &function, &after, state)
}

pub(super) async fn delete(parts: &Parts, call: &Call) -> Answer {
    let (function, mapping) = parts.control.delete_mapping(&call.name).await?;
    answer(parts, StatusCode::ACCEPTED, &function, &mapping, "Deleting")
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Mappings<'a> {
    next_marker: Option<String>,
    event_source_mappings: Vec<Configuration<'a>>,
}

/// Of a function that is not there, there are none.
pub(super) fn list(parts: &Parts, call: &Call) -> Answer {
    let page = Page::of(call)?;
    let source = call.query.get("EventSourceArn").filter(|arn| !arn.is_empty());
    let wanted = call.query.get("FunctionName").filter(|name| !name.is_empty());
    let wanted = wanted.map(FunctionReference::parse).transpose()?;
    let fits = |function: &LiveFunction, found: &LiveMapping| {
        source.is_none_or(|source| found.mapping.source == source)
            && wanted.as_ref().is_none_or(|wanted| {
                function.lambda_name().as_str() == wanted.name
                    && target(found.mapping.qualifier.as_deref()) == target(wanted.qualifier.as_deref())
            })
    };
    let live = parts.control.live();
    let marker = page.marker.as_deref().unwrap_or_default();
    let all = live.mappings_after(marker).filter(|(function, found)| fits(function, found));
    let (found, next_marker) = page.cut(all, |(_, found)| found.mapping.id.clone());
    let shown = found.into_iter().map(|(function, found)| view(parts, function, found, rest(parts, found)));
    json(StatusCode::OK, &Mappings { next_marker, event_source_mappings: shown.collect() })
}

/// The ARNs of the functions that an operation concerns, for `lambda:FunctionArn` in policies: that of the mapping, and
/// that of the request.
pub(super) fn functions(parts: &Parts, operation: Operation, id: &str, body: &[u8]) -> Vec<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Named {
        function_name: Option<String>,
    }
    let of_mapping = || {
        let live = parts.control.live();
        live.mapping(id)
            .map(|(function, found)| qualified(function.arn(), found.mapping.qualifier.as_deref()))
    };
    let of_request = || {
        let named: Named = serde_json::from_slice(body).ok()?;
        let FunctionReference { name, qualifier, .. } =
            FunctionReference::parse(&named.function_name?).ok()?;
        let (region, account) = (&parts.config.region, &parts.config.account);
        Some(qualified(&format!("arn:aws:lambda:{region}:{account}:function:{name}"), qualifier.as_deref()))
    };
    match operation {
        Operation::CreateEventSourceMapping => of_request().into_iter().collect(),
        Operation::UpdateEventSourceMapping => of_mapping().into_iter().chain(of_request()).collect(),
        Operation::GetEventSourceMapping | Operation::DeleteEventSourceMapping => {
            of_mapping().into_iter().collect()
        }
        _ => Vec::new(),
    }
}

pub(super) fn arn(parts: &Parts, id: &str) -> String {
    let (region, account) = (&parts.config.region, &parts.config.account);
    format!("arn:aws:lambda:{region}:{account}:event-source-mapping:{id}")
}

fn read(body: &[u8]) -> Result<Input, AwsError> {
    let members: BTreeMap<String, Value> = input::parse(body)?;
    let given = |name: &&str| members.get(*name).is_some_and(|value| !is_nothing(value));
    if let Some(name) = OF_OTHER_SOURCES.iter().copied().find(|name| given(name)) {
        return Err(invalid_parameter(format!(
            "Unsupported {name} parameter for given event source mapping type."
        )));
    }
    match BEYOND.iter().copied().find(|name| given(name)) {
        Some(name) => Err(not_here(name)),
        None => input::parse(body),
    }
}

fn check_position(input: &Input, source: Option<&str>) -> Result<(), AwsError> {
    match (&input.starting_position, source) {
        (Some(position), Some(source)) if !is_nothing(position) => {
            Err(invalid_parameter(format!("Unsupported starting position for arn type: {source}")))
        }
        _ => Ok(()),
    }
}

fn settings(input: Input) -> MappingSettings {
    MappingSettings {
        enabled: input.enabled,
        batch: input.batch_size,
        window: input.maximum_batching_window_in_seconds,
        filters: input
            .filter_criteria
            .map(|criteria| criteria.filters.into_iter().map(|filter| filter.pattern).collect()),
        concurrency: input.scaling_config.map(|scaling| scaling.maximum_concurrency),
        responses: input.function_response_types,
    }
}

/// None for what is no queue of this platform, or of one that is not there.
async fn source_queue(parts: &Parts, source: Option<&str>) -> Result<Option<SourceQueue>, AwsError> {
    let Some(source) = source else { return Ok(None) };
    let read = Destination::parse(source, &parts.config.account, &parts.config.region);
    let Ok(Destination::Queue(name)) = read else { return Ok(None) };
    let queue = destinations::queue(parts, &name).await?;
    Ok(queue.map(|queue| SourceQueue { visibility: queue.settings.visibility_timeout }))
}

fn target(qualifier: Option<&str>) -> &str {
    qualifier.unwrap_or("$LATEST")
}

/// The state that a mapping is in once a change of it is made.
fn rest(parts: &Parts, mapping: &LiveMapping) -> &'static str {
    match (mapping.mapping.enabled, parts.events.mapping(&mapping.mapping.id).0) {
        (true, _) => "Enabled",
        (false, MappingState::Enabled | MappingState::Disabling) => "Disabling",
        (false, MappingState::Disabled) => "Disabled",
    }
}

fn answer(
    parts: &Parts,
    status: StatusCode,
    function: &LiveFunction,
    mapping: &LiveMapping,
    state: &'static str,
) -> Answer {
    json(status, &view(parts, function, mapping, state))
}

fn view<'a>(
    parts: &Parts,
    function: &LiveFunction,
    found: &'a LiveMapping,
    state: &'static str,
) -> Configuration<'a> {
    let mapping = &found.mapping;
    let filters = mapping.filters.iter().map(|pattern| Filter { pattern: pattern.clone() });
    Configuration {
        uuid: &mapping.id,
        batch_size: mapping.batch,
        maximum_batching_window_in_seconds: mapping.window,
        event_source_arn: &mapping.source,
        filter_criteria: (!mapping.filters.is_empty()).then(|| Filters { filters: filters.collect() }),
        scaling_config: mapping
            .concurrency
            .map(|concurrency| Scaling { maximum_concurrency: Some(concurrency.into()) }),
        function_arn: qualified(function.arn(), mapping.qualifier.as_deref()),
        last_modified: seconds(found.modified),
        last_processing_result: parts.events.mapping(&mapping.id).1.as_str(),
        state,
        state_transition_reason: "USER_INITIATED",
        function_response_types: if mapping.partial { &["ReportBatchItemFailures"] } else { &[] },
        event_source_mapping_arn: arn(parts, &mapping.id),
    }
}
