//! What policies decide ("Policy evaluation logic" in the IAM user guide).
//!
//! ```text
//! model::policy::Document ──► Policies (compiled once) ──► Verdict for one Ask
//!                               rule: principal ─ resource ─ action ─ conditions
//! ```
//!
//! Start reading at [`Policies`]; [`Access`](crate::Access) is what is asked from outside. Always true here: a statement
//! that denies wins over all that allow; what no statement allows is not allowed; a decision takes time in proportion to
//! the policies' size, whatever wildcards they have.

mod arn;
mod condition;
mod facts;
mod glob;
mod pattern;
mod principal;
mod rule;

pub(crate) use facts::Facts;
pub use facts::Given;
pub(crate) use principal::{Caller, Standing};
pub use rule::Policies;
pub(crate) use rule::{Ask, Asked, Verdict};
