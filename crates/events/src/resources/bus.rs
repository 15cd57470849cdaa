//! Event buses, their rules and archives (EventBridge API Reference).

use sonagi_control::{Error, Result};
use sonagi_model::resource::{Resource, ResourceKind};

use super::{Of, taken};
use crate::{
    Config,
    bus::{DeclaredArchive, DeclaredBus, DeclaredRule, Refusal},
};

pub(super) fn read(config: &Config, name: &str, resource: &Resource) -> Result<Of<Refusal>> {
    let (own, properties) = (&resource.name, &resource.properties);
    let declared = match resource.kind {
        ResourceKind::Rule => DeclaredRule::read(config, own, properties).map(Of::boxed),
        ResourceKind::Archive => DeclaredArchive::read(config, own, properties).map(Of::boxed),
        _ => DeclaredBus::read(own, properties).map(Of::boxed),
    };
    Of::read(name, resource, declared, refused)
}

fn refused(name: &str, refusal: Refusal) -> Error {
    match refusal {
        Refusal::BusExists(_) | Refusal::ArchiveExists(_) => taken(name, &refusal),
        refusal => Error::Invalid(format!("{name}: {refusal}")),
    }
}
