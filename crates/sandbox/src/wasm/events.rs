//! Events as HTTP, for components: CloudEvents in binary mode, and the answer back.
//!
//! "HTTP Protocol Binding for CloudEvents" 1.0.2, section 3.1 "Binary Content Mode": the event's data is the body, its
//! attributes are headers. What the Lambda Runtime API tells a runtime beside the event comes under the names that
//! it has there. `docs/webassembly.md` has the whole mapping.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use serde::Deserialize;
use sonagi_model::{
    invocation::{FailureOrigin, FunctionFailure},
    limits,
};

use crate::Call;

/// The type of an event that somebody sent by invoking the function.
const TYPE: HeaderValue = HeaderValue::from_static("dev.sonagi.invocation");
/// Where events go.
const WHERE: &str = "http://sonagi.internal/";
/// Who is asked when nobody was named.
pub(super) const HOST: HeaderValue = HeaderValue::from_static("sonagi.internal");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The event as a request.
pub(super) fn request(call: &Call, payload: Bytes) -> Request<Bytes> {
    let mut request = Request::new(payload);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from_static(WHERE);
    let headers = request.headers_mut();
    headers.reserve(16);
    headers.insert(header::HOST, HOST);
    headers.insert(header::CONTENT_TYPE, JSON);
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    let id = call.request.text();
    let id = std::str::from_utf8(&id).unwrap_or_default();
    set("ce-specversion", "1.0");
    set("ce-id", id);
    set("ce-source", &call.arn);
    set("lambda-runtime-aws-request-id", id);
    set("lambda-runtime-deadline-ms", &call.deadline_wall.millis().to_string());
    set("lambda-runtime-invoked-function-arn", &call.arn);
    set("lambda-runtime-trace-id", &call.trace);
    set("x-amzn-trace-id", &call.trace);
    if let Some(context) = &call.client_context {
        set("lambda-runtime-client-context", &ascii(context));
    }
    if let Some(identity) = &call.cognito_identity {
        set("lambda-runtime-cognito-identity", &ascii(identity));
    }
    headers.insert("ce-type", TYPE);
    let size = request.body().len();
    request.headers_mut().insert(header::CONTENT_LENGTH, size.into());
    request
}

/// JSON with nothing in it that a header may not hold.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let mut units = [0; 2];
    for character in json.chars() {
        match character {
            ' '..='~' => text.push(character),
            '\0'..='\u{1f}' | '\u{7f}' => {}
            other => {
                for unit in other.encode_utf16(&mut units) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    text
}

/// Whether an answer with that status says that the event was dealt with.
pub(super) fn succeeded(status: StatusCode) -> bool {
    status.is_success()
}

/// An answer that says that it was not. A body that is an error object already is the failure; else it is made one.
pub(super) fn failure(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> FunctionFailure {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Said {
        error_type: String,
        #[serde(rename = "errorMessage")]
        _message: serde::de::IgnoredAny,
    }
    let body = &body[..body.len().min(limits::WASM_FAILURE_SIZE)];
    if let Ok(said) = serde_json::from_slice::<Said>(body)
        && !said.error_type.is_empty()
    {
        return FunctionFailure {
            error_type: said.error_type,
            payload: Bytes::copy_from_slice(body),
            origin: FailureOrigin::Handler,
        };
    }
    let named = headers.get("lambda-runtime-function-error-type").and_then(|value| value.to_str().ok());
    let error_type = named.map_or_else(|| format!("Http.{}", status.as_u16()), str::to_owned);
    let message = match String::from_utf8_lossy(body) {
        text if text.trim().is_empty() => format!("the component answered {status}"),
        text => text.into_owned(),
    };
    let payload = serde_json::json!({ "errorType": error_type, "errorMessage": message });
    FunctionFailure { error_type, payload: payload.to_string().into(), origin: FailureOrigin::Handler }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_object_is_the_failure_as_it_is() {
        let body = br#"{"errorType":"Boom","errorMessage":"it broke","stackTrace":[]}"#;
        let failed = failure(StatusCode::INTERNAL_SERVER_ERROR, &HeaderMap::new(), body);
        assert_eq!((failed.error_type.as_str(), &failed.payload[..]), ("Boom", &body[..]));
    }

    #[test]
    fn any_other_body_is_the_message() {
        let failed = failure(StatusCode::NOT_FOUND, &HeaderMap::new(), b"no \"such\" thing");
        assert_eq!(failed.error_type, "Http.404");
        assert_eq!(failed.payload, r#"{"errorType":"Http.404","errorMessage":"no \"such\" thing"}"#);
        let failed = failure(StatusCode::BAD_GATEWAY, &HeaderMap::new(), b" ");
        assert_eq!(
            failed.payload,
            r#"{"errorType":"Http.502","errorMessage":"the component answered 502 Bad Gateway"}"#
        );
    }
}
