//! Provisioned concurrency: environments of a version or an alias that are always ready.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use sonagi_control::{LiveFunction, Provisioned, Target};
use sonagi_invoke::ProvisionFailure;

use super::{Answer, Call, Page, configuration::last_modified, input};
use crate::{
    aws::{
        empty,
        error::{AwsError, Shape},
        json,
    },
    platform::Parts,
};

/// The qualifier that a manifest may provision for, and Lambda's API not.
const LATEST: &str = "$LATEST";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    provisioned_concurrent_executions: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    #[serde(skip_serializing_if = "Option::is_none")]
    function_arn: Option<String>,
    requested_provisioned_concurrent_executions: u32,
    available_provisioned_concurrent_executions: u32,
    allocated_provisioned_concurrent_executions: u32,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_reason: Option<String>,
    last_modified: String,
}

pub(super) async fn put(parts: &Parts, call: &Call) -> Answer {
    let request: Input = input::parse(&call.body)?;
    let executions =
        input::required(request.provisioned_concurrent_executions, "provisionedConcurrentExecutions")?;
    let (function, qualifier) =
        parts.control.put_provisioned(&call.name, qualifier(call)?, executions).await?;
    // So that its environments begin to start before the answer.
    parts.frontend.follow();
    json(StatusCode::ACCEPTED, &view(parts, &function, &qualifier).ok_or_else(not_found)?)
}

pub(super) fn get(parts: &Parts, call: &Call) -> Answer {
    let (function, qualifier) = parts.control.find_provisioned(&call.name, qualifier(call)?)?;
    json(StatusCode::OK, &view(parts, &function, &qualifier).ok_or_else(not_found)?)
}

pub(super) async fn delete(parts: &Parts, call: &Call) -> Answer {
    parts.control.delete_provisioned(&call.name, qualifier(call)?).await?;
    parts.frontend.follow();
    Ok(empty(StatusCode::NO_CONTENT))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Configs {
    next_marker: Option<String>,
    provisioned_concurrency_configs: Vec<Config>,
}

pub(super) fn list(parts: &Parts, call: &Call) -> Answer {
    let function = call.unqualified(parts)?;
    let page = Page::of(call)?;
    let marker = page.marker.as_deref().unwrap_or_default();
    let names = function.provisioned.keys().filter(|name| *name != LATEST && name.as_str() > marker);
    let (names, next_marker) = page.cut(names, |name| (*name).clone());
    let configs = names.into_iter().filter_map(|name| {
        let config = view(parts, &function, name)?;
        Some(Config { function_arn: Some(format!("{}:{name}", function.arn())), ..config })
    });
    json(StatusCode::OK, &Configs { next_marker, provisioned_concurrency_configs: configs.collect() })
}

/// The name that the path has, or the query.
fn qualifier(call: &Call) -> Result<&str, AwsError> {
    input::required(call.query.get("Qualifier").filter(|name| !name.is_empty()), "qualifier")
}

fn not_found() -> AwsError {
    AwsError::new(
        StatusCode::NOT_FOUND,
        "ProvisionedConcurrencyConfigNotFoundException",
        "No Provisioned Concurrency Config found for this function",
    )
    .shaped(Shape::Typed)
}

fn view(parts: &Parts, function: &LiveFunction, qualifier: &str) -> Option<Config> {
    let &Provisioned { executions, modified } = function.provisioned.get(qualifier)?;
    let mut ready = 0;
    let mut failure = None;
    for share in function.shares(qualifier) {
        let found = parts.frontend.provisioned(&share.target);
        // Two names may provision for one version: each is shown its part, the first by name before the others.
        let before = before(function, qualifier, &share.target);
        ready += found.environments.saturating_sub(before).min(share.executions);
        failure = failure.or(found.failure);
    }
    let (status, status_reason) = match failure {
        _ if ready >= executions => ("READY", None),
        None => ("IN_PROGRESS", None),
        Some(ProvisionFailure::Init) => ("FAILED", Some("FUNCTION_ERROR_INIT_FAILURE".into())),
        Some(ProvisionFailure::Platform(text)) => ("FAILED", Some(text)),
    };
    Some(Config {
        function_arn: None,
        requested_provisioned_concurrent_executions: executions,
        available_provisioned_concurrent_executions: ready,
        allocated_provisioned_concurrent_executions: ready,
        status,
        status_reason,
        last_modified: last_modified(modified),
    })
}

/// What those names get of `target` that come before `qualifier`.
fn before(function: &LiveFunction, qualifier: &str, target: &Target) -> u32 {
    let names = function.provisioned.keys().filter(|name| name.as_str() < qualifier);
    let shares = names.flat_map(|name| function.shares(name));
    shares.filter(|share| share.target.version == target.version).map(|share| share.executions).sum()
}
