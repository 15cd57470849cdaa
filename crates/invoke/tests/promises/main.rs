//! What this crate promises, each promise by its name. Environments are scripted (see [`world`]): real processes
//! are tested end to end.

mod admission;
mod cold_starts;
mod lifecycle;
mod log;
mod metering;
mod pool;
mod stress;
mod world;
