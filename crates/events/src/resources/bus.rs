//! Event buses, their rules and archives (EventBridge API Reference).

use sonagi_control::{Error, Result};
use sonagi_data::queues::Outbox;
use sonagi_model::{
    AppName,
    resource::{Resource, ResourceKind},
};

use crate::{
    Config,
    bus::{DeclaredArchive, DeclaredBus, DeclaredRule, Refusal},
};

/// One of the three, read.
enum Thing {
    Bus(DeclaredBus),
    Rule(DeclaredRule),
    Archive(DeclaredArchive),
}

fn thing(config: &Config, resource: &Resource) -> std::result::Result<Thing, Refusal> {
    let (name, properties) = (&resource.name, &resource.properties);
    match resource.kind {
        ResourceKind::Rule => DeclaredRule::read(config, name, properties).map(Thing::Rule),
        ResourceKind::Archive => DeclaredArchive::read(config, name, properties).map(Thing::Archive),
        ResourceKind::Queue
        | ResourceKind::Topic
        | ResourceKind::Subscription
        | ResourceKind::Bus
        | ResourceKind::ScheduleGroup
        | ResourceKind::Schedule => DeclaredBus::read(name, properties).map(Thing::Bus),
    }
}

pub(super) fn read(config: &Config, name: &str, resource: &Resource) -> Result<()> {
    thing(config, resource).map(drop).map_err(|refusal| refused(name, refusal))
}

pub(super) fn make(
    config: &Config,
    outbox: &mut Outbox<'_>,
    app: &AppName,
    name: &str,
    resource: &Resource,
) -> Result<()> {
    let outcome = match thing(config, resource).map_err(|refusal| refused(name, refusal))? {
        Thing::Bus(bus) => bus.declare(outbox, app),
        Thing::Rule(rule) => rule.declare(outbox, app),
        Thing::Archive(archive) => archive.declare(outbox, app),
    };
    outcome?.map_err(|refusal| refused(name, refusal))
}

pub(super) fn give_up(
    config: &Config,
    outbox: &mut Outbox<'_>,
    app: &AppName,
    resource: &Resource,
) -> Result<()> {
    // It was read when it was made.
    let Ok(thing) = thing(config, resource) else { return Ok(()) };
    if resource.retain {
        return Ok(());
    }
    let outcome = match thing {
        Thing::Bus(bus) => bus.retire(outbox, app),
        Thing::Rule(rule) => rule.retire(outbox, app),
        Thing::Archive(archive) => archive.retire(outbox, app),
    };
    outcome?.map_err(|refusal| refused(&resource.name, refusal))
}

fn refused(name: &str, refusal: Refusal) -> Error {
    match refusal {
        Refusal::BusExists(_) | Refusal::ArchiveExists(_) => Error::Exists(format!(
            "{name}: {refusal} Another app declares it, or it was made through an API: give one of the two another name"
        )),
        refusal => Error::Invalid(format!("{name}: {refusal}")),
    }
}
