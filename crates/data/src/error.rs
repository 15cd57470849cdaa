use std::{io, path::PathBuf};

use sonagi_model::{Fault, FaultKind, limits};

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{doing} {path}")]
    Files {
        doing: &'static str,
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("start the log writer's thread")]
    Thread(#[source] io::Error),
    /// The reader's thread ended early: the program is going down.
    #[error("the logs are closed")]
    Closed,
    #[error(
        "{name:?} cannot be a store's name: it wants at most {} bytes, none of them a slash or a zero byte",
        limits::WASM_STORE_NAME
    )]
    StoreName { name: String },
    #[error("a key has {size} bytes, and {} are the most: make it shorter", limits::KEYVALUE_KEY_SIZE)]
    KeyTooLong { size: usize },
    #[error(
        "a value has {size} bytes, and {} are the most: split it over several keys",
        limits::KEYVALUE_VALUE_SIZE
    )]
    ValueTooLarge { size: usize },
    #[error("a batch has {count} keys, and {} are the most: use several", limits::KEYVALUE_BATCH)]
    TooManyKeys { count: usize },
    #[error("a batch has more than {} bytes of keys and values: use several", limits::KEYVALUE_BATCH_SIZE)]
    BatchTooLarge,
    #[error("the value is no decimal number, and so cannot be incremented")]
    NotANumber,
    #[error("the number would leave the range of 64 bits: nothing was changed")]
    NumberOutOfRange,
    #[error(transparent)]
    Queue(#[from] crate::queues::Refusal),
    #[error(transparent)]
    Document(#[from] crate::documents::Refusal),
    #[error(transparent)]
    Backend(#[from] sonagi_backend::Error),
}

impl Fault for Error {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Files { .. } | Self::Thread(_) => FaultKind::Internal,
            Self::Closed => FaultKind::Unavailable,
            Self::StoreName { .. } | Self::NotANumber => FaultKind::Invalid,
            Self::KeyTooLong { .. }
            | Self::ValueTooLarge { .. }
            | Self::TooManyKeys { .. }
            | Self::BatchTooLarge => FaultKind::TooLarge,
            Self::NumberOutOfRange => FaultKind::Conflict,
            Self::Queue(refusal) => refusal.kind(),
            Self::Document(refusal) => refusal.kind(),
            Self::Backend(cause) => cause.kind(),
        }
    }
}
