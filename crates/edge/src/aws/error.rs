//! Errors on the wire: AWS's codes, texts and shapes.

use std::fmt::Write as _;

use http::{HeaderValue, Response, StatusCode};
use sonagi_model::RequestId;

use super::{JSON, admit::Refusal, service::Protocol};
use crate::serve::{BodyError, ResponseBody};

/// An error as an AWS client sees it.
#[derive(Debug)]
pub(crate) struct AwsError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) shape: Shape,
    /// `Reason` in the body, and seconds for `Retry-After`.
    pub(crate) throttle: Option<(&'static str, u64)>,
}

/// Which members a REST-JSON error has: Lambda's own differ from those of what stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `{"message": …}`
    Plain,
    /// `{"Message": …}`
    Capital,
    /// `{"Type": "User", "message": …}`
    Typed,
    /// `{"Type": "User", "Message": …}`
    TypedCapital,
}

impl AwsError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), shape: Shape::Plain, throttle: None }
    }

    pub(crate) fn shaped(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    /// The caller is told nothing; the operator's log has it.
    pub(crate) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(error = %Chain(error), "a request failed inside");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "ServiceException",
            "Sonagi ran into an error of its own; its log says more.",
        )
        .shaped(Shape::TypedCapital)
    }

    /// Why a request was not let in, in the words of the service's protocol.
    pub(crate) fn refusal(refusal: Refusal, protocol: Protocol) -> Self {
        match refusal {
            Refusal::Identity(error) => Self::identity(&error, protocol),
            Refusal::Body(error @ BodyError::TooLarge { .. }) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException", error.to_string())
            }
            Refusal::Body(error @ (BodyError::Silent | BodyError::Broken)) => {
                Self::new(error.status(), "RequestTimeoutException", error.to_string())
            }
        }
    }

    pub(crate) fn identity(error: &sonagi_identity::Error, protocol: Protocol) -> Self {
        use sonagi_identity::Error as E;
        // Of the names, the first is for JSON, the second for the query protocol, the third for S3 (each service's
        // "Common Errors" page, and S3's "Error responses").
        let (status, json, query, s3) = match error {
            E::Missing => {
                (403, "MissingAuthenticationTokenException", "MissingAuthenticationToken", "AccessDenied")
            }
            E::Incomplete(_) => {
                (400, "IncompleteSignatureException", "IncompleteSignature", "AuthorizationHeaderMalformed")
            }
            E::UnknownKey => {
                (403, "UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId")
            }
            E::ExpiredToken => (403, "ExpiredTokenException", "ExpiredToken", "ExpiredToken"),
            E::Time { .. } => {
                (403, "InvalidSignatureException", "SignatureDoesNotMatch", "RequestTimeTooSkewed")
            }
            E::Mismatch { .. } | E::Scope(_) => {
                (403, "InvalidSignatureException", "SignatureDoesNotMatch", "SignatureDoesNotMatch")
            }
            E::PayloadDigest => {
                (400, "InvalidSignatureException", "SignatureDoesNotMatch", "XAmzContentSHA256Mismatch")
            }
            E::Denied { .. } => (403, "AccessDeniedException", "AccessDenied", "AccessDenied"),
        };
        let code = match protocol {
            Protocol::RestJson | Protocol::Json => json,
            Protocol::Query => query,
            Protocol::RestXml => s3,
        };
        let shape = match error {
            E::Denied { .. } => Shape::Capital,
            E::Missing
            | E::Incomplete(_)
            | E::UnknownKey
            | E::ExpiredToken
            | E::Time { .. }
            | E::Mismatch { .. }
            | E::Scope(_)
            | E::PayloadDigest => Shape::Plain,
        };
        let status = if status == 400 { StatusCode::BAD_REQUEST } else { StatusCode::FORBIDDEN };
        Self::new(status, code, error.to_string()).shaped(shape)
    }

    pub(crate) fn respond(&self, protocol: Protocol, request: RequestId) -> Response<ResponseBody> {
        let (content_type, body) = match protocol {
            Protocol::RestJson => (JSON, self.rest_json()),
            Protocol::Json => (
                HeaderValue::from_static("application/x-amz-json-1.0"),
                serde_json::json!({ "__type": self.code, "message": self.message }).to_string(),
            ),
            Protocol::Query => (
                XML,
                format!(
                    "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    \
                     <Type>{}</Type>\n    <Code>{}</Code>\n    <Message>{}</Message>\n  </Error>\n  \
                     <RequestId>{request}</RequestId>\n</ErrorResponse>\n",
                    if self.status.is_server_error() { "Receiver" } else { "Sender" },
                    self.code,
                    xml(&self.message)
                ),
            ),
            Protocol::RestXml => (
                XML,
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>\
                     <RequestId>{request}</RequestId></Error>",
                    self.code,
                    xml(&self.message)
                ),
            ),
        };
        let mut response = Response::new(ResponseBody::whole(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(http::header::CONTENT_TYPE, content_type);
        if protocol == Protocol::RestJson {
            headers.insert("x-amzn-errortype", HeaderValue::from_static(self.code));
        }
        if let Some((_, seconds)) = self.throttle {
            headers.insert(http::header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    fn rest_json(&self) -> String {
        let side = if self.status.is_server_error() { "Service" } else { "User" };
        let mut body = serde_json::Map::new();
        if let Some((reason, _)) = self.throttle {
            body.insert("Reason".into(), reason.into());
        }
        let (typed, name) = match self.shape {
            Shape::Plain => (false, "message"),
            Shape::Capital => (false, "Message"),
            Shape::Typed => (true, "message"),
            Shape::TypedCapital => (true, "Message"),
        };
        if typed {
            body.insert("Type".into(), side.into());
        }
        body.insert(name.into(), self.message.as_str().into());
        serde_json::Value::Object(body).to_string()
    }
}

pub(crate) const XML: HeaderValue = HeaderValue::from_static("text/xml");

/// An error and its causes, for the operator.
pub(crate) struct Chain<'a>(pub(crate) &'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// Text that is safe in XML; what XML 1.0 cannot hold at all becomes a replacement character.
pub(crate) fn xml(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, c| {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' | '\t' | '\r' => {
                write!(safe, "&#{};", c as u32).ok();
            }
            c if (c as u32) < 0x20 || matches!(c, '\u{fffe}' | '\u{ffff}') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
        safe
    })
}
