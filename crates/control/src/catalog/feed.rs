//! The task that follows the change feed, and how to wait for it.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use sonagi_backend::{ChangeStream, Records, Sequence};
use sonagi_model::{Clock, clock::within, limits};
use tokio::{sync::watch, task::JoinHandle};

use super::{
    Live,
    mirror::{Effect, Mirror},
};
use crate::{Error, Result, releases::change::Arns};

/// How long the feed rests after it could not be read.
const RETRY: Duration = Duration::from_secs(1);

pub(crate) struct Catalog {
    live: Arc<ArcSwap<Live>>,
    seen: watch::Receiver<Sequence>,
    changed: watch::Receiver<()>,
    clock: Arc<dyn Clock>,
    task: JoinHandle<()>,
}

impl Catalog {
    pub(crate) async fn open(records: Arc<dyn Records>, arns: Arns, clock: Arc<dyn Clock>) -> Result<Self> {
        let (mirror, sequence) = load(&*records, &arns).await?;
        let live = Arc::new(ArcSwap::from_pointee(mirror.live()));
        let (announce, seen) = watch::channel(sequence);
        let (change, changed) = watch::channel(());
        let feed =
            Feed { records, arns, clock: Arc::clone(&clock), live: Arc::clone(&live), announce, change };
        let task = tokio::spawn(feed.run(mirror, sequence));
        Ok(Self { live, seen, changed, clock, task })
    }

    pub(crate) fn live(&self) -> Arc<Live> {
        self.live.load_full()
    }

    pub(crate) fn news(&self) -> News {
        News(self.changed.clone())
    }

    /// For others who look at what is live whenever they want.
    pub(crate) fn shared(&self) -> Arc<ArcSwap<Live>> {
        Arc::clone(&self.live)
    }

    /// Returns once the commit `sequence` is shown.
    pub(crate) async fn shows(&self, sequence: Sequence) -> Result<()> {
        let mut seen = self.seen.clone();
        let deadline = self.clock.tick() + limits::CATALOG_WAIT;
        match within(&*self.clock, deadline, seen.wait_for(|&seen| seen >= sequence)).await {
            Some(shown) => shown.map(drop).map_err(|_| Error::Closed),
            None => Err(Error::NotShown),
        }
    }
}

/// Tells that what is live is another.
pub struct News(watch::Receiver<()>);

impl News {
    /// Returns when something has changed since it did the last time.
    pub async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            // The platform is closed: nothing changes any more.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Catalog {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Feed {
    records: Arc<dyn Records>,
    arns: Arns,
    clock: Arc<dyn Clock>,
    live: Arc<ArcSwap<Live>>,
    announce: watch::Sender<Sequence>,
    change: watch::Sender<()>,
}

impl Feed {
    /// Ends when the backend is closed; who waits then is told.
    async fn run(self, mut mirror: Mirror, mut at: Sequence) {
        loop {
            let mut changes = self.records.changes(at);
            let failed = self.follow(&mut *changes, &mut mirror).await;
            match failed {
                Error::Backend(sonagi_backend::Error::Closed) => return,
                // Nothing is lost: everything is read again below.
                Error::Backend(sonagi_backend::Error::Trimmed { .. }) => {}
                cause => {
                    tracing::error!(
                        error = &cause as &dyn std::error::Error,
                        "the catalog cannot follow the records"
                    );
                    self.clock.sleep(RETRY).await;
                }
            }
            match load(&*self.records, &self.arns).await {
                Ok((loaded, sequence)) => {
                    mirror = loaded;
                    at = sequence;
                    self.show(&mirror, sequence);
                }
                Err(Error::Backend(sonagi_backend::Error::Closed)) => return,
                Err(cause) => {
                    tracing::error!(error = &cause as &dyn std::error::Error, "the catalog cannot be loaded");
                    self.clock.sleep(RETRY).await;
                }
            }
        }
    }

    async fn follow(&self, changes: &mut dyn ChangeStream, mirror: &mut Mirror) -> Error {
        loop {
            let commit = match changes.next().await {
                Ok(commit) => commit,
                Err(cause) => return cause.into(),
            };
            match mirror.apply(&commit.changes) {
                Ok(Effect::Changed) => self.show(mirror, commit.sequence),
                Ok(Effect::None) => drop(self.announce.send_replace(commit.sequence)),
                Err(cause) => return cause,
            }
        }
    }

    /// The snapshot first: who is told of a commit finds it.
    fn show(&self, mirror: &Mirror, sequence: Sequence) {
        self.live.store(Arc::new(mirror.live()));
        self.announce.send_replace(sequence);
        self.change.send_replace(());
    }
}

async fn load(records: &dyn Records, arns: &Arns) -> Result<(Mirror, Sequence)> {
    let snapshot = records.snapshot();
    let mirror = Mirror::load(arns.clone(), &*snapshot).await?;
    Ok((mirror, snapshot.sequence().await?))
}
