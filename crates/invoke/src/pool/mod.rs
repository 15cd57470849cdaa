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
//! forgotten when it is empty.

mod info;
mod janitor;
mod job;
mod pools;
mod room;
mod run;
mod seat;
mod start;
mod tasks;
mod worker;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use info::{EnvironmentInfo, EnvironmentState};
pub(crate) use janitor::tidy;
pub(crate) use job::{Job, Reply};
pub(crate) use pools::{Key, Pools};
pub(crate) use room::Room;
use sonagi_control::Target;
use sonagi_model::{LambdaName, Tick, limits::FINISH_GRACE};
use sonagi_sandbox::Footprint;
pub(crate) use tasks::Tasks;

use crate::{frontend::Engine, metering::Meter};
use seat::Seat;

/// The environments of one function that are interchangeable.
pub(crate) struct Pool {
    key: Key,
    meter: Arc<Meter>,
    footprint: Footprint,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    life: Life,
    /// Jobs that no environment has taken yet, the oldest first.
    queue: VecDeque<Job>,
    /// The least recently used first.
    idle: VecDeque<Idle>,
    /// Environments that are being started.
    starting: usize,
    /// Environments that are being started for a job that they have already.
    retrying: usize,
    /// Environments that have answered and are about to be free.
    finishing: usize,
    /// Every environment, busy or idle.
    environments: Vec<Arc<Seat>>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Life {
    #[default]
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
    fn new(key: Key, meter: Arc<Meter>, footprint: Footprint, life: Life) -> Self {
        Self { key, meter, footprint, state: Mutex::new(State { life, ..State::default() }) }
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
        if let Some(idle) = state.idle.pop_back() {
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

    /// What an environment that is free does next.
    fn next(&self, engine: &Engine, seat: &Arc<Seat>, stage: Stage) -> Next {
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
                state.idle.push_back(Idle { since: engine.clock.tick(), seat: seat.clone() });
                drop(state);
                engine.room.offer();
                Next::Wait
            }
        }
    }

    /// Takes an environment that died from among the idle. If it is not there, a job is on its way to it.
    fn withdraw(&self, seat: &Arc<Seat>) -> Withdrawn {
        let mut state = self.lock();
        match state.idle.iter().position(|idle| Arc::ptr_eq(&idle.seat, seat)) {
            Some(at) => {
                state.idle.remove(at);
                Withdrawn::Gone
            }
            None => Withdrawn::Ordered,
        }
    }

    /// A job whose environment died before it ran goes back to where it was.
    fn give_back(self: &Arc<Self>, engine: &Arc<Engine>, job: Job) {
        let mut state = self.lock();
        state.queue.push_front(job);
        self.start_missing(engine, state, Grace::Running);
    }

    /// Stops the environments that were idle since before `since`, and tells when the next one was last used.
    fn expire(&self, since: Tick) -> Option<Tick> {
        let mut state = self.lock();
        while let Some(oldest) = state.idle.front() {
            if oldest.since > since {
                return Some(oldest.since);
            }
            if let Some(idle) = state.idle.pop_front() {
                idle.seat.stop();
            }
        }
        None
    }

    /// Stops every idle environment.
    fn stop_idle(&self) {
        for idle in self.lock().idle.drain(..) {
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
    fn is_empty(&self) -> bool {
        self.queue.is_empty()
            && self.idle.is_empty()
            && self.starting + self.retrying == 0
            && self.environments.is_empty()
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
