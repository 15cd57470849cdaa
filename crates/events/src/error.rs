use sonagi_model::{Fault, FaultKind};

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("keep events")]
    Records(#[from] sonagi_backend::Error),
    #[error(transparent)]
    Data(#[from] sonagi_data::Error),
    #[error(transparent)]
    Schedule(#[from] crate::schedules::Refusal),
    #[error(transparent)]
    Control(#[from] sonagi_control::Error),
    #[error(transparent)]
    Invoke(#[from] sonagi_invoke::Error),
    #[error(transparent)]
    Topic(#[from] crate::topics::Refusal),
    #[error(transparent)]
    Bus(#[from] crate::bus::Refusal),
}

impl Fault for Error {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Records(error) => error.kind(),
            Self::Data(error) => error.kind(),
            Self::Schedule(refusal) => refusal.kind(),
            Self::Control(error) => error.kind(),
            Self::Invoke(error) => error.kind(),
            Self::Topic(refusal) => refusal.kind(),
            Self::Bus(refusal) => refusal.kind(),
        }
    }
}
