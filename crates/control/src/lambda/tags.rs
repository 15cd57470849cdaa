//! Tags.

use std::collections::BTreeMap;

use sonagi_model::LambdaName;

use super::{FunctionReference, constraint::violated, update::edit};
use crate::{Control, Error, Result, releases::check_tags};

const PATTERN: &str = r"arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|(capacity-provider|network-connector):[a-zA-Z0-9-_]{1,64})";

impl Control {
    /// `resource` is the function's ARN.
    pub async fn tag(&self, resource: &str, tags: BTreeMap<String, String>) -> Result<()> {
        let name = self.locate_tagged(resource)?;
        if tags.is_empty() {
            return Err(Error::Invalid("An error occurred and the request cannot be processed.".into()));
        }
        check_tags(&tags)?;
        self.change(move |change| {
            edit(change, &name, None, |function| {
                function.tags.extend(tags.clone());
                check_tags(&function.tags)
            })
        })
        .await
    }

    /// No error for keys that are not there.
    pub async fn untag(&self, resource: &str, keys: &[String]) -> Result<()> {
        let name = self.locate_tagged(resource)?;
        if keys.is_empty() {
            return Err(violated("tagKeys", None, "Member must not be null"));
        }
        let keys = keys.to_vec();
        self.change(move |change| {
            edit(change, &name, None, |function| {
                function.tags.retain(|key, _| !keys.contains(key));
                Ok(())
            })
        })
        .await
    }

    /// The function that a whole ARN names.
    pub fn tagged(&self, resource: &str) -> Result<std::sync::Arc<crate::LiveFunction>> {
        self.shown(&self.locate_tagged(resource)?)
    }

    fn locate_tagged(&self, resource: &str) -> Result<LambdaName> {
        let wrong = || {
            let rule = format!("Member must satisfy regular expression pattern: {PATTERN}");
            violated("resource", Some(resource), &rule)
        };
        let whole = FunctionReference::parse(resource).is_ok_and(|read| {
            read.region.is_some() && read.account.is_some() && resource.contains(":function:")
        });
        if !whole {
            return Err(wrong());
        }
        match self.locate(resource, None)? {
            (name, None) => Ok(name),
            (_, Some(_)) => Err(Error::Invalid(
                "Tags on function aliases and versions are not supported. Please specify a function ARN."
                    .into(),
            )),
        }
    }
}
