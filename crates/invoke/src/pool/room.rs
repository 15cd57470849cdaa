//! How many environments this machine holds.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use sonagi_model::clock::within;
use tokio::sync::Notify;

use crate::{Config, Error, Result, ThrottleReason, admission::RETRY_AFTER, frontend::Engine};

/// The count of environments and the sum of their configured memory, both limited.
pub(crate) struct Room {
    environments: usize,
    memory: u64,
    used: Arc<Mutex<Used>>,
    /// A place was freed, or an environment became idle and could be evicted.
    news: Arc<Notify>,
    waiting: AtomicUsize,
    /// Held by the one that waits for room; the others wait behind it in their order.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Used {
    environments: usize,
    memory: u64,
}

/// Room for one environment, given back when dropped.
pub(super) struct Place {
    used: Arc<Mutex<Used>>,
    news: Arc<Notify>,
    memory: u64,
}

impl Room {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            environments: config.environments,
            memory: config.memory_budget_mib,
            used: Arc::default(),
            news: Arc::default(),
            waiting: AtomicUsize::new(0),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Room for one more environment. If there is none, idle ones are evicted, the least recently used first; if
    /// none is idle either, this waits no longer than for the right to run.
    pub(super) async fn reserve(&self, engine: &Engine, memory: u32) -> Result<Place> {
        let memory = u64::from(memory);
        if memory > self.memory || self.environments == 0 {
            return Err(Error::Unsupported(format!(
                "the function is configured with {memory} MB of memory, more than the {} MB that this server may \
                 use: lower the function's memory or raise the server's",
                self.memory
            )));
        }
        let deadline = engine.clock.tick() + engine.config.admission_wait;
        let found = within(&*engine.clock, deadline, async {
            let _turn = self.turn.lock().await;
            self.wait(engine, memory).await
        });
        found.await.ok_or(Error::Throttled {
            reason: ThrottleReason::ConcurrentInvocationLimitExceeded,
            retry_after: RETRY_AFTER,
        })
    }

    /// An environment has become idle, and may be evicted if somebody waits for room.
    pub(super) fn offer(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.news.notify_one();
        }
    }

    async fn wait(&self, engine: &Engine, memory: u64) -> Place {
        if let Some(place) = self.take(memory) {
            return place;
        }
        let _waiting = Waiting::new(&self.waiting);
        loop {
            if let Some(place) = self.take(memory) {
                return place;
            }
            engine.pools.evict_one();
            self.news.notified().await;
        }
    }

    fn take(&self, memory: u64) -> Option<Place> {
        let mut used = lock(&self.used);
        if used.environments >= self.environments || used.memory + memory > self.memory {
            return None;
        }
        used.environments += 1;
        used.memory += memory;
        Some(Place { used: self.used.clone(), news: self.news.clone(), memory })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut used = lock(&self.used);
        used.environments -= 1;
        used.memory -= self.memory;
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
