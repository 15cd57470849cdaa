//! Invoke ("Invoke", API Reference).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use sonagi_events::Asynchronous;
use sonagi_invoke::{Request, Tail};
use sonagi_model::limits;
use sonagi_sandbox::Input;

use super::{
    Answer, Call,
    error::{invalid_content, invalid_parameter},
    input, qualified,
};
use crate::{
    aws::{JSON, empty, error::AwsError},
    platform::Parts,
    serve::ResponseBody,
};

/// How an invocation is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InvocationType {
    RequestResponse,
    DryRun,
    Event,
}

pub(super) async fn invoke(parts: &Parts, call: Call) -> Answer {
    let kind = invocation_type(&call)?;
    let request = request(parts, call)?;
    match kind {
        InvocationType::RequestResponse => {}
        InvocationType::DryRun => return Ok(empty(StatusCode::NO_CONTENT)),
        InvocationType::Event => return accept(parts, request).await.map(|()| empty(StatusCode::ACCEPTED)),
    }
    let invoked = parts.frontend.invoke(request).await?;
    let (failed, payload) = match sonagi_invoke::collect(invoked.answer).await {
        Ok(payload) => (false, payload),
        Err(failure) => (true, failure.payload),
    };
    let tail = match invoked.late_tail {
        Some(late) => late.get().await,
        None => invoked.tail,
    };
    let mut response = Response::new(ResponseBody::whole(payload));
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, JSON);
    describe(headers, &invoked.version);
    if failed {
        // Lambda says so of every failure nowadays; `Handled` is of the first runtimes.
        headers.insert("x-amz-function-error", HeaderValue::from_static("Unhandled"));
    }
    if let Some(tail) = tail
        && let Ok(value) = HeaderValue::from_str(&log_result(&tail))
    {
        headers.insert("x-amz-log-result", value);
    }
    Ok(response)
}

/// InvokeAsync ("InvokeAsync", API Reference): how it was done before there were types of invocation.
pub(super) async fn invoke_async(parts: &Parts, call: Call) -> Answer {
    accept(parts, request(parts, call)?).await?;
    super::super::json(StatusCode::ACCEPTED, &serde_json::json!({ "Status": 202 }))
}

async fn accept(parts: &Parts, request: Request) -> Result<(), AwsError> {
    let Request { target, request, arn, input, trace, client_context, .. } = request;
    let Input::Event(payload) = input else {
        return Err(invalid_content("An asynchronous invocation takes an event."));
    };
    let qualifier = arn.strip_prefix(target.arn.as_str()).and_then(|rest| rest.strip_prefix(':'));
    let qualifier = qualifier.map(str::to_owned);
    let accepted = Asynchronous { target, qualifier, request, payload, trace, client_context };
    Ok(parts.events.invoke(accepted).await?)
}

pub(super) fn describe(headers: &mut HeaderMap, version: &str) {
    if let Ok(version) = HeaderValue::from_str(version) {
        headers.insert("x-amz-executed-version", version);
    }
}

/// The last 4 KB, as base64.
pub(super) fn log_result(tail: &[u8]) -> String {
    STANDARD.encode(&tail[tail.len().saturating_sub(limits::LOG_TAIL_SIZE)..])
}

pub(super) fn invocation_type(call: &Call) -> Result<InvocationType, AwsError> {
    match call.header("x-amz-invocation-type") {
        None | Some("RequestResponse") => Ok(InvocationType::RequestResponse),
        Some("DryRun") => Ok(InvocationType::DryRun),
        Some("Event") => Ok(InvocationType::Event),
        Some(other) => {
            input::one_of("invocationType", other, &["Event", "RequestResponse", "DryRun"])?;
            Ok(InvocationType::RequestResponse)
        }
    }
}

/// Everything that an invocation needs, checked in Lambda's order: the function, then the payload.
pub(super) fn request(parts: &Parts, call: Call) -> Result<Request, AwsError> {
    let tail = match call.header("x-amz-log-type") {
        None | Some("None") => Tail::No,
        Some("Tail") => Tail::Yes,
        Some(other) => {
            input::one_of("logType", other, &["None", "Tail"])?;
            Tail::No
        }
    };
    for (header, what) in
        [("x-amz-durable-execution-name", "durable execution"), ("x-amz-tenant-id", "tenant isolation")]
    {
        if call.headers.contains_key(header) {
            return Err(invalid_parameter(format!(
                "Sonagi does not support {what} yet: leave {header} out."
            )));
        }
    }
    let (function, qualifier) = call.function(parts)?;
    let target = function.resolve(qualifier.as_deref(), &*parts.entropy)?;
    let payload = match call.body.is_empty() {
        true => Bytes::from_static(b"{}"),
        false => {
            check_json(&call.body)?;
            call.body.clone()
        }
    };
    let client_context = call.header("x-amz-client-context").map(client_context).transpose()?;
    Ok(Request {
        target,
        request: call.request,
        arn: qualified(function.arn(), qualifier.as_deref()),
        input: payload.into(),
        trace: call.header("x-amzn-trace-id").map(str::to_owned),
        client_context,
        cognito_identity: None,
        tail,
        timeout: None,
    })
}

fn check_json(body: &[u8]) -> Result<(), AwsError> {
    let wrong = |why: &dyn std::fmt::Display| {
        invalid_content(format!(
            "Could not parse request body into json: Could not parse payload into json: {why}"
        ))
    };
    let text = std::str::from_utf8(body).map_err(|error| wrong(&error))?;
    serde_json::from_str::<serde::de::IgnoredAny>(text).map(drop).map_err(|error| wrong(&error))
}

fn client_context(text: &str) -> Result<String, AwsError> {
    if text.len() > limits::CLIENT_CONTEXT_SIZE {
        return Err(invalid_parameter(format!(
            "ClientContext is too long: at most {} bytes of base64 are passed on.",
            limits::CLIENT_CONTEXT_SIZE
        )));
    }
    let wrong = || invalid_content("Client context must be a valid Base64-encoded JSON object.");
    let json =
        STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(wrong)?;
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&json).map_err(|_| wrong())?;
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_one_json_text() {
        for right in [
            "1",
            "\"a\"",
            "null",
            " {\"a\": [1, 2]} ",
            &format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000)),
        ] {
            assert!(check_json(right.as_bytes()).is_ok(), "{right}");
        }
        for wrong in [&b"x"[..], b"{", b"1 2", b"\"\xff\"", b"{'a':1}"] {
            let error = check_json(wrong).unwrap_err();
            assert_eq!(error.code, "InvalidRequestContentException");
            assert!(
                error.message.starts_with("Could not parse request body into json: "),
                "{}",
                error.message
            );
        }
    }

    #[test]
    fn a_client_context_is_base64_of_a_json_object() {
        assert_eq!(client_context(&STANDARD.encode("{\"custom\":{}}")).unwrap(), "{\"custom\":{}}");
        assert!(client_context("%%%").is_err());
        assert!(client_context(&STANDARD.encode("[1]")).is_err());
        assert!(client_context(&"A".repeat(limits::CLIENT_CONTEXT_SIZE + 1)).is_err());
    }
}
