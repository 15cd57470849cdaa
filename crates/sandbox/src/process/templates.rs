//! Runtimes that are initialised once and copied for every environment: SnapStart.
//!
//! ```text
//!  start ──► the version's place ──nothing yet──► initialise ──restore/next──► can it be copied? ──no──► serve in it
//!                 │                                                                   │
//!                 └────────────── template ◄──────────────────────────────────────────┘ yes
//!                                    └──► copy ──assignment──► variables, credentials ──► hooks ──next──► environment
//! ```
//!
//! Always true here:
//! - a template serves no invocation, and its copies serve the function version that it was initialised for;
//! - of each there waits at most one copy for the next start, which has been told nothing of an environment yet;
//! - what cannot be copied is started afresh each time, and the function's log says why;
//! - there are at most [`limits::TEMPLATES`], none of them older than an environment may be, and none after
//!   [`limits::TEMPLATE_KEEP`] without a copy;
//! - what they take counts until the last of their copies has gone, and can be had for environments before that only of
//!   those that have none.

use std::{
    collections::{BTreeMap, HashMap},
    os::unix::net::UnixStream,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use sonagi_model::{
    AppName, Clock, Digest, Tick,
    function::{LogFormat, LogLevel, Network, Runtime},
    limits,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    life::Life,
    machine::{Machine, Unclaimed},
    network::Grant,
    output::Output,
    ready::{self, Member},
    spawner::NotSpawned,
};
use crate::{EnvironmentSpec, GivenUp, launcher::Sandbox};

/// All that an initialisation may depend on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    app: AppName,
    function: String,
    version: String,
    runtime: Runtime,
    handler: String,
    package: Digest,
    layers: Option<Digest>,
    memory: u32,
    timeout: u32,
    temporary: u32,
    network: Network,
    variables: BTreeMap<String, String>,
    log_format: LogFormat,
    log_level: LogLevel,
}

impl Key {
    pub(super) fn of(spec: &EnvironmentSpec) -> Self {
        Self {
            app: spec.app.clone(),
            function: spec.function_name.clone(),
            version: spec.version.clone(),
            runtime: spec.runtime,
            handler: spec.handler.clone(),
            package: spec.package,
            layers: spec.opt.as_ref().map(|opt| opt.digest),
            memory: spec.memory,
            timeout: spec.timeout,
            temporary: spec.ephemeral_storage,
            network: spec.network.clone(),
            variables: spec.variables.clone(),
            log_format: spec.log_format,
            log_level: spec.log_level,
        }
    }
}

/// An initialised runtime that serves nobody. Dropping it ends it, and every copy with it.
pub(crate) struct Template {
    /// Before the process whose sandbox it lies in.
    ahead: Mutex<Ahead>,
    /// To the first process of its sandbox.
    pub(super) socket: UnixStream,
    born: Tick,
    _process: Life,
    /// Its end of the log, so that the runtime may write without being ended by it.
    _output: Output,
    _memory: Charge,
}

/// MiB that are counted for as long as this lives.
struct Charge {
    mib: u64,
    sum: Arc<AtomicU64>,
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.sum.fetch_sub(self.mib, Ordering::Relaxed);
    }
}

/// The copy for the next start.
#[derive(Default)]
enum Ahead {
    #[default]
    None,
    BeingMade,
    Waits(Box<Member>),
}

/// How a copy is made.
pub(super) struct CopyPlan {
    /// Unique on this server: the name of the environment's group.
    pub(super) name: String,
    /// Bytes.
    pub(super) memory: u64,
    pub(super) sandbox: Sandbox,
    pub(super) grant: Option<Grant>,
}

impl Template {
    /// A copy in a sandbox of its own, which asks whose environment it is.
    pub(super) async fn copy(&self, machine: &Machine, plan: CopyPlan) -> Result<Unclaimed, NotSpawned> {
        let CopyPlan { name, memory, sandbox, grant } = plan;
        machine.copy(name, memory, sandbox, grant, self.socket.try_clone()?).await
    }

    /// The copy that waits, if one does.
    pub(super) fn take_ahead(&self) -> Option<Member> {
        let mut ahead = self.ahead();
        match std::mem::take(&mut *ahead) {
            Ahead::Waits(member) if !member.process.has_ended() => Some(*member),
            // One that has died in the meantime is cleared away by being dropped.
            Ahead::Waits(_) | Ahead::None => None,
            Ahead::BeingMade => {
                *ahead = Ahead::BeingMade;
                None
            }
        }
    }

    /// Whether no copy waits, nor will soon.
    pub(super) fn lacks_ahead(&self) -> bool {
        matches!(*self.ahead(), Ahead::None)
    }

    fn ahead(&self) -> MutexGuard<'_, Ahead> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_old(&self, now: Tick) -> bool {
        now.since(self.born) >= limits::ENVIRONMENT_AGE
    }
}

/// What is known of a function version.
#[derive(Default)]
pub(super) enum Known {
    #[default]
    Nothing,
    Template(Arc<Template>),
    /// It cannot be copied, and why.
    Never(String),
}

/// A version's place; whoever holds it initialises, and the others wait.
pub(super) type Place = Arc<tokio::sync::Mutex<Known>>;

/// All of a driver's. Dropping it ends those that have no copies.
pub(super) struct Templates {
    inner: Arc<Inner>,
    _stop: DropGuard,
}

struct Inner {
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
    places: Mutex<HashMap<Key, (Place, Tick)>>,
    /// MiB of all templates.
    memory: Arc<AtomicU64>,
}

impl Templates {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let stop = CancellationToken::new();
        let inner =
            Arc::new(Inner { clock, stop: stop.clone(), places: Mutex::default(), memory: Arc::default() });
        Self { inner, _stop: stop.drop_guard() }
    }

    /// The place of a function version, which is used now.
    pub(super) fn place(&self, key: Key) -> Place {
        let now = self.inner.clock.tick();
        let mut places = self.inner.places();
        if places.is_empty() {
            tokio::spawn(forget(Arc::clone(&self.inner)));
        }
        if places.len() >= limits::TEMPLATES && !places.contains_key(&key) {
            let oldest = places.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| key.clone());
            oldest.map(|oldest| places.remove(&oldest));
        }
        let (place, used) = places.entry(key).or_default();
        *used = now;
        Arc::clone(place)
    }

    /// A template of what was initialised, whose function has `memory` MiB: what it uses counts, where it can be seen,
    /// and the MiB of what waits beside it.
    pub(super) fn template(
        &self,
        process: Life,
        output: Output,
        socket: UnixStream,
        memory: u32,
        beside: u64,
    ) -> Arc<Template> {
        let mib = process.memory_used().map_or(memory.into(), |bytes| bytes.div_ceil(1 << 20));
        let mib = mib + beside;
        let sum = Arc::clone(&self.inner.memory);
        sum.fetch_add(mib, Ordering::Relaxed);
        let born = self.inner.clock.tick();
        let charge = Charge { mib, sum };
        let ahead = Mutex::default();
        Arc::new(Template { ahead, socket, born, _process: process, _output: output, _memory: charge })
    }

    /// Makes a copy for the next start, unless there is one: in a while, since whoever has just started needs the
    /// processors more.
    pub(super) fn make_ahead(&self, template: &Arc<Template>, machine: &Arc<Machine>, plan: CopyPlan) {
        {
            let mut ahead = template.ahead();
            match *ahead {
                Ahead::None => *ahead = Ahead::BeingMade,
                Ahead::BeingMade | Ahead::Waits(_) => return,
            }
        }
        let (template, machine) = (Arc::downgrade(template), Arc::clone(machine));
        let stop = self.inner.stop.clone();
        tokio::spawn(stop.run_until_cancelled_owned(async move {
            machine.clock.sleep(limits::READY_PAUSE).await;
            let Some(template) = template.upgrade() else { return };
            let made = match template.copy(&machine, plan).await {
                Ok(process) => ready::asking(&machine, process).await,
                Err(failure) => {
                    tracing::debug!(%failure, "no copy was made ahead");
                    None
                }
            };
            // The next start from the template says what is wrong with it.
            *template.ahead() = made.map_or(Ahead::None, |member| Ahead::Waits(Box::new(member)));
        }));
    }

    /// How many copies wait for a start.
    pub(super) fn ahead(&self) -> usize {
        let places: Vec<Place> = self.inner.places().values().map(|(place, _)| Arc::clone(place)).collect();
        let waits = |place: &Place| {
            place.try_lock().is_ok_and(|known| match &*known {
                Known::Template(template) => matches!(*template.ahead(), Ahead::Waits(_)),
                Known::Nothing | Known::Never(_) => false,
            })
        };
        places.iter().filter(|place| waits(place)).count()
    }

    /// MiB of all of them.
    pub(super) fn memory(&self) -> u64 {
        self.inner.memory.load(Ordering::Relaxed)
    }

    /// Ends the one that was not used for the longest, of those without a copy.
    pub(super) fn give_up(&self) -> GivenUp {
        let mut places = self.inner.places();
        let unused = places.iter().filter(|(_, (place, _))| has_no_copy(place));
        let Some(key) = unused.min_by_key(|(_, (_, used))| *used).map(|(key, _)| key.clone()) else {
            return GivenUp::Nothing;
        };
        places.remove(&key);
        GivenUp::One
    }

    /// How many there are, be they such that can be copied or not.
    pub(super) fn count(&self) -> usize {
        self.inner.places().len()
    }
}

impl Drop for Templates {
    fn drop(&mut self) {
        // Before the task has noticed.
        self.inner.places().clear();
    }
}

impl Inner {
    fn places(&self) -> MutexGuard<'_, HashMap<Key, (Place, Tick)>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether there is a template that neither a copy nor a start holds.
fn has_no_copy(place: &Place) -> bool {
    // Nobody can take it meanwhile: that takes the lock of all.
    Arc::strong_count(place) == 1
        && place.try_lock().is_ok_and(
            |known| matches!(&*known, Known::Template(template) if Arc::strong_count(template) == 1),
        )
}

/// Ends what nothing is copied from any more; ends itself when there is nothing left, or when the driver goes.
async fn forget(inner: Arc<Inner>) {
    let stop = inner.stop.clone();
    let work = async {
        loop {
            inner.clock.sleep(limits::TEMPLATE_KEEP / 4).await;
            let now = inner.clock.tick();
            let mut places = inner.places();
            places.retain(|_, (_, used)| now.since(*used) < limits::TEMPLATE_KEEP);
            if places.is_empty() {
                return;
            }
        }
    };
    stop.run_until_cancelled(work).await;
}
