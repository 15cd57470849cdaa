//! The worker that fires timers.

use std::{collections::BTreeMap, sync::Arc};

use sonagi_backend::{ChangeStream, Error, Records, records::Direction};
use sonagi_data::queues::{Outbox, Queues};
use sonagi_model::{Clock, Timestamp, limits};
use tokio::task::JoinSet;

use super::{
    Due,
    layout::{self, Entry},
};

/// What an owner does with one of its timers that is due, within the transaction that removes it. It may run more than
/// once, as all that is done within a transaction. An error leaves the timer to be fired again.
type Handler = Arc<dyn Fn(&mut Outbox<'_>, &Due) -> Result<(), Error> + Send + Sync>;

/// The worker that fires all timers; a server has one.
pub(crate) struct Timers {
    records: Arc<dyn Records>,
    queues: Queues,
    clock: Arc<dyn Clock>,
    handlers: BTreeMap<&'static str, Handler>,
}

impl Timers {
    pub(crate) fn new(records: Arc<dyn Records>, queues: Queues, clock: Arc<dyn Clock>) -> Self {
        Self { records, queues, clock, handlers: BTreeMap::new() }
    }

    /// With `handler` for the timers of that kind.
    pub(crate) fn with(
        mut self,
        kind: &'static str,
        handler: impl Fn(&mut Outbox<'_>, &Due) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Self {
        self.handlers.insert(kind, Arc::new(handler));
        self
    }

    /// Fires timers until it is dropped, or the records are closed.
    pub(crate) async fn run(self) {
        let mut changes = self.records.changes(self.records.sequence());
        loop {
            let looked = match self.fire_all().await {
                Ok(fired) => self.wait(&mut *changes, fired).await,
                Err(error) => Err(error),
            };
            match looked {
                Ok(()) => continue,
                Err(Error::Closed) => return,
                // Everything is looked at again, so nothing is missed.
                Err(Error::Trimmed { .. }) => {}
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "timers are not fired");
                    self.clock.sleep(limits::TIMER_RETRY).await;
                }
            }
            changes = self.records.changes(self.records.sequence());
        }
    }

    /// Fires all that is due by now.
    async fn fire_all(&self) -> Result<Fired, Error> {
        let (mut from, to) = layout::all();
        let mut failed = false;
        loop {
            let now = self.clock.now();
            let snapshot = self.records.snapshot();
            let found = snapshot.scan(&from..&to, Direction::Forward, limits::TIMERS_AT_ONCE).await?;
            drop(snapshot);
            let (mut firing, mut later) = (JoinSet::new(), None);
            for record in found {
                let due = Entry::due(&record.key).filter(|due| *due > now);
                if due.is_some() {
                    later = due;
                    break;
                }
                from = [&record.key, [0].as_slice()].concat();
                match Entry::of(&record.key) {
                    Some(entry) => drop(firing.spawn(self.fire(entry, now))),
                    None => tracing::error!(key = %record.key.escape_ascii(), "this is no timer"),
                }
            }
            let is_last = firing.is_empty();
            while let Some(done) = firing.join_next().await {
                // A handler that panicked has changed nothing.
                failed |= !done.unwrap_or(false);
            }
            if later.is_some() || is_last {
                return Ok(Fired { next: later, failed });
            }
        }
    }

    /// Whether it need not be fired again.
    fn fire(&self, entry: Entry, now: Timestamp) -> impl Future<Output = bool> + Send + use<> {
        let (queues, handler) = (self.queues.clone(), self.handlers.get(entry.kind.as_str()).cloned());
        async move {
            let Some(handler) = handler else {
                tracing::error!(kind = entry.kind, key = entry.key, "nobody owns this timer");
                return true;
            };
            let due = Due { key: entry.key.clone(), at: entry.due, now };
            let taken = entry.clone();
            let fired = queues.transact(move |outbox| {
                if layout::take(outbox.transaction(), &taken)? {
                    handler(outbox, &due)?;
                }
                Ok(())
            });
            let fired = fired.await;
            if let Err(error) = &fired {
                let (kind, key) = (&entry.kind, &entry.key);
                tracing::error!(error = error as &dyn std::error::Error, kind, key, "a timer was not fired");
            }
            fired.is_ok()
        }
    }

    /// Returns when something may be due.
    async fn wait(&self, changes: &mut dyn ChangeStream, fired: Fired) -> Result<(), Error> {
        let now = self.clock.now();
        let mut wait = fired.next.map(|next| next.since(now).min(limits::TIMER_LOOK));
        if fired.failed {
            wait = Some(wait.unwrap_or(limits::TIMER_RETRY).min(limits::TIMER_RETRY));
        }
        let sleep = async {
            match wait {
                Some(wait) => self.clock.sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        let earlier = async {
            loop {
                let set = changes.next().await?;
                let mut set = set.changes.iter().filter(|change| change.value.is_some());
                let is_earlier = |due: Timestamp| fired.next.is_none_or(|next| due < next);
                if set.any(|change| Entry::due(&change.key).is_some_and(is_earlier)) {
                    return Ok(());
                }
            }
        };
        tokio::select! {
            () = sleep => Ok(()),
            earlier = earlier => earlier,
        }
    }
}

/// What is left when all that was due was fired.
#[derive(Debug, Clone, Copy)]
struct Fired {
    /// When the next is due.
    next: Option<Timestamp>,
    /// Something is due still.
    failed: bool,
}
