//! Apps, their releases, and the catalog of what is live.
//!
//! ```text
//!   deploy, activate, rollback ─┐                       ┌─► Live: apps, functions, versions, aliases, URLs
//!   Lambda API changes ─────────┴─► one transaction ──► catalog (fed by the change feed, read without a lock)
//!   zips ──► Packages on Blobs ──► unpacked once, read-only
//! ```
//!
//! Start reading at [`Control`]. Always true here:
//! - a release is immutable; activating one is one transaction, so a reader sees a whole release or the other;
//! - a reader of [`Live`] neither locks nor reads the database;
//! - a change that has returned is in [`Control::live`];
//! - nothing is stored as a package that was not checked whole;
//! - a release goes live only once its functions are made ready ([`Preparation`]), so nothing is half activated.

pub mod build;
pub mod catalog;
pub mod lambda;
pub mod layers;
pub mod manifest;
pub mod networks;
pub mod packages;
pub mod releases;

mod control;
mod error;
mod preparation;
mod resources;
mod wasm;

pub use catalog::{
    Alias, Live, LiveApp, LiveAsynchronous, LiveFunction, LiveMapping, LiveUrl, News, Provisioned, Share,
    Statement, Target, Version,
};
pub use control::{Config, Control};
pub use error::Error;
pub use packages::Packages;
pub use preparation::{Preparation, PrepareError};
pub use releases::{Deployed, Liveness, ReleaseSummary};
pub use resources::Resources;

pub type Result<T, E = Error> = std::result::Result<T, E>;
