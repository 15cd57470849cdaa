//! Stores of keys and values for functions, above [`Records`].
//!
//! ```text
//! KeyValue::store(app, name) ──► Store ──► one transaction for each write, one snapshot for each read
//!                                            └─ layout: a small record for each key, large values apart
//! ```
//!
//! Start reading at [`Store`]. Always true here:
//! - a write that has returned survives a crash, and every read that begins afterwards sees it;
//! - increments, swaps and batches are single serialisable transactions: nobody sees a part of one;
//! - a store belongs to one app, and all its functions share it. It is there as soon as it is named, and it outlives
//!   the app's removal: an app of the same name finds it again. Nothing but its keys' deletion empties it.

mod atomic;
mod batch;
mod layout;
mod listing;
mod store;

use std::sync::Arc;

use sonagi_backend::Records;
use sonagi_model::{AppName, limits};

pub use atomic::{NumberRange, Revised, Revision, Swapped};
pub use listing::{KeyPage, MoreKeys};
pub use store::Store;

use crate::{Error, Result};

/// All apps' stores. Cheap to clone.
#[derive(Clone)]
pub struct KeyValue {
    records: Arc<dyn Records>,
}

impl KeyValue {
    pub fn new(records: Arc<dyn Records>) -> Self {
        Self { records }
    }

    /// One store of an app; whether the caller may use it, the caller has checked.
    pub fn store(&self, app: &AppName, name: &str) -> Result<Store> {
        let fits = name.len() <= limits::WASM_STORE_NAME && !name.contains(['/', '\0']);
        if !fits {
            return Err(Error::StoreName { name: name.chars().take(limits::WASM_STORE_NAME).collect() });
        }
        Ok(Store::new(Arc::clone(&self.records), layout::Layout::new(app, name)))
    }
}
