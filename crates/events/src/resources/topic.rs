//! Topics and subscriptions (SNS API Reference, `CreateTopic` and `Subscribe`).

use sonagi_control::{Error, Result};
use sonagi_data::queues::Outbox;
use sonagi_model::{
    AppName,
    resource::{Resource, ResourceKind},
};

use crate::{
    Config,
    topics::{DeclaredSubscription, DeclaredTopic, Refusal},
};

/// One of the two, read.
enum Thing {
    Topic(DeclaredTopic),
    Subscription(DeclaredSubscription),
}

fn thing(config: &Config, resource: &Resource) -> std::result::Result<Thing, Refusal> {
    if resource.kind == ResourceKind::Topic {
        DeclaredTopic::read(&resource.name, &resource.properties).map(Thing::Topic)
    } else {
        DeclaredSubscription::read(config, &resource.properties).map(Thing::Subscription)
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
        Thing::Topic(topic) => topic.declare(outbox, app),
        Thing::Subscription(subscription) => subscription.declare(config, outbox, app),
    };
    outcome?.map_err(|refusal| refused(name, refusal))
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
    // It was read when it was made.
    let Ok(thing) = thing(config, resource) else { return Ok(()) };
    let outcome = match thing {
        Thing::Topic(topic) => topic.retire(outbox, app),
        Thing::Subscription(subscription) => subscription.retire(outbox),
    };
    outcome?.map_err(|refusal| refused(&resource.name, refusal))
}

fn refused(name: &str, refusal: Refusal) -> Error {
    match refusal {
        Refusal::Value(text) => Error::Exists(format!(
            "{name}: {text} Another app declares it, or it was made through an API: give one of the two another name"
        )),
        refusal => Error::Invalid(format!("{name}: {refusal}")),
    }
}
