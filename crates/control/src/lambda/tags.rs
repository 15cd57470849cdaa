//! Tags.

use std::collections::BTreeMap;

use sonagi_model::LambdaName;

use super::{FunctionReference, arn::Arn, constraint::violated, update::edit};
use crate::{Control, Error, Result, releases::check_tags};

const PATTERN: &str = r"arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|(capacity-provider|network-connector):[a-zA-Z0-9-_]{1,64})";

/// What has tags.
enum Tagged {
    Function(LambdaName),
    /// By its UUID.
    Mapping(String),
}

impl Control {
    /// `resource` is the function's ARN.
    pub async fn tag(&self, resource: &str, tags: BTreeMap<String, String>) -> Result<()> {
        let tagged = self.locate_tagged(resource)?;
        if tags.is_empty() {
            return Err(Error::Invalid("An error occurred and the request cannot be processed.".into()));
        }
        check_tags(&tags)?;
        let name = match tagged {
            Tagged::Function(name) => name,
            Tagged::Mapping(id) => {
                return self.tag_mapping(&id, move |present| present.extend(tags.clone())).await;
            }
        };
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
        let tagged = self.locate_tagged(resource)?;
        if keys.is_empty() {
            return Err(violated("tagKeys", None, "Member must not be null"));
        }
        let keys = keys.to_vec();
        let name = match tagged {
            Tagged::Function(name) => name,
            Tagged::Mapping(id) => {
                return self
                    .tag_mapping(&id, move |present| present.retain(|key, _| !keys.contains(key)))
                    .await;
            }
        };
        self.change(move |change| {
            edit(change, &name, None, |function| {
                function.tags.retain(|key, _| !keys.contains(key));
                Ok(())
            })
        })
        .await
    }

    /// The tags of what a whole ARN names.
    pub fn tags(&self, resource: &str) -> Result<BTreeMap<String, String>> {
        match self.locate_tagged(resource)? {
            Tagged::Function(name) => Ok(self.shown(&name)?.latest.function.tags.clone()),
            Tagged::Mapping(id) => Ok(self.find_mapping(&id)?.1.tags),
        }
    }

    fn locate_tagged(&self, resource: &str) -> Result<Tagged> {
        let wrong = || {
            let rule = format!("Member must satisfy regular expression pattern: {PATTERN}");
            violated("resource", Some(resource), &rule)
        };
        if let Some(id) = mapping_id(resource) {
            let absent = || Error::NotFound(format!("Event source mapping not found: {resource}"));
            let here = Arn::parse(resource).is_some_and(|arn| arn.is_here(self.arns()));
            return match here && self.live().mapping(id).is_some() {
                true => Ok(Tagged::Mapping(id.to_owned())),
                false => Err(absent()),
            };
        }
        let whole = FunctionReference::parse(resource).is_ok_and(|read| {
            read.region.is_some() && read.account.is_some() && resource.contains(":function:")
        });
        if !whole {
            return Err(wrong());
        }
        match self.locate(resource, None)? {
            (name, None) => Ok(Tagged::Function(name)),
            (_, Some(_)) => Err(Error::Invalid(
                "Tags on function aliases and versions are not supported. Please specify a function ARN."
                    .into(),
            )),
        }
    }
}

/// The UUID in the ARN of an event source mapping.
fn mapping_id(resource: &str) -> Option<&str> {
    let arn = Arn::parse(resource).filter(|arn| arn.service == "lambda")?;
    let id = arn.resource.strip_prefix("event-source-mapping:")?;
    let groups: Vec<&str> = id.split('-').collect();
    let hex = |group: &&str| group.bytes().all(|b| b.is_ascii_hexdigit());
    let fits = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(hex);
    fits.then_some(id)
}
