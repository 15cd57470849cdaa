//! What releases declare, as the service that has it takes it.

use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sonagi_backend::Error as BackendError;
use sonagi_data::queues::Outbox;
use sonagi_model::AppName;

/// A thing that a release declares, read and checked: what becomes of it in the release's transaction.
pub(crate) trait Declaration {
    /// Why its service does not do it.
    type Refusal;

    /// Makes it, or makes it what it is declared to be now.
    fn declare(&self, outbox: &mut Outbox<'_>, app: &AppName) -> Outcome<Self::Refusal>;

    /// The app declares it no longer.
    fn retire(&self, outbox: &mut Outbox<'_>, app: &AppName) -> Outcome<Self::Refusal>;
}

pub(crate) type Outcome<R> = Result<Result<(), R>, BackendError>;

/// The input of a service's operation.
pub(crate) fn input<T: DeserializeOwned>(properties: &Map<String, Value>) -> Result<T, String> {
    T::deserialize(Value::Object(properties.clone())).map_err(|error| error.to_string())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Tag {
    key: String,
    value: String,
}

pub(crate) fn tags(tags: Vec<Tag>) -> BTreeMap<String, String> {
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}
