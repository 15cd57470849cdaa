//! `wasi:keyvalue` for guests, over [`Reach`](super::Reach).
//!
//! Two drafts are in use and a component imports one of them: 0.2.0-draft ([`draft`], what Wasmtime's own host has) and
//! 0.2.0-draft2 ([`draft2`], what Spin has: text for cursors, signed counters, compare-and-swap). Both are thin layers
//! over one [`Bucket`].

mod bucket;
mod draft;
mod draft2;
#[cfg(test)]
mod tests;

use bucket::Bucket;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};

use super::{Grants, ReachError};

/// A guest's way to the stores that it was granted.
pub(crate) struct KeyValueView<'a> {
    pub(crate) grants: &'a Grants,
    pub(crate) table: &'a mut ResourceTable,
}

impl KeyValueView<'_> {
    fn bucket(&self, bucket: &Resource<Bucket>) -> Result<Bucket, ReachError> {
        let found = self.table.get(bucket);
        found.cloned().map_err(|_| ReachError::Other("there is no such open store".into()))
    }
}

struct HasKeyValue;

impl HasData for HasKeyValue {
    type Data<'a> = KeyValueView<'a>;
}

/// Links every draft of `wasi:keyvalue` that we offer, for either engine.
pub(crate) fn link_keyvalue<T: Send + 'static>(
    linker: &mut Linker<T>,
    get: fn(&mut T) -> KeyValueView<'_>,
) -> wasmtime::Result<()> {
    draft::link(linker, get)?;
    draft2::link(linker, get)
}
