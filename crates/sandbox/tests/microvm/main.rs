//! The microVM driver: its API client against a server that follows Firecracker's document, what it makes of this
//! machine, and all of it above the monitor with the real init and a real kernel, under QEMU's emulation of a processor.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
#![expect(
    clippy::disallowed_methods,
    reason = "tests read their environment and run real machines in real time"
)]
#![expect(clippy::print_stderr, reason = "what this machine lacks is said")]

mod api;
mod firecracker;
mod functions;
mod installed;
#[expect(dead_code, reason = "the tests of processes use more of it")]
#[path = "../process/machine.rs"]
mod internet;
#[path = "../real/kernel.rs"]
mod kernel;
mod machine;
mod network;
mod openapi;
mod qemu;
#[path = "../real/mod.rs"]
mod real;
mod snapshots;
mod temporary;
mod world;
