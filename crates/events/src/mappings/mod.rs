//! Event source mappings: a source's records are brought to a function in batches (Lambda Developer Guide, "How Lambda
//! processes records from stream and queue-based event sources").
//!
//! ```text
//!   runner ──► one poller a mapping ──► Batches: lease, filter, gather ──► event ──► Frontend
//!                                           ▲                                          │
//!                                         Source ◄──────── settle: done, failed, back ─┘
//! ```
//!
//! A [`Source`](source::Source) says where records are from, what their event looks like and what becomes of them; all
//! else is the same for every source. Start reading at [`follow`].

mod answer;
mod batches;
mod filter;
mod message;
mod queue;
mod runner;
mod source;

pub use runner::{MappingState, Processing};
pub(crate) use runner::{Mappings, follow};
