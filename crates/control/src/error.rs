use std::io;

use sonagi_model::{AppName, Fault, FaultKind, ReleaseNumber};

/// Why a change or a look-up was refused. Texts are Lambda's own where Lambda has the same refusal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such function, version or alias: `ResourceNotFoundException`.
    #[error("Function not found: {arn}")]
    NoFunction { arn: String },
    /// The function exists, the version or alias does not: `ResourceNotFoundException`.
    #[error("Function not found: {arn}:{qualifier}")]
    NoQualifier { arn: String, qualifier: String },
    /// Something that belongs to a function does not exist: `ResourceNotFoundException`.
    #[error("{0}")]
    NotFound(String),
    #[error("there is no app {0:?}: deploy it first, or see `sonagi functions` for what is there")]
    NoApp(String),
    #[error("app {app:?} has no {number}; `sonagi releases` lists those it has")]
    NoRelease { app: AppName, number: ReleaseNumber },
    #[error("app {app:?} has no release from before the live one to go back to")]
    NothingBefore { app: AppName },
    /// The thing to create is there already: `ResourceConflictException`.
    #[error("{0}")]
    Exists(String),
    /// The state of the thing forbids it: `ResourceConflictException`.
    #[error("{0}")]
    Conflict(String),
    /// A revision id or code digest that no longer holds: `PreconditionFailedException`.
    #[error("{0}")]
    Precondition(String),
    /// A value outside what the API's model allows: `ValidationException`.
    #[error("{0}")]
    Constraint(String),
    /// A value that makes no sense: `InvalidParameterValueException`.
    #[error("{0}")]
    Invalid(String),
    /// A package that is not a sound zip: `InvalidParameterValueException`.
    #[error("{0}")]
    BadPackage(String),
    /// Code, unpacked or in total, over its limit: `CodeStorageExceededException` or `InvalidParameterValueException`.
    #[error("{0}")]
    TooLarge(String),
    /// A resource policy over its limit: `PolicyLengthExceededException`.
    #[error("{0}")]
    PolicyTooLong(String),
    /// A request whose body is over its limit: `RequestEntityTooLargeException`.
    #[error("{0}")]
    RequestTooLarge(String),
    /// Lambda does this; Sonagi does not (yet).
    #[error("{0}")]
    Unsupported(String),
    /// Too much at once: the same will pass later.
    #[error("{0}")]
    Busy(String),
    #[error("the package {digest} is not stored here: upload it before deploying a release that uses it")]
    NoPackage { digest: sonagi_model::Digest },
    /// The change is durable; who looks at what is live may not see it for a while.
    #[error("the change is made, but what is live could not be brought up to date in time")]
    NotShown,
    #[error("the catalog is closed: the platform is stopping")]
    Closed,
    #[error("what is stored is damaged: {what}")]
    Damaged { what: String },
    #[error("{doing}")]
    Io {
        doing: &'static str,
        #[source]
        cause: io::Error,
    },
    #[error(transparent)]
    Backend(#[from] sonagi_backend::Error),
}

impl Fault for Error {
    fn kind(&self) -> FaultKind {
        match self {
            Self::NoFunction { .. }
            | Self::NoQualifier { .. }
            | Self::NotFound(_)
            | Self::NoApp(_)
            | Self::NoRelease { .. } => FaultKind::NotFound,
            Self::Exists(_) => FaultKind::Exists,
            Self::NothingBefore { .. } | Self::Conflict(_) | Self::Precondition(_) => FaultKind::Conflict,
            Self::Constraint(_) | Self::Invalid(_) | Self::BadPackage(_) | Self::NoPackage { .. } => {
                FaultKind::Invalid
            }
            Self::TooLarge(_) | Self::PolicyTooLong(_) | Self::RequestTooLarge(_) => FaultKind::TooLarge,
            Self::Unsupported(_) => FaultKind::Unsupported,
            Self::Closed | Self::NotShown | Self::Busy(_) => FaultKind::Unavailable,
            Self::Damaged { .. } | Self::Io { .. } => FaultKind::Internal,
            Self::Backend(cause) => cause.kind(),
        }
    }
}
