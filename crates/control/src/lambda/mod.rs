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
mod permission;
mod policy;
mod provisioned;
mod reference;
mod requests;
mod settings;
mod tags;
mod update;
mod url;
mod version;

pub(crate) use provisioned::starts_from_snapshot;
pub use reference::FunctionReference;
pub use requests::{
    AddPermission, Changed, CreateAlias, CreateFunction, CreateUrl, Destinations, Logging, Mode, Publish,
    PublishVersion, PutAsynchronous, UpdateAlias, UpdateCode, UpdateConfiguration, UpdateUrl, VpcConfig,
};
