//! Targets of a rule.

use sonagi_model::limits;

use super::{Buses, Refusal, RuleName, Target};
use crate::{BusName, Result};

impl Buses {
    /// Gives a rule targets, or those of the same ids other settings.
    pub async fn put_targets(&self, bus: &BusName, rule: &RuleName, targets: Vec<Target>) -> Result<()> {
        for target in &targets {
            target.compile(bus, self.events().config())?;
        }
        self.alter_rule(bus, rule, move |rule| {
            for target in &targets {
                rule.targets.retain(|old| old.id != target.id);
                rule.targets.push(target.clone());
            }
            rule.targets.sort_by(|one, other| one.id.cmp(&other.id));
            if rule.targets.len() > limits::BUS_TARGETS { Err(Refusal::TooMany) } else { Ok(()) }
        })
        .await
    }

    /// Takes targets from a rule. One that is not there is no failure.
    pub async fn remove_targets(&self, bus: &BusName, rule: &RuleName, ids: Vec<String>) -> Result<()> {
        self.alter_rule(bus, rule, move |rule| {
            rule.targets.retain(|target| !ids.contains(&target.id));
            Ok(())
        })
        .await
    }
}
