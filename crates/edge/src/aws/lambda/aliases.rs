//! Aliases.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use sonagi_control::{
    Alias, Version,
    lambda::{CreateAlias, UpdateAlias},
};

use super::{Answer, Call, Page, error::not_found, input};
use crate::{
    aws::{empty, json},
    platform::Parts,
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AliasConfiguration<'a> {
    alias_arn: &'a str,
    name: &'a str,
    function_version: String,
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    routing_config: Option<Routing>,
    revision_id: &'a str,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Routing {
    #[serde(default)]
    additional_version_weights: BTreeMap<String, f64>,
}

fn view(alias: &Alias) -> AliasConfiguration<'_> {
    let weights = &alias.weights;
    AliasConfiguration {
        alias_arn: &alias.arn,
        name: alias.name.as_str(),
        function_version: alias.version.to_string(),
        description: &alias.description,
        routing_config: (!weights.is_empty()).then(|| Routing {
            additional_version_weights: weights
                .iter()
                .map(|(version, weight)| (version.to_string(), *weight))
                .collect(),
        }),
        revision_id: &alias.revision_id,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    name: Option<String>,
    function_version: Option<String>,
    description: Option<String>,
    routing_config: Option<Routing>,
    revision_id: Option<String>,
}

pub(super) async fn create(parts: &Parts, call: &Call) -> Answer {
    let request: Input = input::parse(&call.body)?;
    let create = CreateAlias {
        name: input::required(request.name, "name")?,
        version: input::required(request.function_version, "functionVersion")?,
        description: request.description,
        weights: request.routing_config.map(|routing| routing.additional_version_weights).unwrap_or_default(),
    };
    let alias = parts.control.create_alias(&call.name, create).await?;
    json(StatusCode::CREATED, &view(&alias))
}

pub(super) async fn update(parts: &Parts, call: &Call) -> Answer {
    let request: Input = input::parse(&call.body)?;
    let update = UpdateAlias {
        version: request.function_version,
        description: request.description,
        weights: request.routing_config.map(|routing| routing.additional_version_weights),
        revision_id: request.revision_id,
    };
    let alias = parts.control.update_alias(&call.name, &call.second, update).await?;
    json(StatusCode::OK, &view(&alias))
}

pub(super) fn get(parts: &Parts, call: &Call) -> Answer {
    let function = call.unqualified(parts)?;
    match function.aliases.get(call.second.as_str()) {
        Some(alias) => json(StatusCode::OK, &view(alias)),
        None => Err(not_found(format!("Cannot find alias arn: {}:{}", function.arn(), call.second))),
    }
}

pub(super) async fn delete(parts: &Parts, call: &Call) -> Answer {
    parts.control.delete_alias(&call.name, &call.second).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Aliases<'a> {
    next_marker: Option<String>,
    aliases: Vec<AliasConfiguration<'a>>,
}

pub(super) fn list(parts: &Parts, call: &Call) -> Answer {
    let function = call.unqualified(parts)?;
    let page = Page::of(call)?;
    let version: Option<Version> = match call.query.get("FunctionVersion") {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| {
            super::error::validation(format!(
                "1 validation error detected: Value '{text}' at 'functionVersion' failed to satisfy constraint: \
                 Member must satisfy regular expression pattern: (\\$LATEST|[0-9]+)"
            ))
        })?),
    };
    let marker = page.marker.as_deref().unwrap_or_default();
    let matching = function
        .aliases
        .values()
        .filter(|alias| alias.name.as_str() > marker)
        .filter(|alias| version.is_none_or(|version| alias.version == version));
    let (aliases, next_marker) = page.cut(matching, |alias| alias.name.to_string());
    let aliases = aliases.into_iter().map(view).collect();
    json(StatusCode::OK, &Aliases { next_marker, aliases })
}
