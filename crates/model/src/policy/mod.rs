//! Policies in IAM's language ("IAM JSON policy reference" in the IAM user guide): what a document says.
//!
//! ```text
//! JSON ──► Raw (duplicates kept) ──► read ──► Document ──► identity::policy, which decides
//! a manifest's values ──► Raw ──────┘
//! ```
//!
//! Start reading at [`Document`]. Always true here: a document that was read means something in every part, so that
//! compiling one cannot fail; what is wrong with one is said with its place.

mod document;
mod mistake;
mod operator;
mod raw;
mod read;
mod value;

pub use document::{Condition, Document, Effect, Party, Purpose, Scope, Statement, Version};
pub use mistake::{Mistake, Place, PolicyError, Step};
pub use operator::{Comparison, Operator, Order, Quantifier};
pub use raw::Raw;
pub use value::{AddressRange, arn_parts, moment, number};
