//! What all environments of a driver share: the groups, and the threads that make and clear processes.

use std::{io, sync::Arc};

use sonagi_model::Clock;
use tokio::sync::{oneshot, watch};

use super::{
    group::Groups,
    remains::{Cleared, Remains},
    spawner::{self, Launcher, Plan, Spawned},
    workers::Workers,
};

/// Threads that start processes: a burst starts this many at a time.
const SPAWNERS: usize = 4;
/// Threads that clear processes away; each is busy until its process has ended.
const JANITORS: usize = 4;

/// Dropping it waits until everything that was dropped before is gone.
pub(super) struct Machine {
    pub(super) clock: Arc<dyn Clock>,
    launcher: Arc<Launcher>,
    // In this order: the threads end before the groups go.
    spawners: Workers,
    janitors: Arc<Workers>,
    groups: Option<Arc<Groups>>,
    clearing: watch::Sender<usize>,
}

impl Machine {
    pub(super) fn new(
        server: &str,
        launcher: Launcher,
        groups: GroupUse,
        clock: Arc<dyn Clock>,
    ) -> io::Result<Self> {
        let groups = match groups {
            // Orphans of ours would become ours to reap if we are the first process: the reaper sees to that.
            GroupUse::IfThereAreAny if rustix::process::getpid().is_init() => None,
            GroupUse::IfThereAreAny => Groups::open(server),
            GroupUse::Never => None,
        };
        Ok(Self {
            clock,
            launcher: Arc::new(launcher),
            spawners: Workers::new("sonagi-spawn", SPAWNERS)?,
            janitors: Arc::new(Workers::new("sonagi-clear", JANITORS)?),
            groups: groups.map(Arc::new),
            clearing: watch::Sender::new(0),
        })
    }

    /// Starts a process. Dropping the future has it cleared away, if it came to be.
    pub(super) async fn spawn(&self, plan: Plan) -> io::Result<Spawned> {
        let (done, spawned) = oneshot::channel();
        let (launcher, groups) = (Arc::clone(&self.launcher), self.groups.clone());
        let (janitors, clearing) = (Arc::clone(&self.janitors), self.clearing.clone());
        // What is being made may have to be cleared away, so it counts from the beginning.
        clearing.send_modify(|count| *count += 1);
        self.spawners.run(move || {
            // Nobody waits any more: the burst was called off.
            if !done.is_closed() {
                let made = spawner::spawn(plan, &launcher, groups.as_deref()).map(|spawned| Unclaimed {
                    spawned: Some(spawned),
                    janitors,
                    clearing: clearing.clone(),
                });
                let _ = done.send(made);
            }
            clearing.send_modify(|count| *count -= 1);
        });
        let made: io::Result<Unclaimed> =
            spawned.await.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        made?.spawned.take().ok_or_else(|| io::Error::from(io::ErrorKind::BrokenPipe))
    }

    pub(super) fn clear(&self, remains: Remains, then: impl FnOnce(Cleared) + Send + 'static) {
        clear(&self.janitors, &self.clearing, remains, then);
    }

    /// Ready when nothing is being cleared away.
    pub(super) async fn settled(&self) {
        let _ = self.clearing.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// A process on its way to whoever asked for it; cleared away if that one has gone, be it at the last moment.
struct Unclaimed {
    spawned: Option<Spawned>,
    janitors: Arc<Workers>,
    clearing: watch::Sender<usize>,
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if let Some(spawned) = self.spawned.take() {
            clear(&self.janitors, &self.clearing, spawned.remains, |_| {});
        }
    }
}

fn clear(
    janitors: &Workers,
    clearing: &watch::Sender<usize>,
    remains: Remains,
    then: impl FnOnce(Cleared) + Send + 'static,
) {
    clearing.send_modify(|count| *count += 1);
    let clearing = clearing.clone();
    janitors.run(move || {
        then(remains.clear());
        clearing.send_modify(|count| *count -= 1);
    });
}

/// Whether control groups are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GroupUse {
    /// Where the machine lets us make some.
    #[default]
    IfThereAreAny,
    /// As on a machine that has none to give: for tests of what then takes their place.
    Never,
}
