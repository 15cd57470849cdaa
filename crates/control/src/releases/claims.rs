//! What functions keep of the account's concurrency for themselves: by reserving it, and by provisioning it.

use sonagi_model::{LambdaName, function::Function, limits, release::ReleaseContent};

use super::{
    change::Change,
    records::{FunctionRecord, Key, Origin, ProvisionedRecord, ProvisionsRecord, ReservedRecord},
};
use crate::{Error, Result};

/// The qualifier of what is not published.
pub(crate) const LATEST: &str = "$LATEST";

/// Of all live functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claims {
    reserved: ReservedRecord,
    provisioned: ProvisionsRecord,
}

impl Claims {
    /// Of a function that reserves some, what it provisions is a part of that.
    fn total(&self) -> u64 {
        let provisioned = self.provisioned.0.iter().filter(|(name, _)| !self.reserved.0.contains_key(*name));
        self.reserved.0.values().chain(provisioned.map(|(_, n)| n)).map(|&n| u64::from(n)).sum()
    }

    /// What `name` provisions now.
    pub(crate) fn provision(&mut self, name: &LambdaName, executions: u32) {
        match executions {
            0 => drop(self.provisioned.0.remove(name)),
            executions => drop(self.provisioned.0.insert(name.clone(), executions)),
        }
    }

    /// What the functions of `to` reserve takes the place of what those of `from` did; those that are gone claim
    /// nothing at all.
    pub(super) fn switch(&mut self, from: &ReleaseContent, to: &ReleaseContent) {
        for function in from.functions.values() {
            self.reserved.0.remove(&function.lambda_name);
        }
        for function in to.functions.values() {
            if let Some(reserved) = function.reserved_concurrency {
                self.reserved.0.insert(function.lambda_name.clone(), reserved);
            }
        }
        for (name, function) in &from.functions {
            if to.functions.get(name).is_none_or(|now| now.lambda_name != function.lambda_name) {
                self.provisioned.0.remove(&function.lambda_name);
            }
        }
    }
}

impl FunctionRecord {
    /// The executions that are provisioned, under whatever name.
    pub(crate) fn provisions(&self) -> u32 {
        self.provisioned.values().fold(0, |sum, config| sum.saturating_add(config.executions))
    }
}

impl Change<'_> {
    pub(crate) fn claims(&mut self) -> Result<Claims> {
        Ok(Claims {
            reserved: self.store.get(&Key::Reserved)?.unwrap_or_default(),
            provisioned: self.store.get(&Key::Provisions)?.unwrap_or_default(),
        })
    }

    /// Stores what the claims have become. Some of the account's concurrency must stay unclaimed.
    pub(crate) fn claim_concurrency(&mut self, before: &Claims, after: &Claims) -> Result<()> {
        let most = u64::from(self.concurrency.saturating_sub(limits::UNRESERVED_CONCURRENCY_MIN));
        if after.total() > most && after.total() > before.total() {
            let what = match before.reserved == after.reserved {
                true => "ConcurrentExecutions",
                false => "ReservedConcurrentExecutions",
            };
            return Err(Error::Invalid(format!(
                "Specified {what} for function decreases account's UnreservedConcurrentExecution below its minimum \
                 value of [{}].",
                limits::UNRESERVED_CONCURRENCY_MIN
            )));
        }
        if before.reserved != after.reserved {
            self.store.put(&Key::Reserved, &after.reserved)?;
        }
        if before.provisioned != after.provisioned {
            self.store.put(&Key::Provisions, &after.provisioned)?;
        }
        Ok(())
    }

    /// Provisions what `function` declares in the place of what an earlier release of it did.
    pub(super) fn declare_provisioned(&self, record: &mut FunctionRecord, function: &Function) -> Result<()> {
        let qualifier = function.publish_alias.as_ref().map_or(LATEST, |alias| alias.as_str());
        let before = record.provisioned.get(qualifier).copied();
        record.provisioned.retain(|_, config| config.origin != Origin::Manifest);
        if let Some(executions) = function.provisioned_concurrency {
            let modified = match before {
                Some(before) if before.executions == executions => before.modified,
                Some(_) | None => self.now,
            };
            let config = ProvisionedRecord { executions, modified, origin: Origin::Manifest };
            record.provisioned.insert(qualifier.to_owned(), config);
        }
        let provisioned = record.provisions();
        match function.reserved_concurrency {
            Some(reserved) if reserved < provisioned => Err(Error::Invalid(format!(
                "ReservedConcurrentExecutions {reserved} should not be lower than function's total provisioned \
                 concurrency [{provisioned}]."
            ))),
            Some(_) | None => Ok(()),
        }
    }
}
