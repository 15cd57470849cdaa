//! What is stored of layers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sonagi_model::{
    Digest, Timestamp,
    function::{Architecture, Package},
};

use crate::Statement;

/// A layer: which versions there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LayerRecord {
    /// The newest version's number, be it there or deleted.
    pub(crate) last: u64,
    /// Those that are there, each with the fingerprint of what it is.
    pub(crate) versions: BTreeMap<u64, Digest>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LayerVersionRecord {
    pub(crate) package: Package,
    pub(crate) created: Timestamp,
    pub(crate) description: String,
    pub(crate) runtimes: Vec<String>,
    pub(crate) architectures: Vec<Architecture>,
    pub(crate) license: String,
    /// Its resource policy.
    #[serde(default)]
    pub(crate) statements: Vec<Statement>,
    /// Of the policy.
    #[serde(default)]
    pub(crate) revision: String,
}

impl LayerVersionRecord {
    /// Two versions of one fingerprint are the same.
    pub(super) fn fingerprint(&self) -> Digest {
        let parts = (self.package, &self.description, &self.runtimes, &self.architectures, &self.license);
        // Tuples of strings and numbers always serialise.
        Digest::of(&serde_json::to_vec(&parts).unwrap_or_default())
    }
}
