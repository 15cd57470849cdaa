//! What runs first in a virtual machine, and what it and the host say to each other.

#[path = "../init/protocol.rs"]
pub mod protocol;

/// The init: one static program for Linux. Empty, if there was no static C library when this was compiled.
pub const INIT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/init"));
