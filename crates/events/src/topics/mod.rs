//! Topics: what is published to one is delivered to all that subscribe to it (Amazon SNS Developer Guide).
//!
//! ```text
//!  publish ──► one transaction: topic ──► subscriptions, each with its filter ──► Events::deliver: queues, functions
//!                                                                             └─► a queue of the endpoint's own
//!                                                                                      │
//!                          the subscription's dead letters ◄── tried too often ◄── posting ──► POST
//! ```
//!
//! Start reading at [`Topics`]; [`layout`] says what is stored where. Always true here:
//! - a message and all that it is delivered as are one commit: when publishing has returned, every queue has its copy;
//! - a publisher sees the subscriptions of the moment: what is kept ready of them is used while the topic's record is the
//!   one that it was made of, and every change of a subscription changes that;
//! - of a FIFO topic nothing is delivered twice within five minutes that has the same deduplication id.

mod asking;
mod attributes;
mod declared;
mod delivery;
mod envelope;
mod error;
mod known;
mod layout;
mod message;
mod posting;
mod publish;
mod registry;
mod settings;
mod subscribe;
mod subscription;
mod subscription_changes;
mod topic;
mod topic_changes;

pub use attributes::Kind;
pub(crate) use declared::{DeclaredSubscription, DeclaredTopic, Subscribing};
pub use delivery::{Backoff, Retries, SubscriptionDelivery, TopicDelivery};
pub use error::Refusal;
pub(crate) use known::Known;
pub use message::{Publication, Published};
pub use posting::{Post, PostFailure, Request};
pub use registry::{Page, Topics};
pub use settings::{DeduplicationScope, FifoSettings, SubscriptionSettings, TopicSettings};
pub use subscribe::{Confirm, Subscribe, Unsubscribe};
pub use subscription::{Protocol, State, Subscription};
pub use subscription_changes::{SubscriptionChange, SubscriptionTarget, read_subscription};
pub use topic::{Counts, Topic};
pub use topic_changes::TopicChange;

/// Who delivers, as policies and receivers see it.
const SERVICE: &str = "sns.amazonaws.com";
