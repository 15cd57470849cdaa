//! The runtime clients in real interpreters, against a Runtime API that the tests speak themselves.

mod node;
mod python;
mod session;
