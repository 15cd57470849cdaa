//! What key-value stores promise, each promise by its name, over the embedded records.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod batches;
#[path = "../../../backend/tests/embedded/child.rs"]
#[expect(dead_code, reason = "the backend's own tests use more of it")]
mod child;
mod counters;
mod crash;
mod operations;

use std::{path::Path, sync::Arc};

use sonagi_backend::embedded::{RecordsConfig, SqliteRecords};
use sonagi_data::keyvalue::{KeyValue, Store};
use sonagi_model::AppName;
use tempfile::TempDir;

fn open(folder: &Path) -> KeyValue {
    KeyValue::new(Arc::new(SqliteRecords::open(RecordsConfig::new(folder)).unwrap()))
}

fn app(name: &str) -> AppName {
    AppName::new(name).unwrap()
}

/// An empty store, in a folder that goes with the first.
fn store() -> (TempDir, Store) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path()).store(&app("shop"), "default").unwrap();
    (folder, store)
}
