//! The platform's door, called as AWS clients call it, over a driver that runs no code.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod asynchronous;
mod doors;
mod grants;
mod invocations;
mod own_api;
mod queues;
mod resources;
mod snapshots;
mod topics;
mod world;
