//! What a guest may reach beyond its own memory: stores of keys and values, its configuration, other servers.
//!
//! ```text
//!   wasi:keyvalue ──► granted? ──► Reach (the server's) ──► data
//!   wasi:config   ──► the manifest's entries
//!   wasi:http     ──► OutboundHooks ──► allow-list ──► resolver ──► addresses ──► pool or connect ──► the other server
//! ```
//!
//! Start reading at [`Grants`]. Always true here:
//! - what the manifest does not grant is refused before anything is looked up, opened or resolved;
//! - a connection goes to an address that was checked for the very request, and is never used for another app;
//! - every wait ends with the store, since its futures live in it, and with a named limit.

mod config;
mod grants;
mod keyvalue;
mod lender;
mod outbound;

pub(crate) use config::link_config;
pub(crate) use grants::Grants;
pub(crate) use keyvalue::{KeyValueView, link_keyvalue};
pub use lender::{KeyPage, MoreKeys, Nothing, NumberRange, Reach, ReachError, Revised, Revision, Swapped};
pub(crate) use outbound::OutboundHooks;
pub use outbound::{Outbound, OutboundConfig, Resolver, Roots, SystemResolver};
