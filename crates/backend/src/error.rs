use std::io;

use sonagi_model::{Fault, FaultKind};

/// Why a backend could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The body of a transaction gave up: nothing was written.
    #[error("the transaction was given up")]
    Aborted,
    #[error("{what} of {size} bytes is over the limit of {limit} bytes")]
    TooLarge { what: &'static str, size: usize, limit: usize },
    #[error("the blob {key:?} does not exist")]
    NoBlob { key: String },
    #[error("{key:?} is not a blob key: it wants parts of letters, digits, '.', '-' and '_', joined by '/'")]
    BlobKey { key: String },
    #[error("the disk is full")]
    DiskFull {
        #[source]
        cause: io::Error,
    },
    #[error("too many transactions wait for the writer")]
    Busy,
    #[error("changes after {from} are no longer kept; the oldest kept is {oldest}")]
    Trimmed { from: u64, oldest: u64 },
    #[error("the backend is closed")]
    Closed,
    #[error("nobody answers on {subject:?}")]
    NoResponder { subject: String },
    #[error("no answer on {subject:?} in time")]
    NoReply { subject: String },
    #[error("{doing}")]
    Io {
        doing: &'static str,
        #[source]
        cause: io::Error,
    },
    #[error("{doing}")]
    Storage {
        doing: &'static str,
        #[source]
        cause: rusqlite::Error,
    },
    #[error("what is stored is damaged: {what}")]
    Damaged { what: String },
}

impl Fault for Error {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Aborted => FaultKind::Conflict,
            Self::TooLarge { .. } => FaultKind::TooLarge,
            Self::NoBlob { .. } => FaultKind::NotFound,
            Self::BlobKey { .. } => FaultKind::Invalid,
            Self::DiskFull { .. } | Self::Closed | Self::NoResponder { .. } => FaultKind::Unavailable,
            Self::Busy => FaultKind::Throttled,
            Self::NoReply { .. } => FaultKind::TimedOut,
            Self::Trimmed { .. } => FaultKind::Invalid,
            Self::Io { .. } | Self::Storage { .. } | Self::Damaged { .. } => FaultKind::Internal,
        }
    }
}
