//! Changes as Lambda's API makes them, with Lambda's validation and messages.
//!
//! Start reading at [`FunctionReference`], the ways to name a function, and [`CreateFunction`].

mod reference;
mod requests;

pub use reference::FunctionReference;
pub use requests::{
    AddPermission, Changed, CreateAlias, CreateFunction, CreateUrl, Logging, Mode, Publish, PublishVersion,
    UpdateAlias, UpdateCode, UpdateConfiguration, UpdateUrl,
};

use std::{collections::BTreeMap, sync::Arc};

use crate::{Alias, Control, LiveFunction, LiveUrl, Result, Statement};

impl Control {
    pub async fn create_function(&self, request: CreateFunction) -> Result<Changed> {
        let _ = request;
        unimplemented!()
    }
    pub async fn update_code(&self, name: &str, request: UpdateCode) -> Result<Changed> {
        let _ = (name, request);
        unimplemented!()
    }
    pub async fn update_configuration(&self, name: &str, request: UpdateConfiguration) -> Result<Changed> {
        let _ = (name, request);
        unimplemented!()
    }
    /// Deletes the function, or with a qualifier one published version.
    pub async fn delete_function(&self, name: &str, qualifier: Option<&str>) -> Result<()> {
        let _ = (name, qualifier);
        unimplemented!()
    }
    pub async fn publish_version(&self, name: &str, request: PublishVersion) -> Result<Changed> {
        let _ = (name, request);
        unimplemented!()
    }
    pub async fn create_alias(&self, name: &str, request: CreateAlias) -> Result<Alias> {
        let _ = (name, request);
        unimplemented!()
    }
    pub async fn update_alias(&self, name: &str, alias: &str, request: UpdateAlias) -> Result<Alias> {
        let _ = (name, alias, request);
        unimplemented!()
    }
    /// No error if the alias never was.
    pub async fn delete_alias(&self, name: &str, alias: &str) -> Result<()> {
        let _ = (name, alias);
        unimplemented!()
    }
    pub async fn create_url(
        &self,
        name: &str,
        qualifier: Option<&str>,
        request: CreateUrl,
    ) -> Result<(Arc<LiveFunction>, LiveUrl)> {
        let _ = (name, qualifier, request);
        unimplemented!()
    }
    pub async fn update_url(
        &self,
        name: &str,
        qualifier: Option<&str>,
        request: UpdateUrl,
    ) -> Result<(Arc<LiveFunction>, LiveUrl)> {
        let _ = (name, qualifier, request);
        unimplemented!()
    }
    pub async fn delete_url(&self, name: &str, qualifier: Option<&str>) -> Result<()> {
        let _ = (name, qualifier);
        unimplemented!()
    }
    /// Reserves `executions` of the account's concurrency for the function; returns what it reserves now.
    pub async fn put_concurrency(&self, name: &str, executions: i64) -> Result<u32> {
        let _ = (name, executions);
        unimplemented!()
    }
    pub async fn delete_concurrency(&self, name: &str) -> Result<()> {
        let _ = name;
        unimplemented!()
    }
    /// `resource` is the function's ARN.
    pub async fn tag(&self, resource: &str, tags: BTreeMap<String, String>) -> Result<()> {
        let _ = (resource, tags);
        unimplemented!()
    }
    pub async fn untag(&self, resource: &str, keys: &[String]) -> Result<()> {
        let _ = (resource, keys);
        unimplemented!()
    }
    /// Returns the statement as it is stored.
    pub async fn add_permission(
        &self,
        name: &str,
        qualifier: Option<&str>,
        request: AddPermission,
    ) -> Result<(Arc<LiveFunction>, Statement)> {
        let _ = (name, qualifier, request);
        unimplemented!()
    }
    pub async fn remove_permission(
        &self,
        name: &str,
        qualifier: Option<&str>,
        sid: &str,
        revision_id: Option<&str>,
    ) -> Result<()> {
        let _ = (name, qualifier, sid, revision_id);
        unimplemented!()
    }
    /// The function that `name` (a name, a partial or a whole ARN, with or without a qualifier) names, and the
    /// qualifier: the one within the name, or `qualifier`.
    pub fn find_function(
        &self,
        name: &str,
        qualifier: Option<&str>,
    ) -> Result<(Arc<LiveFunction>, Option<String>)> {
        let _ = (name, qualifier);
        unimplemented!()
    }
    /// The resource policy as the JSON text that `GetPolicy` returns, and its revision id.
    pub fn policy(&self, name: &str, qualifier: Option<&str>) -> Result<(String, String)> {
        let _ = (name, qualifier);
        unimplemented!()
    }
}
