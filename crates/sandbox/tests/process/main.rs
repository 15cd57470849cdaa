//! The process driver with real Python, Node and custom runtimes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod bytecode;
mod copied_networks;
mod disk;
mod endings;
mod escape;
mod extensions;
mod hints;
mod hostile;
mod invocations;
#[path = "../real/kernel.rs"]
mod kernel;
mod layers;
mod machine;
mod named_networks;
mod network;
mod ordinary_user;
mod processors;
mod ready;
#[path = "../real/mod.rs"]
mod real;
mod snapshot;
mod support;
mod version_two;
