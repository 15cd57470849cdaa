//! What the Extensions API says.

use serde_json::{Value, json};
use sonagi_model::Timestamp;

use super::{Account, ExtensionId, Refusal, Registered};
use crate::{Call, EnvironmentSpec};

/// Why an environment ends, as its extensions are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShutdownReason {
    /// It is needed no more.
    Spindown,
    Timeout,
    Failure,
}

impl ShutdownReason {
    const fn name(self) -> &'static str {
        match self {
            Self::Spindown => "spindown",
            Self::Timeout => "timeout",
            Self::Failure => "failure",
        }
    }
}

pub(crate) fn registered(registered: Registered, spec: &EnvironmentSpec) -> Vec<u8> {
    let mut body = json!({
        "functionName": spec.function_name,
        "functionVersion": spec.version,
        "handler": spec.handler,
    });
    if registered.account == Account::Told {
        body["accountId"] = spec.account.as_str().into();
    }
    answer("200 OK", &format!("Lambda-Extension-Identifier: {}\r\n", registered.id), &body)
}

pub(crate) fn invoke(call: &Call, event: ExtensionId) -> Vec<u8> {
    let mut body = json!({
        "eventType": "INVOKE",
        "deadlineMs": call.deadline_wall.millis(),
        "requestId": call.request.to_string(),
        "invokedFunctionArn": call.arn,
    });
    if !call.trace.is_empty() {
        body["tracing"] = json!({ "type": "X-Amzn-Trace-Id", "value": call.trace });
    }
    self::event(&body, event)
}

pub(crate) fn shutdown(reason: ShutdownReason, deadline: Timestamp, event: ExtensionId) -> Vec<u8> {
    let body = json!({
        "eventType": "SHUTDOWN",
        "shutdownReason": reason.name(),
        "deadlineMs": deadline.millis(),
    });
    self::event(&body, event)
}

fn event(body: &Value, id: ExtensionId) -> Vec<u8> {
    answer("200 OK", &format!("Lambda-Extension-Event-Identifier: {id}\r\n"), body)
}

pub(crate) fn refused(refusal: &Refusal) -> Vec<u8> {
    let body = json!({ "errorMessage": refusal.to_string(), "errorType": refusal.error_type() });
    answer("403 Forbidden", "", &body)
}

/// To a subscription that is not as it must be.
pub(crate) fn invalid(message: &str) -> Vec<u8> {
    answer("400 Bad Request", "", &json!({ "errorMessage": message, "errorType": "ValidationError" }))
}

/// To a subscription in an environment that nothing leads into.
pub(crate) fn no_telemetry() -> Vec<u8> {
    let message = "Telemetry API is not supported";
    answer("202 Accepted", "", &json!({ "errorMessage": message, "errorType": "Telemetry.NotSupported" }))
}

/// To a subscription.
pub(crate) fn subscribed() -> Vec<u8> {
    answer("200 OK", "", &Value::from("OK"))
}

fn answer(status: &str, headers: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
