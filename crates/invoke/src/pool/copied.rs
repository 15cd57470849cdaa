//! Functions that are initialised once, and whose environments are copies of that (SnapStart).
//!
//! ```text
//! what is live ──► Copied::follow ──► queue ──a few at a time──► driver.initialise ──► Active, or Failed
//!                                                                      ▲
//!                          the first start of a function waits its turn┘
//! ```
//!
//! A version is initialised when it is published, what is served already when the server starts, and `$LATEST` where its
//! manifest asks for it when it is deployed. What is copied is the driver's to keep: whoever starts an environment makes
//! it again if it is gone. Always true here:
//! - nobody who waits for an environment waits for this but those of the same version;
//! - it takes room that nobody else needs now, and else is left to the first start;
//! - a version that failed is tried again by each start.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sonagi_control::{Target, Version};
use sonagi_model::{
    Tick,
    clock::within,
    function::SnapStart,
    invocation::Origin,
    limits::{PROVISIONED_INIT_TIMEOUT, RETIRE_INTERVAL, TEMPLATES},
};
use sonagi_sandbox::{Footprint, Initialised};
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit};

use super::{
    Key, Pool,
    start::{Attempt, InitFailure},
};
use crate::{
    Error, Snapshot,
    activity::Active,
    deployments::{Copied as Candidate, Reached},
    frontend::Engine,
    report::InitPhase,
};

/// How far the one initialisation of a function version is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotState {
    /// It was published, and its initialisation has not ended.
    Pending,
    /// It is over, or left to the first start.
    Active,
    /// It is over, and what runs the function cannot be copied: each environment is initialised by itself.
    NotCopied,
    Failed(SnapshotFailure),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotFailure {
    /// The function failed to initialise, with this error type: its log says more.
    Init(String),
    /// It did not end within this time.
    TimedOut(Duration),
    /// This machine cannot run the function. The text says what to do.
    Unsupported(String),
    /// The platform's doing.
    Platform,
}

/// Every function version that is live and copied.
#[derive(Default)]
pub(crate) struct Copied {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Something was followed before: what is new was published just now.
    followed: bool,
    known: HashMap<Key, Entry>,
    queue: VecDeque<Key>,
}

struct Entry {
    target: Arc<Target>,
    state: SnapshotState,
    /// It has been in the queue.
    asked: bool,
    /// Held by whoever initialises it.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// Whether the target's environments are copies of one that was initialised.
pub(crate) fn is_copied(target: &Target) -> bool {
    match (target.function.snap_start, target.version) {
        (SnapStart::All, _) | (SnapStart::PublishedVersions, Version::Number(_)) => true,
        (SnapStart::PublishedVersions, Version::Latest) | (SnapStart::None, _) => false,
    }
}

/// How long the initialisation of what is copied may take, whoever waits for it (Lambda Developer Guide, "Understanding the
/// Lambda execution environment lifecycle", "Init phase").
pub(super) fn init_timeout(target: &Target) -> Duration {
    Duration::from_secs(target.function.timeout.into()).max(PROVISIONED_INIT_TIMEOUT)
}

impl Copied {
    /// Takes note of what is live now.
    pub(crate) fn follow(&self, engine: &Engine, live: &dyn Snapshot) {
        let mut inner = self.lock();
        let first = !std::mem::replace(&mut inner.followed, true);
        let mut before = std::mem::take(&mut inner.known);
        for Candidate { target, reached } in live.copied() {
            let key = Key::of(&target);
            let mut entry = before.remove(&key).unwrap_or_else(|| Entry {
                target,
                state: if first { SnapshotState::Active } else { SnapshotState::Pending },
                asked: false,
                turn: Arc::default(),
            });
            let wanted = entry.state == SnapshotState::Pending
                || reached == Reached::ByAll && (!first || inner.queue.len() < TEMPLATES);
            if wanted && !entry.asked {
                entry.asked = true;
                inner.queue.push_back(key.clone());
            }
            inner.known.insert(key, entry);
        }
        let some = !inner.queue.is_empty();
        drop(inner);
        if some {
            engine.news.notify_one();
        }
    }

    pub(crate) fn state(&self, target: &Target) -> SnapshotState {
        self.lock().known.get(&Key::of(target)).map_or(SnapshotState::Active, |entry| entry.state.clone())
    }

    /// An environment came to be.
    pub(super) fn started(&self, key: &Key, origin: Origin) {
        if let Some(entry) = self.lock().known.get_mut(key) {
            entry.state = match origin {
                Origin::Copied => SnapshotState::Active,
                Origin::Initialised => SnapshotState::NotCopied,
            };
        }
    }

    /// Waits for the initialisation of what `pool` copies that is under way, if there is one and the pool has nothing yet.
    /// Who gets something back is the one that others wait for.
    pub(super) async fn turn(&self, engine: &Engine, pool: &Pool) -> Option<OwnedMutexGuard<()>> {
        let turn = self.lock().known.get(&pool.key).map(|entry| Arc::clone(&entry.turn))?;
        let deadline = engine.clock.tick() + init_timeout(&pool.target);
        let held = within(&*engine.clock, deadline, turn.lock_owned()).await?;
        pool.lock().environments.is_empty().then_some(held)
    }

    /// Initialises what is in the queue, as far as nobody has to wait for it; tells when to look again, if by itself
    /// nothing would be.
    pub(super) fn start(&self, engine: &Arc<Engine>, now: Tick) -> Option<Tick> {
        loop {
            let mut inner = self.lock();
            if inner.queue.is_empty() {
                return None;
            }
            // The end of one is told.
            let permit = engine.snapshots.clone().try_acquire_owned().ok()?;
            if engine.starts.available_permits() == 0 {
                return Some(now + RETIRE_INTERVAL);
            }
            let key = inner.queue.pop_front()?;
            // Or it is live no more.
            if let Some(Entry { target, turn, .. }) = inner.known.get(&key) {
                let (target, turn) = (target.clone(), turn.clone());
                let active = engine.activity.begin();
                engine.tasks.spawn(initialise(engine.clone(), target, turn, permit, active));
            }
        }
    }

    fn is(&self, key: &Key, state: SnapshotState) {
        if let Some(entry) = self.lock().known.get_mut(key) {
            entry.state = state;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn initialise(
    engine: Arc<Engine>,
    target: Arc<Target>,
    turn: Arc<tokio::sync::Mutex<()>>,
    permit: OwnedSemaphorePermit,
    _active: Active,
) {
    // A start that has it ends by its own deadline.
    let turn = turn.lock_owned().await;
    let key = Key::of(&target);
    let pool = engine.pools.pool(&engine, &key, &target);
    let state = run(&engine, &pool, target).await;
    engine.pools.forget_empty(&engine, &pool);
    engine.copied.is(&key, state);
    drop((turn, permit));
    engine.news.notify_one();
}

async fn run(engine: &Arc<Engine>, pool: &Arc<Pool>, target: Arc<Target>) -> SnapshotState {
    let Some(place) = engine.room.spare(pool.footprint) else { return SnapshotState::Active };
    let permit = match pool.footprint {
        // The semaphore is never closed.
        Footprint::Process { .. } => engine.starts.acquire().await.ok(),
        Footprint::Instance { .. } => None,
    };
    let timeout = init_timeout(&target);
    let attempt = Attempt::new(engine.clone(), pool.clone(), target, place, Default::default()).await;
    let outcome = match attempt {
        Ok(attempt) => match attempt.initialise(engine.clock.tick() + timeout).await {
            Ok(Initialised::Once) => return SnapshotState::Active,
            Ok(Initialised::EachTime) => return SnapshotState::NotCopied,
            Err(failure) => InitFailure::of(failure, timeout)
                .inspect(|failed| attempt.tell(None, InitPhase::Init, failed)),
        },
        Err(error) => Err(error),
    };
    drop(permit);
    SnapshotState::Failed(match outcome {
        Ok(failed) => failed
            .error_type()
            .map_or(SnapshotFailure::TimedOut(timeout), |it| SnapshotFailure::Init(it.into())),
        Err(Error::Unsupported(text) | Error::NotYet(text)) => SnapshotFailure::Unsupported(text),
        Err(error) => {
            let function = pool.function();
            tracing::warn!(%function, error = &error as &dyn std::error::Error, "a function version could not be initialised");
            SnapshotFailure::Platform
        }
    })
}
