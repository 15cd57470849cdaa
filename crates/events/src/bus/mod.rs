//! Event buses above [`Records`](sonagi_backend::Records): rules, targets, archives and replays.
//!
//! ```text
//!  PutEvents ──► Event ──► Routes: the rules and archives of the bus, compiled ──► Plan: who wants it, and as what
//!                                                                                    │
//!     one transaction: are the rules still these? ──► archives, queues, functions, topics, other buses
//!                                                                                    │
//!                                         what cannot be delivered ──► the target's dead-letter queue
//! ```
//!
//! Start reading at [`Buses`]; [`layout`] says what is stored where. Always true here:
//! - an event, what its rules send, and its place in the archives are one commit;
//! - the rules that an event meets are those of the moment at which it is committed;
//! - a rule is compiled once, and not again before it is another;
//! - each archived event is sent once by a replay, also over a crash, and is not archived again.

mod archive;
mod declared;
mod dispatch;
mod event;
mod event_bus;
mod forms;
mod janitor;
mod layout;
mod names;
mod policies;
mod put;
mod refusal;
mod registry;
mod replay;
mod replaying;
mod routes;
mod rule;
mod rules;
mod scheduled;
mod store;
mod tags;
mod target;
mod targets;

pub use archive::{Archive, ArchiveChange, ArchiveDraft, Held};
pub use event_bus::{Bus, BusChange};
pub use forms::{DeadLetters, TargetForm};
pub use names::{ArchiveName, ReplayName, RuleName};
pub use put::{Entry, EntryRefusal};
pub use refusal::Refusal;
pub use registry::Buses;
pub use replay::{Replay, ReplayDraft, ReplayState};
pub use rule::{Rule, RuleDraft, RuleState};
pub use store::Page;
pub use tags::Tagged;
pub use target::{Input, Target};

pub(crate) use declared::{DeclaredArchive, DeclaredBus, DeclaredRule};
pub(crate) use janitor::tidy;
pub(crate) use registry::State;
pub(crate) use replaying::go_on;
pub(crate) use scheduled::TIMERS;
