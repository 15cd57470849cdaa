//! Why a build failed, in words for the person who wrote the app.

use std::{io, path::PathBuf, time::Duration};

use sonagi_model::{Fault, FaultKind, FunctionName};

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{function}: {tool} is not on this machine: {help}")]
    NoTool { function: FunctionName, tool: String, help: String },
    #[error("{function}: {what} failed ({status})\n{tail}")]
    Tool { function: FunctionName, what: String, status: String, tail: String },
    #[error(
        "{function}: {what} could not reach the package registry: are you offline? Nothing else of the app was changed\n{tail}"
    )]
    Offline { function: FunctionName, what: String, tail: String },
    #[error("{function}: {what} took longer than {} s and was stopped\n{tail}", limit.as_secs())]
    Deadline { function: FunctionName, what: String, limit: Duration, tail: String },
    #[error("{function}: {message}")]
    Source { function: FunctionName, message: String },
    #[error("{function}: the package holds {size} bytes unpacked, and the limit is {limit}")]
    Unpacked { function: FunctionName, size: u64, limit: u64 },
    #[error("{function}: the package holds more than {limit} files")]
    Entries { function: FunctionName, limit: usize },
    #[error("{function}: {verb} {path}: {cause}")]
    Io {
        function: FunctionName,
        verb: &'static str,
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("the build was cut off: {0}")]
    Cut(String),
}

impl Fault for Error {
    fn kind(&self) -> FaultKind {
        match self {
            Self::NoTool { .. } | Self::Offline { .. } => FaultKind::Unavailable,
            Self::Tool { .. } | Self::Source { .. } => FaultKind::Invalid,
            Self::Deadline { .. } => FaultKind::TimedOut,
            Self::Unpacked { .. } | Self::Entries { .. } => FaultKind::TooLarge,
            Self::Io { .. } | Self::Cut(_) => FaultKind::Internal,
        }
    }
}
