//! The three primitives on one machine, in one process.

mod blobs;
mod bus;
mod lock;
mod records;

pub use blobs::FileBlobs;
pub use bus::LocalBus;
pub use records::{RecordsConfig, SqliteRecords};
