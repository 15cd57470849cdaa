//! Errors of our own API.

use http::{HeaderValue, Response, StatusCode};
use sonagi_model::{Fault, FaultKind};

use crate::{
    aws::{JSON, admit::Refusal, error::Chain},
    fault,
    serve::ResponseBody,
};

#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    kind: FaultKind,
    message: String,
    retry_after: Option<u64>,
}

impl ApiError {
    pub(super) fn from_kind(kind: FaultKind, message: String) -> Self {
        Self { status: fault::status(kind), kind, message, retry_after: None }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::from_kind(FaultKind::Invalid, message.into())
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::from_kind(FaultKind::NotFound, message.into())
    }

    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::from_kind(FaultKind::Forbidden, message.into())
    }

    pub(super) fn busy() -> Self {
        let message = "too many uploads at once: send this one again in a moment".into();
        Self { retry_after: Some(1), ..Self::from_kind(FaultKind::Throttled, message) }
    }

    pub(super) fn refusal(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Identity(error) => Self::from(&error),
            Refusal::Body(error) => {
                Self { status: error.status(), ..Self::from_kind(error.kind(), error.to_string()) }
            }
        }
    }

    pub(super) fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    pub(crate) fn respond(&self) -> Response<ResponseBody> {
        let body = serde_json::json!({ "error": { "kind": name(self.kind), "message": self.message } });
        let mut response = Response::new(ResponseBody::whole(body.to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(http::header::CONTENT_TYPE, JSON);
        if let Some(seconds) = self.retry_after {
            headers.insert(http::header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The text is the caller's unless the failure is ours: then it goes to the log.
impl<E: Fault> From<&E> for ApiError {
    fn from(error: &E) -> Self {
        match error.kind() {
            FaultKind::Internal => {
                tracing::error!(error = %Chain(error), "a request failed inside");
                let message = "Sonagi ran into an error of its own; its log says more".into();
                Self::from_kind(FaultKind::Internal, message)
            }
            kind => Self::from_kind(kind, error.to_string()),
        }
    }
}

fn name(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Invalid => "invalid",
        FaultKind::Unauthenticated => "unauthenticated",
        FaultKind::Forbidden => "forbidden",
        FaultKind::NotFound => "not_found",
        FaultKind::Exists => "exists",
        FaultKind::Conflict => "conflict",
        FaultKind::TooLarge => "too_large",
        FaultKind::Throttled => "throttled",
        FaultKind::TimedOut => "timed_out",
        FaultKind::Unsupported => "unsupported",
        FaultKind::Unavailable => "unavailable",
        FaultKind::Internal => "internal",
    }
}
