//! From a file of ours to code that can run.
#![expect(unsafe_code, reason = "native code is taken on trust, and this is where")]

use wasmtime::{Engine, Result, component::Component};

use super::vault::Sealed;

/// Maps native code.
pub(super) fn map(engine: &Engine, sealed: &Sealed) -> Result<Component> {
    // SAFETY: the file's seal was checked, so its content is what Wasmtime wrote in a child of ours; it was checked at
    // its place, which names the version and the settings; and this path leads to the very file that was checked. That
    // nobody changes it while it is mapped is what the vault's doc says about its permissions.
    unsafe { Component::deserialize_file(engine, sealed.path()) }
}
