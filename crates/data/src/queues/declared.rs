//! Queues that apps declare: made, changed and given up within the transaction that changes what is live.

use std::collections::BTreeMap;

use sonagi_backend::Error as BackendError;
use sonagi_model::{AppName, limits};

use super::{
    Outbox, Queue, QueueName, Refusal, Settings,
    registry::{check_dead_letters, has_room},
};

/// A queue as an app declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    pub name: QueueName,
    pub settings: Settings,
    pub tags: BTreeMap<String, String>,
}

impl Declaration {
    /// What is wrong with it wherever it is declared.
    pub fn check(&self) -> Result<(), Refusal> {
        self.settings.check(&self.name)?;
        if self.tags.len() > limits::TAGS { Err(Refusal::TooManyTags) } else { Ok(()) }
    }
}

type Outcome = Result<Result<(), Refusal>, BackendError>;

impl Outbox<'_> {
    /// Makes the queue what `app` declares it to be. One that the app gave up, or that was made through an API and is the
    /// same, becomes the app's. [`Outbox::check_declared`] follows, once all of the app's are there.
    pub fn declare(&mut self, app: &AppName, declared: &Declaration) -> Outcome {
        let Declaration { name, settings, tags } = declared;
        let now = self.now.wall;
        let queue = match Queue::find(self.t, name)? {
            Some(queue) if queue.app.as_ref() == Some(app) || queue.left.as_ref() == Some(app) => queue,
            Some(Queue { app: Some(owner), .. }) => return Ok(Err(Refusal::Owned { app: owner })),
            Some(queue) => match queue.settings.difference(settings) {
                Some(attribute) => return Ok(Err(Refusal::Exists { attribute })),
                None => queue,
            },
            None if !has_room(self.t)? => return Ok(Err(Refusal::TooManyQueues)),
            None => Queue {
                name: name.clone(),
                id: self.id()?,
                app: None,
                left: None,
                settings: settings.clone(),
                tags: tags.clone(),
                created: now,
                modified: now,
                purged: None,
            },
        };
        let modified = if queue.settings == *settings { queue.modified } else { now };
        let (settings, tags) = (settings.clone(), tags.clone());
        let queue = Queue { app: Some(app.clone()), left: None, settings, tags, modified, ..queue };
        queue.store(self.t).map(Ok)
    }

    /// Whether the queue is there, as this app's.
    pub fn is_declared(&mut self, app: &AppName, name: &QueueName) -> Result<bool, BackendError> {
        Ok(Queue::find(self.t, name)?.is_some_and(|queue| queue.app.as_ref() == Some(app)))
    }

    /// Whether the queue that its dead letters go to is there and takes them.
    pub fn check_declared(&mut self, declared: &Declaration) -> Outcome {
        check_dead_letters(self.t, &declared.name, &declared.settings)
    }

    /// The app no longer declares the queue. It is removed if nothing is in it, unless it is to be kept; otherwise it
    /// stays and belongs to nobody.
    pub fn retire(&mut self, app: &AppName, name: &QueueName, keep: Keep) -> Result<(), BackendError> {
        let Some(queue) = Queue::find(self.t, name)? else { return Ok(()) };
        if queue.app.as_ref() != Some(app) {
            return Ok(());
        }
        if keep == Keep::IfUsed && queue.is_empty(self.t)? {
            return queue.remove(self.t);
        }
        Queue { app: None, left: Some(app.clone()), ..queue }.store(self.t)
    }
}

/// What stays of a queue that is no longer declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// It stays if there are messages in it.
    IfUsed,
    Always,
}
