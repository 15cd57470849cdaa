//! Expressions on items: conditions and filters, which parts of an item are wanted, and what is to be changed.
//!
//! ```text
//!   text ──► token ──► syntax: what stands there ──► condition: what it means, names and values put in ──► Condition
//!                                                └─► projection, update                        ──► Projection, Update
//!   Condition::holds(item)      Projection::of(item)      Update::of(item)
//! ```
//!
//! After Amazon DynamoDB Developer Guide, "Using expressions in DynamoDB". Start reading at [`Condition`], [`KeyCondition`], [`Projection`] or
//! [`Update`].
//! Always true here: an expression that was parsed is not longer than [`EXPRESSION_SIZE`](limits::EXPRESSION_SIZE) and not
//! deeper than [`EXPRESSION_DEPTH`](limits::EXPRESSION_DEPTH); asking it of an item reads each part that it names once for
//! each place in which it names it.

mod condition;
mod error;
mod keys;
mod path;
mod projection;
mod reserved;
mod substitutes;
mod syntax;
mod token;
mod update;

pub use condition::Condition;
pub(crate) use condition::{Comparison, Operand, Test, order};
pub use error::{ExpressionError, KeyConditionError, Reason, UpdateError, Which};
pub use keys::{KeyCondition, KeyTest};
pub use path::{Path, Step};
pub use projection::Projection;
pub use substitutes::Substitutes;
pub use update::Update;
pub(crate) use update::{Action, Family};

#[cfg(doc)]
use sonagi_model::limits;
