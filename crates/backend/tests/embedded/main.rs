//! The embedded backends: conformance, then what is theirs alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod blobs;
mod blobs_crash;
mod bus;
mod child;
mod clock;
mod records;
mod records_crash;
mod records_full;
mod records_limits;
mod records_model;
