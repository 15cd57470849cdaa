//! What a destination is told of an invocation (Lambda Developer Guide, "Retaining records of asynchronous invocations"),
//! and what a dead-letter queue is.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, value::RawValue};
use sonagi_data::queues::{Attribute, AttributeValue};
use sonagi_model::{Timestamp, invocation::FunctionFailure};

/// Why an invocation is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    Succeeded(Bytes),
    /// The function failed, as often as it may.
    Failed(FunctionFailure),
    /// It waited for too long; the platform's last word on why it did not run.
    TooOld {
        status: u16,
        why: String,
    },
    /// It will never run.
    Refused {
        status: u16,
        why: String,
    },
    /// The function woke itself too often.
    Recursive,
}

impl End {
    pub(super) fn condition(&self) -> &'static str {
        match self {
            Self::Succeeded(_) => "Success",
            Self::Failed(_) | Self::Refused { .. } => "RetriesExhausted",
            Self::TooOld { .. } => "EventAgeExceeded",
            Self::Recursive => "RecursiveInvocationDetected",
        }
    }

    /// The status and the text of a dead letter (Lambda Developer Guide, "Adding a dead-letter queue").
    fn error(&self) -> (u16, String) {
        match self {
            Self::Succeeded(_) => (200, String::new()),
            Self::Failed(failure) => (200, message_of(failure)),
            Self::TooOld { status, why } | Self::Refused { status, why } => (*status, why.clone()),
            Self::Recursive => (
                400,
                "Lambda has detected a recursive loop and stopped this function from being invoked again."
                    .into(),
            ),
        }
    }
}

fn message_of(failure: &FunctionFailure) -> String {
    let payload: Option<Value> = serde_json::from_slice(&failure.payload).ok();
    let message = payload.as_ref().and_then(|payload| payload.get("errorMessage")?.as_str());
    message.map_or_else(|| failure.error_type.clone(), str::to_owned)
}

/// The facts of a record.
pub(super) struct Facts<'a> {
    pub(super) at: Timestamp,
    pub(super) request: &'a str,
    /// With its qualifier.
    pub(super) function: &'a str,
    pub(super) version: &'a str,
    /// Attempts.
    pub(super) count: u32,
    pub(super) payload: &'a [u8],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    version: &'static str,
    timestamp: String,
    request_context: RequestContext<'a>,
    request_payload: Json<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_context: Option<ResponseContext<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_payload: Option<Json<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    request_id: &'a str,
    function_arn: &'a str,
    condition: &'static str,
    approximate_invoke_count: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseContext<'a> {
    status_code: u16,
    executed_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_error: Option<&'static str>,
}

/// JSON as it came, or what is none as text.
#[derive(Serialize)]
#[serde(untagged)]
enum Json<'a> {
    Raw(&'a RawValue),
    Text(String),
}

impl<'a> Json<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        match serde_json::from_slice(bytes) {
            Ok(raw) => Self::Raw(raw),
            Err(_) => Self::Text(String::from_utf8_lossy(bytes).into_owned()),
        }
    }
}

pub(super) fn record(facts: &Facts<'_>, end: &End) -> Bytes {
    let executed = |status_code, function_error| {
        Some(ResponseContext { status_code, executed_version: facts.version, function_error })
    };
    let (response_context, response_payload) = match end {
        End::Succeeded(answer) => (executed(200, None), Some(Json::of(answer))),
        End::Failed(failure) => (executed(200, Some("Unhandled")), Some(Json::of(&failure.payload))),
        End::TooOld { status, .. } | End::Refused { status, .. } => (executed(*status, None), None),
        End::Recursive => (None, None),
    };
    let record = Record {
        version: "1.0",
        timestamp: facts.at.to_string(),
        request_context: RequestContext {
            request_id: facts.request,
            function_arn: facts.function,
            condition: end.condition(),
            approximate_invoke_count: facts.count,
        },
        request_payload: Json::of(facts.payload),
        response_context,
        response_payload,
    };
    // Of strings, numbers and JSON that was read: it always serialises.
    serde_json::to_vec(&record).unwrap_or_default().into()
}

/// The longest error text of a dead letter, in bytes.
const ERROR_SIZE: usize = 1_024;

/// The attributes of a dead letter: its body is the event.
pub(super) fn letter(request: &str, end: &End) -> Vec<(String, Attribute)> {
    let (status, mut text) = end.error();
    text.truncate(text.floor_char_boundary(ERROR_SIZE));
    let attribute = |kind: &str, value: String| Attribute {
        kind: kind.into(),
        value: AttributeValue::Text(if value.is_empty() { " ".into() } else { value }),
    };
    vec![
        ("ErrorCode".into(), attribute("Number", status.to_string())),
        ("ErrorMessage".into(), attribute("String", text)),
        ("RequestID".into(), attribute("String", request.to_owned())),
    ]
}

#[cfg(test)]
mod tests {
    use sonagi_model::invocation::FailureOrigin;

    use super::*;

    fn facts() -> Facts<'static> {
        Facts {
            at: Timestamp::from_millis(1_573_776_965_568),
            request: "e4b46cbf-b738-4880-8880-a18cdf61200e",
            function: "arn:aws:lambda:us-east-1:000000000000:function:shop-pay:$LATEST",
            version: "$LATEST",
            count: 3,
            payload: br#"{"ORDER_IDS": ["9e07af03"], "n": 1.50}"#,
        }
    }

    fn failure() -> FunctionFailure {
        FunctionFailure {
            error_type: "Error".into(),
            payload: Bytes::from_static(br#"{"errorMessage": "no such order", "errorType": "Error"}"#),
            origin: FailureOrigin::Handler,
        }
    }

    #[test]
    fn a_record_is_as_lambda_writes_it() {
        let text = record(&facts(), &End::Failed(failure()));
        let want = r#"{"version":"1.0","timestamp":"2019-11-15T00:16:05.568Z","requestContext":{"requestId":"e4b46cbf-b738-4880-8880-a18cdf61200e","functionArn":"arn:aws:lambda:us-east-1:000000000000:function:shop-pay:$LATEST","condition":"RetriesExhausted","approximateInvokeCount":3},"requestPayload":{"ORDER_IDS": ["9e07af03"], "n": 1.50},"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},"responsePayload":{"errorMessage": "no such order", "errorType": "Error"}}"#;
        assert_eq!(text, want);
        let text = record(&facts(), &End::Succeeded(Bytes::from_static(b"not json")));
        assert!(text.ends_with(br#""responseContext":{"statusCode":200,"executedVersion":"$LATEST"},"responsePayload":"not json"}"#));
    }

    #[test]
    fn a_dead_letter_says_why() {
        let text = |end: &End| {
            let letter = letter("id", end);
            letter
                .into_iter()
                .map(|(name, attribute)| match attribute.value {
                    AttributeValue::Text(text) => (name, text),
                    AttributeValue::Binary(_) => unreachable!("no attribute is binary"),
                })
                .collect::<Vec<_>>()
        };
        let pairs = |code: &str, message: &str| {
            [("ErrorCode", code), ("ErrorMessage", message), ("RequestID", "id")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec()
        };
        assert_eq!(text(&End::Failed(failure())), pairs("200", "no such order"));
        let old = End::TooOld { status: 429, why: "Rate Exceeded.".into() };
        assert_eq!(text(&old), pairs("429", "Rate Exceeded."));
        let long = End::Refused { status: 500, why: "é".repeat(600) };
        assert_eq!(text(&long)[1].1.len(), ERROR_SIZE);
    }
}
