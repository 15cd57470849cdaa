use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sonagi_model::{AppName, Timestamp};

use crate::BusName;

/// The bus that is always there.
const DEFAULT: &str = "default";

/// An event bus, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bus {
    pub name: BusName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The policy as JSON: who else may put events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// These are kept and shown; nothing is done with them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letters: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The app that declares it, or none: then it was made through an API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppName>,
    /// None of the default bus that nobody has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<Timestamp>,
}

/// What `UpdateEventBus` gives a bus: what is none stays as it is.
#[derive(Debug, Clone, Default)]
pub struct BusChange {
    pub description: Option<String>,
    pub kms_key: Option<String>,
    pub dead_letters: Option<String>,
    pub log: Option<String>,
}

impl Bus {
    pub(super) fn new(name: BusName) -> Self {
        Self {
            name,
            description: None,
            policy: None,
            kms_key: None,
            dead_letters: None,
            log: None,
            tags: BTreeMap::new(),
            app: None,
            created: None,
            modified: None,
        }
    }

    pub(super) fn change(&mut self, change: BusChange) {
        let BusChange { description, kms_key, dead_letters, log } = change;
        for (old, new) in [
            (&mut self.description, description),
            (&mut self.kms_key, kms_key),
            (&mut self.dead_letters, dead_letters),
            (&mut self.log, log),
        ] {
            if new.is_some() {
                *old = new.filter(|text| !text.is_empty());
            }
        }
    }
}

impl BusName {
    /// The bus that is always there.
    pub fn default_bus() -> Self {
        Self::known(DEFAULT)
    }

    pub fn is_default(&self) -> bool {
        self.as_str() == DEFAULT
    }
}
