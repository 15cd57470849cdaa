//! What all environments of a driver share: the groups, and the threads that make and clear processes.

use std::{
    io,
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use sonagi_model::Clock;
use tokio::sync::{oneshot, watch};

use super::{
    disks,
    group::Groups,
    launcher::{Launcher, LauncherProgram},
    network::{Grant, Networks},
    remains::{self, Cleared, Remains},
    spawner::{self, NotSpawned, Plan, Spawned},
    workers::Workers,
};
use crate::launcher::{Failure, Sandbox};

/// Threads that start processes: a burst starts this many at a time.
const SPAWNERS: usize = 4;
/// Threads that clear processes away; each is busy until its process has ended.
const JANITORS: usize = 4;

/// Dropping it waits until everything that was dropped before is gone.
pub(super) struct Machine {
    pub(super) clock: Arc<dyn Clock>,
    // In this order: the threads end before the launcher and the groups go.
    spawners: Workers,
    janitors: Arc<Workers>,
    means: Arc<Means>,
    clearing: watch::Sender<usize>,
}

/// What processes are made with.
#[derive(Debug)]
pub(super) struct Means {
    pub(super) launcher: Launcher,
    pub(super) groups: Option<Groups>,
    /// For those that are connected.
    pub(super) networks: Option<Arc<Networks>>,
    /// Whether it was said that `/tmp` is in memory.
    memory_said: AtomicBool,
}

impl Means {
    pub(super) fn new(launcher: Launcher, groups: Option<Groups>, networks: Option<Arc<Networks>>) -> Self {
        Self { launcher, groups, networks, memory_said: AtomicBool::new(false) }
    }

    /// That an environment's `/tmp` is memory, where it should be on disk; once.
    pub(super) fn say_why_in_memory(&self, failure: &Failure) {
        if !self.memory_said.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "functions have their /tmp in memory, and it counts as theirs: {}",
                disks::lacking(failure)
            );
        }
    }
}

impl Machine {
    pub(super) fn new(
        launcher: LauncherProgram,
        groups: Option<Groups>,
        networks: Networks,
        clock: Arc<dyn Clock>,
    ) -> io::Result<Self> {
        Ok(Self {
            clock,
            spawners: Workers::new("sonagi-spawn", SPAWNERS)?,
            janitors: Arc::new(Workers::new("sonagi-clear", JANITORS)?),
            means: Arc::new(Means::new(Launcher::start(launcher)?, groups, Some(Arc::new(networks)))),
            clearing: watch::Sender::new(0),
        })
    }

    pub(super) fn networks(&self) -> Option<&Arc<Networks>> {
        self.means.networks.as_ref()
    }

    /// Starts a process. Dropping the future has it cleared away, if it came to be.
    pub(super) async fn spawn(&self, plan: Plan) -> Result<Unclaimed, NotSpawned> {
        self.make(move |means| spawner::spawn(plan, means)).await
    }

    /// Gives a sandbox to a function, with `memory` bytes and what belongs to it.
    pub(super) async fn tell(
        &self,
        mut waiting: Unclaimed,
        memory: u64,
        sandbox: Sandbox,
        grant: Option<Grant>,
    ) -> Result<Unclaimed, NotSpawned> {
        self.make(move |means| {
            let Some(spawned) = &mut waiting.spawned else { return Err(gone().into()) };
            spawner::tell(spawned, memory, sandbox, grant, means)?;
            waiting.spawned.take().ok_or_else(|| gone().into())
        })
        .await
    }

    /// A copy of an initialised runtime, in a sandbox of its own with `memory` bytes; `template` leads to what makes it.
    pub(super) async fn copy(
        &self,
        name: String,
        memory: u64,
        sandbox: Sandbox,
        grant: Option<Grant>,
        template: UnixStream,
    ) -> Result<Unclaimed, NotSpawned> {
        self.make(move |means| spawner::copy(&name, memory, sandbox, grant, &template, means)).await
    }

    /// Whether the runtime that `template` leads to can be copied; gives it back.
    pub(super) async fn still(&self, template: UnixStream) -> Result<UnixStream, NotSpawned> {
        let (done, asked) = oneshot::channel();
        self.spawners.run(move || {
            // Whoever has asked may have gone.
            let _ = done.send(spawner::still(&template).map(|()| template));
        });
        asked.await.map_err(|_| gone())?
    }

    /// Does the work on a thread that makes processes, unless nobody waits for it any more.
    async fn make(
        &self,
        work: impl FnOnce(&Means) -> Result<Spawned, NotSpawned> + Send + 'static,
    ) -> Result<Unclaimed, NotSpawned> {
        let (done, made) = oneshot::channel();
        let means = Arc::clone(&self.means);
        let (janitors, clearing) = (Arc::clone(&self.janitors), self.clearing.clone());
        // What is being made may have to be cleared away, so it counts from the beginning.
        clearing.send_modify(|count| *count += 1);
        self.spawners.run(move || {
            // Nobody waits any more: the burst was called off.
            if !done.is_closed() {
                let made = work(&means).map(|spawned| Unclaimed {
                    spawned: Some(spawned),
                    janitors,
                    clearing: clearing.clone(),
                });
                let _ = done.send(made);
            } else {
                drop(work);
            }
            clearing.send_modify(|count| *count -= 1);
        });
        made.await.map_err(|_| gone())?
    }

    pub(super) fn clear(&self, remains: Remains, then: impl FnOnce(Cleared) + Send + 'static) {
        clear(&self.janitors, &self.clearing, remains, then);
    }

    /// Ready when nothing is being cleared away.
    pub(super) async fn settled(&self) {
        let _ = self.clearing.subscribe().wait_for(|count| *count == 0).await;
    }
}

fn gone() -> io::Error {
    io::ErrorKind::BrokenPipe.into()
}

/// A process on its way to whoever asked for it; cleared away if that one has gone, be it at the last moment.
pub(super) struct Unclaimed {
    pub(super) spawned: Option<Spawned>,
    janitors: Arc<Workers>,
    clearing: watch::Sender<usize>,
}

impl Unclaimed {
    /// Whether the process itself has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.spawned.as_ref().is_none_or(|spawned| remains::peek(&spawned.remains.handle).is_some())
    }

    /// It is the caller's from here on, to be cleared away too.
    pub(super) fn claim(mut self) -> Result<Spawned, NotSpawned> {
        Ok(self.spawned.take().ok_or_else(gone)?)
    }
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
