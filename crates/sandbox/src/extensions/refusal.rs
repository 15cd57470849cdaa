//! Why a request of an extension's is refused: always with the status 403.

use super::{ExtensionId, Standing};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("Empty extension name")]
    NoName,
    #[error("{0}")]
    Malformed(String),
    #[error("{0}: ErrorInvalidEventType")]
    UnknownEvent(String),
    #[error("SHUTDOWN: ShutdownEventNotSupportedForInternalExtension")]
    ShutdownOfInternal,
    #[error("Extension registration closed already")]
    Closed,
    #[error("Extension with this name already registered")]
    NameTaken,
    #[error("Extension limit ({limit}) reached")]
    TooMany { limit: usize },
    #[error("Missing Lambda-Extension-Identifier header")]
    NoIdentifier,
    #[error("Invalid Lambda-Extension-Identifier")]
    InvalidIdentifier,
    #[error("Unknown extension {0}")]
    Unknown(ExtensionId),
    #[error("Lambda-Extension-Function-Error-Type not found")]
    NoErrorType,
    #[error("State transition from {} to {to} failed for extension {who}. Error: State transition is not allowed", .from.name())]
    State { from: Standing, to: &'static str, who: String },
    #[error("Telemetry API subscription is closed")]
    TelemetryClosed,
    #[error("Logs API subscription is closed")]
    LogsClosed,
}

impl Refusal {
    pub(crate) const fn error_type(&self) -> &'static str {
        match self {
            Self::NoName => "Extension.InvalidExtensionName",
            Self::Malformed(_) => "InvalidRequestFormat",
            Self::UnknownEvent(_) | Self::ShutdownOfInternal => "Extension.InvalidEventType",
            Self::Closed => "Extension.RegistrationClosed",
            Self::NameTaken | Self::State { .. } => "Extension.InvalidExtensionState",
            Self::TooMany { .. } => "Extension.TooManyExtensions",
            Self::NoIdentifier => "Extension.MissingExtensionIdentifier",
            Self::InvalidIdentifier => "Extension.InvalidExtensionIdentifier",
            Self::Unknown(_) => "Extension.UnknownExtensionIdentifier",
            Self::NoErrorType => "Extension.MissingHeader",
            Self::TelemetryClosed => "Telemetry.SubscriptionClosed",
            Self::LogsClosed => "Logs.SubscriptionClosed",
        }
    }
}
