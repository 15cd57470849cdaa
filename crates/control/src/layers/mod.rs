//! Layers and their versions, on Records; and which of them functions have.
//!
//! ```text
//!   PublishLayerVersion ──┐
//!   a deployment's layers ┴──► publish ──► layer, layer-version (records), the zip in Packages
//!   Layers of a function ──► attach ──► function.layers: the versions' ARNs with their packages
//! ```
//!
//! Start reading at [`Control::publish_layer_version`](crate::Control::publish_layer_version) and `attach`. Always true
//! here:
//! - a version never changes, and its number is given once;
//! - a function holds all of a layer that it needs, so deleting the version leaves it as it is;
//! - the versions that a deployment brings, and its functions that have them, are one commit.

mod attach;
mod brought;
mod permission;
mod publish;
mod read;
mod records;
mod reference;
mod runtimes;

pub(crate) use attach::{NO_LAYERS, check_runtime, packages};
pub(crate) use brought::check_brought;
pub use permission::AddLayerPermission;
pub use publish::PublishLayerVersion;
pub use read::{LayerFilter, LayerVersion};
pub(crate) use records::{LayerRecord, LayerVersionRecord};
pub(crate) use reference::{Number, VersionReference};
pub(crate) use runtimes::{is_runtime, names as runtime_names};
