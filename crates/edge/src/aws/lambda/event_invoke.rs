//! What is set for asynchronous invocations: `EventInvokeConfig`.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use sonagi_control::{
    LiveAsynchronous, LiveFunction,
    lambda::{Destinations, PutAsynchronous},
};
use sonagi_model::Timestamp;

use super::{Answer, Call, Page, destinations, input};
use crate::{
    aws::{empty, error::AwsError, json},
    platform::Parts,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    maximum_retry_attempts: Option<i64>,
    maximum_event_age_in_seconds: Option<i64>,
    destination_config: Option<DestinationsInput>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DestinationsInput {
    on_success: Option<DestinationInput>,
    on_failure: Option<DestinationInput>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DestinationInput {
    destination: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Config<'a> {
    last_modified: f64,
    function_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_retry_attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_event_age_in_seconds: Option<u32>,
    destination_config: DestinationConfig<'a>,
}

/// Both are there, and empty if nothing is told.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DestinationConfig<'a> {
    on_success: Destination<'a>,
    on_failure: Destination<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Destination<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<&'a str>,
}

pub(super) async fn put(parts: &Parts, call: &Call) -> Answer {
    let request = read(parts, call).await?;
    let qualifier = call.query.get("Qualifier");
    let (function, qualifier) = parts.control.put_asynchronous(&call.name, qualifier, request).await?;
    answer(&function, &qualifier)
}

pub(super) async fn update(parts: &Parts, call: &Call) -> Answer {
    let request = read(parts, call).await?;
    let qualifier = call.query.get("Qualifier");
    let (function, qualifier) = parts.control.update_asynchronous(&call.name, qualifier, request).await?;
    answer(&function, &qualifier)
}

pub(super) fn get(parts: &Parts, call: &Call) -> Answer {
    let qualifier = call.query.get("Qualifier");
    let (function, qualifier, found) = parts.control.find_asynchronous(&call.name, qualifier)?;
    json(StatusCode::OK, &view(&function, &qualifier, &found))
}

pub(super) async fn delete(parts: &Parts, call: &Call) -> Answer {
    parts.control.delete_asynchronous(&call.name, call.query.get("Qualifier")).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Configs<'a> {
    next_marker: Option<String>,
    function_event_invoke_configs: Vec<Config<'a>>,
}

pub(super) fn list(parts: &Parts, call: &Call) -> Answer {
    let function = parts.control.find_all_asynchronous(&call.name)?;
    let page = Page::of(call)?;
    let marker = page.marker.as_deref().unwrap_or_default();
    let all = function.asynchronous.iter().filter(|(name, _)| name.as_str() > marker);
    let (configs, next_marker) = page.cut(all, |(name, _)| (*name).clone());
    let configs = configs.into_iter().map(|(name, config)| view(&function, name, config));
    json(StatusCode::OK, &Configs { next_marker, function_event_invoke_configs: configs.collect() })
}

async fn read(parts: &Parts, call: &Call) -> Result<PutAsynchronous, AwsError> {
    let input: Input = input::parse(&call.body)?;
    let arn = |input: Option<DestinationInput>| input.and_then(|input| input.destination);
    let destinations = input
        .destination_config
        .map(|given| Destinations { on_success: arn(given.on_success), on_failure: arn(given.on_failure) });
    if let Some(Destinations { on_success, on_failure }) = &destinations {
        destinations::check(parts, "destination", on_success.as_deref()).await?;
        destinations::check(parts, "destination", on_failure.as_deref()).await?;
    }
    Ok(PutAsynchronous {
        max_age: input.maximum_event_age_in_seconds,
        retries: input.maximum_retry_attempts,
        destinations,
    })
}

fn answer(function: &LiveFunction, qualifier: &str) -> Answer {
    let unset = || AwsError::internal(&sonagi_control::Error::NotShown);
    let found = function.asynchronous.get(qualifier).ok_or_else(unset)?;
    json(StatusCode::OK, &view(function, qualifier, found))
}

fn view<'a>(function: &LiveFunction, qualifier: &str, found: &'a LiveAsynchronous) -> Config<'a> {
    let LiveAsynchronous { config, max_age, retries, modified } = found;
    Config {
        last_modified: seconds(*modified),
        function_arn: format!("{}:{qualifier}", function.arn()),
        maximum_retry_attempts: *retries,
        maximum_event_age_in_seconds: *max_age,
        destination_config: DestinationConfig {
            on_success: Destination { destination: config.on_success.as_deref() },
            on_failure: Destination { destination: config.on_failure.as_deref() },
        },
    }
}

/// Since 1970, as these answers tell time.
pub(super) fn seconds(at: Timestamp) -> f64 {
    at.millis() as f64 / 1_000.0
}
