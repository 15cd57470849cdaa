//! From what a function answered to an HTTP response.
//!
//! Formats: "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway", section "Lambda function response
//! format"; "Set up Lambda proxy integrations in API Gateway", section "Output format" (REST); "Invoking Lambda
//! function URLs". An answer that breaks its format is the function's failure, never a half-made response.

mod direct;
mod fields;
mod head;
mod prelude;
mod stream;

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::value::RawValue;
use sonagi_model::api::PayloadFormat;

use super::{Front, event::is_binary_type};
use crate::serve::ResponseBody;
pub(super) use direct::Passed;
use fields::{Fields, Text};
use head::Head;
pub(super) use stream::{collect, open};

/// Why an answer is none. The text is for the operator's log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("the answer is not JSON: {0}")]
    NotJson(String),
    #[error("the answer is not an object with a statusCode, a body and headers")]
    NotFormatted,
    #[error("{0:?} is no field of an answer to a REST API")]
    UnknownField(String),
    #[error("statusCode is missing")]
    NoStatus,
    #[error("statusCode {0} is not a number from 200 to 599")]
    Status(String),
    #[error("the body is not a string")]
    Body,
    #[error("isBase64Encoded is true and the body is not base64")]
    Base64,
    #[error("isBase64Encoded is not a boolean")]
    Base64Flag,
    #[error("{0:?} is not a header that HTTP allows")]
    Header(String),
    #[error("the streamed answer's metadata: {0}")]
    Prelude(String),
    #[error("the streamed answer's metadata is larger than {limit} bytes")]
    PreludeTooLarge { limit: usize },
    #[error("the streamed answer ended within its metadata")]
    PreludeCut,
    #[error("the answer is larger than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("the answer has more than {limit} header lines")]
    TooManyHeaders { limit: usize },
    #[error("the answer's headers are larger than {limit} bytes")]
    HeadersTooLarge { limit: usize },
    #[error("the body is not of the {announced} bytes that its content-length announces")]
    Length { announced: u64 },
    #[error("the stream broke off: {0}")]
    Broken(String),
    /// It answered that it failed.
    #[error("the function failed: {0}")]
    Failed(String),
}

/// How an answer is to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) front: Front,
    pub(super) format: PayloadFormat,
    /// The API's `binaryMediaTypes` and the request's `Accept`: a REST API decodes a body only for those.
    pub(super) binary_media_types: &'a [String],
    pub(super) accept: Option<&'a str>,
}

/// Reads a whole answer.
pub(super) fn read(answer: &Bytes, reading: Reading<'_>) -> Result<Response<ResponseBody>, Malformed> {
    let first = answer.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'{') {
        return match reading.format {
            PayloadFormat::V2 => infer(answer),
            PayloadFormat::V1 => Err(Malformed::NotFormatted),
        };
    }
    let fields: Fields<'_> =
        serde_json::from_slice(answer).map_err(|error| Malformed::NotJson(error.to_string()))?;
    if fields.head.status_code.is_none() {
        return match reading.format {
            PayloadFormat::V2 => infer(answer),
            PayloadFormat::V1 => Err(Malformed::NoStatus),
        };
    }
    if reading.front == Front::RestApi
        && let Some(unknown) = fields.unknown
    {
        return Err(Malformed::UnknownField(unknown));
    }
    let head = Head::read(&fields.head, reading.format)?;
    let body = body(answer, fields.body, fields.is_base64_encoded, &head, reading)?;
    Ok(head.with(reading.front, ResponseBody::whole(body)))
}

/// Payload 2.0 without a `statusCode`: 200, JSON, and the answer is the body. A string stands for its text.
fn infer(answer: &Bytes) -> Result<Response<ResponseBody>, Malformed> {
    let not_json = |error: serde_json::Error| Malformed::NotJson(error.to_string());
    let text = serde_json::from_slice::<&RawValue>(answer).map_err(not_json)?.get();
    let body = if text.starts_with('"') {
        Bytes::from(serde_json::from_str::<String>(text).map_err(not_json)?)
    } else {
        answer.clone()
    };
    Ok(super::front::json(StatusCode::OK, body))
}

/// The body within `answer`, whose bytes it shares if the text has no escapes.
fn body(
    answer: &Bytes,
    body: Option<&RawValue>,
    is_base64_encoded: Option<&RawValue>,
    head: &Head,
    reading: Reading<'_>,
) -> Result<Bytes, Malformed> {
    let Some(raw) = body else { return Ok(Bytes::new()) };
    let Text(text) = serde_json::from_str(raw.get()).map_err(|_| Malformed::Body)?;
    let encoded = match is_base64_encoded.map(RawValue::get) {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Malformed::Base64Flag),
    };
    if encoded && decodes(reading, &head.headers) {
        return STANDARD.decode(text.as_bytes()).map(Bytes::from).map_err(|_| Malformed::Base64);
    }
    Ok(match text {
        Cow::Borrowed(text) => answer.slice_ref(text.as_bytes()),
        Cow::Owned(text) => Bytes::from(text),
    })
}

/// A REST API decodes for the binary media types of the API alone ("Return binary media from a Lambda proxy
/// integration in API Gateway"): by the first type of `Accept`, or by what the answer says it is.
fn decodes(reading: Reading<'_>, headers: &HeaderMap) -> bool {
    match reading.front {
        Front::HttpApi | Front::FunctionUrl => true,
        Front::RestApi => {
            let accepted = reading.accept.and_then(|accept| accept.split(',').next());
            let answered = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
            accepted
                .into_iter()
                .chain(answered)
                .any(|media_type| is_binary_type(reading.binary_media_types, media_type))
        }
    }
}

impl Front {
    /// What an answer without a content type is said to be.
    const fn default_type(self) -> HeaderValue {
        match self {
            Self::HttpApi => HeaderValue::from_static("text/plain;charset=utf-8"),
            Self::RestApi | Self::FunctionUrl => HeaderValue::from_static("application/json"),
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
