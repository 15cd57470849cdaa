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

use std::collections::BTreeSet;

use sonagi_backend::Transaction;
use sonagi_control::{Error, Resources, Result};
use sonagi_data::queues::{Outbox, Queues};
use sonagi_model::{
    AppName,
    release::ReleaseContent,
    resource::{Resource, ResourceKind},
};

use crate::Config;

/// The services behind declarations.
#[derive(Clone)]
pub struct Declared {
    config: Config,
    queues: Queues,
}

impl Declared {
    pub fn new(config: Config, queues: Queues) -> Self {
        Self { config, queues }
    }

    fn check_one(&self, name: &str, resource: &Resource) -> Result<()> {
        match resource.kind {
            ResourceKind::Queue => queue::read(&self.config, name, resource).map(drop),
            ResourceKind::ScheduleGroup => schedule::read_group(name, resource).map(drop),
            ResourceKind::Schedule => schedule::read(&self.config, name, resource).map(drop),
            ResourceKind::Bus | ResourceKind::Rule | ResourceKind::Archive => {
                bus::read(&self.config, name, resource)
            }
            ResourceKind::Topic | ResourceKind::Subscription => topic::read(&self.config, name, resource),
        }
    }

    /// Makes what is not there, and changes what is declared otherwise than before.
    fn make(
        &self,
        outbox: &mut Outbox<'_>,
        app: &AppName,
        name: &str,
        before: Option<&Resource>,
        resource: &Resource,
    ) -> Result<()> {
        match resource.kind {
            ResourceKind::Queue => queue::make(&self.config, outbox, app, name, before, resource),
            ResourceKind::ScheduleGroup => schedule::make_group(outbox, app, name, resource),
            ResourceKind::Schedule => schedule::make(&self.config, outbox, app, name, resource),
            ResourceKind::Bus | ResourceKind::Rule | ResourceKind::Archive => {
                bus::make(&self.config, outbox, app, name, resource)
            }
            ResourceKind::Topic | ResourceKind::Subscription => {
                topic::make(&self.config, outbox, app, name, resource)
            }
        }
    }

    /// Looks at what a thing needs of others of its kind, once all are there.
    fn join(&self, outbox: &mut Outbox<'_>, name: &str, resource: &Resource) -> Result<()> {
        match resource.kind {
            ResourceKind::Queue => queue::join(&self.config, outbox, name, resource),
            ResourceKind::Topic
            | ResourceKind::Subscription
            | ResourceKind::Bus
            | ResourceKind::Rule
            | ResourceKind::Archive
            | ResourceKind::ScheduleGroup
            | ResourceKind::Schedule => Ok(()),
        }
    }

    fn give_up(&self, outbox: &mut Outbox<'_>, app: &AppName, resource: &Resource) -> Result<()> {
        match resource.kind {
            ResourceKind::Queue => queue::give_up(outbox, app, resource),
            ResourceKind::ScheduleGroup => schedule::give_up_group(outbox, app, resource),
            ResourceKind::Schedule => schedule::give_up(&self.config, outbox, app, resource),
            ResourceKind::Bus | ResourceKind::Rule | ResourceKind::Archive => {
                bus::give_up(&self.config, outbox, app, resource)
            }
            ResourceKind::Topic | ResourceKind::Subscription => {
                topic::give_up(&self.config, outbox, app, resource)
            }
        }
    }
}

impl Resources for Declared {
    fn check(&self, _app: &AppName, content: &ReleaseContent) -> Result<()> {
        let mut names = BTreeSet::new();
        for (name, resource) in &content.resources {
            self.check_one(name, resource)?;
            if !resource.name.is_empty() && !names.insert((resource.kind, &resource.name)) {
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
        let mut outbox = Outbox::new(t, self.queues.moment());
        for (name, resource) in in_order(to) {
            let before = from.resources.values().find(|before| is_same(before, resource));
            self.make(&mut outbox, app, name, before, resource)?;
        }
        for (name, resource) in in_order(to) {
            self.join(&mut outbox, name, resource)?;
        }
        for (_, resource) in in_order(from).into_iter().rev() {
            if !to.resources.values().any(|still| is_same(resource, still)) {
                self.give_up(&mut outbox, app, resource)?;
            }
        }
        Ok(())
    }
}

/// Whether two declarations are of the same thing.
fn is_same(one: &Resource, other: &Resource) -> bool {
    let named = one.kind == other.kind && one.name == other.name;
    named && (!one.name.is_empty() || one.properties == other.properties)
}

fn in_order(content: &ReleaseContent) -> Vec<(&String, &Resource)> {
    let mut all: Vec<_> = content.resources.iter().collect();
    all.sort_by_key(|(_, resource)| resource.kind);
    all
}
