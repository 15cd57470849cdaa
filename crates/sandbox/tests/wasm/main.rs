//! The WebAssembly driver with real components; `tests/fixtures/wasm` says what they do.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod answers;
mod endings;
mod events;
mod instances;
mod later;
mod logs;
mod neighbours;
#[path = "../real/mod.rs"]
mod real;
mod support;
