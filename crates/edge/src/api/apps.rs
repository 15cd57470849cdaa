//! Apps and their releases.

use std::sync::Arc;

use http::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use sonagi_control::{Deployed, LiveApp, Liveness, ReleaseSummary};
use sonagi_model::{
    AppName, ReleaseNumber,
    release::{Release, ReleaseContent},
};

use super::{ApiError, Call, json};
use crate::{aws::empty, platform::Parts, serve::ResponseBody};

#[derive(Serialize)]
struct App<'a> {
    name: &'a AppName,
    release: ReleaseNumber,
    digest: String,
    created: String,
    functions: Vec<&'a str>,
    apis: Vec<ApiView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outputs: Option<&'a std::collections::BTreeMap<String, sonagi_model::release::Output>>,
}

#[derive(Serialize)]
struct ApiView<'a> {
    id: String,
    name: &'a str,
    stage: &'a str,
    routes: usize,
}

fn view(app: &LiveApp) -> App<'_> {
    let content = &app.release.content;
    App {
        name: &app.release.app,
        release: app.release.number,
        digest: app.release.digest.to_string(),
        created: app.release.created.to_string(),
        functions: content.functions.values().map(|function| function.lambda_name.as_str()).collect(),
        apis: content
            .apis
            .iter()
            .map(|api| ApiView {
                id: api.id.to_string(),
                name: &api.name,
                stage: &api.stage,
                routes: api.routes.len(),
            })
            .collect(),
        outputs: None,
    }
}

pub(super) fn list(parts: &Parts, call: &Call) -> Result<Response<ResponseBody>, ApiError> {
    let live = parts.control.live();
    let page = super::functions::Page::of(call)?;
    let (apps, next) = page.cut(live.apps(), |app| app.release.app.as_str());
    let apps: Vec<_> = apps.into_iter().map(|app| view(app)).collect();
    json(StatusCode::OK, &serde_json::json!({ "apps": apps, "next": next }))
}

pub(super) fn get(parts: &Parts, call: &Call) -> Result<Response<ResponseBody>, ApiError> {
    let live = parts.control.live();
    let name = app_name(call)?;
    let app = live
        .app(name.as_str())
        .ok_or_else(|| ApiError::from(&sonagi_control::Error::NoApp(name.to_string())))?;
    json(StatusCode::OK, &App { outputs: Some(&app.release.content.outputs), ..view(app) })
}

pub(super) async fn remove(parts: &Parts, call: &Call) -> Result<Response<ResponseBody>, ApiError> {
    parts.control.remove(&app_name(call)?).await.map_err(|error| ApiError::from(&error))?;
    Ok(empty(StatusCode::NO_CONTENT))
}

#[derive(Serialize)]
struct Summary {
    number: ReleaseNumber,
    digest: String,
    created: String,
    live: bool,
    functions: usize,
}

pub(super) async fn releases(parts: &Parts, call: &Call) -> Result<Response<ResponseBody>, ApiError> {
    let releases = parts.control.releases(&app_name(call)?).await.map_err(|error| ApiError::from(&error))?;
    let limit = super::functions::Page::of(call)?.limit;
    let before: Option<u64> = match call.query.get("after") {
        None => None,
        Some(text) => Some(number(text)?.0),
    };
    let mut rest = releases.iter().filter(|release| before.is_none_or(|before| release.number.0 < before));
    let page: Vec<Summary> = rest.by_ref().take(limit).map(summary).collect();
    let next = rest.next().and(page.last().map(|last| last.number.0.to_string()));
    json(StatusCode::OK, &serde_json::json!({ "releases": page, "next": next }))
}

fn summary(release: &ReleaseSummary) -> Summary {
    Summary {
        number: release.number,
        digest: release.digest.to_string(),
        created: release.created.to_string(),
        live: match release.live {
            Liveness::Live => true,
            Liveness::Past => false,
        },
        functions: release.functions,
    }
}

#[derive(Serialize)]
struct Whole<'a> {
    app: &'a AppName,
    number: ReleaseNumber,
    digest: String,
    created: String,
    content: &'a ReleaseContent,
}

pub(super) async fn release(parts: &Parts, call: &Call) -> Result<Response<ResponseBody>, ApiError> {
    let number = number(&call.found.second)?;
    let release =
        parts.control.release(&app_name(call)?, number).await.map_err(|error| ApiError::from(&error))?;
    let whole = Whole {
        app: &release.app,
        number: release.number,
        digest: release.digest.to_string(),
        created: release.created.to_string(),
        content: &release.content,
    };
    json(StatusCode::OK, &whole)
}

pub(super) async fn deploy(parts: &Parts, call: Call) -> Result<Response<ResponseBody>, ApiError> {
    let app = app_name(&call)?;
    let content: ReleaseContent = serde_json::from_slice(&call.body)
        .map_err(|error| ApiError::invalid(format!("the body is not a release's content: {error}")))?;
    drop(call);
    let (status, release) =
        match parts.control.deploy(&app, content).await.map_err(|error| ApiError::from(&error))? {
            Deployed::Activated(release) => (StatusCode::CREATED, release),
            Deployed::Unchanged(release) => (StatusCode::OK, release),
        };
    activated(status, &release)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rollback {
    #[serde(default)]
    to: Option<ReleaseNumber>,
}

pub(super) async fn rollback(parts: &Parts, call: &Call) -> Result<Response<ResponseBody>, ApiError> {
    let Rollback { to } = match call.body.is_empty() {
        true => Rollback { to: None },
        false => serde_json::from_slice(&call.body).map_err(|error| {
            ApiError::invalid(format!("the body wants {{\"to\": 7}} or nothing: {error}"))
        })?,
    };
    let release =
        parts.control.rollback(&app_name(call)?, to).await.map_err(|error| ApiError::from(&error))?;
    activated(StatusCode::OK, &release)
}

fn activated(status: StatusCode, release: &Arc<Release>) -> Result<Response<ResponseBody>, ApiError> {
    json(
        status,
        &serde_json::json!({
            "app": release.app,
            "number": release.number,
            "digest": release.digest,
            "created": release.created.to_string(),
            // 201 says that it is new; 200 that it was there.
            "new": status == StatusCode::CREATED,
        }),
    )
}

fn app_name(call: &Call) -> Result<AppName, ApiError> {
    AppName::new(&call.found.first).map_err(|error| ApiError::invalid(error.to_string()))
}

fn number(text: &str) -> Result<ReleaseNumber, ApiError> {
    text.parse().map_err(|error: sonagi_model::ids::IdError| ApiError::invalid(error.to_string()))
}
