//! What a release declares beside functions: it changes with the release, in the same commit.
//!
//! Start reading at [`Resources`].

use std::sync::Arc;

use sonagi_backend::Transaction;
use sonagi_model::{AppName, limits, release::ReleaseContent};

use crate::{Error, Result};

/// Makes what releases declare: queues, topics, rules, schedules. `server` gives one that leads to the services.
pub trait Resources: Send + Sync {
    /// What is wrong with a declaration whatever else there is, before anything changes.
    fn check(&self, app: &AppName, content: &ReleaseContent) -> Result<()>;

    /// Within the transaction that makes `to` live: what it declares is there afterwards, and what `from` alone declares
    /// is given up. It may run more than once.
    fn apply(
        &self,
        t: &mut dyn Transaction,
        app: &AppName,
        from: &ReleaseContent,
        to: &ReleaseContent,
    ) -> Result<()>;
}

/// The services, if there are any.
#[derive(Clone, Default)]
pub(crate) struct Services(pub(crate) Option<Arc<dyn Resources>>);

impl Services {
    pub(crate) fn check(&self, app: &AppName, content: &ReleaseContent) -> Result<()> {
        let (count, most) = (content.resources.len(), limits::RESOURCES_PER_APP);
        if count > most {
            return Err(Error::Invalid(format!(
                "the app declares {count} queues, topics, rules and schedules; the most is {most}"
            )));
        }
        match (&self.0, content.resources.first_key_value()) {
            (Some(services), _) => services.check(app, content),
            (None, Some((name, _))) => {
                Err(Error::Unsupported(format!("{name}: there is no service here that could have it")))
            }
            (None, None) => Ok(()),
        }
    }

    pub(crate) fn apply(
        &self,
        t: &mut dyn Transaction,
        app: &AppName,
        from: &ReleaseContent,
        to: &ReleaseContent,
    ) -> Result<()> {
        match &self.0 {
            Some(services) if !(from.resources.is_empty() && to.resources.is_empty()) => {
                services.apply(t, app, from, to)
            }
            Some(_) | None => Ok(()),
        }
    }
}
