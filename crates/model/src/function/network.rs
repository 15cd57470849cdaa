//! What a function reaches beyond the platform.

use serde::{Deserialize, Serialize};

/// The network that an environment has. The platform's own endpoints are reached with any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// Nothing.
    #[default]
    None,
    /// Public addresses: never private ones, this machine, or other environments. Where the machine cannot give it, the
    /// function is not started.
    Internet,
    /// The same where the machine can give it, and nothing where it cannot: what functions have that were written for
    /// Lambda, and do not say.
    InternetIfPossible,
}

impl Network {
    pub(super) fn is_none(&self) -> bool {
        *self == Self::None
    }
}
