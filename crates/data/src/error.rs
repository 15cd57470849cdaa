use std::{io, path::PathBuf};

use sonagi_model::{Fault, FaultKind};

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
}

impl Fault for Error {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Files { .. } | Self::Thread(_) => FaultKind::Internal,
            Self::Closed => FaultKind::Unavailable,
        }
    }
}
