use std::{io, path::PathBuf};

use sonagi_model::{Fault, FaultKind};

/// Why a backend could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The body of a transaction gave up: nothing was written.
    #[error("the transaction was given up")]
    Aborted,
    /// The body of a transaction panicked: nothing was written.
    #[error("the body of a transaction panicked")]
    Panicked,
    #[error("{what} of {size} bytes is over the limit of {limit} bytes")]
    TooLarge { what: &'static str, size: usize, limit: usize },
    #[error("more than {limit} {what}")]
    TooMany { what: &'static str, limit: usize },
    #[error("the blob {key:?} does not exist")]
    NoBlob { key: String },
    #[error(
        "{key:?} is not a blob key: it wants parts of letters, digits, '.', '-' and '_', joined by '/', \
         of at most 255 bytes each and 1024 bytes together, none of them '.' or '..'"
    )]
    BlobKey { key: String },
    /// The blob was not written to its end: a part of it failed, or writing was given up half-way.
    #[error("the blob {key:?} was not written whole; begin it anew")]
    BlobUnfinished { key: String },
    #[error("the disk is full")]
    DiskFull {
        #[source]
        cause: io::Error,
    },
    #[error("too many requests wait already; try again")]
    Busy,
    #[error("so much was written while the snapshot was held that it was ended; begin anew with a new one")]
    SnapshotEnded,
    #[error("the folder {folder} is in use by another process")]
    Locked { folder: PathBuf },
    #[error("{subject:?} is not a subject: it wants words without blanks, '*' or '>', joined by '.'")]
    Subject { subject: String },
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
            Self::Aborted | Self::SnapshotEnded | Self::BlobUnfinished { .. } => FaultKind::Conflict,
            Self::TooLarge { .. } | Self::TooMany { .. } => FaultKind::TooLarge,
            Self::NoBlob { .. } => FaultKind::NotFound,
            Self::BlobKey { .. } | Self::Subject { .. } => FaultKind::Invalid,
            Self::DiskFull { .. } | Self::Closed | Self::Locked { .. } | Self::NoResponder { .. } => {
                FaultKind::Unavailable
            }
            Self::Busy => FaultKind::Throttled,
            Self::NoReply { .. } => FaultKind::TimedOut,
            Self::Trimmed { .. } => FaultKind::Invalid,
            Self::Panicked | Self::Io { .. } | Self::Storage { .. } | Self::Damaged { .. } => {
                FaultKind::Internal
            }
        }
    }
}

impl Error {
    /// What an operation on files failed with, with a full disk told apart.
    pub(crate) fn io(doing: &'static str, cause: io::Error) -> Self {
        match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { cause },
            _ => Self::Io { doing, cause },
        }
    }

    /// What the database failed with, with a full disk told apart. Takes a reference because one failed commit
    /// is the answer to many callers.
    pub(crate) fn storage(doing: &'static str, cause: &rusqlite::Error) -> Self {
        use rusqlite::ffi;
        match cause {
            rusqlite::Error::SqliteFailure(failure, text) => match failure.extended_code {
                ffi::SQLITE_FULL | ffi::SQLITE_IOERR_SHMSIZE => {
                    Self::DiskFull { cause: io::Error::new(io::ErrorKind::StorageFull, cause.to_string()) }
                }
                _ => Self::Storage { doing, cause: rusqlite::Error::SqliteFailure(*failure, text.clone()) },
            },
            other => Self::Damaged { what: format!("{doing}: {other}") },
        }
    }
}
