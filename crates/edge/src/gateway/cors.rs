//! Cross-origin rules.
//!
//! HTTP APIs ("Configure CORS for HTTP APIs in API Gateway") and function URLs answer preflights themselves and
//! put their own headers in place of the function's. A REST API as SAM makes it (`Cors`) has a mock `OPTIONS`
//! method on each path and leaves every other answer to the function.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use sonagi_model::api::Cors;

use super::front::Front;
use crate::serve::ResponseBody;

/// Whether a browser asks here for leave to send another request (Fetch standard, "CORS-preflight request").
pub(super) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a preflight: 204 from an HTTP API, 200 from a function URL; without any leave for other origins.
pub(super) fn preflight(front: Front, cors: &Cors, origin: Option<&HeaderValue>) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = match front {
        Front::HttpApi => StatusCode::NO_CONTENT,
        Front::FunctionUrl | Front::RestApi => StatusCode::OK,
    };
    let headers = response.headers_mut();
    if allow(cors, origin, headers) {
        list(headers, header::ACCESS_CONTROL_ALLOW_METHODS, &cors.allow_methods);
        list(headers, header::ACCESS_CONTROL_ALLOW_HEADERS, &cors.allow_headers);
        if let Some(age) = cors.max_age {
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, age.into());
        }
    }
    response
}

/// Puts the configured headers on an answer, in place of what the function said.
pub(super) fn apply(cors: &Cors, origin: Option<&HeaderValue>, response: &mut HeaderMap) {
    for name in [
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        header::ACCESS_CONTROL_ALLOW_METHODS,
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        header::ACCESS_CONTROL_MAX_AGE,
    ] {
        response.remove(name);
    }
    if allow(cors, origin, response) {
        list(response, header::ACCESS_CONTROL_EXPOSE_HEADERS, &cors.expose_headers);
    }
}

/// The answer of SAM's mock `OPTIONS` method; `methods` are those that the path has.
pub(super) fn mock(cors: &Cors, methods: &[String]) -> Response<ResponseBody> {
    let mut response = super::front::json(StatusCode::OK, bytes::Bytes::from_static(b"{}"));
    let headers = response.headers_mut();
    list(headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, &cors.allow_origins);
    list(headers, header::ACCESS_CONTROL_ALLOW_HEADERS, &cors.allow_headers);
    if cors.allow_methods.is_empty() {
        let mut all = methods.to_vec();
        all.push("OPTIONS".into());
        all.sort_unstable();
        all.dedup();
        list(headers, header::ACCESS_CONTROL_ALLOW_METHODS, &all);
    } else {
        list(headers, header::ACCESS_CONTROL_ALLOW_METHODS, &cors.allow_methods);
    }
    if cors.allow_credentials {
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    if let Some(age) = cors.max_age {
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, age.into());
    }
    response
}

/// Names the request's origin, if it is allowed.
fn allow(cors: &Cors, origin: Option<&HeaderValue>, response: &mut HeaderMap) -> bool {
    let any = cors.allow_origins.iter().any(|allowed| allowed == "*");
    if !any || cors.allow_credentials {
        // The answer depends on who asks, so a cache must keep them apart.
        response.append(header::VARY, HeaderValue::from_static("origin"));
    }
    let Some(origin) = origin else { return false };
    if !cors.allow_origins.iter().any(|allowed| matches(allowed, origin.as_bytes())) {
        return false;
    }
    let named = if any && !cors.allow_credentials { HeaderValue::from_static("*") } else { origin.clone() };
    response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, named);
    if cors.allow_credentials {
        response.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    true
}

/// `*`, `https://*`, or an origin, whose scheme and host know no case.
fn matches(allowed: &str, origin: &[u8]) -> bool {
    match allowed.strip_suffix('*') {
        Some(start) => {
            origin.len() >= start.len() && origin[..start.len()].eq_ignore_ascii_case(start.as_bytes())
        }
        None => origin.eq_ignore_ascii_case(allowed.as_bytes()),
    }
}

fn list(headers: &mut HeaderMap, name: HeaderName, values: &[String]) {
    if values.is_empty() {
        return;
    }
    // What a manifest names was checked there; what still is no header is left out.
    if let Ok(value) = HeaderValue::from_str(&values.join(",")) {
        headers.insert(name, value);
    }
}
