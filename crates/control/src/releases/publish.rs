//! Versions: what a function was, kept under a number.

use std::collections::BTreeSet;

use sonagi_model::{
    AliasName, Digest, ReleaseNumber,
    function::{Function, RecursiveLoop},
    limits,
};

use super::{
    change::Change,
    records::{AliasRecord, FunctionRecord, Key, VersionRecord},
};
use crate::{Result, Version, lambda::target};

/// Of all that a version freezes: two functions of one fingerprint would be the same version. Tags, reserved and
/// provisioned concurrency, permissions, addresses, and what wakes it belong to the function, not to its versions.
pub(crate) fn fingerprint(function: &Function) -> Digest {
    let mut frozen = function.clone();
    frozen.url = None;
    frozen.reserved_concurrency = None;
    frozen.provisioned_concurrency = None;
    frozen.publish_alias = None;
    frozen.asynchronous = None;
    frozen.mappings.clear();
    frozen.recursive_loop = RecursiveLoop::default();
    frozen.tags.clear();
    frozen.permissions.clear();
    // Structs and ordered maps of strings and numbers always serialise.
    Digest::of(&serde_json::to_vec(&frozen).unwrap_or_default())
}

impl FunctionRecord {
    /// The newest version, if it is what `function` is.
    pub(crate) fn newest_if_same(&self, function: &Function) -> Option<u64> {
        let (&number, print) = self.versions.last_key_value()?;
        (number == self.last_version && *print == fingerprint(function)).then_some(number)
    }

    /// The versions that an alias names.
    pub(crate) fn aliased(&self) -> BTreeSet<u64> {
        let numbers = self.aliases.values().flat_map(|alias| {
            let main = match alias.version {
                Version::Latest => None,
                Version::Number(number) => Some(number),
            };
            main.into_iter().chain(alias.weights.keys().copied())
        });
        numbers.collect()
    }
}

impl Change<'_> {
    /// Publishes `function` as the next version. The caller stores the function's record.
    pub(crate) fn publish(
        &mut self,
        record: &mut FunctionRecord,
        release: ReleaseNumber,
        function: &Function,
        description: Option<String>,
    ) -> Result<u64> {
        let number = record.last_version + 1;
        let name = &function.lambda_name;
        let mut frozen = function.clone();
        if let Some(description) = description {
            frozen.description = description;
        }
        let version = VersionRecord {
            app: record.app.clone(),
            release,
            revision: self.revisions.of(name, &number.to_string()),
            created: self.now,
            function: frozen,
        };
        self.store.put(&Key::Version(name.clone(), number), &version)?;
        record.last_version = number;
        record.versions.insert(number, fingerprint(function));
        Ok(number)
    }

    /// Points `alias` at the version that is what `function` is, publishing it if there is none: after a
    /// deployment that changed it a new one, after a rollback the one from then.
    pub(super) fn follow(
        &mut self,
        record: &mut FunctionRecord,
        release: ReleaseNumber,
        function: &Function,
        alias: &AliasName,
    ) -> Result<()> {
        let print = fingerprint(function);
        let same = record.versions.iter().rev().find(|(_, found)| **found == print);
        let number = match same.map(|(&number, _)| number) {
            Some(number) => number,
            None => self.publish(record, release, function, None)?,
        };
        let version = Version::Number(number);
        match record.aliases.get_mut(alias) {
            Some(found) if found.version == version && found.weights.is_empty() => {}
            Some(found) => {
                found.version = version;
                found.weights.clear();
                found.revision = self.revisions.of(&function.lambda_name, alias.as_str());
            }
            None => {
                let made = AliasRecord {
                    version,
                    description: String::new(),
                    weights: Default::default(),
                    revision: self.revisions.of(&function.lambda_name, alias.as_str()),
                    url: None,
                };
                record.aliases.insert(alias.clone(), made);
            }
        }
        self.drop_oldest(record, function)
    }

    /// A deployment is never refused for the versions of those before it.
    fn drop_oldest(&mut self, record: &mut FunctionRecord, function: &Function) -> Result<()> {
        let aliased = record.aliased();
        while record.versions.len() > limits::VERSIONS_PER_FUNCTION {
            let unused = |number: &&u64| {
                let name = number.to_string();
                !aliased.contains(*number)
                    && !record.provisioned.contains_key(&name)
                    && !record.mappings.values().any(|found| target(&found.mapping) == name)
            };
            let Some(&oldest) = record.versions.keys().find(unused) else {
                break;
            };
            record.versions.remove(&oldest);
            record.forget(&oldest.to_string());
            self.store.delete(&Key::Version(function.lambda_name.clone(), oldest))?;
        }
        Ok(())
    }
}
