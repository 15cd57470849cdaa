use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sonagi_expressions::{
    pattern::{Dialect, Pattern},
    schedule::{self, Expression},
};
use sonagi_model::{AppName, Timestamp};

use super::{Refusal, RuleName, Target};
use crate::BusName;

/// A rule, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub bus: BusName,
    pub name: RuleName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    pub state: RuleState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// In the order of their ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Target>,
    /// The app that declares it, or none: then it was made through an API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppName>,
    /// When its schedule was set: `rate()` counts from it.
    pub since: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum RuleState {
    #[default]
    Enabled,
    Disabled,
    /// As enabled: there are no events of CloudTrail's here.
    EnabledWithManagement,
}

/// What `PutRule` says of a rule.
#[derive(Debug, Clone)]
pub struct RuleDraft {
    pub bus: BusName,
    pub name: RuleName,
    pub pattern: Option<String>,
    pub schedule: Option<String>,
    pub state: RuleState,
    pub description: Option<String>,
    pub role: Option<String>,
    /// Of a rule that is made; one that is there keeps its own.
    pub tags: BTreeMap<String, String>,
}

impl RuleDraft {
    /// What does not depend on what is stored.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.pattern.is_none() && self.schedule.is_none() {
            let text = "Parameter(s) EventPattern or ScheduleExpression must be specified.";
            return Err(Refusal::Parameter(text.into()));
        }
        if let Some(pattern) = &self.pattern {
            check_pattern(pattern)?;
        }
        if let Some(schedule) = &self.schedule {
            Expression::parse(schedule, schedule::Dialect::Rule).map_err(Refusal::Schedule)?;
            if !self.bus.is_default() {
                let text = "ScheduleExpression is supported only on the default event bus.";
                return Err(Refusal::Parameter(text.into()));
            }
        }
        Ok(())
    }
}

pub(super) fn check_pattern(pattern: &str) -> Result<(), Refusal> {
    Pattern::parse(pattern, Dialect::Bus).map(drop).map_err(Refusal::Pattern)
}

impl RuleState {
    pub fn is_enabled(self) -> bool {
        match self {
            Self::Enabled | Self::EnabledWithManagement => true,
            Self::Disabled => false,
        }
    }
}
