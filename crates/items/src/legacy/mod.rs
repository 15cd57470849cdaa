//! The parameters from before there were expressions (Developer Guide, "Legacy DynamoDB conditional parameters"): another way
//! to write what [`expression`](crate::expression) has, so that there is one place in which it is done.
//!
//! ```text
//!   QueryFilter, ScanFilter ──► Test ──────────┬─► Condition::of_filter
//!   Expected ────► Expectation ──► Test ───────┴─► Condition::of_expected
//!   KeyConditions ──► Test ────► KeyConditions ──► KeyCondition
//!   AttributeUpdates ──► AttributeUpdate ────────► Update::of_attributes
//! ```
//!
//! `AttributesToGet` is [`Projection::of_names`](crate::expression::Projection::of_names). Start reading at [`Test`]. Always
//! true here: a name is that of an attribute, whatever letters it has, and never a path; parameters are looked at in the order in
//! which they are given, and the first mistake is told; a condition of many is as deep as their count's logarithm.

mod error;
mod expectation;
mod filter;
mod key_conditions;
mod operator;
mod parameter;
mod test;
mod update;

pub use error::LegacyError;
pub use expectation::Expectation;
pub use filter::check_conditional_operator;
pub use key_conditions::KeyConditions;
pub use operator::{ComparisonOperator, ConditionalOperator};
pub use parameter::{Parameter, check_families};
pub use test::Test;
pub use update::{Action, AttributeUpdate};
