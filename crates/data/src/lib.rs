//! The data services that functions use.
//!
//! Start reading at [`documents`], [`queues`], [`keyvalue`] or [`logs`]. The modules here are siblings that never import each other. Services that must
//! not lose anything are written above the backend's traits; logs are not one of those and keep plain files.

pub mod documents;
mod error;
mod following;
pub mod keyvalue;
pub mod logs;
pub mod queues;

pub use error::{Error, Result};
