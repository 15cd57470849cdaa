//! Manifests: what they become, and what is said of those that will not do.
#![expect(clippy::unwrap_used, reason = "a failed preparation fails its test")]

#[path = "manifest/declared_networks.rs"]
mod declared_networks;
#[path = "manifest/driver.rs"]
mod driver;
#[path = "manifest/hostile.rs"]
mod hostile;
#[path = "manifest/layers.rs"]
mod layers;
#[path = "manifest/native.rs"]
mod native;
#[path = "manifest/native_events.rs"]
mod native_events;
#[path = "manifest/network.rs"]
mod network;
#[path = "manifest/permissions.rs"]
mod permissions;
#[path = "manifest/provisioned.rs"]
mod provisioned;
#[path = "manifest/sam.rs"]
mod sam;
#[path = "manifest/sam_events.rs"]
mod sam_events;
#[path = "manifest/support.rs"]
mod support;
#[path = "manifest/wasm.rs"]
mod wasm;
