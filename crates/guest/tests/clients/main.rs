//! The runtime clients in real interpreters, against a Runtime API that the tests speak themselves.
#![expect(clippy::unwrap_used, reason = "a test ends where something is wrong")]

mod node;
mod python;
mod session;
