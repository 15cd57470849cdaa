//! What wakes functions: asynchronous invocations, event source mappings, topics, the bus, schedules.
//!
//! ```text
//!  who sends ──► deliver: in the sender's own transaction ──► a queue of somebody's, or a function's own queue
//!                                                                    │
//!                                    source ──► poller ──► invoke::Frontend ──► settle: acknowledged, given back,
//!                                                                               or told to a destination
//! ```
//!
//! Start reading at [`Events`]. Always true here:
//! - what was accepted is on the disk, and is there until a function has done it, or it is told as a failure to whoever
//!   its function names for that;
//! - an event and what it is an event of are one commit: whoever sends does so within a transaction of its own;
//! - nothing polls: whoever waits is woken.

mod attempt;
pub mod bus;
mod declaration;
mod delivery;
mod destination;
mod error;
mod events;
mod invocations;
mod lineage;
mod mappings;
mod own_queues;
mod poller;
mod resources;
pub mod schedules;
mod timers;
pub mod topics;
mod workers;

pub use delivery::{Detail, Parcel, Undeliverable};
pub use destination::{BadDestination, BusName, Destination, TopicName};
pub use error::{Error, Result};
pub use events::{Config, Events};
pub use invocations::Asynchronous;
pub use mappings::{MappingState, Processing};
pub use resources::Declared;
