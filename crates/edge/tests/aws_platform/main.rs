//! The platform's door, called as AWS clients call it, over a driver that runs no code.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod asynchronous;
mod bus;
mod doors;
mod grants;
mod invocations;
mod mappings;
mod own_api;
mod queues;
mod resources;
mod schedules;
mod snapshots;
mod tables;
mod topics;
mod world;
