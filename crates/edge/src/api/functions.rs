//! Functions, and running one.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;
use sonagi_control::LiveFunction;
use sonagi_invoke::{Request, Tail};
use sonagi_model::limits;

use super::{ApiError, Call, json};
use crate::{platform::Parts, serve::ResponseBody};

/// Which part of a listing is asked for: `?limit=…&after=…`.
pub(super) struct Page {
    pub(super) limit: usize,
    after: Option<String>,
}

/// Items of a page unless fewer are asked for.
const PAGE: usize = 1_000;

impl Page {
    pub(super) fn of(call: &Call) -> Result<Self, ApiError> {
        let limit = match call.query.get("limit") {
            None => PAGE,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=PAGE).contains(limit))
                .ok_or_else(|| ApiError::invalid(format!("limit wants a number from 1 to {PAGE}")))?,
        };
        Ok(Self { limit, after: call.query.get("after").map(str::to_owned) })
    }

    /// The page's items of a sorted listing, and the `after` of the next page.
    pub(super) fn cut<'a, T: 'a, I: Iterator<Item = &'a T>>(
        &self,
        items: I,
        key: impl Fn(&'a T) -> &'a str,
    ) -> (Vec<&'a T>, Option<&'a str>) {
        let mut items =
            items.skip_while(|item| self.after.as_deref().is_some_and(|after| key(item) <= after));
        let page: Vec<&T> = items.by_ref().take(self.limit).collect();
        let next = items.next().and(page.last().map(|last| key(last)));
        (page, next)
    }
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    app: &'a str,
    function: &'a str,
    arn: &'a str,
    runtime: String,
    handler: &'a str,
    memory: u32,
    timeout: u32,
    code_size: u64,
    modified: String,
    versions: Vec<u64>,
    aliases: Vec<&'a str>,
    urls: Vec<String>,
}

pub(super) fn list(parts: &Parts, call: &Call) -> Result<Response<ResponseBody>, ApiError> {
    let live = parts.control.live();
    let app = call.query.get("app");
    let wanted = live.functions().filter(|function| app.is_none_or(|app| function.app.as_str() == app));
    let (functions, next) = Page::of(call)?.cut(wanted, |function| function.lambda_name().as_str());
    let functions: Vec<_> = functions.into_iter().map(|function| view(parts, function)).collect();
    json(StatusCode::OK, &serde_json::json!({ "functions": functions, "next": next }))
}

fn view<'a>(parts: &Parts, live: &'a LiveFunction) -> Function<'a> {
    let function = &live.latest.function;
    Function {
        name: function.lambda_name.as_str(),
        app: live.app.as_str(),
        function: function.name.as_str(),
        arn: live.arn(),
        runtime: function.runtime.to_string(),
        handler: &function.handler,
        memory: function.memory,
        timeout: function.timeout,
        code_size: function.package.size,
        modified: live.last_modified.to_string(),
        versions: live.versions.keys().copied().collect(),
        aliases: live.aliases.keys().map(|alias| alias.as_str()).collect(),
        urls: live.urls.values().map(|url| parts.config.url_address(&url.url.id)).collect(),
    }
}

/// `?qualifier=…&tail=1`. The answer is the function's own; headers say how it went, as on Lambda.
pub(super) async fn invoke(parts: &Parts, call: Call) -> Result<Response<ResponseBody>, ApiError> {
    let tail = match call.query.get("tail") {
        None | Some("0") => Tail::No,
        Some(_) => Tail::Yes,
    };
    let (function, qualifier) = parts
        .control
        .find_function(&call.found.first, call.query.get("qualifier"))
        .map_err(|error| ApiError::from(&error))?;
    let target =
        function.resolve(qualifier.as_deref(), &*parts.entropy).map_err(|error| ApiError::from(&error))?;
    let payload = match call.body.is_empty() {
        true => bytes::Bytes::from_static(b"{}"),
        false => call.body,
    };
    serde_json::from_slice::<serde::de::IgnoredAny>(&payload)
        .map_err(|error| ApiError::invalid(format!("the event is not JSON: {error}")))?;
    let arn = match &qualifier {
        Some(qualifier) => format!("{}:{qualifier}", function.arn()),
        None => function.arn().to_owned(),
    };
    let request = Request {
        target,
        request: call.request,
        arn,
        input: payload.into(),
        trace: None,
        client_context: None,
        cognito_identity: None,
        tail,
        timeout: None,
    };
    let invoked = parts.frontend.invoke(request).await.map_err(|error| {
        let api = ApiError::from(&error);
        match error {
            sonagi_invoke::Error::Throttled { retry_after, .. } => {
                api.retry_after(retry_after.as_secs().max(1))
            }
            sonagi_invoke::Error::PayloadTooLarge { .. }
            | sonagi_invoke::Error::Draining
            | sonagi_invoke::Error::NotYet(_)
            | sonagi_invoke::Error::Unsupported(_)
            | sonagi_invoke::Error::Machine { .. }
            | sonagi_invoke::Error::Packages(_)
            | sonagi_invoke::Error::Lost => api,
        }
    })?;
    let (failed, payload) = match sonagi_invoke::collect(invoked.answer).await {
        Ok(payload) => (None, payload),
        Err(failure) => (Some(failure.error_type), failure.payload),
    };
    let tail = match invoked.late_tail {
        Some(late) => late.get().await,
        None => invoked.tail,
    };
    let mut response = Response::new(ResponseBody::whole(payload));
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, crate::aws::JSON);
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set("x-sonagi-version", &invoked.version);
    if let Some(error_type) = failed {
        let visible: String = error_type.chars().filter(char::is_ascii_graphic).take(128).collect();
        set("x-sonagi-function-error", &visible);
    }
    if let Some(tail) = tail {
        set("x-sonagi-log-tail", &STANDARD.encode(&tail[tail.len().saturating_sub(limits::LOG_TAIL_SIZE)..]));
    }
    Ok(response)
}
