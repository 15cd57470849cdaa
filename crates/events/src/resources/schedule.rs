//! Schedules and their groups (EventBridge Scheduler API Reference).

use sonagi_control::{Error, Result};
use sonagi_model::resource::{Resource, ResourceKind};

use super::{Of, taken};
use crate::{
    Config,
    schedules::{DeclaredGroup, DeclaredSchedule, Refusal},
};

pub(super) fn read(config: &Config, name: &str, resource: &Resource) -> Result<Of<Refusal>> {
    let declared = match resource.kind {
        ResourceKind::ScheduleGroup => DeclaredGroup::read(&resource.name).map(Of::boxed),
        _ => DeclaredSchedule::read(config, &resource.name, &resource.properties).map(Of::boxed),
    };
    Of::read(name, resource, declared, refused)
}

fn refused(name: &str, refusal: Refusal) -> Error {
    match refusal {
        Refusal::Exists(_) | Refusal::GroupExists(_) => taken(name, &refusal),
        refusal => Error::Invalid(format!("schedule {name}: {refusal}")),
    }
}
