//! Errors of `control` and `invoke` as Lambda's.

use http::StatusCode;
use sonagi_control::Error as Control;
use sonagi_invoke::Error as Invoke;
use sonagi_model::Fault;

use crate::aws::error::{AwsError, Shape};

pub(super) fn invalid_parameter(message: impl Into<String>) -> AwsError {
    AwsError::new(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message).shaped(Shape::Typed)
}

pub(super) fn invalid_content(message: impl Into<String>) -> AwsError {
    AwsError::new(StatusCode::BAD_REQUEST, "InvalidRequestContentException", message).shaped(Shape::Typed)
}

pub(super) fn validation(message: impl Into<String>) -> AwsError {
    AwsError::new(StatusCode::BAD_REQUEST, "ValidationException", message)
}

pub(super) fn not_found(message: impl Into<String>) -> AwsError {
    AwsError::new(StatusCode::NOT_FOUND, "ResourceNotFoundException", message).shaped(Shape::TypedCapital)
}

impl From<Control> for AwsError {
    fn from(error: Control) -> Self {
        let (status, code, shape) = match &error {
            Control::NoFunction { .. }
            | Control::NoQualifier { .. }
            | Control::NotFound(_)
            | Control::NoApp(_)
            | Control::NoRelease { .. } => {
                (StatusCode::NOT_FOUND, "ResourceNotFoundException", Shape::TypedCapital)
            }
            Control::Exists(_) | Control::Conflict(_) | Control::NothingBefore { .. } => {
                (StatusCode::CONFLICT, "ResourceConflictException", Shape::Typed)
            }
            Control::Precondition(_) => {
                (StatusCode::PRECONDITION_FAILED, "PreconditionFailedException", Shape::Typed)
            }
            Control::Constraint(_) => (StatusCode::BAD_REQUEST, "ValidationException", Shape::Plain),
            Control::Invalid(_) | Control::BadPackage(_) | Control::NoPackage { .. } => {
                (StatusCode::BAD_REQUEST, "InvalidParameterValueException", Shape::Typed)
            }
            Control::TooLarge(_) => (StatusCode::BAD_REQUEST, "InvalidParameterValueException", Shape::Typed),
            Control::PolicyTooLong(_) => {
                (StatusCode::BAD_REQUEST, "PolicyLengthExceededException", Shape::Typed)
            }
            Control::RequestTooLarge(_) => {
                (StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException", Shape::Capital)
            }
            Control::Unsupported(_) => {
                (StatusCode::BAD_REQUEST, "InvalidParameterValueException", Shape::Typed)
            }
            Control::Closed
            | Control::NotShown
            | Control::Busy(_)
            | Control::Damaged { .. }
            | Control::Io { .. }
            | Control::Backend(_) => {
                return ours(&error);
            }
        };
        Self::new(status, code, error.to_string()).shaped(shape)
    }
}

impl From<Invoke> for AwsError {
    fn from(error: Invoke) -> Self {
        match &error {
            Invoke::Throttled { reason, retry_after } => Self {
                throttle: Some((reason.as_str(), retry_after.as_secs().max(1))),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException", error.to_string())
                    .shaped(Shape::Typed)
            },
            Invoke::PayloadTooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", error.to_string())
                    .shaped(Shape::Typed)
            }
            // Lambda's 502 for a function that this platform cannot run; the text says what to do.
            Invoke::Unsupported(_) => {
                Self::new(StatusCode::BAD_GATEWAY, "InvalidRuntimeException", error.to_string())
                    .shaped(Shape::TypedCapital)
            }
            Invoke::Draining
            | Invoke::NotYet(_)
            | Invoke::Machine { .. }
            | Invoke::Packages(_)
            | Invoke::Lost => ours(&error),
        }
    }
}

impl From<sonagi_events::Error> for AwsError {
    fn from(error: sonagi_events::Error) -> Self {
        match error {
            sonagi_events::Error::Control(error) => error.into(),
            sonagi_events::Error::Invoke(error) => error.into(),
            error => ours(&error),
        }
    }
}

/// A failure that is not the caller's. What will pass by itself is a 503; the rest says nothing but that it happened.
pub(super) fn ours<E: Fault + 'static>(error: &E) -> AwsError {
    if !error.kind().passes() {
        return AwsError::internal(error);
    }
    AwsError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "ServiceUnavailableException",
        format!("Sonagi cannot do this right now: {error}"),
    )
    .shaped(Shape::TypedCapital)
}
