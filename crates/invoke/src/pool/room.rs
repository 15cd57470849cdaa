//! How many environments this machine holds.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use sonagi_model::clock::within;
use sonagi_sandbox::{Driver, Footprint, GivenUp};
use tokio::sync::Notify;

use crate::{Config, Error, Result, ThrottleReason, admission::RETRY_AFTER, frontend::Engine};

/// The counts of environments and the sum of the memory that is kept for them and what they are copied from, all
/// limited.
pub(crate) struct Room {
    processes: usize,
    instances: usize,
    /// MiB.
    memory: u64,
    /// Which keeps some of the memory for itself.
    driver: Arc<dyn Driver>,
    used: Arc<Mutex<Used>>,
    /// A place was freed, or an environment became idle and could be evicted.
    news: Arc<Notify>,
    waiting: AtomicUsize,
    /// Held by the one that waits for room; the others wait behind it in their order.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Used {
    processes: usize,
    instances: usize,
    memory: u64,
}

/// What there is too little of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Short {
    Processes,
    Instances,
    Memory,
}

impl Short {
    /// Whether there is more of it once such an environment has gone.
    pub(super) fn is_helped_by(self, footprint: Footprint) -> bool {
        match (self, footprint) {
            (Self::Processes | Self::Memory, Footprint::Process { .. })
            | (Self::Instances, Footprint::Instance { .. }) => true,
            (Self::Memory, Footprint::Instance { memory }) => memory > 0,
            (Self::Processes, Footprint::Instance { .. }) | (Self::Instances, Footprint::Process { .. }) => {
                false
            }
        }
    }
}

/// MiB that are kept.
fn memory_of(footprint: Footprint) -> u64 {
    match footprint {
        Footprint::Process { memory } | Footprint::Instance { memory } => memory.into(),
    }
}

impl Used {
    /// The count that such an environment is part of.
    fn count(&mut self, footprint: Footprint) -> &mut usize {
        match footprint {
            Footprint::Process { .. } => &mut self.processes,
            Footprint::Instance { .. } => &mut self.instances,
        }
    }
}

/// Room for one environment, given back when dropped.
pub(super) struct Place {
    used: Arc<Mutex<Used>>,
    news: Arc<Notify>,
    footprint: Footprint,
}

impl Room {
    pub(crate) fn new(config: &Config, driver: Arc<dyn Driver>) -> Self {
        Self {
            processes: config.environments,
            instances: config.instances,
            memory: config.memory_budget_mib,
            driver,
            used: Arc::default(),
            news: Arc::default(),
            waiting: AtomicUsize::new(0),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Room for one more environment. If there is none, what the driver keeps to copy from is given up, then idle
    /// environments are evicted, the least recently used first; if none is idle either, this waits no longer than for the right to run.
    pub(super) async fn reserve(&self, engine: &Engine, footprint: Footprint) -> Result<Place> {
        let memory = memory_of(footprint);
        if memory > self.memory {
            return Err(Error::Unsupported(format!(
                "the function is configured with {memory} MB of memory, more than the {} MB that this server may \
                 use: lower the function's memory or raise the server's",
                self.memory
            )));
        }
        let deadline = engine.clock.tick() + engine.config.admission_wait;
        let found = within(&*engine.clock, deadline, async {
            let _turn = self.turn.lock().await;
            self.wait(engine, footprint).await
        });
        found.await.ok_or(Error::Throttled {
            reason: ThrottleReason::ConcurrentInvocationLimitExceeded,
            retry_after: RETRY_AFTER,
        })
    }

    /// Room for one more environment if nobody else needs it now.
    pub(super) fn spare(&self, footprint: Footprint) -> Option<Place> {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            return None;
        }
        self.take(footprint).ok()
    }

    /// An environment has become idle, and may be evicted if somebody waits for room.
    pub(super) fn offer(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.news.notify_one();
        }
    }

    async fn wait(&self, engine: &Engine, footprint: Footprint) -> Place {
        if let Ok(place) = self.take(footprint) {
            return place;
        }
        let _waiting = Waiting::new(&self.waiting);
        // What was told while nobody waited is no news: it would have a second environment evicted for nothing.
        std::pin::pin!(self.news.notified()).enable();
        loop {
            match self.take(footprint) {
                Ok(place) => return place,
                Err(Short::Memory) if self.driver.give_up() == GivenUp::One => continue,
                Err(short) => engine.pools.evict_one(short),
            }
            self.news.notified().await;
        }
    }

    fn take(&self, footprint: Footprint) -> Result<Place, Short> {
        let kept = self.driver.kept();
        let mut used = lock(&self.used);
        let (most, short) = match footprint {
            Footprint::Process { .. } => (self.processes, Short::Processes),
            Footprint::Instance { .. } => (self.instances, Short::Instances),
        };
        if *used.count(footprint) >= most {
            return Err(short);
        }
        let memory = memory_of(footprint);
        if used.memory + kept + memory > self.memory {
            return Err(Short::Memory);
        }
        *used.count(footprint) += 1;
        used.memory += memory;
        Ok(Place { used: self.used.clone(), news: self.news.clone(), footprint })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut used = lock(&self.used);
        *used.count(self.footprint) -= 1;
        used.memory -= memory_of(self.footprint);
        drop(used);
        self.news.notify_one();
    }
}

struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn lock(used: &Mutex<Used>) -> MutexGuard<'_, Used> {
    used.lock().unwrap_or_else(PoisonError::into_inner)
}
