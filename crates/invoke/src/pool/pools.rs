//! All pools, found by what runs in them.

use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sonagi_control::Target;
use sonagi_model::{Digest, LambdaName};

use super::{EnvironmentInfo, EnvironmentState, Evicted, Job, Life, Pool, room::Short};
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
}

impl Key {
    pub(crate) fn of(target: &Target) -> Self {
        Self { environment: target.environment, function: target.function.lambda_name.clone() }
    }

    pub(super) fn function(&self) -> &LambdaName {
        &self.function
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
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
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

    fn pool(&self, engine: &Engine, key: &Key, target: &Target) -> Arc<Pool> {
        let mut shard = self.shard(key);
        if let Some(pool) = shard.get(key) {
            return pool.clone();
        }
        let meter = engine.metering.meter(&target.app, &target.function.lambda_name);
        let life = if engine.keeps(target) { Life::Live } else { Life::Retired };
        let pool = Arc::new(Pool::new(key.clone(), meter, engine.driver.footprint(&target.function), life));
        shard.insert(key.clone(), pool.clone());
        pool
    }

    /// Forgets a pool that has nothing left.
    pub(super) fn forget_empty(&self, pool: &Arc<Pool>) {
        let mut shard = self.shard(&pool.key);
        let mut state = pool.lock();
        if state.life != Life::Closed && state.is_empty() {
            state.life = Life::Closed;
            shard.remove(&pool.key);
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
                let idle = state.idle.iter().any(|idle| Arc::ptr_eq(&idle.seat, seat));
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

    fn shard(&self, key: &Key) -> MutexGuard<'_, HashMap<Key, Arc<Pool>>> {
        lock(&self.shards[usize::from(key.environment.as_bytes()[31]) % SHARDS])
    }
}

fn lock(shard: &Mutex<HashMap<Key, Arc<Pool>>>) -> MutexGuard<'_, HashMap<Key, Arc<Pool>>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
