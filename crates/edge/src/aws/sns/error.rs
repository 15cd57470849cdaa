//! SNS's errors.

use std::borrow::Cow;

use http::StatusCode;
use sonagi_events::topics::Refusal;
use sonagi_model::{Fault as _, RequestId};

use super::xml::NAMESPACE;
use crate::{
    aws::{
        admit,
        error::{AwsError, xml as escape},
        service::Protocol,
    },
    serve::BodyError,
};

/// One of SNS's errors (API Reference, "Common Error Types", and each operation's errors).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code {
    status: StatusCode,
    pub(super) name: &'static str,
}

impl Code {
    const fn new(status: StatusCode, name: &'static str) -> Self {
        Self { status, name }
    }

    pub(super) const INVALID_PARAMETER: Self = Self::new(StatusCode::BAD_REQUEST, "InvalidParameter");
    pub(super) const INVALID_VALUE: Self = Self::new(StatusCode::BAD_REQUEST, "ParameterValueInvalid");
    pub(super) const VALIDATION: Self = Self::new(StatusCode::BAD_REQUEST, "ValidationError");
    pub(super) const NOT_FOUND: Self = Self::new(StatusCode::NOT_FOUND, "NotFound");
    pub(super) const RESOURCE_NOT_FOUND: Self = Self::new(StatusCode::NOT_FOUND, "ResourceNotFound");
    pub(super) const AUTHORIZATION: Self = Self::new(StatusCode::FORBIDDEN, "AuthorizationError");
    pub(super) const TOPIC_LIMIT: Self = Self::new(StatusCode::FORBIDDEN, "TopicLimitExceeded");
    pub(super) const SUBSCRIPTION_LIMIT: Self = Self::new(StatusCode::FORBIDDEN, "SubscriptionLimitExceeded");
    pub(super) const TAG_LIMIT: Self = Self::new(StatusCode::BAD_REQUEST, "TagLimitExceeded");
    pub(super) const EMPTY_BATCH: Self = Self::new(StatusCode::BAD_REQUEST, "EmptyBatchRequest");
    pub(super) const TOO_MANY_ENTRIES: Self =
        Self::new(StatusCode::BAD_REQUEST, "TooManyEntriesInBatchRequest");
    pub(super) const BATCH_IDS: Self = Self::new(StatusCode::BAD_REQUEST, "BatchEntryIdsNotDistinct");
    pub(super) const INVALID_BATCH_ID: Self = Self::new(StatusCode::BAD_REQUEST, "InvalidBatchEntryId");
    pub(super) const BATCH_TOO_LONG: Self = Self::new(StatusCode::BAD_REQUEST, "BatchRequestTooLong");
    pub(super) const MISSING_ACTION: Self = Self::new(StatusCode::BAD_REQUEST, "MissingAction");
    pub(super) const INVALID_ACTION: Self = Self::new(StatusCode::BAD_REQUEST, "InvalidAction");
    const INTERNAL: Self = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError");
    const UNAVAILABLE: Self = Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable");
    const TOO_LARGE: Self = Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge");
    const TIMED_OUT: Self = Self::new(StatusCode::BAD_REQUEST, "RequestTimeout");

    pub(super) fn status(self) -> StatusCode {
        self.status
    }

    fn is_senders(self) -> bool {
        !self.status.is_server_error()
    }
}

/// An error as a client sees it.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) code: Code,
    pub(super) message: Cow<'static, str>,
}

impl Fault {
    pub(super) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }

    pub(super) fn parameter(text: impl std::fmt::Display) -> Self {
        Self::new(Code::INVALID_PARAMETER, format!("Invalid parameter: {text}"))
    }

    /// A member that must be there and is not.
    pub(super) fn null(member: &str) -> Self {
        let mut letters = member.chars();
        let first = letters.next().map(|first| first.to_ascii_lowercase());
        let member: String = first.into_iter().chain(letters).collect();
        Self::new(
            Code::VALIDATION,
            format!(
                "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be \
                 null"
            ),
        )
    }

    pub(super) fn identity(error: &sonagi_identity::Error) -> Self {
        let known = AwsError::identity(error, Protocol::Query);
        let code = match error {
            sonagi_identity::Error::Denied { .. } => Code::AUTHORIZATION,
            sonagi_identity::Error::Missing
            | sonagi_identity::Error::Incomplete(_)
            | sonagi_identity::Error::UnknownKey
            | sonagi_identity::Error::ExpiredToken
            | sonagi_identity::Error::Time { .. }
            | sonagi_identity::Error::Mismatch { .. }
            | sonagi_identity::Error::Scope(_)
            | sonagi_identity::Error::PayloadDigest => Code::new(known.status, known.code),
        };
        Self::new(code, known.message)
    }

    /// The caller is told nothing; the operator's log has it.
    pub(super) fn internal(error: &dyn std::error::Error) -> Self {
        Self::new(Code::INTERNAL, AwsError::internal(error).message)
    }

    /// Whether it is the client's doing, as a batch's answer says it of each entry.
    pub(super) fn is_senders(&self) -> bool {
        self.code.is_senders()
    }

    /// The same of an attribute among others.
    pub(super) fn of_attributes(self) -> Self {
        match self.message.strip_prefix("Invalid parameter: ") {
            // SNS says this one in the same words always.
            Some(text) if text.starts_with("Filter policy scope ") => self,
            Some(text) => Self::parameter(format!("Attributes Reason: {text}")),
            None => self,
        }
    }

    pub(super) fn write(&self, request: RequestId) -> String {
        let Self { code, message } = self;
        let side = if code.is_senders() { "Sender" } else { "Receiver" };
        format!(
            "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{side}</Type><Code>{}</Code><Message>{}</Message></Error>\
             <RequestId>{request}</RequestId></ErrorResponse>",
            code.name,
            escape(message)
        )
    }
}

impl From<admit::Refusal> for Fault {
    fn from(refusal: admit::Refusal) -> Self {
        match refusal {
            admit::Refusal::Identity(error) => Self::identity(&error),
            admit::Refusal::Body(error @ BodyError::TooLarge { .. }) => {
                Self::new(Code::TOO_LARGE, error.to_string())
            }
            admit::Refusal::Body(error @ (BodyError::Silent | BodyError::Broken)) => {
                Self::new(Code::new(error.status(), Code::TIMED_OUT.name), error.to_string())
            }
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let code = match &refusal {
            Refusal::NoTopic | Refusal::NoSubscription => Code::NOT_FOUND,
            Refusal::Parameter(_) | Refusal::Value(_) => Code::INVALID_PARAMETER,
            Refusal::TooManyTopics => Code::TOPIC_LIMIT,
            Refusal::TooManySubscriptions { .. } => Code::SUBSCRIPTION_LIMIT,
            Refusal::TooManyTags => Code::TAG_LIMIT,
            Refusal::Unsigned => Code::AUTHORIZATION,
        };
        Self::new(code, refusal.to_string())
    }
}

impl From<sonagi_events::Error> for Fault {
    fn from(error: sonagi_events::Error) -> Self {
        if let sonagi_events::Error::Topic(refusal) = error {
            return refusal.into();
        }
        match error.kind().passes() {
            true => Self::new(Code::UNAVAILABLE, format!("Sonagi cannot do this right now: {error}")),
            false => Self::internal(&error),
        }
    }
}
