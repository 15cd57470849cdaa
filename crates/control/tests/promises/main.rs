//! What control promises, over the embedded backend.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod aliases;
mod catalog;
mod functions;
mod grants;
mod layers;
mod packages;
mod permissions;
mod preparation;
mod provisioned;
mod releases;
mod support;
mod waking;
