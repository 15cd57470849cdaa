//! Message queues above [`Records`]: standard and FIFO.
//!
//! ```text
//!  send ──► message ──► waiting ──receive──► in flight ──acknowledge──► gone
//!                          ▲                     │
//!                          └── visibility ends ──┤
//!                                                └── received too often ──► the dead-letter queue
//! ```
//!
//! Start reading at [`Queues`]; [`layout`] says what is stored where. Always true here:
//! - a message whose sending has returned survives a crash, and is received until it is acknowledged, moved to a
//!   dead-letter queue, or older than its queue keeps messages;
//! - every operation on one queue is one serialisable transaction: a message is received by one receiver at a time;
//! - of a FIFO group nothing is received while something of it is in flight, and what is received is in the order of
//!   sending;
//! - a receiver that waits costs nothing until there is something for it.

mod acknowledge;
mod arn;
mod attempts;
mod attributes;
mod declared;
mod depth;
mod digest;
mod draft;
mod error;
mod fifo;
mod handle;
mod janitor;
mod layout;
mod message;
mod moving;
mod name;
mod own;
mod policies;
mod queue;
mod receive;
mod registry;
mod send;
mod settings;
mod standard;
mod steady;
mod visibility;
mod waiting;

pub use acknowledge::Acknowledge;
pub use arn::{BadArn, Place};
pub use attributes::{BadAttribute, Change, Given, changed, read_attributes};
pub use declared::{Declaration, Keep};
pub use depth::Depth;
pub use digest::{md5, md5_of_attributes};
pub use draft::{Attribute, AttributeValue, Draft, is_text};
pub use error::Refusal;
pub use handle::Handle;
pub use message::{Message, Received};
pub use moving::{MoveState, MoveTask};
pub use name::QueueName;
pub use own::Return;
pub use policies::{allow_text, redrive_text};
pub use queue::Queue;
pub use receive::Receive;
pub use registry::{Page, Queues};
pub use send::{Outbox, Prepared, Sent};
pub use settings::{DeduplicationScope, Fifo, FifoThroughput, Redrive, RedriveAllow, Settings};
pub use visibility::ChangeVisibility;
