//! What releases declare beside functions, made by each kind's own service.
//!
//! ```text
//!  control: a release goes live ──► Declared::apply ──► queues, then each later kind ──► all in the release's commit
//! ```
//!
//! Start reading at [`Declared`]; each kind has a file. Always true here:
//! - what a release declares is there, as it is declared, from the commit that makes the release live;
//! - what belongs to another app, or was made through an API and is something else, is not touched: the release is
//!   refused;
//! - nothing with messages in it is taken away.

mod bus;
mod queue;
mod schedule;
mod topic;

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;
use sonagi_backend::Transaction;
use sonagi_control::{Error, Resources, Result};
use sonagi_data::queues::{Outbox, Queues};
use sonagi_model::{
    AppName, Entropy,
    release::ReleaseContent,
    resource::{Resource, ResourceKind},
};

use crate::{Config, declaration::Declaration, topics::Subscribing};

/// The services behind declarations.
#[derive(Clone)]
pub struct Declared {
    with: Subscribing,
}

impl Declared {
    pub fn new(config: Config, queues: Queues, entropy: Arc<dyn Entropy>) -> Self {
        Self { with: Subscribing { config, queues, entropy } }
    }

    fn read(&self, name: &str, resource: &Resource) -> Result<Box<dyn Thing>> {
        let config = &self.with.config;
        Ok(match resource.kind {
            ResourceKind::Queue => Box::new(queue::read(config, name, resource)?),
            ResourceKind::ScheduleGroup | ResourceKind::Schedule => {
                Box::new(schedule::read(config, name, resource)?)
            }
            ResourceKind::Bus | ResourceKind::Rule | ResourceKind::Archive => {
                Box::new(bus::read(config, name, resource)?)
            }
            ResourceKind::Topic | ResourceKind::Subscription => {
                Box::new(topic::read(&self.with, name, resource)?)
            }
        })
    }
}

/// A declaration of any kind, read and checked.
trait Thing {
    /// Makes what is not there, and changes what is declared otherwise than before.
    fn make(&self, outbox: &mut Outbox<'_>, app: &AppName, before: Before) -> Result<()>;

    /// Looks at what it needs of others of its kind, once all are there.
    fn join(&self, outbox: &mut Outbox<'_>) -> Result<()> {
        let _ = outbox;
        Ok(())
    }

    fn give_up(&self, outbox: &mut Outbox<'_>, app: &AppName) -> Result<()>;
}

/// What the release before said of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    TheSame,
    Another,
}

/// A declaration of a service whose refusals are `R`.
struct Of<R> {
    name: String,
    retain: bool,
    declared: Box<dyn Declaration<Refusal = R>>,
    refused: fn(&str, R) -> Error,
}

impl<R> Of<R> {
    fn boxed(declared: impl Declaration<Refusal = R> + 'static) -> Box<dyn Declaration<Refusal = R>> {
        Box::new(declared)
    }

    fn read(
        name: &str,
        resource: &Resource,
        declared: std::result::Result<Box<dyn Declaration<Refusal = R>>, R>,
        refused: fn(&str, R) -> Error,
    ) -> Result<Self> {
        let declared = declared.map_err(|refusal| refused(name, refusal))?;
        Ok(Self { name: name.to_owned(), retain: resource.retain, declared, refused })
    }
}

impl<R> Thing for Of<R> {
    fn make(&self, outbox: &mut Outbox<'_>, app: &AppName, _: Before) -> Result<()> {
        self.declared.declare(outbox, app)?.map_err(|refusal| (self.refused)(&self.name, refusal))
    }

    fn give_up(&self, outbox: &mut Outbox<'_>, app: &AppName) -> Result<()> {
        if self.retain {
            return Ok(());
        }
        self.declared.retire(outbox, app)?.map_err(|refusal| (self.refused)(&self.name, refusal))
    }
}

/// Somebody else has the name.
fn taken(name: &str, refusal: &dyn std::fmt::Display) -> Error {
    Error::Exists(format!(
        "{name}: {refusal} Another app declares it, or it was made through an API: give one of the two another name"
    ))
}

impl Resources for Declared {
    fn check(&self, _app: &AppName, content: &ReleaseContent) -> Result<()> {
        let mut names = BTreeSet::new();
        for (name, resource) in &content.resources {
            self.read(name, resource)?;
            if !resource.name.is_empty() && !names.insert((resource.kind, &resource.name, place(resource))) {
                let text = format!("{name}: {:?} is declared twice: give one another name", resource.name);
                return Err(Error::Invalid(text));
            }
        }
        Ok(())
    }

    fn apply(
        &self,
        t: &mut dyn Transaction,
        app: &AppName,
        from: &ReleaseContent,
        to: &ReleaseContent,
    ) -> Result<()> {
        let mut outbox = Outbox::new(t, self.with.queues.moment());
        let mut things = Vec::with_capacity(to.resources.len());
        for (name, resource) in in_order(to) {
            let thing = self.read(name, resource)?;
            let before = from.resources.values().find(|before| is_same(before, resource));
            let before = if before == Some(resource) { Before::TheSame } else { Before::Another };
            thing.make(&mut outbox, app, before)?;
            things.push(thing);
        }
        for thing in &things {
            thing.join(&mut outbox)?;
        }
        for (name, resource) in in_order(from).into_iter().rev() {
            // It was read when it was made.
            if !to.resources.values().any(|still| is_same(resource, still))
                && let Ok(thing) = self.read(name, resource)
            {
                thing.give_up(&mut outbox, app)?;
            }
        }
        Ok(())
    }
}

/// Whether two declarations are of the same thing, which may be another than before otherwise.
fn is_same(one: &Resource, other: &Resource) -> bool {
    one.kind == other.kind && one.name == other.name && place(one) == place(other)
}

/// What a thing is known by besides its name: a rule is on a bus, a schedule in a group, and a subscription has no name.
fn place(resource: &Resource) -> [&str; 3] {
    let said = |property: &str| resource.properties.get(property).and_then(Value::as_str);
    // A bus or a group may be said by its ARN.
    let within = |property| said(property).map_or("default", |text| text.rsplit('/').next().unwrap_or(text));
    match resource.kind {
        ResourceKind::Subscription => {
            ["TopicArn", "Protocol", "Endpoint"].map(|property| said(property).unwrap_or_default())
        }
        ResourceKind::Rule => [within("EventBusName"), "", ""],
        ResourceKind::Schedule => [within("GroupName"), "", ""],
        ResourceKind::Queue
        | ResourceKind::Topic
        | ResourceKind::Bus
        | ResourceKind::Archive
        | ResourceKind::ScheduleGroup => [""; 3],
    }
}

fn in_order(content: &ReleaseContent) -> Vec<(&String, &Resource)> {
    let mut all: Vec<_> = content.resources.iter().collect();
    all.sort_by_key(|(_, resource)| resource.kind);
    all
}
