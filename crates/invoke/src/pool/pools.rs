//! All pools, found by what runs in them.

use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sonagi_control::Target;
use sonagi_model::{
    Digest, LambdaName, Tick,
    limits::{HISTORIES, RETIRE_INTERVAL},
};

use super::{
    EnvironmentInfo, EnvironmentState, Evicted, Job, Life, Pool,
    histories::{Expected, Histories},
    history::History,
    provision::Wanted,
    room::Short,
};
use crate::{Snapshot, frontend::Engine};

const SHARDS: usize = 64;

/// What makes environments interchangeable. The digest alone says it; the name is there so that no mistake in it
/// can ever put two functions into one environment.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Key {
    environment: Digest,
    function: LambdaName,
}

pub(crate) struct Pools {
    shards: Vec<Mutex<HashMap<Key, Arc<Pool>>>>,
    /// Of the functions that have no pool.
    histories: Histories,
    wanted: Mutex<Wanted>,
}

impl Key {
    pub(super) fn new(environment: Digest, function: LambdaName) -> Self {
        Self { environment, function }
    }

    pub(crate) fn of(target: &Target) -> Self {
        Self::new(target.environment, target.function.lambda_name.clone())
    }

    pub(super) fn function(&self) -> &LambdaName {
        &self.function
    }

    pub(super) fn environment(&self) -> Digest {
        self.environment
    }
}

impl Hash for Key {
    /// A digest is evenly spread already.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.environment.as_bytes()[..8]);
    }
}

impl Pools {
    pub(crate) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            histories: Histories::new(HISTORIES),
            wanted: Mutex::default(),
        }
    }

    /// Gives a job to its function's pool.
    pub(crate) fn submit(&self, engine: &Arc<Engine>, mut job: Job) {
        let key = Key::of(&job.request.target);
        // A pool that closes is out of the map, so the second one found is another.
        loop {
            let pool = self.pool(engine, &key, &job.request.target);
            match pool.submit(engine, job) {
                Ok(()) => return,
                Err(back) => job = *back,
            }
        }
    }

    pub(super) fn pool(&self, engine: &Engine, key: &Key, target: &Arc<Target>) -> Arc<Pool> {
        let mut shard = self.shard(key);
        if let Some(pool) = shard.get(key) {
            return pool.clone();
        }
        let meter = engine.metering.meter(&target.app, &target.function.lambda_name);
        let life = if engine.keeps(target) { Life::Live } else { Life::Retired };
        let footprint = engine.driver.footprint(&target.function);
        let history = self.histories.take(key, life);
        let pool = Arc::new(Pool::new(key.clone(), target.clone(), meter, footprint, life, history));
        shard.insert(key.clone(), pool.clone());
        pool
    }

    /// Forgets a pool that has nothing left; not when it was called.
    pub(super) fn forget_empty(&self, engine: &Engine, pool: &Arc<Pool>) {
        let mut shard = self.shard(&pool.key);
        let mut state = pool.lock();
        if state.life != Life::Closed && state.is_empty() {
            let life = std::mem::replace(&mut state.life, Life::Closed);
            let history = std::mem::replace(&mut state.history, History::new());
            shard.remove(&pool.key);
            let plan = state.plan.unwrap_or_else(|| history.plan(engine.config.keep_alive));
            let window = history.idle().zip(plan.prewarm);
            let expected = window.map(|(idle, window)| Expected {
                start: idle + window.start,
                stop: idle + window.stop,
                target: pool.target.clone(),
            });
            // Its time has come already if it was started ahead: once is enough.
            let expected = expected.filter(|expected| expected.start > engine.clock.tick());
            self.histories.keep(&pool.key, life, history, expected);
        }
    }

    /// Starts environments ahead of the calls that are expected, as far as nobody else has to wait for it; tells when
    /// to look again.
    pub(super) fn start_ahead(&self, engine: &Arc<Engine>, now: Tick) -> Option<Tick> {
        loop {
            let start = self.histories.next_expected()?;
            if start > now {
                return Some(start);
            }
            let (Ok(permit), true) =
                (engine.prewarms.clone().try_acquire_owned(), engine.starts.available_permits() > 0)
            else {
                return Some(now + RETIRE_INTERVAL);
            };
            let Some(Expected { stop, target, .. }) = self.histories.take_expected() else { continue };
            if stop <= now || !engine.keeps(&target) {
                continue;
            }
            let pool = self.pool(engine, &Key::of(&target), &target);
            pool.start_ahead(engine, permit);
            self.forget_empty(engine, &pool);
        }
    }

    /// Evicts the environment that was idle for the longest of all that would make room.
    pub(super) fn evict_one(&self, short: Short) {
        loop {
            let helping = self.all().into_iter().filter(|pool| short.is_helped_by(pool.footprint));
            let oldest = helping.filter_map(|pool| Some((pool.oldest_idle()?, pool)));
            let Some((_, pool)) = oldest.min_by_key(|(since, _)| *since) else { return };
            // Somebody may have taken it in between: then there may be another.
            if pool.evict_oldest() == Evicted::One {
                return;
            }
        }
    }

    /// Stops what no live target runs in, now if it is idle and else when it is done.
    pub(crate) fn retire(&self, live: &dyn Snapshot) {
        for pool in self.all() {
            let used = live.uses(&pool.key.function, &pool.key.environment);
            pool.set_life(if used { Life::Live } else { Life::Retired });
        }
        self.histories.retire(live);
    }

    /// Stops every environment, now if it is idle and else when it is done.
    pub(crate) fn retire_all(&self) {
        self.all().iter().for_each(|pool| pool.set_life(Life::Retired));
    }

    /// Drops every job that waits for an environment.
    pub(crate) fn drop_queues(&self) {
        for pool in self.all() {
            let jobs = std::mem::take(&mut pool.lock().queue);
            drop(jobs);
        }
    }

    pub(crate) fn environments(&self) -> Vec<EnvironmentInfo> {
        let mut all = Vec::new();
        for pool in self.all() {
            let state = pool.lock();
            for seat in &state.environments {
                let idle = state.is_idle(seat);
                all.push(seat.facts.info(if idle { EnvironmentState::Idle } else { EnvironmentState::Busy }));
            }
        }
        all.sort_by(|a, b| {
            (&a.function, a.started, &a.log_stream).cmp(&(&b.function, b.started, &b.log_stream))
        });
        all
    }

    pub(super) fn all(&self) -> Vec<Arc<Pool>> {
        self.shards.iter().flat_map(|shard| lock(shard).values().cloned().collect::<Vec<_>>()).collect()
    }

    pub(super) fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn shard(&self, key: &Key) -> MutexGuard<'_, HashMap<Key, Arc<Pool>>> {
        lock(&self.shards[usize::from(key.environment.as_bytes()[31]) % SHARDS])
    }
}

fn lock(shard: &Mutex<HashMap<Key, Arc<Pool>>>) -> MutexGuard<'_, HashMap<Key, Arc<Pool>>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
