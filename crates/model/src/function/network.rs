//! What a function reaches beyond the platform.

use serde::{Deserialize, Serialize};

use crate::NetworkName;

/// The network that an environment has. The platform's own endpoints are reached with any.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
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
    /// One of those that the operator has declared ([`Networks`](crate::network::Networks)).
    Named(NetworkName),
    /// The same, by what Lambda's `VpcConfig` says.
    Vpc(Vpc),
}

/// The ids as they were given; which network they are of, the operator has declared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vpc {
    pub subnets: Vec<String>,
    pub security_groups: Vec<String>,
}

impl Network {
    pub(super) fn is_none(&self) -> bool {
        *self == Self::None
    }
}
