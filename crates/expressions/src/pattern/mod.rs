//! Event patterns: which events a rule, an event source mapping or a subscription wants.
//!
//! ```text
//!   text ──► json (with places) ──► compile: one tree of fields, for all ways through the `$or`s ──► Pattern
//!                                       └─ operators: what one value must be
//!   Pattern::matches(event) ──► matching: tree and event side by side
//!   Pattern::matches_attributes(message) ──► attributes
//! ```
//!
//! One language with three [`Dialect`]s. What it means is what `aws/event-ruler` does, the library that AWS's own
//! services use, and where the documentation says more, that: EventBridge User Guide, "Comparison operators for use in
//! event patterns in Amazon EventBridge"; Lambda Developer Guide, "Control which events Lambda sends to your function",
//! "Filter rule syntax"; SNS Developer Guide, "Amazon SNS message filtering".
//!
//! Start reading at [`Pattern`]. Always true here:
//! - a pattern that was parsed matches in one walk over the event, for all ways through its `$or`s at once, of which there
//!   are at most [`PATTERN_COMBINATIONS`](sonagi_model::limits::PATTERN_COMBINATIONS); values are looked up in lists, however
//!   long these are;
//! - matching allocates nothing, unless a key of the event has dots.

mod attributes;
mod cidr;
mod compile;
mod dotted;
mod error;
mod matching;
mod number;
mod operators;
mod reason;
mod several;
mod values;
mod ways;
mod wildcard;

pub use attributes::Attribute;
pub use compile::{Pattern, Shape};
pub use error::PatternError;
pub use reason::Reason;

/// Whose patterns: what may be in them, how large they may be, and how a mistake is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// A rule of an event bus, or an archive (EventBridge API, `PutRule`, `EventPattern`).
    Bus,
    /// A filter of an event source mapping (Lambda API, `Filter`, `Pattern`).
    Mapping,
    /// A filter policy of a subscription (SNS API, `SetSubscriptionAttributes`, `FilterPolicy`).
    Subscription(Scope),
}

/// What a filter policy looks at (SNS Developer Guide, "Amazon SNS subscription filter policy scope").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `MessageAttributes`, as it is unless it is said: keys are attributes' names and do not nest.
    Attributes,
    /// `MessageBody`: the message's body, if that is a JSON object.
    Body,
}
