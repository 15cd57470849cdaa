//! Layers: files that several functions share, seen by each of them at `/opt`.

use serde::{Deserialize, Serialize};

use crate::function::{Architecture, Package};

/// In the place of a version's number: the one that the release itself brings. A release that is to be deployed has it
/// in its functions' layers, variables and outputs; one that is live has numbers.
pub const OF_THIS_RELEASE: &str = "$LATEST";

/// A layer version that a function has, as it was when it was given to the function: whoever deletes the version leaves
/// the function as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Of the version.
    pub arn: String,
    /// None in a release that is to be deployed: it is looked up then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<Package>,
}

/// A layer that an app brings: each release has a version of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppLayer {
    pub package: Package,
    #[serde(default)]
    pub description: String,
    /// Lambda's identifiers, of runtimes that Sonagi has or not: for whoever looks for a layer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runtimes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub architectures: Vec<Architecture>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub license: String,
    #[serde(default)]
    pub retention: Retention,
    /// None in a release that is to be deployed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// What becomes of an app's layer version that another takes the place of (SAM's `RetentionPolicy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Retention {
    #[default]
    Retain,
    Delete,
}
