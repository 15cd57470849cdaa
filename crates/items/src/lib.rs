//! Items of tables, so far as they are pure: what a value is, how large, in which order, in which bytes it is stored, and what
//! an expression says of it.
//!
//! ```text
//!   Item: names ──► Value ──► codec ──► the bytes of a record's value
//!                     └─────► key   ──► the bytes of a record's key, in the order of the values
//! ```
//!
//! After Amazon DynamoDB Developer Guide, "Supported data types and naming rules in Amazon DynamoDB", and API Reference,
//! `AttributeValue`. Start reading at [`Value`], then [`expression`], of which [`legacy`] is another way to write. Always true here:
//! nothing reads or writes anything; no bytes and no text make anything panic, or recurse deeper than
//! [`ITEM_DEPTH`](sonagi_model::limits::ITEM_DEPTH).

pub mod codec;
pub mod expression;
pub mod key;
pub mod legacy;
mod number;
mod value;

pub use number::{Number, NumberError};
pub use value::{Item, Kind, Value, size};
