//! Provisioned environments: as many as are asked for are started ahead, and kept.
//!
//! ```text
//! what is live ──► Pools::provision ──► each pool's `wanted`
//!                                          │ the janitor, a few at a time
//!                                          ▼
//!                            start ──► Worker ──► idle, apart from the others
//!                              └── fails: the pool rests, longer each time
//! ```
//!
//! Requests take these first and start others beyond them. They are not dropped for being idle nor to make room; one
//! that dies or has grown old is replaced. Nothing is billed for their starts, and no request is shown as having
//! waited for one (Lambda Developer Guide, "Configuring provisioned concurrency for a function").

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use sonagi_control::{Share, Target};
use sonagi_model::{
    Tick,
    limits::{
        ENVIRONMENT_AGE, PROVISION_RETRY, PROVISION_RETRY_MAX, PROVISIONED_INIT_TIMEOUT, RETIRE_INTERVAL,
    },
};
use sonagi_sandbox::{Footprint, Initialization};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    Idle, Key, Life, Pool, Pools, State,
    seat::Seat,
    start::{Attempt, InitFailure},
};
use crate::{Error, activity::Active, frontend::Engine, report::InitPhase};

/// One that lived this long, or served, was sound.
const SOUND: Duration = Duration::from_secs(60);

/// What is provisioned for a target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProvisionState {
    /// Environments that are there, busy or idle.
    pub environments: u32,
    /// Why the last one that was started did not come to be, if none has since.
    pub failure: Option<ProvisionFailure>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProvisionFailure {
    /// The function failed to initialise: its log says how.
    Init,
    /// The platform could not start it. The text is for the caller.
    Platform(String),
}

/// A pool's part in it.
#[derive(Default)]
pub(super) struct Provision {
    pub(super) wanted: usize,
    /// Environments, busy or idle.
    members: usize,
    starting: usize,
    /// The least recently used first.
    pub(super) idle: VecDeque<Idle>,
    failures: u32,
    /// None is started before.
    rest: Option<Tick>,
    failure: Option<ProvisionFailure>,
}

/// The targets that something is provisioned for.
pub(super) type Wanted = HashMap<Key, (Arc<Target>, usize)>;

impl Pools {
    /// Provisions what is live now.
    pub(crate) fn provision(&self, engine: &Engine) {
        let mut present = self.wanted();
        // Asked for under the lock, so that the newest snapshot is the last to be applied.
        let live = engine.deployments.live();
        let mut wanted = Wanted::new();
        for Share { target, executions } in live.provisioned() {
            wanted.entry(Key::of(&target)).or_insert((target, 0)).1 += executions as usize;
        }
        if wanted.is_empty() && present.is_empty() {
            return;
        }
        for (key, (target, count)) in &wanted {
            self.pool(engine, key, target).lock().want(*count);
        }
        for pool in self.all() {
            if !wanted.contains_key(&pool.key) {
                pool.lock().want(0);
                self.forget_empty(engine, &pool);
            }
        }
        *present = wanted;
        drop(present);
        engine.news.notify_one();
    }

    /// Starts what is missing, as far as nobody else has to wait for it; tells when to look again, if by itself nothing
    /// would be.
    pub(super) fn start_provisioned(&self, engine: &Arc<Engine>, now: Tick) -> Option<Tick> {
        let wanted = self.wanted().clone();
        let mut again = None;
        let open = wanted.iter().map(|(key, (target, count))| {
            let pool = self.pool(engine, key, target);
            let mut state = pool.lock();
            // Said once more, for a pool that was forgotten at the same moment as it was said before.
            state.want(*count);
            state.renew_provisioned(now);
            drop(state);
            pool
        });
        // One for each in turn, so that none waits for another's many.
        let mut open: Vec<Arc<Pool>> = open.collect();
        while !open.is_empty() {
            open.retain(|pool| match pool.lock().missing(now) {
                Missing::None => false,
                Missing::Until(rest) => {
                    again = Some(again.map_or(rest, |again: Tick| again.min(rest)));
                    false
                }
                Missing::Some => true,
            });
            for pool in &open {
                let Ok(permit) = engine.provisions.clone().try_acquire_owned() else {
                    // The end of a start is told.
                    return again;
                };
                if engine.starts.available_permits() == 0 {
                    return Some(now + RETIRE_INTERVAL);
                }
                pool.lock().provision.starting += 1;
                spawn(engine, pool, permit);
            }
        }
        again
    }

    pub(crate) fn provision_state(&self, target: &Target) -> ProvisionState {
        let key = Key::of(target);
        let Some(pool) = self.shard(&key).get(&key).cloned() else { return ProvisionState::default() };
        let state = pool.lock();
        let Provision { members, ref failure, .. } = state.provision;
        ProvisionState { environments: u32::try_from(members).unwrap_or(u32::MAX), failure: failure.clone() }
    }
}

enum Missing {
    None,
    Some,
    Until(Tick),
}

impl State {
    fn want(&mut self, count: usize) {
        let provision = &mut self.provision;
        if provision.wanted == count {
            return;
        }
        provision.wanted = count;
        // Somebody has asked anew.
        (provision.failures, provision.rest, provision.failure) = (0, None, None);
        let mut surplus = provision.members.saturating_sub(count);
        while surplus > 0
            && let Some(idle) = provision.idle.pop_front()
        {
            idle.seat.stop();
            surplus -= 1;
        }
    }

    fn missing(&self, now: Tick) -> Missing {
        let Provision { wanted, members, starting, rest, .. } = self.provision;
        if self.life != Life::Live || members + starting >= wanted {
            return Missing::None;
        }
        match rest.filter(|rest| *rest > now) {
            Some(rest) => Missing::Until(rest),
            None => Missing::Some,
        }
    }

    /// Stops one that is too old, if all others are there: another takes its place.
    fn renew_provisioned(&mut self, now: Tick) {
        let provision = &mut self.provision;
        if provision.members < provision.wanted || provision.starting > 0 {
            return;
        }
        let old = |idle: &Idle| now.since(idle.seat.born) >= ENVIRONMENT_AGE;
        if let Some(at) = provision.idle.iter().position(old)
            && let Some(idle) = provision.idle.remove(at)
        {
            idle.seat.stop();
        }
    }

    /// Whether a provisioned environment that is free is one too many.
    pub(super) fn has_too_many_provisioned(&self) -> bool {
        self.provision.members > self.provision.wanted
    }

    /// Nobody asks for any, and none is coming.
    pub(super) fn provisions_nothing(&self) -> bool {
        self.provision.wanted == 0 && self.provision.starting == 0
    }

    pub(super) fn joined(&mut self, seat: &Seat) {
        match seat.facts.initialization {
            Initialization::OnDemand | Initialization::SnapStart => {}
            Initialization::Provisioned => {
                self.provision.members += 1;
                self.provision.failure = None;
            }
        }
    }

    /// An environment is gone. One that had served nothing and not lived long may do so again.
    pub(super) fn left(&mut self, engine: &Engine, seat: &Seat) {
        match seat.facts.initialization {
            Initialization::OnDemand | Initialization::SnapStart => return,
            Initialization::Provisioned => {}
        }
        let now = engine.clock.tick();
        let stopped = self.life != Life::Live || self.has_too_many_provisioned();
        self.provision.members -= 1;
        if seat.has_served() || now.since(seat.born) >= SOUND {
            self.provision.failures = 0;
        } else if !stopped {
            self.provision.failed(now);
        }
        engine.news.notify_one();
    }
}

impl Provision {
    fn failed(&mut self, now: Tick) {
        let rest = PROVISION_RETRY.saturating_mul(1 << self.failures.min(16)).min(PROVISION_RETRY_MAX);
        self.failures = self.failures.saturating_add(1);
        self.rest = Some(now + rest);
    }
}

fn spawn(engine: &Arc<Engine>, pool: &Arc<Pool>, permit: OwnedSemaphorePermit) {
    let count = Coming { engine: engine.clone(), pool: pool.clone(), permit: Some(permit) };
    let active = engine.activity.begin();
    engine.tasks.spawn(start(engine.clone(), pool.clone(), count, active));
}

async fn start(engine: Arc<Engine>, pool: Arc<Pool>, count: Coming, active: Active) {
    let place = match engine.room.reserve(&engine, pool.footprint).await {
        Ok(place) => place,
        Err(error) => return count.failed(&error),
    };
    let permit = match pool.footprint {
        // The semaphore is never closed.
        Footprint::Process { .. } => engine.starts.acquire().await.ok(),
        Footprint::Instance { .. } => None,
    };
    let target = pool.target.clone();
    // Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle", "Init phase".
    let timeout = Duration::from_secs(target.function.timeout.into()).max(PROVISIONED_INIT_TIMEOUT);
    let attempt = Attempt::new(engine.clone(), pool, target, place, Initialization::Provisioned).await;
    let attempt = match attempt {
        Ok(attempt) => attempt,
        Err(error) => return count.failed(&error),
    };
    let outcome = attempt.run(engine.clock.tick() + timeout).await;
    drop(permit);
    match outcome {
        Ok(started) => attempt.into_worker(started, None).serve(count, active).await,
        Err(failure) => match InitFailure::of(failure, timeout) {
            Err(error) => count.failed(&error),
            Ok(failed) => {
                attempt.tell(None, InitPhase::Init, &failed);
                count.give_up(ProvisionFailure::Init);
            }
        },
    }
}

/// The pool's count of a provisioned environment that is being started.
struct Coming {
    engine: Arc<Engine>,
    pool: Arc<Pool>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Coming {
    fn failed(self, error: &Error) {
        let function = self.pool.function();
        tracing::warn!(%function, error = error as &dyn std::error::Error, "no provisioned environment could be started");
        self.give_up(ProvisionFailure::Platform(match error {
            Error::Unsupported(text) | Error::NotYet(text) => text.clone(),
            Error::Throttled { .. } => "this machine has no room for another environment".into(),
            Error::Machine { .. }
            | Error::Packages(_)
            | Error::Draining
            | Error::Lost
            | Error::PayloadTooLarge { .. } => "Sonagi could not start it: the server's log says why".into(),
        }));
    }

    fn give_up(self, failure: ProvisionFailure) {
        let now = self.engine.clock.tick();
        let mut state = self.pool.lock();
        state.provision.failure = Some(failure);
        state.provision.failed(now);
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        self.pool.lock().provision.starting -= 1;
        drop(self.permit.take());
        self.engine.pools.forget_empty(&self.engine, &self.pool);
        self.engine.news.notify_one();
    }
}
