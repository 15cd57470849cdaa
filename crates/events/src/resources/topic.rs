//! Topics and subscriptions (SNS API Reference, `CreateTopic` and `Subscribe`).

use sonagi_control::{Error, Result};
use sonagi_model::resource::{Resource, ResourceKind};

use super::{Of, taken};
use crate::topics::{DeclaredSubscription, DeclaredTopic, Refusal, Subscribing};

pub(super) fn read(with: &Subscribing, name: &str, resource: &Resource) -> Result<Of<Refusal>> {
    let declared = match resource.kind {
        ResourceKind::Topic => DeclaredTopic::read(&resource.name, &resource.properties).map(Of::boxed),
        _ => DeclaredSubscription::read(with, &resource.properties).map(Of::boxed),
    };
    Of::read(name, resource, declared, refused)
}

fn refused(name: &str, refusal: Refusal) -> Error {
    match refusal {
        Refusal::Value(text) => taken(name, &text),
        refusal => Error::Invalid(format!("{name}: {refusal}")),
    }
}
