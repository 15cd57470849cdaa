//! Schedules and their groups. A declaration is `CreateSchedule`'s (EventBridge Scheduler API Reference).

use sonagi_control::{Error, Result};
use sonagi_data::queues::Outbox;
use sonagi_model::{AppName, resource::Resource};

use crate::{
    Config,
    schedules::{self, Refusal, ScheduleName, Settings},
};

fn wrong(name: &str, text: impl std::fmt::Display) -> Error {
    Error::Invalid(format!("schedule {name}: {text}"))
}

fn name_of(name: &str, resource: &Resource) -> Result<ScheduleName> {
    ScheduleName::new(&resource.name).ok_or_else(|| {
        let text = format!("{:?} is no name: it wants 1 to 64 letters, digits and any of -_.", resource.name);
        wrong(name, text)
    })
}

pub(super) fn read(
    config: &Config,
    name: &str,
    resource: &Resource,
) -> Result<(ScheduleName, ScheduleName, Settings)> {
    let own = name_of(name, resource)?;
    let (group, settings) =
        schedules::read(config, &resource.properties).map_err(|refusal| wrong(name, refusal))?;
    Ok((group, own, settings))
}

pub(super) fn make(
    config: &Config,
    outbox: &mut Outbox<'_>,
    app: &AppName,
    name: &str,
    resource: &Resource,
) -> Result<()> {
    let (group, own, settings) = read(config, name, resource)?;
    done(name, schedules::declare(outbox, app, (&group, &own), settings)?)
}

pub(super) fn give_up(
    config: &Config,
    outbox: &mut Outbox<'_>,
    app: &AppName,
    resource: &Resource,
) -> Result<()> {
    if resource.retain {
        return Ok(());
    }
    let Ok((group, own, _)) = read(config, &resource.name, resource) else { return Ok(()) };
    done(&resource.name, schedules::retire(outbox, app, &group, &own)?)
}

pub(super) fn read_group(name: &str, resource: &Resource) -> Result<ScheduleName> {
    name_of(name, resource)
}

pub(super) fn make_group(
    outbox: &mut Outbox<'_>,
    app: &AppName,
    name: &str,
    resource: &Resource,
) -> Result<()> {
    let own = name_of(name, resource)?;
    done(name, schedules::declare_group(outbox, app, &own)?)
}

pub(super) fn give_up_group(outbox: &mut Outbox<'_>, app: &AppName, resource: &Resource) -> Result<()> {
    if resource.retain {
        return Ok(());
    }
    let Some(own) = ScheduleName::new(&resource.name) else { return Ok(()) };
    done(&resource.name, schedules::retire_group(outbox, app, &own)?)
}

fn done(name: &str, outcome: std::result::Result<(), Refusal>) -> Result<()> {
    outcome.map_err(|refusal| match refusal {
        Refusal::Exists(_) | Refusal::GroupExists(_) => Error::Exists(format!(
            "{name}: {refusal} Another app declares it, or it was made through an API: give one of the two another name"
        )),
        refusal => wrong(name, refusal),
    })
}
