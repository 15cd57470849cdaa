//! Releases and the Lambda names that point to them, on Records.
//!
//! ```text
//!   app/<app>                 the live release with its content, the newest number, the way back
//!   release/<app>/<number>    digest and time of each release
//!   content/<app>/<digest>    what releases of that digest do
//!   function/<lambda name>    aliases, policies, revision, which versions there are
//!   version/<lambda name>/<n> a published version, whole
//!   api/<id>, url/<id>        whose id it is
//!   layer/<name>              which versions a layer has (`layers` writes these and the next)
//!   layer-version/<name>/<n>  a version of it, with its policy
//!   reserved                  reserved concurrency by function
//!   provisioned               provisioned concurrency by function
//! ```
//!
//! The live content is kept a second time in the app's record: the catalog loads by scans alone, and each
//! activation is whole within its own commit's changes. Start reading at [`change::Change::switch`]. Always true:
//! - numbers of releases and versions have no gaps and are never given twice while the app is there;
//! - an activation, the versions it publishes and the aliases it moves are one commit.

pub(crate) mod change;
pub(crate) mod records;

mod claims;
mod declared;
mod history;
mod publish;
mod revision;
mod store;
mod summary;
mod switch;
mod validate;

pub(crate) use change::{Change, Changes};
pub(crate) use claims::LATEST;
pub(crate) use switch::url_key;
pub(crate) use validate::{
    SNAPSHOT_AND_PROVISIONED, check_content, check_tags, check_variables, snapshot_and_storage,
};

pub use summary::{Deployed, Liveness, ReleaseSummary};
