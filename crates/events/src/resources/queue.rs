//! Queues. A declaration is `CreateQueue`'s: `Attributes` and `Tags` (SQS API Reference).

use serde::Deserialize;
use serde_json::{Map, Value};
use sonagi_backend::Error as BackendError;
use sonagi_control::{Error, Result};
use sonagi_data::queues::{
    Declaration, Given, Keep, Outbox, Place, QueueName, Refusal, Settings, changed, read_attributes,
};
use sonagi_model::{AppName, resource::Resource};

use crate::Config;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Properties {
    #[serde(default)]
    attributes: Given,
    #[serde(default)]
    tags: std::collections::BTreeMap<String, String>,
}

fn parse(properties: &Map<String, Value>) -> Result<Properties, serde_json::Error> {
    Properties::deserialize(Value::Object(properties.clone()))
}

pub(super) fn read(config: &Config, name: &str, resource: &Resource) -> Result<Declaration> {
    let wrong = |text: String| Error::Invalid(format!("queue {name}: {text}"));
    let queue = QueueName::new(&resource.name).map_err(|error| wrong(error.to_string()))?;
    let Properties { attributes, tags } =
        parse(&resource.properties).map_err(|error| wrong(error.to_string()))?;
    let place = Place { account: &config.account, region: &config.region };
    let changes = read_attributes(place, &queue, &attributes).map_err(|error| wrong(error.to_string()))?;
    let settings = changed(Settings::of(&queue), &changes);
    let declaration = Declaration { name: queue, settings, tags };
    declaration.check().map_err(|refusal| wrong(refusal.to_string()))?;
    Ok(declaration)
}

/// One that is declared as it was is made again if it is gone, and otherwise left as it is.
pub(super) fn make(
    config: &Config,
    outbox: &mut Outbox<'_>,
    app: &AppName,
    name: &str,
    before: Option<&Resource>,
    resource: &Resource,
) -> Result<()> {
    let declaration = read(config, name, resource)?;
    if before == Some(resource) && outbox.is_declared(app, &declaration.name)? {
        return Ok(());
    }
    done(name, &resource.name, outbox.declare(app, &declaration))
}

pub(super) fn join(config: &Config, outbox: &mut Outbox<'_>, name: &str, resource: &Resource) -> Result<()> {
    let declaration = read(config, name, resource)?;
    done(name, &resource.name, outbox.check_declared(&declaration))
}

pub(super) fn give_up(outbox: &mut Outbox<'_>, app: &AppName, resource: &Resource) -> Result<()> {
    let keep = if resource.retain { Keep::Always } else { Keep::IfUsed };
    let Ok(name) = QueueName::new(&resource.name) else { return Ok(()) };
    Ok(outbox.retire(app, &name, keep)?)
}

fn done(
    name: &str,
    queue: &str,
    outcome: std::result::Result<std::result::Result<(), Refusal>, BackendError>,
) -> Result<()> {
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
