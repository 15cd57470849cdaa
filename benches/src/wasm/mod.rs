//! WebAssembly functions: what a fresh instance for every request costs, and what the neighbours notice.
//!
//! Start reading at [`requests`]. Always true here:
//! - the yardstick and the other servers run in the same run, in turns of a few seconds, and medians over the turns are
//!   told, since a shared machine is noisy;
//! - the load is in this process, all else is in processes of its own.

mod app;
pub(crate) mod first;
mod guests;
pub(crate) mod live;
pub(crate) mod neighbours;
mod peers;
pub(crate) mod requests;
pub(crate) mod snapshot;
pub(crate) mod turns;

pub(crate) use guests::gather;
