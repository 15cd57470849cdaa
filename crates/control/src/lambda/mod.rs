//! Changes as Lambda's API makes them, with Lambda's validation and messages.
//!
//! Start reading at [`FunctionReference`], the ways to name a function, and at
//! [`Control::create_function`](crate::Control::create_function). Always true here:
//! - a change of what a function is makes a release of its app; a change of what a name points to does not;
//! - everything of one call is one transaction, and visible in the catalog when the call returns.
//!
//! Texts of errors are those that Lambda gives; where they are not known they are ours.

mod alias;
mod arn;
mod asynchronous;
mod change;
mod concurrency;
mod constraint;
mod create;
mod delete;
mod mapping;
mod mapping_settings;
mod permission;
mod policy;
mod provisioned;
mod recursion;
mod reference;
mod requests;
mod settings;
mod tags;
mod update;
mod url;
mod version;

pub(crate) use asynchronous::check_declared as check_asynchronous;
pub(crate) use change::check_revision_at;
pub(crate) use constraint::{Violations, violated};
pub(crate) use mapping::target;
pub(crate) use mapping_settings::check_declared as check_mapping;
pub(crate) use policy::document as policy_document;
pub(crate) use provisioned::starts_from_snapshot;
pub use reference::FunctionReference;
pub use requests::{
    AddPermission, Changed, CreateAlias, CreateFunction, CreateMapping, CreateUrl, Destinations, Logging,
    MappingSettings, Mode, Publish, PublishVersion, PutAsynchronous, SourceQueue, UpdateAlias, UpdateCode,
    UpdateConfiguration, UpdateMapping, UpdateUrl, VpcConfig,
};
pub(crate) use settings::check_dead_letters;
