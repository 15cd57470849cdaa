//! Event source mappings.

use std::collections::BTreeMap;

use sonagi_model::{Timestamp, function::Mapping};

/// An event source mapping of a function that is live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveMapping {
    pub mapping: Mapping,
    pub tags: BTreeMap<String, String>,
    pub modified: Timestamp,
}
