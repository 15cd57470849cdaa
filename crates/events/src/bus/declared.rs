//! Buses, rules and archives that releases declare, in the release's transaction.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use sonagi_backend::{
    Transaction,
    records::{Direction, after},
};
use sonagi_data::queues::Outbox;
use sonagi_model::{AppName, limits};

use super::{
    Archive, ArchiveName, Bus, BusChange, DeadLetters, Refusal, Rule, RuleDraft, RuleName, RuleState, Target,
    TargetForm, layout, routes, rule::check_pattern, scheduled, store,
};
use crate::{
    BusName, Config, Destination,
    declaration::{Declaration, Outcome, Tag, input, tags},
};

/// A bus by its name or its ARN.
fn bus_of(config: &Config, text: Option<&str>) -> Result<BusName, Refusal> {
    let wrong = |text: &str| Refusal::Parameter(format!("{text:?} is no event bus of this platform"));
    match text {
        None => Ok(BusName::default_bus()),
        Some(arn) if arn.starts_with("arn:") => {
            match Destination::parse(arn, &config.account, &config.region) {
                Ok(Destination::Bus(name)) => Ok(name),
                Ok(_) | Err(_) => Err(wrong(arn)),
            }
        }
        Some(name) => BusName::new(name).ok_or_else(|| wrong(name)),
    }
}

/// A bus as a release declares it: `CreateEventBus`'s input.
pub(crate) struct DeclaredBus {
    name: BusName,
    change: BusChange,
    policy: Option<String>,
    tags: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct BusInput {
    description: Option<String>,
    dead_letter_config: Option<DeadLetters>,
    policy: Option<Value>,
    #[serde(default)]
    tags: Vec<Tag>,
}

impl DeclaredBus {
    pub(crate) fn read(name: &str, properties: &Map<String, Value>) -> Result<Self, Refusal> {
        let BusInput { description, dead_letter_config, policy, tags: said } =
            input(properties).map_err(Refusal::Parameter)?;
        let name = BusName::new(name)
            .filter(|name| !name.is_default())
            .ok_or_else(|| Refusal::Parameter(format!("{name:?} cannot name an event bus")))?;
        let dead_letters = dead_letter_config.and_then(|config| config.arn);
        let policy = policy.map(|policy| match policy {
            Value::String(text) => text,
            other => other.to_string(),
        });
        let change = BusChange { description, dead_letters, ..BusChange::default() };
        Ok(Self { name, change, policy, tags: tags(said) })
    }
}

impl Declaration for DeclaredBus {
    type Refusal = Refusal;

    fn declare(&self, outbox: &mut Outbox<'_>, app: &AppName) -> Outcome<Refusal> {
        let now = outbox.now();
        let t = outbox.transaction();
        let before = store::get::<Bus>(t, &layout::bus(&self.name), "an event bus")?;
        if before.as_ref().is_some_and(|before| before.app.as_ref() != Some(app)) {
            return Ok(Err(Refusal::BusExists(self.name.clone())));
        }
        if before.is_none() && store::all(t, layout::BUSES)?.len() + 1 >= limits::BUSES {
            return Ok(Err(Refusal::TooMany));
        }
        let mut bus = Bus::new(self.name.clone());
        bus.change(self.change.clone());
        bus.policy = self.policy.clone();
        bus.tags = self.tags.clone();
        bus.app = Some(app.clone());
        bus.created = before.as_ref().map_or(Some(now), |before| before.created);
        bus.modified = before.as_ref().map_or(Some(now), |before| before.modified);
        if before.as_ref() == Some(&bus) {
            return Ok(Ok(()));
        }
        bus.modified = Some(now);
        bus.store(t)?;
        routes::touch(t, &self.name)?;
        Ok(Ok(()))
    }

    /// One that others have rules on stays, and is nobody's.
    fn retire(&self, outbox: &mut Outbox<'_>, app: &AppName) -> Outcome<Refusal> {
        let t = outbox.transaction();
        let found = store::get::<Bus>(t, &layout::bus(&self.name), "an event bus")?;
        let Some(bus) = found.filter(|bus| bus.app.as_ref() == Some(app)) else { return Ok(Ok(())) };
        let rules = layout::rules(&self.name);
        if t.scan(&rules..&after(&rules), Direction::Forward, 1)?.is_empty() {
            t.delete(&layout::bus(&self.name))?;
            t.delete(&layout::version(&self.name))?;
        } else {
            Bus { app: None, ..bus }.store(t)?;
        }
        Ok(Ok(()))
    }
}

/// A rule with its targets as a release declares it: the input of `PutRule` and of `PutTargets`.
pub(crate) struct DeclaredRule {
    draft: RuleDraft,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RuleInput {
    event_bus_name: Option<String>,
    event_pattern: Option<String>,
    schedule_expression: Option<String>,
    state: Option<String>,
    description: Option<String>,
    role_arn: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    targets: Option<Vec<TargetForm>>,
}

impl DeclaredRule {
    pub(crate) fn read(
        config: &Config,
        name: &str,
        properties: &Map<String, Value>,
    ) -> Result<Self, Refusal> {
        let said: RuleInput = input(properties).map_err(Refusal::Parameter)?;
        let bus = bus_of(config, said.event_bus_name.as_deref())?;
        let name =
            RuleName::new(name).ok_or_else(|| Refusal::Parameter(format!("{name:?} cannot name a rule")))?;
        let state = match said.state.as_deref() {
            None | Some("ENABLED") => RuleState::Enabled,
            Some("DISABLED") => RuleState::Disabled,
            Some("ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS") => RuleState::EnabledWithManagement,
            Some(other) => return Err(Refusal::Parameter(format!("{other:?} is no state of a rule"))),
        };
        let draft = RuleDraft {
            bus,
            name,
            pattern: said.event_pattern,
            schedule: said.schedule_expression,
            state,
            description: said.description,
            role: said.role_arn,
            tags: tags(said.tags),
        };
        draft.check()?;
        let targets = said.targets.unwrap_or_default().into_iter().map(TargetForm::target);
        let mut targets = targets.collect::<Result<Vec<_>, _>>()?;
        for target in &targets {
            target.compile(&draft.bus, config)?;
        }
        if targets.len() > limits::BUS_TARGETS {
            return Err(Refusal::TooMany);
        }
        targets.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(Self { draft, targets })
    }
}

impl Declaration for DeclaredRule {
    type Refusal = Refusal;

    /// One that runs at the same times as before goes on as it was.
    fn declare(&self, outbox: &mut Outbox<'_>, app: &AppName) -> Outcome<Refusal> {
        let now = outbox.now();
        let t = outbox.transaction();
        let RuleDraft { bus, name, pattern, schedule, state, description, role, tags } = self.draft.clone();
        if Bus::find(t, &bus)?.is_none() {
            return Ok(Err(Refusal::NoBus(bus)));
        }
        let before = Rule::find(t, &bus, &name)?;
        if before.as_ref().is_some_and(|before| before.app.as_ref() != Some(app)) {
            let text = format!("There is a rule {name} on the event bus {bus} already.");
            return Ok(Err(Refusal::Parameter(text)));
        }
        if before.is_none() && store::all(t, &layout::rules(&bus))?.len() >= limits::BUS_RULES {
            return Ok(Err(Refusal::TooMany));
        }
        let same_times = before.as_ref().filter(|before| before.schedule == schedule);
        let since = same_times.map_or(now, |before| before.since);
        let keeps_its_timer = same_times.is_some_and(|it| it.state.is_enabled() == state.is_enabled());
        let (targets, app) = (self.targets.clone(), Some(app.clone()));
        let rule = Rule { bus, name, pattern, schedule, state, description, role, tags, targets, app, since };
        if before.as_ref() == Some(&rule) {
            return Ok(Ok(()));
        }
        if !keeps_its_timer {
            scheduled::set(t, &rule, now)?;
        }
        rule.store(t).map(Ok)
    }

    fn retire(&self, outbox: &mut Outbox<'_>, app: &AppName) -> Outcome<Refusal> {
        let t = outbox.transaction();
        match Rule::find(t, &self.draft.bus, &self.draft.name)? {
            Some(rule) if rule.app.as_ref() == Some(app) => rule.remove(t).map(Ok),
            Some(_) | None => Ok(Ok(())),
        }
    }
}

/// An archive as a release declares it: `CreateArchive`'s input.
pub(crate) struct DeclaredArchive {
    name: ArchiveName,
    bus: BusName,
    description: Option<String>,
    pattern: Option<String>,
    retention: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ArchiveInput {
    event_source_arn: String,
    description: Option<String>,
    event_pattern: Option<String>,
    retention_days: Option<u32>,
}

impl DeclaredArchive {
    pub(crate) fn read(
        config: &Config,
        name: &str,
        properties: &Map<String, Value>,
    ) -> Result<Self, Refusal> {
        let ArchiveInput { event_source_arn, description, event_pattern, retention_days } =
            input(properties).map_err(Refusal::Parameter)?;
        if let Some(pattern) = &event_pattern {
            check_pattern(pattern)?;
        }
        let name = ArchiveName::new(name)
            .ok_or_else(|| Refusal::Parameter(format!("{name:?} cannot name an archive")))?;
        let bus = bus_of(config, Some(&event_source_arn))?;
        Ok(Self { name, bus, description, pattern: event_pattern, retention: retention_days.unwrap_or(0) })
    }
}

impl Declaration for DeclaredArchive {
    type Refusal = Refusal;

    fn declare(&self, outbox: &mut Outbox<'_>, app: &AppName) -> Outcome<Refusal> {
        let now = outbox.now();
        let t = outbox.transaction();
        if Bus::find(t, &self.bus)?.is_none() {
            return Ok(Err(Refusal::NoBus(self.bus.clone())));
        }
        let before = Archive::find(t, &self.name)?;
        if before.as_ref().is_some_and(|it| it.app.as_ref() != Some(app) || it.bus != self.bus) {
            return Ok(Err(Refusal::ArchiveExists(self.name.clone())));
        }
        if before.is_none() && store::all(t, layout::ARCHIVES)?.len() >= limits::ARCHIVES {
            return Ok(Err(Refusal::TooMany));
        }
        let archive = Archive {
            name: self.name.clone(),
            id: before.as_ref().map_or(t.sequence().0, |before| before.id),
            bus: self.bus.clone(),
            description: self.description.clone(),
            pattern: self.pattern.clone(),
            retention: self.retention,
            kms_key: None,
            app: Some(app.clone()),
            created: before.as_ref().map_or(now, |before| before.created),
        };
        if before.as_ref() == Some(&archive) {
            return Ok(Ok(()));
        }
        archive.store(t).map(Ok)
    }

    /// One with events stays, and is nobody's: what was kept is not lost.
    fn retire(&self, outbox: &mut Outbox<'_>, app: &AppName) -> Outcome<Refusal> {
        let t: &mut dyn Transaction = outbox.transaction();
        let found = Archive::find(t, &self.name)?;
        let Some(archive) = found.filter(|archive| archive.app.as_ref() == Some(app)) else {
            return Ok(Ok(()));
        };
        if super::Held::of(t, archive.id)?.events == 0 {
            archive.remove(t).map(Ok)
        } else {
            Archive { app: None, ..archive }.store(t).map(Ok)
        }
    }
}
