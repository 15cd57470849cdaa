//! The driver whose environments are WebAssembly instances in this process.
//!
//! ```text
//! deploy:   component ──► compile (a child process) ──► artifacts (authenticated native code)
//! start:    artifacts ──► Loaded: mapped and linked once, shared by all environments of a function
//! invoke:   Loaded ──► a fresh store and instance ──► the guest, in a lane ──► the answer
//! ```
//!
//! Start reading at [`WasmDriver`]. Always true here:
//! - a request gets an instance of its own, unless its function asked for reuse; no two requests are in one instance
//!   at once;
//! - a guest reaches nothing but what [`Reach`] lends it for its function, and computes nowhere but in a lane, which it
//!   leaves at every tick;
//! - native code is mapped only after its file was found to be ours, whole and unchanged.

mod artifacts;
mod budget;
mod call;
pub mod compile;
mod cpu;
mod driver;
mod engine;
mod environment;
mod events;
mod failure;
mod host;
mod lanes;
mod linker;
mod loaded;
mod memory;
mod output;
mod reach;
mod serving;
mod ticker;
mod variables;

pub use driver::{Config, Unready, WasmDriver};
pub use reach::{
    KeyPage, MoreKeys, Nothing, NumberRange, Outbound, OutboundConfig, Reach, ReachError, Resolver, Revised,
    Revision, Roots, Swapped, SystemResolver,
};
