//! Schedules and groups that releases declare, in the release's transaction.

use serde::Deserialize as _;
use serde_json::{Map, Value};
use sonagi_backend::{
    Transaction,
    records::{Direction, after},
};
use sonagi_data::queues::Outbox;
use sonagi_model::{AppName, Timestamp};

use super::{
    Group, GroupState, Refusal, Schedule, ScheduleInput, ScheduleName, Settings, firing, layout,
    registry::{self, Outcome},
    timing,
};
use crate::Config;

/// A declaration that was read: the group, and what the schedule is told to be.
pub(crate) fn read(
    config: &Config,
    properties: &Map<String, Value>,
) -> Result<(ScheduleName, Settings), Refusal> {
    let invalid = |error: serde_json::Error| Refusal::Invalid(error.to_string());
    let input = ScheduleInput::deserialize(Value::Object(properties.clone())).map_err(invalid)?;
    let group = match &input.group_name {
        Some(name) => {
            ScheduleName::new(name).ok_or_else(|| Refusal::Invalid(format!("{name:?} is no group's name")))?
        }
        None => ScheduleName::default(),
    };
    let settings = input.settings()?;
    firing::check(config, &settings.target)?;
    Ok((group, settings))
}

/// Makes a schedule, or makes it what it is declared to be now.
pub(crate) fn declare(
    outbox: &mut Outbox<'_>,
    app: &AppName,
    (group, name): (&ScheduleName, &ScheduleName),
    settings: Settings,
) -> Outcome<()> {
    let now = outbox.now();
    let t = outbox.transaction();
    match Schedule::find(t, &layout::timer(group, name))? {
        Some(there) if there.app.as_ref() != Some(app) => Ok(Err(Refusal::Exists(name.clone()))),
        Some(there) if there.settings == settings => Ok(Ok(())),
        Some(there) => match timing::check(&settings, Some(&there.settings), now) {
            Ok(()) => registry::alter(t, there, settings, now),
            Err(refusal) => Ok(Err(refusal)),
        },
        None => create(t, app, (group, name), settings, now),
    }
}

fn create(
    t: &mut dyn Transaction,
    app: &AppName,
    (group, name): (&ScheduleName, &ScheduleName),
    settings: Settings,
    now: Timestamp,
) -> Outcome<()> {
    if let Err(refusal) = timing::check(&settings, None, now) {
        return Ok(Err(refusal));
    }
    let schedule = Schedule {
        group: group.clone(),
        name: name.clone(),
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

/// Removes a schedule that its app declares no longer.
pub(crate) fn retire(
    outbox: &mut Outbox<'_>,
    app: &AppName,
    group: &ScheduleName,
    name: &ScheduleName,
) -> Outcome<()> {
    let t = outbox.transaction();
    match Schedule::find(t, &layout::timer(group, name))? {
        Some(there) if there.app.as_ref() == Some(app) => registry::remove(t, &there).map(Ok),
        Some(_) | None => Ok(Ok(())),
    }
}

/// Makes a group if it is not there.
pub(crate) fn declare_group(outbox: &mut Outbox<'_>, app: &AppName, name: &ScheduleName) -> Outcome<()> {
    let now = outbox.now();
    let t = outbox.transaction();
    match Group::find(t, name)? {
        Some(Group { state: GroupState::Deleting, .. }) => Ok(Err(Refusal::Deleting(name.clone()))),
        Some(there) if there.app.as_ref() == Some(app) => Ok(Ok(())),
        Some(_) => Ok(Err(Refusal::GroupExists(name.clone()))),
        None => {
            let group = Group {
                created: Some(now),
                modified: Some(now),
                app: Some(app.clone()),
                ..Group::new(name.clone())
            };
            group.store(t).map(Ok)
        }
    }
}

/// Removes a group that its app declares no longer, if nothing is in it.
pub(crate) fn retire_group(outbox: &mut Outbox<'_>, app: &AppName, name: &ScheduleName) -> Outcome<()> {
    let t = outbox.transaction();
    let Some(there) = Group::find(t, name)?.filter(|there| there.app.as_ref() == Some(app)) else {
        return Ok(Ok(()));
    };
    let from = layout::of_group(name);
    if t.scan(&from..&after(&from), Direction::Forward, 1)?.is_empty() {
        return t.delete(&layout::group(name)).map(Ok);
    }
    Group { app: None, ..there }.store(t).map(Ok)
}
