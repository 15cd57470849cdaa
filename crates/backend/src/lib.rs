//! The three primitives that everything durable lives on, and their embedded implementations.
//!
//! [`Records`] is an ordered key-value space with transactions and a change feed, [`Blobs`] holds large
//! immutable bytes, and [`Bus`] is ephemeral messaging that nothing durable may depend on. Start reading at
//! [`records`]. What every implementation must keep is in [`conformance`], as cases that
//! know the traits alone; [`embedded`] holds the implementations for one machine.

pub mod blobs;
pub mod bus;
pub mod conformance;
pub mod embedded;
pub mod records;

mod error;

pub use blobs::Blobs;

pub use bus::Bus;
pub use error::Error;
pub use records::{Change, ChangeStream, Commit, Records, Sequence, Snapshot, Transaction};

pub type Result<T, E = Error> = std::result::Result<T, E>;
