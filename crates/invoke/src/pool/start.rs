//! Starting an environment: room, the right to start, the code, the sandbox, its initialisation.

use std::{path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use sonagi_control::Target;
use sonagi_model::{
    RequestId, Tick,
    clock::within,
    invocation::{ColdStart, FailureOrigin, FunctionFailure, Origin},
    logs::LogSink,
};
use sonagi_sandbox::{
    Answer, EnvironmentSpec, Footprint, Initialised, Initialization, Opt, Outcome, StartFailure, Started,
};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    Grace, Job, Pool, Reply, State, copied,
    info::Facts,
    room::Place,
    run::{Run, Used},
    seat::Seat,
    worker::{Membership, Worker},
};
use crate::{
    Error, Tail,
    activity::Active,
    frontend::Engine,
    report::{InitEnd, InitPhase, Journal, TailSink},
};

/// How much longer than its deadline a driver may take before it is given up.
const DRIVER_GRACE: Duration = Duration::from_secs(5);

/// Starts an environment for `pool` in a task of its own, which then serves in it. The pool has counted it.
pub(super) fn spawn(engine: &Arc<Engine>, pool: &Arc<Pool>, target: Arc<Target>) {
    spawn_for(engine, pool, target, Reason::Job);
}

/// The same for a call that is expected. Nobody makes room for it, and nobody is billed for it.
pub(super) fn spawn_ahead(engine: &Arc<Engine>, pool: &Arc<Pool>, permit: OwnedSemaphorePermit) {
    spawn_for(engine, pool, pool.target.clone(), Reason::Ahead { _permit: permit });
}

fn spawn_for(engine: &Arc<Engine>, pool: &Arc<Pool>, target: Arc<Target>, reason: Reason) {
    let count = Starting { engine: engine.clone(), pool: pool.clone(), reason, stage: Stage::Starting };
    let active = engine.activity.begin();
    engine.tasks.spawn(start(engine.clone(), pool.clone(), target, count, active));
}

async fn start(
    engine: Arc<Engine>,
    pool: Arc<Pool>,
    target: Arc<Target>,
    mut count: Starting,
    active: Active,
) {
    let asked = engine.clock.tick();
    // Before anything is taken that others wait for.
    let turn = engine.copied.turn(&engine, &pool).await;
    let place = match &count.reason {
        Reason::Job => match engine.room.reserve(&engine, pool.footprint).await {
            Ok(place) => place,
            Err(error) => return count.fail(error),
        },
        Reason::Ahead { .. } => match engine.room.spare(pool.footprint) {
            Some(place) => place,
            // A job that has come in the meantime gets a start of its own.
            None => return,
        },
    };
    // A place for an instance is made at once, and need not wait behind processes. The semaphore is never closed.
    let permit = match pool.footprint {
        Footprint::Process { .. } => match engine.starts.acquire().await {
            Ok(permit) => Some(permit),
            Err(_) => return,
        },
        Footprint::Instance { .. } => None,
    };
    if count.is_surplus() {
        return;
    }
    let begun = engine.clock.tick();
    let attempt = match Attempt::new(engine.clone(), pool, target, place, Initialization::OnDemand).await {
        Ok(attempt) => attempt,
        Err(error) => return count.fail(error),
    };
    let fetched = engine.clock.tick();
    let init_timeout = match copied::is_copied(&attempt.target) {
        true => copied::init_timeout(&attempt.target),
        false => engine.config.init_timeout,
    };
    let outcome = attempt.run(fetched + init_timeout).await;
    drop(permit);
    if let Ok(started) = &outcome {
        engine.copied.started(&attempt.pool.key, started.origin);
    }
    let cold = |create, init, origin| ColdStart {
        queue: begun - asked,
        fetch: fetched - begun,
        create,
        init,
        origin,
    };
    match outcome {
        Ok(started) => {
            let cold = match count.reason {
                Reason::Job => Some(cold(started.create, started.init, started.origin)),
                Reason::Ahead { .. } => None,
            };
            let worker = attempt.into_worker(started, cold);
            // Who waited finds it.
            drop(turn);
            worker.serve(count, active).await;
        }
        Err(failure) => match InitFailure::of(failure, init_timeout) {
            Err(error) => count.fail(error),
            Ok(failed) => {
                attempt.tell(None, InitPhase::Init, &failed);
                drop(turn);
                if let Some(job) = count.take_job() {
                    let cold = cold(failed.create, failed.took, Origin::Initialised);
                    attempt.again(job, cold, count, active).await;
                }
            }
        },
    }
}

/// One environment that is being started.
pub(super) struct Attempt {
    engine: Arc<Engine>,
    pool: Arc<Pool>,
    target: Arc<Target>,
    spec: Arc<EnvironmentSpec>,
    journal: Journal,
    place: Place,
}

impl Attempt {
    /// Fetches the code, and makes all else that a start needs.
    pub(super) async fn new(
        engine: Arc<Engine>,
        pool: Arc<Pool>,
        target: Arc<Target>,
        place: Place,
        initialization: Initialization,
    ) -> Result<Self, Error> {
        let failed = |cause| Error::Packages(Arc::new(cause));
        let code = engine.deployments.unpacked(&target.function.package).await.map_err(failed)?;
        let layers = engine.deployments.merged(&target.function.layer_packages()).await.map_err(failed)?;
        let files = Files { code, opt: layers.map(|(digest, folder)| Opt { digest, folder }) };
        let stream = engine.log_stream(&target);
        let sink = Arc::new(TailSink::new(engine.logs.sink(&target, &stream)));
        let spec = Arc::new(spec(&engine, &target, files, stream, sink.clone(), initialization));
        let journal = Journal::new(sink, target.function.log_format, target.version);
        Ok(Self { engine, pool, target, spec, journal, place })
    }

    pub(super) async fn run(&self, deadline: Tick) -> Result<Started, StartFailure> {
        let start = self.engine.driver.start(self.spec.clone(), deadline);
        within(&*self.engine.clock, deadline + DRIVER_GRACE, start)
            .await
            .unwrap_or(Err(StartFailure::TimedOut { create: Duration::ZERO }))
    }

    /// The same for what environments are copied from.
    pub(super) async fn initialise(&self, deadline: Tick) -> Result<Initialised, StartFailure> {
        let initialise = self.engine.driver.initialise(self.spec.clone(), deadline);
        within(&*self.engine.clock, deadline + DRIVER_GRACE, initialise)
            .await
            .unwrap_or(Err(StartFailure::TimedOut { create: Duration::ZERO }))
    }

    pub(super) fn tell(&self, request: Option<RequestId>, phase: InitPhase, failed: &InitFailure) {
        self.journal.init_failed(self.engine.clock.now(), request, failed.took, phase, &failed.end());
    }

    pub(super) fn into_worker(self, started: Started, cold: Option<ColdStart>) -> Worker {
        let stream = self.spec.log_stream.clone();
        let facts = Facts::new(&self.target, self.engine.clock.now(), stream, self.spec.initialization);
        let seat = Arc::new(Seat::new(facts, self.engine.clock.tick()));
        let member = Membership::new(self.engine, self.pool, seat, self.place);
        Worker::new(started.environment, self.journal, cold, member)
    }

    /// The initialisation failed; it is run once more inside the invocation and within its time (Lambda Developer
    /// Guide, "Understanding the Lambda execution environment lifecycle", "Failures during the Init phase"). If
    /// it fails again, the failure is the answer.
    async fn again(self, mut job: Job, cold: ColdStart, count: Starting, active: Active) {
        let mut run = Run::begin(&self.engine, &self.pool, &mut job.request);
        run.started_in_vain(cold);
        let outcome = self.run(run.deadline).await;
        match outcome
            .map_err(|failure| InitFailure::of(failure.for_request(&job.request.request), run.timeout))
        {
            Ok(started) => {
                let worker = self.into_worker(started, None);
                drop((count, active));
                worker.serve_begun(job, run).await;
            }
            Err(Ok(failed)) => self.give_up(job, run, failed),
            // Whoever asked may have left.
            Err(Err(error)) => drop(job.reply.send(Err(error))),
        }
    }

    fn give_up(self, job: Job, run: Run, failed: InitFailure) {
        let id = job.request.request;
        if job.request.tail == Tail::Yes {
            self.journal.sink().keep();
        }
        self.tell(Some(id), InitPhase::Invoke, &failed);
        self.journal.start(self.engine.clock.now(), id);
        let (failure, outcome) = match failed.failure {
            Some(failure) => {
                let outcome = Outcome::Fault(failure.error_type.clone());
                (failure, outcome)
            }
            None => (timed_out(id, run.timeout), Outcome::TimedOut),
        };
        let spent = run.spent();
        run.end(&self.journal, None, outcome, Used { duration: spent, cpu: None, memory_peak: 0 });
        let tail = (job.request.tail == Tail::Yes).then(|| self.journal.sink().take());
        // Whoever asked may have left.
        let _ = job.reply.send(Ok(Reply { answer: Answer::Failure(failure), tail, late: None }));
    }
}

/// An initialisation that failed by the function's own doing.
pub(super) struct InitFailure {
    /// None: it ran out of time.
    failure: Option<FunctionFailure>,
    create: Duration,
    took: Duration,
}

impl InitFailure {
    /// Or else the error that is nobody's but the platform's.
    pub(super) fn of(failure: StartFailure, limit: Duration) -> Result<Self, Error> {
        match failure {
            StartFailure::Init { failure, create, init } => {
                Ok(Self { failure: Some(failure), create, took: init })
            }
            StartFailure::TimedOut { create } => Ok(Self { failure: None, create, took: limit }),
            StartFailure::Unsupported(text) => Err(Error::Unsupported(text)),
            StartFailure::NotYet(text) => Err(Error::NotYet(text)),
            StartFailure::Machine { doing, cause } => Err(Error::Machine { doing, cause: Arc::new(cause) }),
        }
    }

    /// None: it ran out of time.
    pub(super) fn error_type(&self) -> Option<&str> {
        self.failure.as_ref().map(|failure| failure.error_type.as_str())
    }

    fn end(&self) -> InitEnd<'_> {
        match &self.failure {
            Some(failure) => InitEnd::Error(&failure.error_type),
            None => InitEnd::TimedOut,
        }
    }
}

/// The pool's count of this start, given back when dropped.
pub(super) struct Starting {
    engine: Arc<Engine>,
    pool: Arc<Pool>,
    reason: Reason,
    stage: Stage,
}

/// Why an environment is started.
enum Reason {
    /// For a job that waits, or would have.
    Job,
    /// Before the call that is expected.
    Ahead { _permit: OwnedSemaphorePermit },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// On the way for whichever job is the first when it is ready.
    Starting,
    /// On the way for a job that it has already.
    Retrying,
    Over,
}

impl Starting {
    /// More environments are on the way than there are jobs: this one is not needed. Then it is counted out.
    fn is_surplus(&mut self) -> bool {
        let mut state = self.pool.lock();
        let surplus = state.has_surplus();
        if surplus {
            self.reason.count_out(&mut state);
            self.stage = Stage::Over;
        }
        drop(state);
        if surplus {
            self.engine.pools.forget_empty(&self.engine, &self.pool);
        }
        surplus
    }

    /// There will be no environment; the oldest job is answered with the reason.
    fn fail(mut self, error: Error) {
        if let Error::Machine { .. } | Error::Packages(_) = &error {
            let function = self.pool.function();
            tracing::error!(%function, error = &error as &dyn std::error::Error, "no environment could be started");
        }
        if let Some(job) = self.take_job() {
            if let Error::Throttled { .. } = error {
                self.pool.meter().throttled();
            }
            // Whoever asked may have left.
            let _ = job.reply.send(Err(error));
        }
    }

    /// The job that a failed start is the answer to: the oldest. From here on this start is for that one alone.
    fn take_job(&mut self) -> Option<Job> {
        let mut state = self.pool.lock();
        self.reason.count_out(&mut state);
        state.retrying += 1;
        self.stage = Stage::Retrying;
        state.queue.pop_front()
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        let mut lost = None;
        match self.stage {
            Stage::Starting => {
                self.reason.count_out(&mut state);
                if std::thread::panicking() {
                    // Starting again would only panic again: one job is answered with the loss.
                    lost = state.queue.pop_front();
                }
            }
            Stage::Retrying => state.retrying -= 1,
            Stage::Over => return,
        }
        state.rest(self.engine.clock.tick());
        self.pool.start_missing(&self.engine, state, Grace::Running);
        drop(lost);
        self.engine.pools.forget_empty(&self.engine, &self.pool);
    }
}

impl Reason {
    fn count_out(&self, state: &mut State) {
        state.starting -= 1;
        match self {
            Self::Job => {}
            Self::Ahead { .. } => state.ahead -= 1,
        }
    }
}

/// What an environment sees of its function's.
struct Files {
    code: PathBuf,
    opt: Option<Opt>,
}

fn spec(
    engine: &Engine,
    target: &Target,
    files: Files,
    stream: String,
    logs: Arc<dyn LogSink>,
    initialization: Initialization,
) -> EnvironmentSpec {
    let function = &target.function;
    EnvironmentSpec {
        app: target.app.clone(),
        function_name: function.lambda_name.to_string(),
        version: target.version.to_string(),
        initialization: match initialization {
            Initialization::OnDemand if copied::is_copied(target) => Initialization::SnapStart,
            other => other,
        },
        runtime: function.runtime,
        handler: function.handler.clone(),
        architecture: function.architecture,
        package: function.package.digest,
        code: files.code,
        opt: files.opt,
        memory: function.memory,
        timeout: function.timeout,
        ephemeral_storage: function.ephemeral_storage,
        network: function.network.clone(),
        driver: function.driver,
        variables: function.variables.clone(),
        wasm: function.wasm.clone(),
        credentials: engine.credentials.credentials(target),
        region: engine.config.region.clone(),
        account: engine.config.account.clone(),
        endpoint: engine.config.endpoint.clone(),
        log_group: format!("/aws/lambda/{}", function.lambda_name),
        log_stream: stream,
        log_format: function.log_format,
        log_level: function.log_level,
        logs,
    }
}

/// The answer that Lambda gives when an invocation's time is up.
fn timed_out(request: RequestId, timeout: Duration) -> FunctionFailure {
    let error_type = "Sandbox.Timedout";
    let message =
        format!("RequestId: {request} Error: Task timed out after {:.2} seconds", timeout.as_secs_f64());
    let payload = serde_json::json!({ "errorType": error_type, "errorMessage": message });
    FunctionFailure {
        error_type: error_type.into(),
        payload: Bytes::from(payload.to_string()),
        origin: FailureOrigin::Platform,
    }
}
