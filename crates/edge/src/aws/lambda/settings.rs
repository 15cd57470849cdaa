//! Concurrency, tags, and the account.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Deserialize;
use serde_json::json as value;
use sonagi_model::limits;

use super::{Answer, Call, functions::Concurrency, input};
use crate::{
    aws::{empty, json},
    platform::Parts,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ConcurrencyInput {
    reserved_concurrent_executions: Option<i64>,
}

pub(super) async fn put_concurrency(parts: &Parts, call: &Call) -> Answer {
    let request: ConcurrencyInput = input::parse(&call.body)?;
    let executions = input::required(request.reserved_concurrent_executions, "reservedConcurrentExecutions")?;
    let reserved_concurrent_executions = parts.control.put_concurrency(&call.name, executions).await?;
    json(StatusCode::OK, &Concurrency { reserved_concurrent_executions })
}

/// `{}` for a function that reserves nothing.
pub(super) fn get_concurrency(parts: &Parts, call: &Call) -> Answer {
    let function = call.unqualified(parts)?;
    match function.latest.function.reserved_concurrency {
        Some(reserved_concurrent_executions) => {
            json(StatusCode::OK, &Concurrency { reserved_concurrent_executions })
        }
        None => json(StatusCode::OK, &value!({})),
    }
}

pub(super) async fn delete_concurrency(parts: &Parts, call: &Call) -> Answer {
    parts.control.delete_concurrency(&call.name).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagsInput {
    tags: Option<BTreeMap<String, String>>,
}

pub(super) async fn tag(parts: &Parts, call: &Call) -> Answer {
    let request: TagsInput = input::parse(&call.body)?;
    parts.control.tag(&call.name, input::required(request.tags, "tags")?).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

pub(super) async fn untag(parts: &Parts, call: &Call) -> Answer {
    let keys: Vec<String> = call.query.all("tagKeys").map(str::to_owned).collect();
    input::required((!keys.is_empty()).then_some(()), "tagKeys")?;
    parts.control.untag(&call.name, &keys).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

pub(super) fn list_tags(parts: &Parts, call: &Call) -> Answer {
    json(StatusCode::OK, &value!({ "Tags": parts.control.tags(&call.name)? }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RecursionInput {
    recursive_loop: Option<String>,
}

pub(super) async fn put_recursion(parts: &Parts, call: &Call) -> Answer {
    let request: RecursionInput = input::parse(&call.body)?;
    let choice = input::required(request.recursive_loop, "recursiveLoop")?;
    let chosen = parts.control.put_recursion(&call.name, &choice).await?;
    json(StatusCode::OK, &value!({ "RecursiveLoop": chosen.as_str() }))
}

pub(super) fn get_recursion(parts: &Parts, call: &Call) -> Answer {
    let function = call.unqualified(parts)?;
    json(StatusCode::OK, &value!({ "RecursiveLoop": function.latest.function.recursive_loop.as_str() }))
}

/// The limits and the usage; the total of stored code has no limit of its own here but the disk's, so Lambda's stands.
pub(super) fn account(parts: &Parts) -> Answer {
    const TOTAL_CODE_SIZE: u64 = 75 << 30;
    let live = parts.control.live();
    let (mut count, mut size, mut reserved) = (0_u64, 0_u64, 0_u32);
    for function in live.functions() {
        count += 1;
        size += function.latest.function.package.size;
        size += function.versions.values().map(|target| target.function.package.size).sum::<u64>();
        // What is provisioned counts as well, unless it is a part of what is reserved.
        let provisioned = || function.provisioned.values().map(|config| config.executions).sum();
        reserved = reserved
            .saturating_add(function.latest.function.reserved_concurrency.unwrap_or_else(provisioned));
    }
    let concurrency = parts.config.account_concurrency;
    json(
        StatusCode::OK,
        &value!({
            "AccountLimit": {
                "TotalCodeSize": TOTAL_CODE_SIZE,
                "CodeSizeUnzipped": limits::PACKAGE_UNPACKED_SIZE,
                "CodeSizeZipped": limits::PACKAGE_SIZE,
                "ConcurrentExecutions": concurrency,
                "UnreservedConcurrentExecutions": concurrency.saturating_sub(reserved),
            },
            "AccountUsage": { "TotalCodeSize": size, "FunctionCount": count },
        }),
    )
}
