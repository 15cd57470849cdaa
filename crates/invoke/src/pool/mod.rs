//! Environments: lent, started, kept, stopped.
//!
//! ```text
//! submit(job) ──► an idle environment's Seat ─────────────────┐
//!            └──► the pool's queue ──► start::start ──► Worker ──► environment.invoke
//!                          ▲                              │
//!                          └── the next job, or idle ◄────┘
//! ```
//!
//! Start reading at [`Pool`]. Each environment is owned by a [`Worker`](worker::Worker): one task that runs it,
//! notices when it dies, and is the only one that ever touches it; so no two invocations can share one. A pool
//! has the environments of one function and one environment digest. It is made when it is first needed and
//! forgotten when it is empty; only its [`History`](history::History) is not. For how long an idle environment is kept
//! is in the history's plan, which the janitor follows; it also starts environments ahead of expected calls.

mod copied;
mod histories;
mod history;
mod info;
mod janitor;
mod job;
mod pools;
mod provision;
mod room;
mod run;
mod seat;
mod start;
mod tasks;
mod worker;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

pub(crate) use copied::{Copied, is_copied};
pub use copied::{SnapshotFailure, SnapshotState};
pub use info::{EnvironmentInfo, EnvironmentState};
pub(crate) use janitor::tidy;
pub(crate) use job::{Job, Reply};
pub(crate) use pools::{Key, Pools};
pub use provision::{ProvisionFailure, ProvisionState};
pub(crate) use room::Room;
use sonagi_control::Target;
use sonagi_model::{LambdaName, Tick, limits::FINISH_GRACE};
use sonagi_sandbox::{Footprint, Initialization};
pub(crate) use tasks::Tasks;
use tokio::sync::OwnedSemaphorePermit;

use crate::{frontend::Engine, metering::Meter};
use history::{History, Plan, Recorded};
use provision::Provision;
use seat::Seat;

/// The environments of one function that are interchangeable.
pub(crate) struct Pool {
    key: Key,
    /// What it was made for: any target that runs here would do.
    target: Arc<Target>,
    meter: Arc<Meter>,
    footprint: Footprint,
    state: Mutex<State>,
}

struct State {
    life: Life,
    history: History,
    /// The history's, once somebody has asked.
    plan: Option<Plan>,
    /// Jobs that no environment has taken yet, the oldest first.
    queue: VecDeque<Job>,
    /// The least recently used first.
    idle: VecDeque<Idle>,
    /// Environments that are being started.
    starting: usize,
    /// Of these, those that no job has asked for.
    ahead: usize,
    /// Environments that are being started for a job that they have already.
    retrying: usize,
    /// Environments that have answered and are about to be free.
    finishing: usize,
    /// Every environment, busy or idle.
    environments: Vec<Arc<Seat>>,
    provision: Provision,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Live,
    /// No live target runs here: environments stop when they are done.
    Retired,
    /// Out of the map; another pool may be there by now.
    Closed,
}

struct Idle {
    since: Tick,
    seat: Arc<Seat>,
}

/// What an environment does next.
enum Next {
    Run(Job),
    /// It is among the idle.
    Wait,
    Stop,
}

impl Pool {
    fn new(
        key: Key,
        target: Arc<Target>,
        meter: Arc<Meter>,
        footprint: Footprint,
        life: Life,
        history: History,
    ) -> Self {
        Self { key, target, meter, footprint, state: Mutex::new(State::new(life, history)) }
    }

    fn function(&self) -> &LambdaName {
        self.key.function()
    }

    pub(crate) fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    /// Takes a job: the most recently used idle environment runs it, or whichever comes first of one that is
    /// handed back and one that is started. Gives the job back if the pool is closed.
    pub(crate) fn submit(self: &Arc<Self>, engine: &Arc<Engine>, job: Job) -> Result<(), Box<Job>> {
        let mut state = self.lock();
        if state.life == Life::Closed {
            return Err(Box::new(job));
        }
        // While something runs, time is not even asked for.
        if state.history.idle().is_some() {
            state.arrived(engine.clock.tick());
        }
        let ready = state.provision.idle.pop_back();
        if let Some(idle) = ready.or_else(|| state.idle.pop_back()) {
            drop(state);
            idle.seat.run(job);
            return Ok(());
        }
        state.queue.push_back(job);
        let grace = state.queue.len() <= state.starting + state.finishing;
        if grace && state.queue.len() > state.starting {
            drop(state);
            let (pool, engine) = (self.clone(), engine.clone());
            tokio::spawn(async move {
                engine.clock.sleep(FINISH_GRACE).await;
                let state = pool.lock();
                pool.start_missing(&engine, state, Grace::Over);
            });
        } else {
            self.start_missing(engine, state, Grace::Running);
        }
        Ok(())
    }

    /// Starts as many environments as there are jobs without one.
    fn start_missing(self: &Arc<Self>, engine: &Arc<Engine>, mut state: MutexGuard<'_, State>, grace: Grace) {
        let coming = state.starting
            + match grace {
                Grace::Running => state.finishing,
                Grace::Over => 0,
            };
        let targets: Vec<Arc<Target>> =
            state.queue.iter().skip(coming).map(|job| job.request.target.clone()).collect();
        state.starting += targets.len();
        drop(state);
        for target in targets {
            start::spawn(engine, self, target);
        }
    }

    /// Starts an environment that no job has asked for, if there is none and none is coming.
    fn start_ahead(self: &Arc<Self>, engine: &Arc<Engine>, permit: OwnedSemaphorePermit) {
        let mut state = self.lock();
        if state.life != Life::Live || !state.is_empty() {
            return;
        }
        state.starting += 1;
        state.ahead += 1;
        drop(state);
        start::spawn_ahead(engine, self, permit);
    }

    /// What an environment that is free does next; it is `now`.
    fn next(&self, engine: &Engine, seat: &Arc<Seat>, stage: Stage, now: Tick) -> Next {
        let mut state = self.lock();
        if stage == Stage::Finishing {
            state.finishing -= 1;
        }
        if let Some(job) = state.queue.pop_front() {
            return Next::Run(job);
        }
        match state.life {
            Life::Retired | Life::Closed => Next::Stop,
            Life::Live => {
                let idle = Idle { since: now, seat: seat.clone() };
                match seat.facts.initialization {
                    Initialization::Provisioned if state.has_too_many_provisioned() => return Next::Stop,
                    Initialization::Provisioned => {
                        state.provision.idle.push_back(idle);
                        state.rest(now);
                    }
                    Initialization::OnDemand | Initialization::SnapStart => {
                        state.idle.push_back(idle);
                        state.rest(now);
                        drop(state);
                        engine.room.offer();
                    }
                }
                Next::Wait
            }
        }
    }

    /// Takes an environment that died from among the idle. If it is not there, a job is on its way to it.
    fn withdraw(&self, seat: &Arc<Seat>) -> Withdrawn {
        match self.lock().take_idle(seat) {
            Some(_) => Withdrawn::Gone,
            None => Withdrawn::Ordered,
        }
    }

    /// A job whose environment died before it ran goes back to where it was.
    fn give_back(self: &Arc<Self>, engine: &Arc<Engine>, job: Job) {
        let mut state = self.lock();
        state.queue.push_front(job);
        self.start_missing(engine, state, Grace::Running);
    }

    /// Stops the environments that are not kept any longer, and tells when the next one's time is over.
    fn expire(&self, now: Tick, usual: Duration) -> Option<Tick> {
        let mut state = self.lock();
        loop {
            let end = state.end_of_oldest(usual)?;
            if end > now {
                return Some(end);
            }
            if let Some(idle) = state.idle.pop_front() {
                idle.seat.stop();
            }
        }
    }

    /// Stops every idle environment.
    fn stop_idle(&self) {
        let state = &mut *self.lock();
        for idle in state.idle.drain(..).chain(state.provision.idle.drain(..)) {
            idle.seat.stop();
        }
    }

    /// Lets environments be kept, or not.
    fn set_life(&self, life: Life) {
        let mut state = self.lock();
        if state.life != Life::Closed {
            state.life = life;
        }
        drop(state);
        if life == Life::Retired {
            self.stop_idle();
        }
    }

    /// When the environment was last used that was so the longest ago.
    fn oldest_idle(&self) -> Option<Tick> {
        self.lock().idle.front().map(|idle| idle.since)
    }

    /// Stops the idle environment that was not used for the longest.
    fn evict_oldest(&self) -> Evicted {
        match self.lock().idle.pop_front() {
            Some(idle) => {
                idle.seat.stop();
                Evicted::One
            }
            None => Evicted::Nothing,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new(life: Life, history: History) -> Self {
        Self {
            life,
            history,
            plan: None,
            queue: VecDeque::new(),
            idle: VecDeque::new(),
            starting: 0,
            ahead: 0,
            retrying: 0,
            finishing: 0,
            environments: Vec::new(),
            provision: Provision::default(),
        }
    }

    /// Takes an environment from among the idle.
    fn take_idle(&mut self, seat: &Arc<Seat>) -> Option<Idle> {
        for all in [&mut self.idle, &mut self.provision.idle] {
            if let Some(at) = all.iter().position(|idle| Arc::ptr_eq(&idle.seat, seat)) {
                return all.remove(at);
            }
        }
        None
    }

    fn is_idle(&self, seat: &Arc<Seat>) -> bool {
        self.idle.iter().chain(&self.provision.idle).any(|idle| Arc::ptr_eq(&idle.seat, seat))
    }

    /// A job has come.
    fn arrived(&mut self, now: Tick) {
        if self.history.arrived(now) == Recorded::Yes {
            self.plan = None;
        }
    }

    /// Something is over. If nothing runs or waits now, an idle time has begun.
    fn rest(&mut self, now: Tick) {
        let idle = self.idle.len() + self.provision.idle.len();
        if self.queue.is_empty() && self.retrying == 0 && idle == self.environments.len() {
            self.history.rested(now);
        }
    }

    /// Until when the environment is kept that was not used for the longest.
    fn end_of_oldest(&mut self, usual: Duration) -> Option<Tick> {
        let since = self.idle.front()?.since;
        let history = &self.history;
        let Plan { keep_alive, prewarm } = *self.plan.get_or_insert_with(|| history.plan(usual));
        Some(match (prewarm, history.idle()) {
            (Some(window), Some(idle)) if since >= idle + window.start => idle + window.stop,
            (Some(_), Some(_)) => since + keep_alive,
            // The plan is for when nothing runs.
            (Some(_), None) => since + usual,
            // What a crowd needed is not kept for longer than is usual: one is enough for the next call.
            (None, _) if self.idle.len() > 1 => since + usual,
            (None, _) => since + keep_alive,
        })
    }

    /// As many environments are on the way as there is use for, and more.
    fn has_surplus(&self) -> bool {
        let ahead = if self.life == Life::Live && self.environments.is_empty() { self.ahead } else { 0 };
        self.starting > self.queue.len() + ahead
    }

    fn is_empty(&self) -> bool {
        self.queue.is_empty()
            && self.idle.is_empty()
            && self.starting + self.retrying == 0
            && self.environments.is_empty()
            && self.provisions_nothing()
    }
}

/// Whether an environment that has answered counts as one that is coming.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grace {
    Running,
    Over,
}

/// Whether the pool counts an environment as one that is about to be free.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Serving,
    Finishing,
}

enum Withdrawn {
    Gone,
    Ordered,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Evicted {
    One,
    Nothing,
}
