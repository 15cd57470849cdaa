//! What Sonagi promises, one file each, against the whole platform with real functions and real clients.
#![expect(clippy::unwrap_used, reason = "a test ends where something is wrong")]
#![expect(
    clippy::disallowed_methods,
    reason = "tests read their environment and run real programs in real time"
)]

mod adclicks;
mod ahead;
mod asynchronous;
mod bad_input;
mod bus_clients;
mod command_line;
mod crash;
mod credentials;
mod data_folder;
mod declared_events;
mod declared_queues;
mod dev;
mod extensions;
mod idle_functions;
mod isolation;
mod lambda_clients;
mod layers;
mod mappings;
mod microvm;
mod neighbours;
mod networks;
mod petshop;
mod provisioned;
mod queue_clients;
mod releases;
mod sam;
mod schedule_clients;
mod sdk_inside;
mod table_clients;
mod time_limits;
mod topic_clients;
mod wasm;
