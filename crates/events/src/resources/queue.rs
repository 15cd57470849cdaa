//! Queues. A declaration is `CreateQueue`'s: `Attributes` and `Tags` (SQS API Reference).

use serde::Deserialize;
use sonagi_backend::Error as BackendError;
use sonagi_control::{Error, Result};
use sonagi_data::queues::{
    Declaration, Given, Keep, Outbox, Place, QueueName, Refusal, Settings, changed, read_attributes,
};
use sonagi_model::{AppName, resource::Resource};

use super::{Before, Thing};
use crate::{Config, declaration::input};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Properties {
    #[serde(default)]
    attributes: Given,
    #[serde(default)]
    tags: std::collections::BTreeMap<String, String>,
}

/// A queue that a release declares.
pub(super) struct Declared {
    /// In the manifest.
    name: String,
    retain: bool,
    declaration: Declaration,
}

pub(super) fn read(config: &Config, name: &str, resource: &Resource) -> Result<Declared> {
    let wrong = |text: String| Error::Invalid(format!("queue {name}: {text}"));
    let queue = QueueName::new(&resource.name).map_err(|error| wrong(error.to_string()))?;
    let Properties { attributes, tags } = input(&resource.properties).map_err(wrong)?;
    let place = Place { account: &config.account, region: &config.region };
    let changes = read_attributes(place, &queue, &attributes).map_err(|error| wrong(error.to_string()))?;
    let settings = changed(Settings::of(&queue), &changes);
    let declaration = Declaration { name: queue, settings, tags };
    declaration.check().map_err(|refusal| wrong(refusal.to_string()))?;
    Ok(Declared { name: name.to_owned(), retain: resource.retain, declaration })
}

impl Thing for Declared {
    /// One that is declared as it was is made again if it is gone, and otherwise left as it is.
    fn make(&self, outbox: &mut Outbox<'_>, app: &AppName, before: Before) -> Result<()> {
        if before == Before::TheSame && outbox.is_declared(app, &self.declaration.name)? {
            return Ok(());
        }
        self.done(outbox.declare(app, &self.declaration))
    }

    fn join(&self, outbox: &mut Outbox<'_>) -> Result<()> {
        self.done(outbox.check_declared(&self.declaration))
    }

    fn give_up(&self, outbox: &mut Outbox<'_>, app: &AppName) -> Result<()> {
        let keep = if self.retain { Keep::Always } else { Keep::IfUsed };
        Ok(outbox.retire(app, &self.declaration.name, keep)?)
    }
}

impl Declared {
    fn done(
        &self,
        outcome: std::result::Result<std::result::Result<(), Refusal>, BackendError>,
    ) -> Result<()> {
        let (name, queue) = (&self.name, self.declaration.name.as_str());
        let Err(refusal) = outcome? else { return Ok(()) };
        Err(match refusal {
            Refusal::Exists { attribute } => Error::Exists(format!(
                "queue {name}: there is a queue {queue:?} that no app declares, with another {attribute}: give one of the \
             two another name, or make that one the same first"
            )),
            Refusal::Owned { .. } => Error::Exists(format!("queue {name}: {queue:?} is taken: {refusal}")),
            Refusal::NoDeadLetters => Error::Invalid(format!(
                "queue {name}: there is no queue that its dead letters could go to: declare it too, or make it first"
            )),
            other => Error::Invalid(format!("queue {name}: {other}")),
        })
    }
}
