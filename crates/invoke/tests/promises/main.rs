//! What this crate promises, each promise by its name. Environments are scripted (see [`world`]): real processes
//! are tested end to end.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod admission;
mod cold_starts;
mod copied;
mod keep_alive;
mod lifecycle;
mod log;
mod metering;
mod pool;
mod provisioned;
mod stress;
mod world;
