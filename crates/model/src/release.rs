//! A release: an immutable, numbered, content-addressed version of a whole app.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    AppName, Digest, FunctionName, LayerName, ReleaseNumber, Timestamp, api::Api, function::Function,
    layer::AppLayer, resource::Resource,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    pub app: AppName,
    pub number: ReleaseNumber,
    /// Of the content alone: two releases with one digest do the same.
    pub digest: Digest,
    pub created: Timestamp,
    pub content: ReleaseContent,
}

/// What a release does. It serialises to one text only, so its digest is its identity.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseContent {
    pub functions: BTreeMap<FunctionName, Function>,
    #[serde(default)]
    pub apis: Vec<Api>,
    /// A SAM template's outputs, evaluated.
    #[serde(default)]
    pub outputs: BTreeMap<String, Output>,
    /// By their names in the manifest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resources: BTreeMap<String, Resource>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub layers: BTreeMap<LayerName, AppLayer>,
}

impl ReleaseContent {
    pub fn digest(&self) -> Digest {
        // Structs and ordered maps of strings and numbers always serialise.
        Digest::of(&serde_json::to_vec(self).unwrap_or_default())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    pub value: String,
    #[serde(default)]
    pub description: String,
}
