//! Interpreters that wait, in sandboxes, for the function that they will run.
//!
//! ```text
//!  start ──► take ──► tell: the package's mount, the memory, the variables ──► the handler is loaded
//!              │
//!              └── replenish, in the background ──► a sandbox, the interpreter, our client ──► "whose function?"
//! ```
//!
//! What waits has seen nothing of any function, and whoever takes it is its first and only one. So it may wait for any
//! function that is started the same way: a [`Kind`]. Always true here:
//! - of a kind there wait as many as were started in the busiest second of the last [`limits::READY_WINDOW`], at least
//!   one, and none any more after [`limits::READY_KEEP`] without a start;
//! - all together take no more memory than they were given.

use std::{
    collections::{HashMap, VecDeque},
    ffi::OsString,
    net::TcpListener,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sonagi_model::{Tick, clock, function::Runtime, limits};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    driver::Program,
    machine::{Machine, Unclaimed},
    network::Grant,
    spawner::Plan,
};
use crate::{
    EnvironmentSpec,
    launcher::{Mount, Reach},
    runtime_api::{Arrival, Doorway, Route},
};

/// Has our clients ask whose function it is before they look at anything else.
const WAITS: &str = "SONAGI_WAITS";

/// All that must be the same for a sandbox to wait for one function or the other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Kind {
    program: PathBuf,
    arguments: Vec<OsString>,
    mounts: Vec<Mount>,
    variables: Vec<(OsString, OsString)>,
    reach: Reach,
    /// What it is connected to while it waits.
    grant: Option<Grant>,
    /// MiB that one takes while it waits.
    memory: u64,
    /// MiB of its `/tmp`, which is there from the start: what the interpreter may write to is fixed then.
    temporary: u32,
}

/// Variables that the interpreter, the C library or the dynamic linker read at their start: of the platform's alone.
const EARLY: [&str; 6] =
    ["LANG", "PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "NODE_PATH", "AWS_LAMBDA_RUNTIME_API"];
/// A function that sets one of these itself wants it from the start.
const EARLY_PREFIXES: [&str; 9] =
    ["PYTHON", "NODE_", "LD_", "LC_", "LANG", "MALLOC_", "GLIBC_", "UV_", "OPENSSL_"];

impl Kind {
    /// What `spec` could be taken from; none if it must be started from the beginning.
    pub(super) fn of(
        spec: &EnvironmentSpec,
        program: &Program,
        variables: &[(OsString, OsString)],
        (reach, grant): (Reach, Option<Grant>),
    ) -> Option<Self> {
        let memory = match spec.runtime {
            Runtime::Python { .. } => limits::READY_PYTHON_MEMORY,
            Runtime::Nodejs { .. } => limits::READY_NODE_MEMORY,
            Runtime::Provided(_) | Runtime::Wasm => return None,
        };
        let early = |name: &String| EARLY_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        if spec.variables.keys().any(early) || spec.variables.contains_key("AWS_LAMBDA_EXEC_WRAPPER") {
            return None;
        }
        // The dynamic linker looks once whether there is such a folder.
        if spec.opt.as_ref().is_some_and(|opt| opt.folder.join("lib").is_dir()) {
            return None;
        }
        let known = |(name, _): &&(OsString, OsString)| EARLY.iter().any(|early| name == early);
        let mut variables: Vec<_> = variables.iter().filter(known).cloned().collect();
        variables.push((WAITS.into(), "1".into()));
        Some(Self {
            program: program.path.clone(),
            arguments: program.arguments.clone(),
            mounts: program.mounts.clone(),
            variables,
            reach,
            grant: match grant {
                // Its addresses are for functions: whoever takes what waits connects it.
                Some(Grant::Named(_)) => None,
                Some(Grant::Internet | Grant::InternetIfPossible) | None => grant,
            },
            memory,
            temporary: spec.ephemeral_storage,
        })
    }

    pub(super) fn program(&self) -> (PathBuf, Vec<OsString>) {
        (self.program.clone(), self.arguments.clone())
    }

    pub(super) fn grant(&self) -> Option<Grant> {
        self.grant
    }

    pub(super) fn mounts(&self) -> &[Mount] {
        &self.mounts
    }

    pub(super) fn variables(&self) -> &[(OsString, OsString)] {
        &self.variables
    }
}

/// One that waits.
pub(super) struct Member {
    pub(super) process: Unclaimed,
    pub(super) api: Doorway,
    pub(super) endpoint: Option<TcpListener>,
    /// Its question.
    pub(super) asked: Arrival,
}

/// What is to be done for a kind that is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    OneMore,
    Enough,
}

/// All that wait. Dropping it ends them.
pub(super) struct Ready {
    inner: Arc<Inner>,
    _stop: DropGuard,
}

struct Inner {
    machine: Arc<Machine>,
    /// MiB for all together.
    memory: u64,
    stop: CancellationToken,
    kinds: Mutex<HashMap<Kind, Waiting>>,
}

#[derive(Default)]
struct Waiting {
    members: Vec<Member>,
    starting: u64,
    /// The seconds of the last [`limits::READY_WINDOW`] in which there were starts, and how many.
    starts: VecDeque<(u64, u64)>,
    /// The second of the last one.
    last: u64,
}

impl Ready {
    pub(super) fn new(machine: Arc<Machine>, memory: u64) -> Self {
        let stop = CancellationToken::new();
        let inner = Arc::new(Inner { machine, memory, stop: stop.clone(), kinds: Mutex::default() });
        Self { inner, _stop: stop.drop_guard() }
    }

    /// Takes one, for a start of this kind, and says how many more should be started to wait.
    pub(super) fn take(&self, kind: &Kind) -> (Option<Member>, u64) {
        if self.inner.memory == 0 {
            return (None, 0);
        }
        let now = self.inner.machine.clock.tick();
        let mut kinds = self.inner.kinds();
        if kinds.is_empty() {
            tokio::spawn(forget(Arc::clone(&self.inner)));
        }
        let before: u64 = kinds.iter().map(|(kind, waiting)| kind.memory * waiting.count()).sum();
        let waiting = kinds.entry(kind.clone()).or_default();
        waiting.started(now);
        // One that has died in the meantime is cleared away by being dropped.
        let member = loop {
            match waiting.members.pop() {
                Some(member) if member.process.has_ended() => {}
                other => break other,
            }
        };
        let room = self.inner.memory.saturating_sub(before) / kind.memory.max(1);
        let wanted = waiting.wanted().saturating_sub(waiting.count()).min(room);
        waiting.starting += wanted;
        (member, wanted)
    }

    /// Whether one should be started to wait for a kind that is expected to be needed: if none waits, and there is room.
    pub(super) fn expect(&self, kind: &Kind) -> Expected {
        let now = self.inner.machine.clock.tick();
        let mut kinds = self.inner.kinds();
        let before: u64 = kinds.iter().map(|(kind, waiting)| kind.memory * waiting.count()).sum();
        if before + kind.memory > self.inner.memory || kinds.get(kind).is_some_and(|it| it.count() > 0) {
            return Expected::Enough;
        }
        if kinds.is_empty() {
            tokio::spawn(forget(Arc::clone(&self.inner)));
        }
        let waiting = kinds.entry(kind.clone()).or_default();
        waiting.starting += 1;
        waiting.last = now.0.as_secs();
        Expected::OneMore
    }

    /// Starts one to wait: `plan` is of `kind`.
    pub(super) fn replenish(&self, kind: Kind, plan: Plan) {
        let inner = Arc::clone(&self.inner);
        let stop = inner.stop.clone();
        tokio::spawn(stop.run_until_cancelled_owned(async move {
            // Whoever has made room for it needs the processors more.
            inner.machine.clock.sleep(limits::READY_PAUSE).await;
            let member = start(&inner.machine, plan).await;
            let mut kinds = inner.kinds();
            let Some(waiting) = kinds.get_mut(&kind) else { return };
            waiting.starting = waiting.starting.saturating_sub(1);
            match member {
                Some(member) => waiting.members.push(member),
                // The next start from the beginning will say why.
                None => {
                    tracing::debug!(program = %kind.program.display(), "an interpreter did not get ready")
                }
            }
        }));
    }

    /// Whether anything may wait at all.
    pub(super) fn is_wanted(&self) -> bool {
        self.inner.memory > 0
    }

    /// How many wait.
    pub(super) fn count(&self) -> usize {
        self.inner.kinds().values().map(|waiting| waiting.members.len()).sum()
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        // Before the tasks that are under way have noticed.
        self.inner.kinds().clear();
    }
}

impl Inner {
    fn kinds(&self) -> MutexGuard<'_, HashMap<Kind, Waiting>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn count(&self) -> u64 {
        self.members.len() as u64 + self.starting
    }

    fn started(&mut self, now: Tick) {
        let second = now.0.as_secs();
        self.last = second;
        let oldest = now.0.saturating_sub(limits::READY_WINDOW).as_secs();
        while self.starts.front().is_some_and(|(second, _)| *second < oldest) {
            self.starts.pop_front();
        }
        match self.starts.back_mut() {
            Some((last, count)) if *last == second => *count += 1,
            Some(_) | None => self.starts.push_back((second, 1)),
        }
    }

    fn wanted(&self) -> u64 {
        let busiest = self.starts.iter().map(|(_, count)| *count).max();
        busiest.unwrap_or_default().min(limits::READY_MEMBERS)
    }

    fn is_out_of_use(&self, now: Tick) -> bool {
        self.last < now.0.saturating_sub(limits::READY_KEEP).as_secs()
    }
}

/// Ends what nobody needs any more; ends itself when there is nothing left, or when the driver goes.
async fn forget(inner: Arc<Inner>) {
    let stop = inner.stop.clone();
    let work = async {
        loop {
            inner.machine.clock.sleep(limits::READY_WINDOW).await;
            let now = inner.machine.clock.tick();
            let mut kinds = inner.kinds();
            kinds.retain(|_, waiting| waiting.starting > 0 || !waiting.is_out_of_use(now));
            if kinds.is_empty() {
                return;
            }
        }
    };
    stop.run_until_cancelled(work).await;
}

/// Starts an interpreter up to its question.
async fn start(machine: &Machine, plan: Plan) -> Option<Member> {
    asking(machine, machine.spawn(plan).await.ok()?).await
}

/// A process that is to ask whose it is, once it has.
pub(super) async fn asking(machine: &Machine, mut process: Unclaimed) -> Option<Member> {
    let mut listeners =
        std::mem::take(&mut process.spawned.as_mut()?.listeners).into_iter().map(TcpListener::from);
    let mut api = Doorway::over(listeners.next()?, Arc::clone(&machine.clock)).ok()?;
    let deadline = machine.clock.tick() + limits::INIT_TIMEOUT;
    let asked = clock::within(&*machine.clock, deadline, api.arrival()).await?;
    (asked.head.route == Route::Assignment).then_some(Member {
        process,
        api,
        endpoint: listeners.next(),
        asked,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> Tick {
        Tick(Duration::from_secs(seconds))
    }

    #[test]
    fn as_many_wait_as_were_started_in_the_busiest_second() {
        let mut waiting = Waiting::default();
        waiting.started(at(1));
        assert_eq!(waiting.wanted(), 1);
        for _ in 0..5 {
            waiting.started(at(20));
        }
        waiting.started(at(21));
        assert_eq!(waiting.wanted(), 5);
        for _ in 0..1_000 {
            waiting.started(at(22));
        }
        assert_eq!(waiting.wanted(), limits::READY_MEMBERS);
        let later = 23 + limits::READY_WINDOW.as_secs();
        waiting.started(at(later));
        assert_eq!(waiting.wanted(), 1);
        assert!(waiting.starts.len() <= 2);
    }

    #[test]
    fn what_nobody_starts_is_out_of_use_after_its_time() {
        let mut waiting = Waiting::default();
        waiting.started(at(100));
        let keep = limits::READY_KEEP.as_secs();
        assert!(!waiting.is_out_of_use(at(100 + keep)));
        assert!(waiting.is_out_of_use(at(102 + keep)));
    }
}
