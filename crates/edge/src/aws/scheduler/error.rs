//! Errors of schedules as EventBridge Scheduler's.

use http::StatusCode;
use sonagi_events::{Error, schedules::Refusal};
use sonagi_model::{Fault as _, FaultKind};

use crate::aws::error::{AwsError, Shape};

pub(super) fn validation(message: impl Into<String>) -> AwsError {
    AwsError::new(StatusCode::BAD_REQUEST, "ValidationException", message).shaped(Shape::Capital)
}

/// A name that is none was refused already, by its member.
pub(super) fn no_names() -> AwsError {
    validation("The request names nothing.")
}

impl From<Refusal> for AwsError {
    fn from(refusal: Refusal) -> Self {
        of(Error::Schedule(refusal))
    }
}

pub(super) fn of(error: Error) -> AwsError {
    let Error::Schedule(refusal) = error else { return ours(&error) };
    let (status, code) = match &refusal {
        Refusal::NoSchedule(_) | Refusal::NoGroup(_) => (StatusCode::NOT_FOUND, "ResourceNotFoundException"),
        Refusal::Exists(_) | Refusal::GroupExists(_) | Refusal::Deleting(_) => {
            (StatusCode::CONFLICT, "ConflictException")
        }
        Refusal::TooMany | Refusal::TooManyGroups => {
            (StatusCode::PAYMENT_REQUIRED, "ServiceQuotaExceededException")
        }
        Refusal::Default | Refusal::TooManyTags | Refusal::Invalid(_) => {
            (StatusCode::BAD_REQUEST, "ValidationException")
        }
    };
    AwsError::new(status, code, refusal.to_string()).shaped(Shape::Capital)
}

fn ours(error: &Error) -> AwsError {
    match error.kind() {
        FaultKind::Throttled => {
            let text = format!("Rate exceeded: {error}");
            AwsError::new(StatusCode::TOO_MANY_REQUESTS, "ThrottlingException", text).shaped(Shape::Capital)
        }
        FaultKind::Invalid
        | FaultKind::Unauthenticated
        | FaultKind::Forbidden
        | FaultKind::NotFound
        | FaultKind::Exists
        | FaultKind::Conflict
        | FaultKind::TooLarge
        | FaultKind::TimedOut
        | FaultKind::Unsupported
        | FaultKind::Unavailable
        | FaultKind::Internal => {
            let AwsError { message, .. } = AwsError::internal(error);
            AwsError::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerException", message)
                .shaped(Shape::Capital)
        }
    }
}
