//! The door to all of this.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sonagi_control::{Control, Target};
use sonagi_model::{
    Clock, Entropy, Tick,
    clock::within,
    limits::{PREWARMS_AT_ONCE, PROVISIONS_AT_ONCE, SNAPSHOTS_AT_ONCE},
    logs::LogSink,
};
use sonagi_sandbox::{Credentials, Driver};
use tokio::{
    sync::{Notify, Semaphore, oneshot},
    task::AbortHandle,
};

use crate::{
    Config, Deployments, EnvironmentInfo, Error, FunctionTotals, Invoked, ProvisionState, RecordStream,
    Request, Result, SnapshotState,
    activity::Activity,
    admission::Admission,
    metering::Metering,
    placement::{Place, Placement},
    pool::{self, Copied, Job, Pools, Reply, Room, Tasks},
};

/// How often tasks that should have stopped are told so again.
const STOP_INTERVAL: Duration = Duration::from_secs(1);

/// Where environments' log lines go.
pub trait LogProvider: Send + Sync + 'static {
    fn sink(&self, target: &Target, stream: &str) -> Arc<dyn LogSink>;
}

/// What the AWS SDKs in an environment sign with.
pub trait CredentialProvider: Send + Sync + 'static {
    fn credentials(&self, target: &Target) -> Credentials;
}

/// Runs functions. Cheap to clone; when the last clone goes, idle environments are stopped.
#[derive(Clone)]
pub struct Frontend {
    engine: Arc<Engine>,
    _owner: Arc<Owner>,
}

/// What every part of this crate works with.
pub(crate) struct Engine {
    pub(crate) config: Config,
    pub(crate) driver: Arc<dyn Driver>,
    pub(crate) deployments: Arc<dyn Deployments>,
    pub(crate) logs: Arc<dyn LogProvider>,
    pub(crate) credentials: Arc<dyn CredentialProvider>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) pools: Pools,
    pub(crate) room: Room,
    /// One permit for each environment that may be starting.
    pub(crate) starts: Semaphore,
    /// One permit for each of these that nobody waits for.
    pub(crate) prewarms: Arc<Semaphore>,
    /// One permit for each that is provisioned.
    pub(crate) provisions: Arc<Semaphore>,
    pub(crate) copied: Copied,
    /// One permit for each of these that is initialised ahead of its first start.
    pub(crate) snapshots: Arc<Semaphore>,
    /// Something that is provisioned or copied may have to be started: for the janitor.
    pub(crate) news: Arc<Notify>,
    pub(crate) tasks: Tasks,
    /// Invocations and starts.
    pub(crate) activity: Activity,
    pub(crate) metering: Metering,
    admission: Admission,
    placement: Placement,
    draining: AtomicBool,
}

/// Environments hold the engine, so it cannot tell by itself that nobody wants it any more.
struct Owner {
    engine: Arc<Engine>,
    janitor: AbortHandle,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.janitor.abort();
        self.engine.draining.store(true, Ordering::SeqCst);
        self.engine.pools.retire_all();
    }
}

impl Frontend {
    /// Must be called within a Tokio runtime.
    pub fn new(
        config: Config,
        driver: Arc<dyn Driver>,
        control: Control,
        logs: Arc<dyn LogProvider>,
        credentials: Arc<dyn CredentialProvider>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self::over(config, driver, Arc::new(control), logs, credentials, clock, entropy)
    }

    /// The same over any source of what is deployed.
    pub fn over(
        config: Config,
        driver: Arc<dyn Driver>,
        deployments: Arc<dyn Deployments>,
        logs: Arc<dyn LogProvider>,
        credentials: Arc<dyn CredentialProvider>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let engine = Arc::new(Engine {
            pools: Pools::new(),
            room: Room::new(&config, Arc::clone(&driver)),
            starts: Semaphore::new(config.start_parallelism.max(1)),
            prewarms: Arc::new(Semaphore::new(PREWARMS_AT_ONCE)),
            provisions: Arc::new(Semaphore::new(PROVISIONS_AT_ONCE)),
            copied: Copied::default(),
            snapshots: Arc::new(Semaphore::new(SNAPSHOTS_AT_ONCE)),
            news: Arc::default(),
            tasks: Tasks::default(),
            activity: Activity::default(),
            metering: Metering::new(),
            admission: Admission::new(&config),
            placement: Placement,
            draining: AtomicBool::new(false),
            config,
            driver,
            deployments,
            logs,
            credentials,
            clock,
            entropy,
        });
        let janitor = tokio::spawn(pool::tidy(Arc::downgrade(&engine))).abort_handle();
        Self { _owner: Arc::new(Owner { engine: engine.clone(), janitor }), engine }
    }

    /// Runs an invocation and gives its answer. Dropping this before the request is admitted takes the request
    /// back; afterwards the invocation runs to its end all the same.
    pub async fn invoke(&self, request: Request) -> Result<Invoked> {
        let engine = &self.engine;
        let (size, limit) = (request.input.size(), engine.config.payload_size);
        if size > limit {
            return Err(Error::PayloadTooLarge { size, limit });
        }
        let active = engine.activity.begin();
        engine.open()?;
        engine.follow();
        let function = &request.target.function.lambda_name;
        let environment = &request.target.environment;
        let permit = match engine.admission.enter(function, environment, &*engine.clock).await {
            Ok(permit) => permit,
            Err(error) => {
                engine.metering.meter(&request.target.app, function).throttled();
                return Err(error);
            }
        };
        // It may have waited while a drain began.
        engine.open()?;
        let (id, target) = (request.request, request.target.clone());
        let (reply, replied) = oneshot::channel();
        match engine.placement.place(&target) {
            Place::Local => engine.pools.submit(engine, Job { request, reply, permit, active }),
        }
        let Reply { answer, tail, late } = match replied.await {
            Ok(reply) => reply?,
            Err(_) => return Err(engine.open().err().unwrap_or(Error::Lost)),
        };
        Ok(Invoked { request: id, version: target.version.to_string(), answer, tail, late_tail: late })
    }

    /// Takes no new work, lets what runs come to its end until `deadline`, then stops every environment.
    pub async fn drain(&self, deadline: Tick) {
        let engine = &self.engine;
        engine.draining.store(true, Ordering::SeqCst);
        engine.pools.retire_all();
        if within(&*engine.clock, deadline, engine.activity.over()).await.is_none() {
            tracing::warn!(
                "invocations were still running when the time to drain was over; they are stopped"
            );
        } else {
            // Every environment is idle, and on its way out.
            engine.tasks.over().await;
            return;
        }
        // A request may slip in while this goes round; none can once the first round is over.
        loop {
            engine.pools.drop_queues();
            engine.tasks.abort();
            let soon = engine.clock.tick() + STOP_INTERVAL;
            if within(&*engine.clock, soon, engine.tasks.over()).await.is_some() {
                return;
            }
        }
    }

    /// Ready when nothing runs, waits or starts.
    pub async fn idle(&self) {
        self.engine.activity.over().await;
    }

    /// Sums of every function that was asked for since the start, sorted by app and function. They are exact, and
    /// they do not outlive the process.
    pub fn usage(&self) -> Vec<FunctionTotals> {
        self.engine.metering.totals()
    }

    /// Every invocation's record from now on.
    pub fn metering(&self) -> RecordStream {
        self.engine.metering.subscribe()
    }

    /// Every environment, sorted by function and start.
    pub fn environments(&self) -> Vec<EnvironmentInfo> {
        self.engine.pools.environments()
    }

    /// Stops idle environments of targets that are no longer live, at once; busy ones stop when they are done.
    /// This happens by itself within [`RETIRE_INTERVAL`](sonagi_model::limits::RETIRE_INTERVAL).
    pub async fn retire(&self) {
        self.engine.follow();
    }

    /// Applies what is live now, at once: stops what is live no more, starts what is newly provisioned. This happens by
    /// itself within [`RETIRE_INTERVAL`](sonagi_model::limits::RETIRE_INTERVAL).
    pub fn follow(&self) {
        self.engine.follow();
    }

    /// How far `target` is, if its environments are copies of one that is initialised; none if they are not.
    pub fn snapshot(&self, target: &Target) -> Option<SnapshotState> {
        if !pool::is_copied(target) {
            return None;
        }
        // What was published a moment ago is known, too.
        self.engine.follow();
        Some(self.engine.copied.state(target))
    }

    /// What is provisioned for `target`, whoever asked for it.
    pub fn provisioned(&self, target: &Target) -> ProvisionState {
        self.engine.pools.provision_state(target)
    }
}

impl Engine {
    /// Applies what is live now, if that has changed.
    pub(crate) fn follow(&self) {
        if let Some(live) = self.admission.follow(&*self.deployments)
            && !self.draining.load(Ordering::SeqCst)
        {
            self.pools.retire(&*live);
            self.pools.provision(self);
            self.copied.follow(self, &*live);
        }
    }

    /// Whether environments of `target` are kept when they are idle.
    pub(crate) fn keeps(&self, target: &Target) -> bool {
        !self.draining.load(Ordering::SeqCst)
            && self.deployments.live().uses(&target.function.lambda_name, &target.environment)
    }

    /// A name as CloudWatch's: `2026/01/31/[$LATEST]` and 32 hexadecimal digits.
    pub(crate) fn log_stream(&self, target: &Target) -> String {
        let day = self.clock.now().civil();
        let id = u128::from_be_bytes(self.entropy.bytes());
        format!("{:04}/{:02}/{:02}/[{}]{id:032x}", day.year, day.month, day.day, target.version)
    }

    fn open(&self) -> Result<()> {
        if self.draining.load(Ordering::SeqCst) { Err(Error::Draining) } else { Ok(()) }
    }
}
