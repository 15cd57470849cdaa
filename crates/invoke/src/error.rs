use std::{io, sync::Arc, time::Duration};

use sonagi_model::{Fault, FaultKind};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an invocation did not run. A function that failed is not an error here: that is its answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The text is Lambda's; `reason` says which limit it was.
    #[error("Rate Exceeded.")]
    Throttled { reason: ThrottleReason, retry_after: Duration },
    /// The text is Lambda's.
    #[error("Request must be smaller than {limit} bytes for the InvokeFunction operation")]
    PayloadTooLarge { size: usize, limit: usize },
    #[error("the platform is stopping and takes no new invocations; send the request again in a moment")]
    Draining,
    /// This machine cannot run the function; the text says what to do.
    #[error("{0}")]
    Unsupported(String),
    /// It can be run soon: the request may be sent again in a moment.
    #[error("{0}")]
    NotYet(String),
    #[error("{doing}")]
    Machine {
        doing: &'static str,
        #[source]
        cause: Arc<io::Error>,
    },
    #[error("get the function's code")]
    Packages(#[source] Arc<sonagi_control::Error>),
    /// The environment ended without an answer.
    #[error("the environment was lost before it answered")]
    Lost,
}

/// Lambda's `Reason` in a `TooManyRequestsException`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ThrottleReason {
    /// All of the function's reserved concurrency is in use, or none is allowed.
    ReservedFunctionConcurrentInvocationLimitExceeded,
    /// All of the account's unreserved concurrency, or all of this machine's room, is in use.
    ConcurrentInvocationLimitExceeded,
    /// Too many requests of this function wait already.
    CallerRateLimitExceeded,
}

impl ThrottleReason {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReservedFunctionConcurrentInvocationLimitExceeded => {
                "ReservedFunctionConcurrentInvocationLimitExceeded"
            }
            Self::ConcurrentInvocationLimitExceeded => "ConcurrentInvocationLimitExceeded",
            Self::CallerRateLimitExceeded => "CallerRateLimitExceeded",
        }
    }
}

impl Fault for Error {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Throttled { .. } => FaultKind::Throttled,
            Self::PayloadTooLarge { .. } => FaultKind::TooLarge,
            Self::Draining | Self::NotYet(_) => FaultKind::Unavailable,
            Self::Unsupported(_) => FaultKind::Unsupported,
            Self::Packages(cause) => cause.kind(),
            Self::Machine { .. } | Self::Lost => FaultKind::Internal,
        }
    }
}
