//! What a function's environments are kept in.

use serde::{Deserialize, Serialize};

/// The driver that starts a function's environments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DriverChoice {
    /// The one of its runtime; of the server, if it has one for functions that are processes.
    #[default]
    Usual,
    /// A virtual machine for each environment.
    Microvm,
    /// The same, and each starts from a snapshot that was taken after the initialisation of the first.
    MicrovmSnapshot,
}

impl DriverChoice {
    pub(super) fn is_usual(&self) -> bool {
        *self == Self::Usual
    }

    pub const fn is_microvm(self) -> bool {
        match self {
            Self::Usual => false,
            Self::Microvm | Self::MicrovmSnapshot => true,
        }
    }
}
