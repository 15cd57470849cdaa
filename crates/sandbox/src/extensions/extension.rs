//! One extension.

use std::{fmt, str::FromStr};

use sonagi_model::{Entropy, RequestId, ids::IdError};

/// How an extension is known from its registration on: `Lambda-Extension-Identifier`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExtensionId(RequestId);

impl ExtensionId {
    pub(crate) fn random(entropy: &dyn Entropy) -> Self {
        Self(RequestId::random(entropy))
    }
}

impl fmt::Display for ExtensionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ExtensionId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        text.parse().map(Self)
    }
}

/// Whose process it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Its own: a program in `/opt/extensions`.
    External,
    /// The runtime's.
    Internal,
}

/// As Lambda names its states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Started,
    Registered,
    /// It waits for an event.
    Ready,
    Running,
    InitError,
    ExitError,
}

impl Standing {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Started => "Started",
            Self::Registered => "Registered",
            Self::Ready => "Ready",
            Self::Running => "Running",
            Self::InitError => "InitError",
            Self::ExitError => "ExitError",
        }
    }
}

/// What it wants to be told of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Events {
    pub(crate) invoke: bool,
    pub(crate) shutdown: bool,
}

impl Events {
    /// In the order in which Lambda lists them.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        [(self.invoke, "INVOKE"), (self.shutdown, "SHUTDOWN")]
            .into_iter()
            .filter_map(|(wanted, name)| wanted.then_some(name))
    }
}

#[derive(Debug)]
pub(crate) struct Extension {
    pub(crate) id: ExtensionId,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) standing: Standing,
    pub(crate) events: Events,
    /// What it said that went wrong.
    pub(crate) error_type: Option<String>,
}

impl Extension {
    pub(super) fn started(name: String, kind: Kind, id: ExtensionId) -> Self {
        Self { id, name, kind, standing: Standing::Started, events: Events::default(), error_type: None }
    }
}
