//! Provisioned concurrency of versions and aliases.

use std::sync::Arc;

use sonagi_model::{
    AliasName, LambdaName,
    function::{Function, WasmStart},
};

use super::constraint::violated;
use crate::{
    Control, Error, LiveFunction, Result, Version,
    releases::{
        Change, LATEST,
        records::{FunctionRecord, Key, Origin, ProvisionedRecord, VersionRecord},
    },
};

const UNPUBLISHED: &str =
    "Provisioned Concurrency Configs cannot be applied to unpublished function versions.";
const NO_PUBLISHED: &str = "The function resource provided must be an alias or a published version.";

impl Control {
    /// Asks for `executions` environments of a version or an alias that are always ready.
    pub async fn put_provisioned(
        &self,
        name: &str,
        qualifier: &str,
        executions: i64,
    ) -> Result<(Arc<LiveFunction>, String)> {
        if executions < 1 {
            let rule = "Member must have value greater than or equal to 1";
            return Err(violated("provisionedConcurrentExecutions", Some(&executions.to_string()), rule));
        }
        let (name, qualifier) = self.locate_published(name, qualifier, UNPUBLISHED)?;
        // What does not fit is over the account's limit anyway, and that is what the caller is told.
        let executions = u32::try_from(executions).unwrap_or(u32::MAX);
        let (at, key) = (name.clone(), qualifier.clone());
        self.change(move |change| {
            let mut found = change.find(&at)?;
            let config = ProvisionedRecord { executions, modified: change.now, origin: Origin::Lambda };
            found.record.provisioned.insert(key.clone(), config);
            let total = found.record.provisions();
            if found.function.reserved_concurrency.is_some_and(|reserved| reserved < total) {
                return Err(Error::Invalid(
                    "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution \
                     for function"
                        .into(),
                ));
            }
            if executions > change.concurrency {
                return Err(Error::Invalid(format!(
                    "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency \
                     [{}].",
                    change.concurrency
                )));
            }
            match AliasName::new(&key) {
                Ok(alias) if found.record.aliases.contains_key(&alias) => {
                    check_alias(change, &at, &found.record, &alias)?;
                }
                Ok(_) | Err(_) => check_version(change, &at, &found.record, &key)?,
            }
            let before = change.claims()?;
            let mut claims = before.clone();
            claims.provision(&at, total);
            change.claim_concurrency(&before, &claims)?;
            change.store.put(&Key::Function(at.clone()), &found.record)
        })
        .await?;
        Ok((self.shown(&name)?, qualifier))
    }

    /// No error if nothing was provisioned.
    pub async fn delete_provisioned(&self, name: &str, qualifier: &str) -> Result<()> {
        let (name, qualifier) = self.locate_published(name, qualifier, NO_PUBLISHED)?;
        self.change(move |change| {
            let mut record = change.find(&name)?.record;
            forget(change, &name, &mut record, &qualifier)?;
            change.store.put(&Key::Function(name.clone()), &record)
        })
        .await
    }

    /// The function and the qualifier, which is of an alias or a version that is there.
    pub fn find_provisioned(&self, name: &str, qualifier: &str) -> Result<(Arc<LiveFunction>, String)> {
        let (name, qualifier) = self.locate_published(name, qualifier, NO_PUBLISHED)?;
        Ok((self.shown(&name)?, qualifier))
    }

    fn locate_published(
        &self,
        name: &str,
        qualifier: &str,
        unpublished: &str,
    ) -> Result<(LambdaName, String)> {
        let (name, qualifier) = self.locate(name, Some(qualifier))?;
        let qualifier = qualifier.unwrap_or_default();
        if qualifier.is_empty() || qualifier == LATEST {
            return Err(Error::Invalid(unpublished.into()));
        }
        let function = self.shown(&name)?;
        if function.aliases.contains_key(qualifier.as_str()) {
            return Ok((name, qualifier));
        }
        let version: Option<Version> = qualifier.parse().ok();
        if version.is_some_and(|version| function.version(version).is_some()) {
            return Ok((name, qualifier));
        }
        Err(match AliasName::new(&qualifier) {
            Ok(alias) => Error::NotFound(format!("Cannot find alias arn: {}:{alias}", function.arn())),
            Err(_) => Error::NoQualifier { arn: function.arn().to_owned(), qualifier },
        })
    }
}

/// Gives up what is provisioned under `qualifier`. The caller stores the record.
pub(super) fn forget(
    change: &mut Change<'_>,
    name: &LambdaName,
    record: &mut FunctionRecord,
    qualifier: &str,
) -> Result<()> {
    if record.provisioned.remove(qualifier).is_none() {
        return Ok(());
    }
    let before = change.claims()?;
    let mut claims = before.clone();
    claims.provision(name, record.provisions());
    change.claim_concurrency(&before, &claims)
}

/// Whether an alias may have provisioned concurrency where it points to.
pub(super) fn check_alias(
    change: &mut Change<'_>,
    name: &LambdaName,
    record: &FunctionRecord,
    alias: &AliasName,
) -> Result<()> {
    let Some(alias) = record.aliases.get(alias) else { return Ok(()) };
    let Version::Number(main) = alias.version else { return Err(Error::Invalid(UNPUBLISHED.into())) };
    for number in std::iter::once(main).chain(alias.weights.keys().copied()) {
        if record.provisioned.contains_key(&number.to_string()) {
            return Err(Error::Conflict(
                "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
                    .into(),
            ));
        }
        check_start(change, name, number)?;
    }
    Ok(())
}

fn check_version(
    change: &mut Change<'_>,
    name: &LambdaName,
    record: &FunctionRecord,
    qualifier: &str,
) -> Result<()> {
    let number = match qualifier.parse() {
        Ok(Version::Number(number)) if record.versions.contains_key(&number) => number,
        Ok(Version::Number(_) | Version::Latest) | Err(_) => {
            let arn = change.arns.function(name.as_str());
            return Err(Error::NoQualifier { arn, qualifier: qualifier.to_owned() });
        }
    };
    let mut aliases =
        record.aliases.iter().filter(|(name, _)| record.provisioned.contains_key(name.as_str()));
    let points = |alias: &crate::releases::records::AliasRecord| {
        alias.version == Version::Number(number) || alias.weights.contains_key(&number)
    };
    if aliases.any(|(_, alias)| points(alias)) {
        return Err(Error::Conflict("Version is pointed by a Provisioned Concurrency alias".into()));
    }
    check_start(change, name, number)
}

fn check_start(change: &mut Change<'_>, name: &LambdaName, number: u64) -> Result<()> {
    let version: Option<VersionRecord> = change.store.get(&Key::Version(name.clone(), number))?;
    match version {
        Some(version) if starts_from_snapshot(&version.function) => Err(Error::Invalid(
            "Provisioned Concurrency is not supported for functions with SnapStart enabled.".into(),
        )),
        Some(_) | None => Ok(()),
    }
}

/// Lambda has one or the other ("Improving startup performance with Lambda SnapStart", "Supported features and
/// limitations").
pub(crate) fn starts_from_snapshot(function: &Function) -> bool {
    !function.snap_start.is_none()
        || function.wasm.as_ref().is_some_and(|wasm| wasm.start == WasmStart::Snapshot)
}
