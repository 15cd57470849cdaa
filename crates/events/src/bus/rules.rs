//! Rules: putting, finding, switching and removing them.

use sonagi_backend::{Error as BackendError, Transaction};
use sonagi_expressions::pattern::{Dialect, Pattern};
use sonagi_model::limits;

use super::{
    Bus, Buses, Page, Refusal, Rule, RuleDraft, RuleName, RuleState, layout, registry::Outcome, routes,
    scheduled, store,
};
use crate::{BusName, Result};

impl Buses {
    /// Makes a rule, or gives one other settings; it keeps its targets and tags.
    pub async fn put_rule(&self, draft: RuleDraft) -> Result<()> {
        draft.check()?;
        let now = self.events().clock().now();
        self.change(move |t| {
            let RuleDraft { bus, name, pattern, schedule, state, description, role, tags } = draft.clone();
            if Bus::find(t, &bus)?.is_none() {
                return Ok(Err(Refusal::NoBus(bus)));
            }
            let old = Rule::find(t, &bus, &name)?;
            let is_on_time =
                |old: &Rule| old.schedule == schedule && old.state.is_enabled() == state.is_enabled();
            let keeps_its_timer = old.as_ref().is_some_and(is_on_time);
            let (tags, targets, since, app) = match old {
                Some(old) => {
                    let since = if old.schedule == schedule { old.since } else { now };
                    (old.tags, old.targets, since, old.app)
                }
                None if store::all(t, &layout::rules(&bus))?.len() >= limits::BUS_RULES => {
                    return Ok(Err(Refusal::TooMany));
                }
                None => (tags, Vec::new(), now, None),
            };
            let rule =
                Rule { bus, name, pattern, schedule, state, description, role, tags, targets, app, since };
            if !keeps_its_timer {
                scheduled::set(t, &rule, now)?;
            }
            rule.store(t).map(Ok)
        })
        .await
    }

    /// Removes a rule. One that is not there is no failure; one that has targets stays.
    pub async fn delete_rule(&self, bus: &BusName, name: &RuleName) -> Result<()> {
        let (bus, name) = (bus.clone(), name.clone());
        self.change(move |t| {
            if Bus::find(t, &bus)?.is_none() {
                return Ok(Err(Refusal::NoBus(bus.clone())));
            }
            match Rule::find(t, &bus, &name)? {
                Some(rule) if !rule.targets.is_empty() => Ok(Err(Refusal::HasTargets)),
                Some(rule) => rule.remove(t).map(Ok),
                None => Ok(Ok(())),
            }
        })
        .await
    }

    pub async fn switch_rule(&self, bus: &BusName, name: &RuleName, state: RuleState) -> Result<()> {
        let (bus, name, now) = (bus.clone(), name.clone(), self.events().clock().now());
        self.change(move |t| {
            let mut rule = match Rule::there(t, &bus, &name)? {
                Ok(rule) => rule,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let keeps_its_timer = rule.state.is_enabled() == state.is_enabled();
            rule.state = state;
            if !keeps_its_timer {
                scheduled::set(t, &rule, now)?;
            }
            rule.store(t).map(Ok)
        })
        .await
    }

    pub async fn find_rule(&self, bus: &BusName, name: &RuleName) -> Result<Rule> {
        self.find(bus).await?;
        let record = self.events().records().snapshot().get(&layout::rule(bus, name)).await?;
        let record = record.ok_or_else(|| Refusal::NoRule { rule: name.clone(), bus: bus.clone() })?;
        Ok(store::decode(&record, "a rule")?)
    }

    /// At most `most` rules whose names begin with `prefix`, behind `last`.
    pub async fn list_rules(
        &self,
        bus: &BusName,
        prefix: &str,
        last: Option<&str>,
        most: usize,
    ) -> Result<Page<Rule>> {
        self.rules_that(bus, most, |rule| {
            rule.name.as_str().starts_with(prefix) && last.is_none_or(|last| rule.name.as_str() > last)
        })
        .await
    }

    /// At most `most` rules that have this target, behind `last`.
    pub async fn list_rules_of_target(
        &self,
        bus: &BusName,
        arn: &str,
        last: Option<&str>,
        most: usize,
    ) -> Result<Page<Rule>> {
        self.rules_that(bus, most, |rule| {
            rule.targets.iter().any(|target| target.arn == arn)
                && last.is_none_or(|last| rule.name.as_str() > last)
        })
        .await
    }

    async fn rules_that(
        &self,
        bus: &BusName,
        most: usize,
        wanted: impl Fn(&Rule) -> bool,
    ) -> Result<Page<Rule>> {
        self.find(bus).await?;
        let records = store::all_of(&*self.events().records().snapshot(), &layout::rules(bus)).await?;
        Ok(store::page(&records, "a rule", most, wanted)?)
    }

    pub(super) async fn alter_rule<F>(&self, bus: &BusName, name: &RuleName, with: F) -> Result<()>
    where
        F: Fn(&mut Rule) -> std::result::Result<(), Refusal> + Send + 'static,
    {
        let (bus, name) = (bus.clone(), name.clone());
        self.change(move |t| {
            let mut rule = match Rule::there(t, &bus, &name)? {
                Ok(rule) => rule,
                Err(refusal) => return Ok(Err(refusal)),
            };
            match with(&mut rule) {
                Ok(()) => rule.store(t).map(Ok),
                Err(refusal) => Ok(Err(refusal)),
            }
        })
        .await
    }

    /// Whether a pattern wants an event; none: the event is no JSON object.
    pub fn test(pattern: &str, event: &str) -> std::result::Result<Option<bool>, Refusal> {
        let pattern = Pattern::parse(pattern, Dialect::Bus).map_err(Refusal::Pattern)?;
        let event = serde_json::from_str(event).ok().filter(serde_json::Value::is_object);
        Ok(event.map(|event| pattern.matches(&event)))
    }
}

impl Rule {
    pub(super) fn find(
        t: &mut dyn Transaction,
        bus: &BusName,
        name: &RuleName,
    ) -> std::result::Result<Option<Self>, BackendError> {
        store::get(t, &layout::rule(bus, name), "a rule")
    }

    /// One that must be there.
    fn there(t: &mut dyn Transaction, bus: &BusName, name: &RuleName) -> Outcome<Self> {
        if Bus::find(t, bus)?.is_none() {
            return Ok(Err(Refusal::NoBus(bus.clone())));
        }
        let rule = Self::find(t, bus, name)?;
        Ok(rule.ok_or_else(|| Refusal::NoRule { rule: name.clone(), bus: bus.clone() }))
    }

    pub(super) fn store(&self, t: &mut dyn Transaction) -> std::result::Result<(), BackendError> {
        store::put(t, &layout::rule(&self.bus, &self.name), self, "a rule")?;
        routes::touch(t, &self.bus)
    }

    pub(super) fn remove(&self, t: &mut dyn Transaction) -> std::result::Result<(), BackendError> {
        if self.schedule.is_some() {
            scheduled::remove(t, &self.name)?;
        }
        t.delete(&layout::rule(&self.bus, &self.name))?;
        routes::touch(t, &self.bus)
    }
}
