//! What the Runtime API says, with the statuses and texts of Lambda's own (`rapi/rendering` of the AWS Lambda
//! Runtime Interface Emulator, which is the same code).

use std::io::Write;

use sonagi_model::limits;

use crate::Call;

pub(crate) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

pub(crate) const ACCEPTED: &[u8] =
    b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n";

/// To `restore/next`: it goes on as it is.
pub(crate) const RESTORED: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
/// To `restore/next` of our own client: it serves nobody, and is copied.
pub(crate) const TEMPLATE: &[u8] = b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n";

/// Whose function it is: the variables, with a NUL behind each.
pub(crate) fn assignment(variables: &[(std::ffi::OsString, std::ffi::OsString)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in variables {
        for part in [name.as_encoded_bytes(), b"=", value.as_encoded_bytes(), b"\0"] {
            body.extend_from_slice(part);
        }
    }
    let mut reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    reply.extend_from_slice(&body);
    reply
}

/// The request and the state that the environment is in do not go together.
pub(crate) fn wrong_state(from: &str, to: &str) -> Vec<u8> {
    error(
        "403 Forbidden",
        "InvalidStateTransition",
        &format!(
            "State transition from {from} to {to} failed for runtime. Error: State transition is not allowed"
        ),
    )
}

pub(crate) fn wrong_request_id() -> Vec<u8> {
    error("400 Bad Request", "InvalidRequestID", "Invalid request ID")
}

pub(crate) fn wrong_response_mode() -> Vec<u8> {
    error("400 Bad Request", "InvalidFunctionResponseMode", "Invalid function response mode")
}

pub(crate) fn too_large() -> Vec<u8> {
    error(
        "413 Request Entity Too Large",
        "RequestEntityTooLarge",
        &format!("Exceeded maximum allowed payload size ({} bytes).", limits::ANSWER_SIZE),
    )
}

pub(crate) fn malformed() -> Vec<u8> {
    error("400 Bad Request", "InvalidRequest", "This is not a request that the Runtime API understands.")
}

pub(crate) fn head_too_large() -> Vec<u8> {
    error("431 Request Header Fields Too Large", "InvalidRequest", "The request's headers are too large.")
}

pub(crate) fn unknown() -> Vec<u8> {
    error("404 Not Found", "NotFound", "The Runtime API has no such request.")
}

fn error(status: &str, error_type: &str, message: &str) -> Vec<u8> {
    let body = serde_json::json!({ "errorMessage": message, "errorType": error_type }).to_string();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The head of the answer to `next`; the payload follows it.
pub(crate) fn event(into: &mut Vec<u8>, call: &Call, size: usize) {
    into.clear();
    into.extend_from_slice(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: ",
    );
    into.extend_from_slice(&call.request.text());
    header(into, "Lambda-Runtime-Trace-Id", &call.trace);
    header(into, "Lambda-Runtime-Client-Context", call.client_context.as_deref().unwrap_or_default());
    header(into, "Lambda-Runtime-Cognito-Identity", call.cognito_identity.as_deref().unwrap_or_default());
    header(into, "Lambda-Runtime-Invoked-Function-Arn", &call.arn);
    // Writing to a vector cannot fail.
    let _ = write!(into, "\r\nLambda-Runtime-Deadline-Ms: {}", call.deadline_wall.millis());
    let _ = write!(into, "\r\nContent-Length: {size}\r\n\r\n");
}

/// A header, if there is something to say. What a header cannot hold is escaped as in JSON or left out, since both
/// the client context and the identity come from a caller.
fn header(into: &mut Vec<u8>, name: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    into.extend_from_slice(b"\r\n");
    into.extend_from_slice(name.as_bytes());
    into.extend_from_slice(b": ");
    if value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        into.extend_from_slice(value.as_bytes());
        return;
    }
    let mut units = [0; 2];
    for character in value.chars() {
        match character {
            ' '..='~' => into.push(character as u8),
            '\0'..='\u{1f}' | '\u{7f}' => {}
            other => {
                for unit in other.encode_utf16(&mut units) {
                    let _ = write!(into, "\\u{unit:04x}");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use sonagi_model::{Tick, Timestamp};

    use super::*;
    use crate::Input;

    #[test]
    fn a_caller_cannot_add_headers_through_its_context() {
        let call = Call {
            request: "8476a536-e9f4-11e8-9739-2dfe598c3fcd".parse().unwrap(),
            arn: "arn".into(),
            input: Input::Event(Bytes::from_static(b"{}")),
            deadline: Tick::default(),
            deadline_wall: Timestamp::from_millis(12),
            trace: "Root=1".into(),
            client_context: Some("{\"a\":\"소\"}\r\nX-Evil: 1".into()),
            cognito_identity: None,
        };
        let mut head = Vec::new();
        event(&mut head, &call, 2);
        let head = String::from_utf8(head).unwrap();
        assert!(
            head.contains("\r\nLambda-Runtime-Client-Context: {\"a\":\"\\uc18c\"}X-Evil: 1\r\n"),
            "{head}"
        );
        assert!(head.contains("\r\nLambda-Runtime-Deadline-Ms: 12\r\n"), "{head}");
        assert!(head.ends_with("\r\nContent-Length: 2\r\n\r\n"), "{head}");
    }
}
