//! Why there is no native code of a component.

use std::io;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The deployer's to mend: what is wrong and what to do.
    #[error("{0}")]
    Invalid(String),
    /// Too much is being compiled already.
    #[error("{0}")]
    Busy(String),
    /// The machine's or the platform's doing.
    #[error("{doing}")]
    Machine {
        doing: &'static str,
        #[source]
        cause: io::Error,
    },
}

impl Refusal {
    pub(crate) fn machine(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Machine { doing, cause }
    }
}

/// One refusal is told to all who wait for the same component.
impl Clone for Refusal {
    fn clone(&self) -> Self {
        match self {
            Self::Invalid(text) => Self::Invalid(text.clone()),
            Self::Busy(text) => Self::Busy(text.clone()),
            Self::Machine { doing, cause } => {
                let cause = match cause.raw_os_error() {
                    Some(code) => io::Error::from_raw_os_error(code),
                    None => io::Error::new(cause.kind(), cause.to_string()),
                };
                Self::Machine { doing, cause }
            }
        }
    }
}
