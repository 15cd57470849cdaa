//! Function URLs.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use sonagi_control::{
    LiveFunction, LiveUrl,
    lambda::{CreateUrl, UpdateUrl},
};
use sonagi_model::{
    api::Cors,
    function::{InvokeMode, UrlAuth},
};

use super::{Answer, Call, Page, error::not_found, input, qualified};
use crate::{
    aws::{empty, json},
    platform::Parts,
};

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct CorsConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    allow_credentials: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allow_headers: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allow_methods: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allow_origins: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expose_headers: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_age: Option<i64>,
}

impl CorsConfig {
    fn into_cors(self) -> Result<Cors, crate::aws::error::AwsError> {
        if let Some(max_age) = self.max_age {
            input::range("cors.maxAge", max_age, 0, 86_400)?;
        }
        Ok(Cors {
            allow_origins: self.allow_origins.unwrap_or_default(),
            allow_methods: self.allow_methods.unwrap_or_default(),
            allow_headers: self.allow_headers.unwrap_or_default(),
            expose_headers: self.expose_headers.unwrap_or_default(),
            allow_credentials: self.allow_credentials.unwrap_or_default(),
            max_age: self.max_age.map(|seconds| seconds as u32),
        })
    }

    fn of(cors: &Cors) -> Self {
        let list = |items: &Vec<String>| (!items.is_empty()).then(|| items.clone());
        Self {
            allow_credentials: cors.allow_credentials.then_some(true),
            allow_headers: list(&cors.allow_headers),
            allow_methods: list(&cors.allow_methods),
            allow_origins: list(&cors.allow_origins),
            expose_headers: list(&cors.expose_headers),
            max_age: cors.max_age.map(i64::from),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UrlConfig {
    function_url: String,
    function_arn: String,
    auth_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cors: Option<CorsConfig>,
    creation_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified_time: Option<String>,
    invoke_mode: &'static str,
}

fn view(parts: &Parts, function: &LiveFunction, live: &LiveUrl) -> UrlConfig {
    let url = &live.url;
    UrlConfig {
        function_url: parts.config.url_address(&url.id),
        function_arn: qualified(function.arn(), url.qualifier.as_ref().map(|alias| alias.as_str())),
        auth_type: match url.auth {
            UrlAuth::None => "NONE",
            UrlAuth::AwsIam => "AWS_IAM",
        },
        cors: url.cors.as_ref().map(CorsConfig::of),
        creation_time: live.created.to_string(),
        last_modified_time: Some(live.modified.to_string()),
        invoke_mode: match url.mode {
            InvokeMode::Buffered => "BUFFERED",
            InvokeMode::ResponseStream => "RESPONSE_STREAM",
        },
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    auth_type: Option<String>,
    cors: Option<CorsConfig>,
    invoke_mode: Option<String>,
}

pub(super) async fn create(parts: &Parts, call: &Call) -> Answer {
    let request: Input = input::parse(&call.body)?;
    let create = CreateUrl {
        auth: input::required(request.auth_type, "authType")?,
        mode: request.invoke_mode,
        cors: request.cors.map(CorsConfig::into_cors).transpose()?,
    };
    let (function, url) = parts.control.create_url(&call.name, call.query.get("Qualifier"), create).await?;
    let created = UrlConfig { last_modified_time: None, ..view(parts, &function, &url) };
    json(StatusCode::CREATED, &created)
}

pub(super) async fn update(parts: &Parts, call: &Call) -> Answer {
    let request: Input = input::parse(&call.body)?;
    let update = UpdateUrl {
        auth: request.auth_type,
        mode: request.invoke_mode,
        cors: request.cors.map(CorsConfig::into_cors).transpose()?,
    };
    let (function, url) = parts.control.update_url(&call.name, call.query.get("Qualifier"), update).await?;
    json(StatusCode::OK, &view(parts, &function, &url))
}

pub(super) fn get(parts: &Parts, call: &Call) -> Answer {
    let (function, qualifier) = call.function(parts)?;
    let found = function
        .urls
        .iter()
        .find(|(alias, _)| alias.as_ref().map(|alias| alias.as_str()) == qualifier.as_deref());
    match found {
        Some((_, url)) => json(StatusCode::OK, &view(parts, &function, url)),
        None => Err(not_found("The resource you requested does not exist.")),
    }
}

pub(super) async fn delete(parts: &Parts, call: &Call) -> Answer {
    parts.control.delete_url(&call.name, call.query.get("Qualifier")).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Urls {
    function_url_configs: Vec<UrlConfig>,
    next_marker: Option<String>,
}

pub(super) fn list(parts: &Parts, call: &Call) -> Answer {
    let function = call.unqualified(parts)?;
    let page = Page::of(call)?;
    let key = |live: &LiveUrl| live.url.qualifier.as_ref().map_or("", |alias| alias.as_str()).to_owned();
    let after = page.marker.clone();
    let rest = function.urls.values().filter(|live| after.as_ref().is_none_or(|after| key(live) > *after));
    let (urls, next_marker) = page.cut(rest, |live| key(live));
    let function_url_configs = urls.into_iter().map(|url| view(parts, &function, url)).collect();
    json(StatusCode::OK, &Urls { function_url_configs, next_marker })
}
