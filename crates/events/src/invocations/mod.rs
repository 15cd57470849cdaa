//! Asynchronous invocations (Lambda Developer Guide, "Invoking a Lambda function asynchronously").
//!
//! ```text
//!   accept ──► the function's own queue ──► worker ──► Frontend ──┬─► succeeded ──────────────► on-success destination
//!                   ▲                                            ├─► failed: tried again after 1 and 2 minutes
//!                   └──────────── throttled: later, uncounted ◄──┘       └─► at last: dead letters, on-failure destination
//! ```
//!
//! Each function has one of the platform's own queues. The message says of which release it is: whatever has gone live
//! since, it runs on that. Its end is one transaction: the message goes, and what is told of it is sent.

mod accept;
mod note;
mod record;
mod worker;

pub use accept::Asynchronous;
pub(crate) use worker::follow;

/// The kind of the queues that functions' own are.
const KIND: &str = "f";
