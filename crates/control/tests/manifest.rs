//! Manifests: what they become, and what is said of those that will not do.

#[path = "manifest/hostile.rs"]
mod hostile;
#[path = "manifest/native.rs"]
mod native;
#[path = "manifest/sam.rs"]
mod sam;
#[path = "manifest/support.rs"]
mod support;
