//! DynamoDB's errors (API Reference, "Common Errors", and each operation's).

use std::borrow::Cow;

use http::{Response, StatusCode};
use serde_json::{Map, Value, json};
use sonagi_data::documents::Refusal;
use sonagi_items::Item;
use sonagi_model::{Fault as _, FaultKind};

use super::{Call, request, request::Wire, respond};
use crate::{
    aws::{admit, error::AwsError, service::Protocol},
    serve::{BodyError, ResponseBody},
};

/// An error as a client sees it.
#[derive(Debug)]
pub(super) struct Fault {
    status: StatusCode,
    code: Cow<'static, str>,
    pub(super) message: Cow<'static, str>,
    /// What it has beside its message.
    more: Option<Box<(&'static str, Value)>>,
}

const DYNAMODB: &str = "com.amazonaws.dynamodb.v20120810";
const STREAMS: &str = "com.amazonaws.dynamodb.streams";
const CORAL: &str = "com.amazon.coral.service";
const VALIDATE: &str = "com.amazon.coral.validate";

impl Fault {
    fn of(space: &str, code: &str, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: format!("{space}#{code}").into(),
            message: message.into(),
            more: None,
        }
    }

    pub(super) fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        match code {
            "ValidationException" => Self::of(VALIDATE, code, message),
            "SerializationException" | "UnknownOperationException" => Self::of(CORAL, code, message),
            "TrimmedDataAccessException" | "ExpiredIteratorException" => Self::of(STREAMS, code, message),
            _ => Self::of(DYNAMODB, code, message),
        }
    }

    pub(super) fn validation(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("ValidationException", message)
    }

    pub(super) fn identity(error: &sonagi_identity::Error) -> Self {
        let AwsError { status, code, message, .. } = AwsError::identity(error, Protocol::Json);
        // DynamoDB says 400 of all of them.
        let _ = status;
        Self::of(CORAL, code, message)
    }

    /// What belongs to another account, or is in another region: nobody here may know whether it is there.
    pub(super) fn foreign(call: &Call<'_>, arn: &str) -> Self {
        let who = call.principal.arn(&call.parts.config.account);
        let message = format!(
            "User: {who} is not authorized to perform: dynamodb:{} on resource: {arn}",
            call.operation.name()
        );
        Self::of(CORAL, "AccessDeniedException", message)
    }

    /// The caller is told nothing; the operator's log has it.
    pub(super) fn internal(error: &dyn std::error::Error) -> Self {
        let message = AwsError::internal(error).message;
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            ..Self::of(DYNAMODB, "InternalServerError", message)
        }
    }

    /// The code without the name space that it is in.
    pub(super) fn name(&self) -> &str {
        self.code.rsplit_once('#').map_or(&*self.code, |(_, name)| name)
    }

    pub(super) fn respond(&self) -> Response<ResponseBody> {
        let mut body = Map::new();
        body.insert("__type".into(), self.code.as_ref().into());
        // A denial has a capital there.
        let name = if self.name() == "AccessDeniedException" { "Message" } else { "message" };
        body.insert(name.into(), self.message.as_ref().into());
        if let Some(more) = &self.more {
            body.insert(more.0.into(), more.1.clone());
        }
        respond(self.status, Value::Object(body).to_string())
    }

    /// What a table refused. `show`: whether the item is shown that a condition did not hold of.
    pub(super) fn refusal(refusal: Refusal, shows: &dyn Fn(usize) -> bool) -> Self {
        let message = refusal.to_string();
        let code = match &refusal {
            Refusal::Name
            | Refusal::Invalid(_)
            | Refusal::NoIndex { .. }
            | Refusal::Protected
            | Refusal::TooManyTags => "ValidationException",
            Refusal::NoTable
            | Refusal::NoTableNamed { .. }
            | Refusal::NoIndexNamed { .. }
            | Refusal::NoStream { .. }
            | Refusal::NoShard => "ResourceNotFoundException",
            Refusal::Exists { .. } | Refusal::Owned { .. } | Refusal::InUse { .. } => {
                "ResourceInUseException"
            }
            Refusal::TooManyTables => "LimitExceededException",
            Refusal::ConditionFailed { .. } => "ConditionalCheckFailedException",
            Refusal::Canceled { .. } => "TransactionCanceledException",
            Refusal::OtherTransaction => "IdempotentParameterMismatchException",
            Refusal::CollectionSize => "ItemCollectionSizeLimitExceededException",
            Refusal::IteratorExpired => "ExpiredIteratorException",
            Refusal::Trimmed => "TrimmedDataAccessException",
            Refusal::NoBackup { .. } => "BackupNotFoundException",
            Refusal::BackupInUse { .. } => "BackupInUseException",
            Refusal::NoRecovery { .. } => "PointInTimeRecoveryUnavailableException",
            Refusal::RecoveryTime => "InvalidRestoreTimeException",
        };
        let more = match refusal {
            Refusal::ConditionFailed { item: Some(item) } if shows(0) => Some(("Item", shown(&item))),
            Refusal::Canceled { reasons } => {
                let reason = |(at, reason): (usize, Option<Box<Refusal>>)| match reason {
                    None => json!({ "Code": "None" }),
                    Some(refusal) => reason_of(*refusal, shows(at)),
                };
                let reasons = reasons.into_iter().enumerate().map(reason).collect();
                Some(("CancellationReasons", Value::Array(reasons)))
            }
            _ => None,
        };
        Self { more: more.map(Box::new), ..Self::new(code, message) }
    }
}

fn reason_of(refusal: Refusal, shows: bool) -> Value {
    let mut reason = Map::new();
    reason.insert("Code".into(), refusal.code().into());
    reason.insert("Message".into(), refusal.to_string().into());
    if let (Refusal::ConditionFailed { item: Some(item) }, true) = (&refusal, shows) {
        reason.insert("Item".into(), shown(item));
    }
    Value::Object(reason)
}

fn shown(item: &Item) -> Value {
    // Maps of texts and values always serialise.
    serde_json::to_value(Wire(item)).unwrap_or_default()
}

impl From<request::Fault> for Fault {
    fn from(fault: request::Fault) -> Self {
        Self::new(fault.code, fault.message)
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::refusal(refusal, &|_| false)
    }
}

impl From<sonagi_data::Error> for Fault {
    fn from(error: sonagi_data::Error) -> Self {
        match error {
            sonagi_data::Error::Document(refusal) => refusal.into(),
            error => match error.kind() {
                FaultKind::Throttled | FaultKind::Unavailable => Self {
                    status: StatusCode::INTERNAL_SERVER_ERROR,
                    ..Self::of(DYNAMODB, "InternalServerError", error.to_string())
                },
                FaultKind::Invalid
                | FaultKind::Unauthenticated
                | FaultKind::Forbidden
                | FaultKind::NotFound
                | FaultKind::Exists
                | FaultKind::Conflict
                | FaultKind::TooLarge
                | FaultKind::TimedOut
                | FaultKind::Unsupported
                | FaultKind::Internal => Self::internal(&error),
            },
        }
    }
}

impl From<admit::Refusal> for Fault {
    fn from(refusal: admit::Refusal) -> Self {
        match refusal {
            admit::Refusal::Identity(error) => Self::identity(&error),
            admit::Refusal::Body(error @ BodyError::TooLarge { .. }) => Self {
                status: StatusCode::PAYLOAD_TOO_LARGE,
                ..Self::of(CORAL, "RequestEntityTooLargeException", error.to_string())
            },
            admit::Refusal::Body(error @ (BodyError::Silent | BodyError::Broken)) => Self {
                status: error.status(),
                ..Self::of(CORAL, "RequestTimeoutException", error.to_string())
            },
        }
    }
}
