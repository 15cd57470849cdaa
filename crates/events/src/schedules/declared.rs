//! Schedules and groups that releases declare, in the release's transaction.

use serde_json::{Map, Value};
use sonagi_backend::records::{Direction, after};
use sonagi_data::queues::Outbox;
use sonagi_model::AppName;

use super::{
    Group, GroupState, Refusal, Schedule, ScheduleInput, ScheduleName, Settings, firing, layout, registry,
    timing,
};
use crate::{
    Config,
    declaration::{Declaration, Outcome, input},
};

/// A schedule as a release declares it: `CreateSchedule`'s input.
pub(crate) struct DeclaredSchedule {
    group: ScheduleName,
    name: ScheduleName,
    settings: Settings,
}

/// A group as a release declares it.
pub(crate) struct DeclaredGroup(ScheduleName);

fn name_of(text: &str) -> Result<ScheduleName, Refusal> {
    ScheduleName::new(text).ok_or_else(|| {
        let rule = "it wants 1 to 64 letters, digits and any of -_.";
        Refusal::Invalid(format!("{text:?} is no name: {rule}"))
    })
}

impl DeclaredSchedule {
    pub(crate) fn read(
        config: &Config,
        name: &str,
        properties: &Map<String, Value>,
    ) -> Result<Self, Refusal> {
        let name = name_of(name)?;
        let said: ScheduleInput = input(properties).map_err(Refusal::Invalid)?;
        let group = match &said.group_name {
            Some(name) => ScheduleName::new(name)
                .ok_or_else(|| Refusal::Invalid(format!("{name:?} is no group's name")))?,
            None => ScheduleName::default(),
        };
        let settings = said.settings()?;
        firing::check(config, &settings.target)?;
        Ok(Self { group, name, settings })
    }
}

impl Declaration for DeclaredSchedule {
    type Refusal = Refusal;

    fn declare(&self, outbox: &mut Outbox<'_>, app: &AppName) -> Outcome<Refusal> {
        let now = outbox.now();
        let t = outbox.transaction();
        let settings = self.settings.clone();
        let there = Schedule::find(t, &layout::timer(&self.group, &self.name))?;
        if there.as_ref().is_some_and(|there| there.app.as_ref() != Some(app)) {
            return Ok(Err(Refusal::Exists(self.name.clone())));
        }
        if there.as_ref().is_some_and(|there| there.settings == settings) {
            return Ok(Ok(()));
        }
        if let Err(refusal) = timing::check(&settings, there.as_ref().map(|there| &there.settings), now) {
            return Ok(Err(refusal));
        }
        match there {
            Some(there) => registry::alter(t, there, settings, now),
            None => {
                let schedule = Schedule {
                    group: self.group.clone(),
                    name: self.name.clone(),
                    settings,
                    created: now,
                    modified: now,
                    app: Some(app.clone()),
                    token: None,
                    since: now,
                    next: None,
                };
                registry::create(t, schedule, now)
            }
        }
    }

    fn retire(&self, outbox: &mut Outbox<'_>, app: &AppName) -> Outcome<Refusal> {
        let t = outbox.transaction();
        match Schedule::find(t, &layout::timer(&self.group, &self.name))? {
            Some(there) if there.app.as_ref() == Some(app) => registry::remove(t, &there).map(Ok),
            Some(_) | None => Ok(Ok(())),
        }
    }
}

impl DeclaredGroup {
    pub(crate) fn read(name: &str) -> Result<Self, Refusal> {
        name_of(name).map(Self)
    }
}

impl Declaration for DeclaredGroup {
    type Refusal = Refusal;

    fn declare(&self, outbox: &mut Outbox<'_>, app: &AppName) -> Outcome<Refusal> {
        let now = outbox.now();
        let t = outbox.transaction();
        match Group::find(t, &self.0)? {
            Some(Group { state: GroupState::Deleting, .. }) => Ok(Err(Refusal::Deleting(self.0.clone()))),
            Some(there) if there.app.as_ref() == Some(app) => Ok(Ok(())),
            Some(_) => Ok(Err(Refusal::GroupExists(self.0.clone()))),
            None => {
                let group = Group {
                    created: Some(now),
                    modified: Some(now),
                    app: Some(app.clone()),
                    ..Group::new(self.0.clone())
                };
                group.store(t).map(Ok)
            }
        }
    }

    /// One that something is in stays, and is nobody's.
    fn retire(&self, outbox: &mut Outbox<'_>, app: &AppName) -> Outcome<Refusal> {
        let t = outbox.transaction();
        let Some(there) = Group::find(t, &self.0)?.filter(|there| there.app.as_ref() == Some(app)) else {
            return Ok(Ok(()));
        };
        let from = layout::of_group(&self.0);
        if t.scan(&from..&after(&from), Direction::Forward, 1)?.is_empty() {
            return t.delete(&layout::group(&self.0)).map(Ok);
        }
        Group { app: None, ..there }.store(t).map(Ok)
    }
}
