use std::{io, net::SocketAddr, path::PathBuf};

use sonagi_model::{Fault, FaultKind};

/// Why a server did not start. Every text is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "the data folder {} is in use by another server ({holder}): stop it, or name another folder with --data",
        path.display()
    )]
    Locked { path: PathBuf, holder: String },
    #[error(
        "the data folder {} is of the newer format {found}, and this program knows formats up to {known}: \
         use a newer sonagi, or name another folder with --data",
        path.display()
    )]
    NewerFormat { path: PathBuf, found: u32, known: u32 },
    #[error(
        "{} is no data folder (it holds {found:?}): name an empty or a new folder with --data",
        path.display()
    )]
    NotADataFolder { path: PathBuf, found: String },
    #[error("could not {doing} the data folder {}", path.display())]
    DataFolder {
        path: PathBuf,
        doing: &'static str,
        #[source]
        cause: io::Error,
    },
    #[error(
        "{address} can be reached from other machines, and no credentials are configured: \
         name a file of access keys with --credentials, or listen on a loopback address"
    )]
    OpenToTheWorld { address: SocketAddr },
    #[error("could not listen on {address}: {cause}; name another address with {flag}")]
    Listen {
        address: SocketAddr,
        flag: &'static str,
        #[source]
        cause: io::Error,
    },
    #[error("functions are to run in microVMs (--driver microvm), which this machine cannot: {0}")]
    Microvm(String),
    #[error(transparent)]
    Backend(#[from] sonagi_backend::Error),
    #[error(transparent)]
    Control(#[from] sonagi_control::Error),
    #[error("open the functions' logs")]
    Logs(#[source] sonagi_data::Error),
    #[error("open the queues")]
    Queues(#[source] sonagi_data::Error),
    #[error("could not read the credentials file {}", path.display())]
    CredentialsFile {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("{}:{cause}", path.display())]
    Credentials {
        path: PathBuf,
        #[source]
        cause: sonagi_identity::CredentialsFileError,
    },
    /// Each problem with its line.
    #[error(transparent)]
    Networks(#[from] sonagi_control::manifest::ManifestError),
    #[error("could not {doing}")]
    Io {
        doing: &'static str,
        #[source]
        cause: io::Error,
    },
}

impl Fault for Error {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Locked { .. } => FaultKind::Conflict,
            Self::NewerFormat { .. } | Self::Microvm(_) => FaultKind::Unsupported,
            Self::NotADataFolder { .. } | Self::OpenToTheWorld { .. } => FaultKind::Invalid,
            Self::DataFolder { .. } | Self::Listen { .. } | Self::Io { .. } => FaultKind::Unavailable,
            Self::Backend(error) => error.kind(),
            Self::Control(error) => error.kind(),
            Self::Logs(error) | Self::Queues(error) => error.kind(),
            Self::Networks(error) => error.kind(),
            Self::CredentialsFile { .. } | Self::Credentials { .. } => FaultKind::Invalid,
        }
    }
}
