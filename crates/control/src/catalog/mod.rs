//! What is live, for everyone who asks.
//!
//! ```text
//!   Records ──scan──► Mirror ──► Live, behind one atomic pointer ──► readers
//!           ──feed──►   │ one task applies each commit whole
//! ```
//!
//! Start reading at [`Live`], then [`mirror::Mirror::apply`]. Always true here:
//! - a snapshot shows whole commits, in their order;
//! - a reader costs one atomic load: no lock, no database.

mod asynchronous;
mod feed;
mod live;
mod mapping;
mod mirror;
mod past;
mod provisioned;
mod target;

pub use asynchronous::LiveAsynchronous;
pub(crate) use feed::Catalog;
pub use feed::News;
pub use live::{Live, LiveApp, LiveFunction, LiveUrl};
pub use mapping::LiveMapping;
pub use provisioned::{Provisioned, Share};
pub use target::{Alias, Statement, Target, Version};
