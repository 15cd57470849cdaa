//! EventBridge's errors.

use std::borrow::Cow;

use http::{Response, StatusCode};
use sonagi_events::bus::Refusal;
use sonagi_model::{Fault as _, FaultKind};

use super::respond;
use crate::{
    aws::{admit, error::AwsError, service::Protocol},
    serve::{BodyError, ResponseBody},
};

/// An error as a client sees it.
#[derive(Debug)]
pub(super) struct Fault {
    status: StatusCode,
    code: &'static str,
    message: Cow<'static, str>,
}

impl Fault {
    /// The sender's doing.
    pub(super) fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: message.into() }
    }

    pub(super) fn validation(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("ValidationException", message)
    }

    pub(super) fn parameter(name: &str, reason: &str) -> Self {
        Self::validation(format!("Parameter {name} is not valid. Reason: {reason}"))
    }

    pub(super) fn serialization(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("SerializationException", message)
    }

    /// A bus that cannot be here: its ARN is of another place.
    pub(super) fn no_bus(name: &str) -> Self {
        Self::new("ResourceNotFoundException", format!("Event bus {name} does not exist."))
    }

    /// A part of EventBridge that is not here.
    pub(super) fn absent(about: &str, asked: &str) -> Self {
        let message = format!("Sonagi has no {about}: {asked} is not there.");
        Self { status: StatusCode::NOT_IMPLEMENTED, code: "NotImplemented", message: message.into() }
    }

    pub(super) fn identity(error: &sonagi_identity::Error) -> Self {
        let AwsError { status, code, message, .. } = AwsError::identity(error, Protocol::Json);
        Self { status, code, message: message.into() }
    }

    /// The caller is told nothing; the operator's log has it.
    pub(super) fn internal(error: &dyn std::error::Error) -> Self {
        let message = AwsError::internal(error).message.into();
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, code: "InternalException", message }
    }

    pub(super) fn respond(&self) -> Response<ResponseBody> {
        let Self { status, code, message } = self;
        respond(*status, serde_json::json!({ "__type": code, "message": message }).to_string())
    }
}

impl From<admit::Refusal> for Fault {
    fn from(refusal: admit::Refusal) -> Self {
        match refusal {
            admit::Refusal::Identity(error) => Self::identity(&error),
            admit::Refusal::Body(error @ BodyError::TooLarge { .. }) => Self {
                status: StatusCode::PAYLOAD_TOO_LARGE,
                code: "RequestEntityTooLargeException",
                message: error.to_string().into(),
            },
            admit::Refusal::Body(error @ (BodyError::Silent | BodyError::Broken)) => Self {
                status: error.status(),
                code: "RequestTimeoutException",
                message: error.to_string().into(),
            },
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let code = match &refusal {
            Refusal::NoBus(_)
            | Refusal::NoRule { .. }
            | Refusal::NoArchive(_)
            | Refusal::NoReplay(_)
            | Refusal::NoStatement => "ResourceNotFoundException",
            Refusal::BusExists(_) | Refusal::ArchiveExists(_) | Refusal::ReplayExists(_) => {
                "ResourceAlreadyExistsException"
            }
            Refusal::TooMany => "LimitExceededException",
            Refusal::PolicyTooLong { .. } => "PolicyLengthExceededException",
            Refusal::ReplayOver(_) => "IllegalStatusException",
            Refusal::Pattern(_) => "InvalidEventPatternException",
            Refusal::DefaultBus
            | Refusal::HasRules
            | Refusal::HasTargets
            | Refusal::Schedule(_)
            | Refusal::Parameter(_) => "ValidationException",
        };
        Self::new(code, refusal.to_string())
    }
}

impl From<sonagi_events::Error> for Fault {
    fn from(error: sonagi_events::Error) -> Self {
        if let sonagi_events::Error::Bus(refusal) = error {
            return refusal.into();
        }
        match error.kind() {
            FaultKind::Unavailable | FaultKind::Throttled | FaultKind::TimedOut => Self {
                status: StatusCode::SERVICE_UNAVAILABLE,
                code: "ServiceUnavailable",
                message: format!("Sonagi cannot do this right now: {error}").into(),
            },
            FaultKind::TooLarge => Self::new("LimitExceededException", error.to_string()),
            FaultKind::Invalid
            | FaultKind::Unauthenticated
            | FaultKind::Forbidden
            | FaultKind::NotFound
            | FaultKind::Exists
            | FaultKind::Conflict
            | FaultKind::Unsupported
            | FaultKind::Internal => Self::internal(&error),
        }
    }
}
