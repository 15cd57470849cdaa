//! SQS's errors, by the names of both protocols.

use std::borrow::Cow;

use http::{HeaderValue, Response, StatusCode};
use sonagi_data::queues::{BadAttribute, Refusal};
use sonagi_model::{Fault as _, RequestId};

use super::{JSON, Wire, respond, xml};
use crate::{
    aws::{
        admit,
        error::{AwsError, XML},
        service::Protocol,
    },
    serve::{BodyError, ResponseBody},
};

/// One of SQS's errors. JSON has the name of its shape; XML, and `x-amzn-query-error` for clients that match on that,
/// the name from before (API Reference, "Common Error Types", and each operation's errors).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code {
    status: StatusCode,
    namespace: &'static str,
    pub(super) json: &'static str,
    pub(super) query: &'static str,
}

const SQS: &str = "com.amazonaws.sqs";
const CORAL: &str = "com.amazon.coral.service";

impl Code {
    const fn sqs(json: &'static str, query: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, namespace: SQS, json, query }
    }

    const fn coral(json: &'static str, query: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, namespace: CORAL, json, query }
    }

    const fn with(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    pub(super) const BATCH_IDS: Self =
        Self::sqs("BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct");
    pub(super) const BATCH_TOO_LONG: Self =
        Self::sqs("BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong");
    pub(super) const EMPTY_BATCH: Self =
        Self::sqs("EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest");
    pub(super) const TOO_MANY_ENTRIES: Self =
        Self::sqs("TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest");
    pub(super) const INVALID_BATCH_ID: Self =
        Self::sqs("InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId");
    pub(super) const INVALID_ATTRIBUTE_NAME: Self = Self::sqs("InvalidAttributeName", "InvalidAttributeName");
    pub(super) const INVALID_ATTRIBUTE_VALUE: Self =
        Self::sqs("InvalidAttributeValue", "InvalidAttributeValue");
    pub(super) const INVALID_CONTENTS: Self = Self::sqs("InvalidMessageContents", "InvalidMessageContents");
    pub(super) const INVALID_HANDLE: Self = Self::sqs("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid");
    pub(super) const INVALID_ADDRESS: Self =
        Self::sqs("InvalidAddress", "InvalidAddress").with(StatusCode::NOT_FOUND);
    pub(super) const NO_QUEUE: Self =
        Self::sqs("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue");
    pub(super) const QUEUE_EXISTS: Self = Self::sqs("QueueNameExists", "QueueAlreadyExists");
    pub(super) const PURGING: Self =
        Self::sqs("PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress")
            .with(StatusCode::FORBIDDEN);
    pub(super) const OVER_LIMIT: Self = Self::sqs("OverLimit", "OverLimit").with(StatusCode::FORBIDDEN);
    pub(super) const NO_RESOURCE: Self =
        Self::sqs("ResourceNotFoundException", "ResourceNotFoundException").with(StatusCode::NOT_FOUND);
    pub(super) const UNSUPPORTED: Self =
        Self::sqs("UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation");
    pub(super) const INVALID_PARAMETER: Self =
        Self::coral("InvalidParameterValueException", "InvalidParameterValue");
    pub(super) const MISSING_PARAMETER: Self =
        Self::coral("MissingRequiredParameterException", "MissingParameter");
    pub(super) const SERIALIZATION: Self = Self::coral("SerializationException", "MalformedInput");
    pub(super) const UNKNOWN_OPERATION: Self = Self::coral("UnknownOperationException", "InvalidAction");
    pub(super) const MISSING_ACTION: Self = Self::coral("MissingActionException", "MissingAction");
    pub(super) const INVALID_ACTION: Self = Self::coral("InvalidActionException", "InvalidAction");
    const INTERNAL: Self =
        Self::coral("InternalFailure", "InternalFailure").with(StatusCode::INTERNAL_SERVER_ERROR);
    const UNAVAILABLE: Self = Self::coral("ServiceUnavailableException", "ServiceUnavailable")
        .with(StatusCode::SERVICE_UNAVAILABLE);
    const TOO_LARGE: Self = Self::coral("RequestEntityTooLargeException", "RequestEntityTooLarge")
        .with(StatusCode::PAYLOAD_TOO_LARGE);
    const TIMED_OUT: Self = Self::coral("RequestTimeoutException", "RequestTimeout");

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

    pub(super) fn parameter(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::INVALID_PARAMETER, message)
    }

    pub(super) fn missing(name: &str) -> Self {
        Self::new(Code::MISSING_PARAMETER, format!("The request must contain the parameter {name}."))
    }

    pub(super) fn identity(error: &sonagi_identity::Error) -> Self {
        let [json, query] =
            [Protocol::Json, Protocol::Query].map(|protocol| AwsError::identity(error, protocol));
        let code = Code { status: json.status, namespace: CORAL, json: json.code, query: query.code };
        Self::new(code, json.message)
    }

    /// The caller is told nothing; the operator's log has it.
    pub(super) fn internal(error: &dyn std::error::Error) -> Self {
        Self::new(Code::INTERNAL, AwsError::internal(error).message)
    }

    /// Whether it is the client's doing, as a batch's answer says it of each entry.
    pub(super) fn is_senders(&self) -> bool {
        self.code.is_senders()
    }

    pub(super) fn respond(&self, wire: Wire, request: RequestId) -> Response<ResponseBody> {
        let Self { code, message } = self;
        let side = if code.is_senders() { "Sender" } else { "Receiver" };
        match wire {
            Wire::Json => {
                let kind = format!("{}#{}", code.namespace, code.json);
                let body = serde_json::json!({ "__type": kind, "message": message }).to_string();
                let mut response = respond(code.status, JSON, body);
                if let Ok(value) = HeaderValue::try_from(format!("{};{side}", code.query)) {
                    response.headers_mut().insert("x-amzn-query-error", value);
                }
                response
            }
            Wire::Query => {
                let message = if *code == Code::NO_QUEUE {
                    "The specified queue does not exist for this wsdl version."
                } else {
                    message
                };
                respond(code.status, XML, xml::write_error(side, code.query, message, request))
            }
        }
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
                Self::new(Code::TIMED_OUT.with(error.status()), error.to_string())
            }
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let code = match &refusal {
            Refusal::NoQueue => Code::NO_QUEUE,
            Refusal::Exists { .. } | Refusal::Owned { .. } => Code::QUEUE_EXISTS,
            Refusal::Attribute { .. } => Code::INVALID_ATTRIBUTE_VALUE,
            Refusal::BatchTooLong { .. } => Code::BATCH_TOO_LONG,
            Refusal::Missing { .. } => Code::MISSING_PARAMETER,
            Refusal::Characters => Code::INVALID_CONTENTS,
            Refusal::Handle(_) => Code::INVALID_HANDLE,
            Refusal::TooManyInFlight | Refusal::TooManyQueues => Code::OVER_LIMIT,
            Refusal::Purging { .. } => Code::PURGING,
            Refusal::NoTask => Code::NO_RESOURCE,
            Refusal::TaskOver => Code::UNSUPPORTED,
            Refusal::Name
            | Refusal::NoDeadLetters
            | Refusal::OtherDeadLetters
            | Refusal::DeadLettersForbidden { .. }
            | Refusal::TooLong { .. }
            | Refusal::Parameter(_)
            | Refusal::NoDeduplicationId
            | Refusal::HandleExpired(_)
            | Refusal::NotInFlight(_)
            | Refusal::VisibilityTooLong { .. }
            | Refusal::TooManyTags
            | Refusal::NotDeadLetters
            | Refusal::Moving => Code::INVALID_PARAMETER,
        };
        Self::new(code, refusal.to_string())
    }
}

impl From<BadAttribute> for Fault {
    fn from(bad: BadAttribute) -> Self {
        let code = match bad {
            BadAttribute::Name(_) => Code::INVALID_ATTRIBUTE_NAME,
            BadAttribute::Value(_) => Code::INVALID_ATTRIBUTE_VALUE,
            BadAttribute::Parameter(_) => Code::INVALID_PARAMETER,
        };
        Self::new(code, bad.to_string())
    }
}

impl From<sonagi_data::Error> for Fault {
    fn from(error: sonagi_data::Error) -> Self {
        if let sonagi_data::Error::Queue(refusal) = error {
            return refusal.into();
        }
        match error.kind().passes() {
            true => Self::new(Code::UNAVAILABLE, format!("Sonagi cannot do this right now: {error}")),
            false => Self::internal(&error),
        }
    }
}
