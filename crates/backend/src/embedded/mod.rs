//! The three primitives on one machine, in one process.

mod blobs;
mod blocking;
mod bus;
mod lock;
mod records;

use blocking::blocking;

pub use blobs::FileBlobs;
pub use bus::LocalBus;
pub use records::{RecordsConfig, SqliteRecords};
