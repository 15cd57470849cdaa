//! From a specification to an environment that waits for its first event.

use std::{ffi::OsString, net::TcpListener, sync::Arc, time::Duration};

use sonagi_model::{
    Tick, clock, function::Runtime, invocation::FailureOrigin, limits, network::UnknownNetwork,
};

use super::{
    bootstrap,
    crew::CrewFailure,
    driver::{ProcessDriver, Program},
    environment::{Awaits, Event, ProcessEnvironment, Routed, State},
    external,
    hints::Hints,
    invocation::{Whole, whole},
    isolation,
    life::Life,
    machine::Unclaimed,
    network::{Grant, NoNetwork, Whose},
    output::Output,
    process::Process,
    ready::{Expected, Kind, Member},
    snapshot,
    spawner::{NotSpawned, Plan, Spawned},
    variables::{self, Surroundings},
};
use crate::{
    EnvironmentSpec, Initialization, Opt, Origin, StartFailure, Started, ending,
    ending::Exit,
    extensions::{replies::ShutdownReason, telemetry::records::InitEnd},
    launcher::{Extensions, Failure, Mount, Purpose, Reach, Sandbox, Step},
    runtime_api::{Arrival, Doorway, replies},
};

/// Where a runtime in a sandbox finds the Runtime API.
pub(crate) const RUNTIME_API_PORT: u16 = 9001;
pub(crate) const RUNTIME_API: &str = "127.0.0.1:9001";

fn machine(doing: &'static str) -> impl Fn(std::io::Error) -> StartFailure {
    move |cause| StartFailure::Machine { doing, cause }
}

pub(super) async fn run(
    driver: &ProcessDriver,
    spec: Arc<EnvironmentSpec>,
    deadline: Tick,
) -> Result<Started, StartFailure> {
    if let Some(refusal) = driver.refusal() {
        return Err(StartFailure::Unsupported(refusal.into()));
    }
    if driver.copies(&spec) {
        return snapshot::run(driver, spec, deadline).await;
    }
    afresh(driver, spec, deadline).await
}

/// An environment that is initialised now.
pub(super) async fn afresh(
    driver: &ProcessDriver,
    spec: Arc<EnvironmentSpec>,
    deadline: Tick,
) -> Result<Started, StartFailure> {
    let restores = spec.initialization == Initialization::SnapStart;
    let Begun { mut environment, create, .. } = begin(driver, spec, Purpose::Known, deadline).await?;
    if restores {
        environment.awaits = Awaits::Restore;
    }
    let init = first_request(&mut environment, deadline, create).await?;
    ready(environment, create, init)
}

/// A process that becomes a runtime.
pub(super) struct Begun {
    pub(super) environment: ProcessEnvironment,
    pub(super) create: Duration,
    /// When its initialisation began.
    pub(super) began: Tick,
}

pub(super) async fn begin(
    driver: &ProcessDriver,
    spec: Arc<EnvironmentSpec>,
    purpose: Purpose,
    deadline: Tick,
) -> Result<Begun, StartFailure> {
    let clock = Arc::clone(&driver.machine().clock);
    let program = driver.program(&spec).await?;
    let began = clock.tick();
    let created = clock::within(&*clock, deadline, create(driver, spec, program, purpose)).await;
    let since = |start: Tick| clock.tick().since(start);
    let environment = created.unwrap_or(Err(StartFailure::TimedOut { create: since(began) }))?;
    Ok(Begun { environment, create: since(began), began: clock.tick() })
}

/// What an initialisation has come to.
pub(crate) enum Reached {
    Ready,
    /// To be copied, or to go on.
    AsksForRestore(Box<Arrival>),
}

/// Waits for it; whatever else it comes to is a failure, and the environment's end.
pub(crate) async fn initialise(
    environment: &mut ProcessEnvironment,
    create: Duration,
    began: Tick,
    deadline: Tick,
) -> Result<Reached, StartFailure> {
    let clock = Arc::clone(&environment.clock);
    let progress = clock::within(&*clock, deadline, progress(environment)).await;
    let init = clock.tick().since(began);
    let failed = |failure| Err(StartFailure::Init { failure, create, init });
    match progress {
        Some(Progress::Ready) => {
            environment.tell_init(InitEnd::Success, init);
            Ok(Reached::Ready)
        }
        Some(Progress::AsksForRestore(arrival)) => Ok(Reached::AsksForRestore(Box::new(arrival))),
        Some(Progress::Failed(failure)) => {
            environment.tell_init(InitEnd::Error(&failure.error_type), init);
            environment.fail(ShutdownReason::Failure).await;
            failed(failure)
        }
        Some(Progress::Ended) => ended(environment, create, init).await,
        None => {
            environment.tell_init(InitEnd::Timeout, init);
            environment.fail(ShutdownReason::Timeout).await;
            Err(StartFailure::TimedOut { create })
        }
    }
}

/// The runtime has ended, or an extension.
async fn ended(
    environment: &mut ProcessEnvironment,
    create: Duration,
    init: Duration,
) -> Result<Reached, StartFailure> {
    let failure = match environment.crew_failure() {
        None if environment.has_extensions() => {
            environment.tell_init(InitEnd::Error("Runtime.ExitError"), init);
            let exit = environment.fail(ShutdownReason::Failure).await;
            exit.unwrap_or(Exit::Signal(libc::SIGKILL)).init_failure()
        }
        None => environment.end().await.unwrap_or(Exit::Signal(libc::SIGKILL)).init_failure(),
        Some(CrewFailure::Left { error_type, exit }) => {
            environment.tell_init(InitEnd::Error(error_type), init);
            environment.fail(ShutdownReason::Failure).await;
            ending::init(error_type, &exit.plain())
        }
        Some(CrewFailure::NotBegun(failure)) => {
            environment.tell_init(InitEnd::Error("Runtime.InvalidEntrypoint"), init);
            environment.fail(ShutdownReason::Failure).await;
            let program = environment.crew.as_ref().map(|crew| crew.program.clone()).unwrap_or_default();
            return Err(not_launched(&environment.spec, &program, &failure));
        }
    };
    Err(StartFailure::Init { failure, create, init })
}

/// Waits until a runtime that is not copied asks for its first invocation: how long that took. What failed is ended.
pub(crate) async fn first_request(
    environment: &mut ProcessEnvironment,
    deadline: Tick,
    create: Duration,
) -> Result<Duration, StartFailure> {
    let clock = Arc::clone(&environment.clock);
    let began = clock.tick();
    while let Reached::AsksForRestore(mut arrival) = initialise(environment, create, began, deadline).await? {
        // It is its own copy.
        let _ = arrival.connection.send(replies::RESTORED).await;
        environment.keep(arrival.connection);
    }
    environment.output.drain();
    Ok(clock.tick().since(began))
}

/// It waits for its first event.
pub(super) fn ready(
    mut environment: ProcessEnvironment,
    create: Duration,
    init: Duration,
) -> Result<Started, StartFailure> {
    environment.output.drain();
    environment.process.limit_processors().map_err(machine("limit an environment's processor time"))?;
    Ok(Started { environment: Box::new(environment), create, init, origin: Origin::Initialised })
}

/// The process, its Runtime API and its output.
async fn create(
    driver: &ProcessDriver,
    spec: Arc<EnvironmentSpec>,
    program: Program,
    purpose: Purpose,
) -> Result<ProcessEnvironment, StartFailure> {
    let clock = Arc::clone(&driver.machine().clock);
    let name = driver.next_name();
    let grant = if driver.sandboxed() { grant(driver, &spec)? } else { None };
    let sandbox = driver.sandboxed().then(|| Sandbox { purpose, ..sandbox(driver, &spec, &program, grant) });
    // Without a sandbox there is no network of the environment's own: any port of the machine's will do.
    let (api, folder) = match &sandbox {
        Some(_) => (None, None),
        None => {
            let api = Doorway::open(Arc::clone(&clock)).await.map_err(machine("open a Runtime API"))?;
            (Some(api), Some(driver.folders().environment(&name)))
        }
    };
    let variables = match &api {
        None => variables(driver, &spec, &program),
        Some(api) => {
            variables_of(driver, &spec, &program, &spec.endpoint, Some(&api.address), folder.as_deref())
        }
    };
    let names = external::find(&spec).await?;
    if !names.is_empty() && sandbox.is_none() {
        return Err(StartFailure::Unsupported(NO_SANDBOX.into()));
    }
    let memory = u64::from(spec.memory) << 20;
    if let Some(sandbox) = &sandbox
        && purpose == Purpose::Known
        // An interpreter that waits has begun, and a runtime begins when its extensions have registered.
        && names.is_empty()
        && let Some(kind) = Kind::of(&spec, &program, &variables, (sandbox.reach, grant))
        && let Some(environment) = take_ready(driver, &spec, kind, (sandbox, grant), &variables).await
    {
        return Ok(environment);
    }
    let path = program.path.clone();
    let extensions = external::launched(&names, &variables);
    let plan = Plan {
        name,
        folder,
        memory,
        task_root: program.task_root,
        program: program.path,
        arguments: program.arguments,
        variables,
        sandbox,
        grant,
        extensions,
    };
    let spawned = driver.machine().spawn(plan).await.and_then(Unclaimed::claim);
    let mut spawned = spawned.map_err(|failure| match failure {
        NotSpawned::Launch(failure) => not_launched(&spec, &path, &failure),
        NotSpawned::Network(failure) => not_connected(failure),
        NotSpawned::Io(cause) => StartFailure::Machine { doing: "start an environment's process", cause },
    })?;
    let mut listeners = std::mem::take(&mut spawned.listeners).into_iter().map(TcpListener::from);
    let inside = listeners.next();
    let mut environment = assemble(driver, &spec, spawned, listeners.next(), || match (api, inside) {
        (Some(api), _) => Ok(api),
        (None, Some(listener)) => Doorway::over(listener, clock),
        (None, None) => Err(std::io::ErrorKind::NotFound.into()),
    })?;
    if !names.is_empty() {
        environment.with_extensions(&names, path);
    }
    Ok(environment)
}

const NO_SANDBOX: &str = "the function's layers hold extensions (/opt/extensions), which are started in a sandbox alone: start                           the server without `--isolation none`, or take that layer from the function";

/// The variables of a runtime in a sandbox.
pub(super) fn variables(
    driver: &ProcessDriver,
    spec: &EnvironmentSpec,
    program: &Program,
) -> Vec<(OsString, OsString)> {
    let endpoint = driver.endpoint().map(|endpoint| format!("http://127.0.0.1:{}", endpoint.port));
    let endpoint = endpoint.as_ref().unwrap_or(&spec.endpoint);
    variables_of(driver, spec, program, endpoint, None, None)
}

fn variables_of(
    driver: &ProcessDriver,
    spec: &EnvironmentSpec,
    program: &Program,
    endpoint: &str,
    runtime_api: Option<&str>,
    temporary: Option<&std::path::Path>,
) -> Vec<(OsString, OsString)> {
    let surroundings = Surroundings {
        runtime_api: runtime_api.unwrap_or(RUNTIME_API),
        endpoint,
        task_root: &program.task_root,
        opt: &program.opt,
        runtime_dir: &program.runtime_dir,
        interpreter_dir: program.interpreter_dir.as_deref(),
        sdk: program.sdk.as_deref(),
        temporary,
        language: driver.language(),
    };
    variables::variables(spec, &surroundings)
}

/// The parts of an environment, put together.
pub(super) fn assemble(
    driver: &ProcessDriver,
    spec: &Arc<EnvironmentSpec>,
    spawned: Spawned,
    endpoint: Option<TcpListener>,
    api: impl FnOnce() -> std::io::Result<Doorway>,
) -> Result<ProcessEnvironment, StartFailure> {
    let clock = Arc::clone(&driver.machine().clock);
    let memory = u64::from(spec.memory) << 20;
    // First of all the process, which from here on is cleared away if anything goes wrong.
    let mut process = Process::new(Arc::clone(driver.machine()), spawned.remains, memory)
        .map_err(machine("watch an environment's process"))?;
    let mut output = Output::new(spawned.output, Arc::clone(&spec.logs), Arc::clone(&clock))
        .map_err(machine("read an environment's output"))?;
    if let Some(beside) = spawned.beside {
        process.listen().map_err(machine("listen to an environment's first process"))?;
        output = output
            .with_beside(beside, Arc::clone(&spec.logs), Arc::clone(&clock))
            .map_err(machine("read what an environment's extensions write"))?;
    }
    let task_root = if driver.sandboxed() { isolation::TASK_ROOT.into() } else { spec.code.clone() };
    let hints = Hints::new(spec, task_root, Arc::clone(&clock));
    let endpoint = match (endpoint, driver.endpoint()) {
        (Some(listener), Some(endpoint)) => Some(endpoint.open(listener)),
        (Some(_) | None, _) => None,
    };
    Ok(ProcessEnvironment {
        clock,
        entropy: Arc::clone(driver.entropy()),
        spec: Arc::clone(spec),
        process: Life::Process(process),
        output,
        api: api().map_err(machine("open a Runtime API"))?,
        focus: None,
        state: State::Initialising,
        awaits: Awaits::Nothing,
        hints,
        crew: None,
        head: Vec::new(),
        _template: None,
        _endpoint: endpoint.transpose().map_err(machine("open the AWS endpoint"))?,
    })
}

/// An environment out of an interpreter that waits for a function, if there is one. Whatever goes wrong with it is no
/// failure: a start from the beginning follows.
async fn take_ready(
    driver: &ProcessDriver,
    spec: &Arc<EnvironmentSpec>,
    kind: Kind,
    (sandbox, grant): (&Sandbox, Option<Grant>),
    variables: &[(OsString, OsString)],
) -> Option<ProcessEnvironment> {
    let (member, wanted) = driver.ready().take(&kind);
    for _ in 0..wanted {
        driver.ready().replenish(kind.clone(), waiting_plan(driver, &kind, sandbox));
    }
    let Member { process, api, endpoint, mut asked } = member?;
    let own = Sandbox {
        // The others it has already.
        mounts: own_mounts(spec),
        ..sandbox.clone()
    };
    let told = driver.machine().tell(process, u64::from(spec.memory) << 20, own, grant).await;
    let spawned = told
        .and_then(Unclaimed::claim)
        .inspect_err(|failure| tracing::debug!(%failure, "an interpreter that waited could not be used"))
        .ok()?;
    let mut environment = assemble(driver, spec, spawned, endpoint, || Ok(api)).ok()?;
    asked.connection.send(&replies::assignment(variables)).await.ok()?;
    environment.follow(asked.connection);
    Some(environment)
}

/// Has an interpreter wait for a function that may be asked for soon, unless one does already.
pub(super) async fn expect(driver: &ProcessDriver, spec: EnvironmentSpec) -> Result<(), StartFailure> {
    if driver.refusal().is_some() || !driver.sandboxed() {
        return Ok(());
    }
    let program = driver.program(&spec).await?;
    let grant = grant(driver, &spec)?;
    let sandbox = sandbox(driver, &spec, &program, grant);
    let variables = variables(driver, &spec, &program);
    let Some(kind) = Kind::of(&spec, &program, &variables, (sandbox.reach, grant)) else { return Ok(()) };
    match driver.ready().expect(&kind) {
        Expected::OneMore => {
            driver.ready().replenish(kind.clone(), waiting_plan(driver, &kind, &sandbox));
        }
        Expected::Enough => {}
    }
    Ok(())
}

/// What waits: as it would be started for a function, without anything of a function's.
fn waiting_plan(driver: &ProcessDriver, kind: &Kind, sandbox: &Sandbox) -> Plan {
    let (program, arguments) = kind.program();
    Plan {
        name: driver.next_name(),
        folder: None,
        memory: limits::READY_LIMIT << 20,
        task_root: isolation::TASK_ROOT.into(),
        program,
        arguments,
        variables: kind.variables().to_vec(),
        sandbox: Some(Sandbox {
            users: driver.next_users(),
            mounts: kind.mounts().to_vec(),
            purpose: Purpose::ToldLater,
            ..sandbox.clone()
        }),
        grant: kind.grant(),
        extensions: Extensions::default(),
    }
}

/// What it is to be connected to: what a function insists on, or what can be.
pub(super) fn grant(driver: &ProcessDriver, spec: &EnvironmentSpec) -> Result<Option<Grant>, StartFailure> {
    let Some(networks) = driver.machine().networks() else { return Ok(None) };
    let unknown = |error: UnknownNetwork| StartFailure::Unsupported(error.to_string());
    networks.granted(&spec.network, Whose::Process).map_err(unknown)
}

pub(super) fn sandbox(
    driver: &ProcessDriver,
    spec: &EnvironmentSpec,
    program: &Program,
    grant: Option<Grant>,
) -> Sandbox {
    let mut mounts = own_mounts(spec);
    mounts.extend(program.mounts.iter().cloned());
    let mut ports = vec![RUNTIME_API_PORT];
    ports.extend(driver.endpoint().map(|endpoint| endpoint.port));
    let reach = if grant.is_some() { Reach::Connected } else { Reach::Loopback };
    Sandbox {
        users: driver.next_users(),
        temporary: u64::from(spec.ephemeral_storage) << 20,
        ports,
        mounts,
        reach,
        purpose: Purpose::Known,
    }
}

/// What is this function's own: its package, and its layers.
fn own_mounts(spec: &EnvironmentSpec) -> Vec<Mount> {
    let package = Mount { from: spec.code.clone(), to: isolation::TASK_ROOT.into() };
    let layers = |opt: &Opt| Mount { from: opt.folder.clone(), to: isolation::OPT.into() };
    [package].into_iter().chain(spec.opt.as_ref().map(layers)).collect()
}

pub(crate) fn not_connected(failure: NoNetwork) -> StartFailure {
    match failure {
        NoNetwork::Lacking(_) => StartFailure::Unsupported(failure.to_string()),
        NoNetwork::Full | NoNetwork::NoAddress { .. } => StartFailure::NotYet(failure.to_string()),
        NoNetwork::Machine { doing, cause } => StartFailure::Machine { doing, cause },
    }
}

fn not_launched(spec: &EnvironmentSpec, program: &std::path::Path, failure: &Failure) -> StartFailure {
    let doing = match (failure.step, spec.runtime) {
        (Step::Exec, _) if !failure.subject.is_empty() => {
            return external::not_launched(&bootstrap::start_error(failure.subject.as_ref(), failure.errno));
        }
        (Step::Exec, Runtime::Provided(_) | Runtime::Wasm) => {
            return bootstrap::not_started(program, failure.errno);
        }
        (Step::Exec, Runtime::Python { .. } | Runtime::Nodejs { .. })
            if spec.variables.contains_key("AWS_LAMBDA_EXEC_WRAPPER") =>
        {
            return bootstrap::not_started(program, failure.errno);
        }
        (Step::Exec, Runtime::Python { .. } | Runtime::Nodejs { .. }) => "start the interpreter",
        (Step::Order, _) => "read the launcher's order",
        (Step::Namespaces | Step::Root | Step::Privileges | Step::Landlock | Step::Filter, _) => {
            return StartFailure::Unsupported(isolation::lacking(failure));
        }
        (Step::Network, _) => "give an environment a network of its own",
        (Step::Mount, _) if isolation::hides_proc(failure) => {
            return StartFailure::Unsupported(isolation::lacking(failure));
        }
        (Step::Mount | Step::Disk, _) => "give an environment its files",
        (Step::Session, _) => "give an environment a session",
        (Step::Group, _) => "put an environment into its control group",
        (Step::Limits, _) => "limit an environment",
        (Step::Folder, _) => "enter the function's folder",
        (Step::Still | Step::Copy, _) => "copy an initialised runtime",
    };
    let cause = std::io::Error::from_raw_os_error(failure.errno);
    let cause = match failure.subject.as_str() {
        "" => cause,
        subject => std::io::Error::new(cause.kind(), format!("{subject}: {cause}")),
    };
    StartFailure::Machine { doing, cause }
}

enum Progress {
    Ready,
    AsksForRestore(Arrival),
    Failed(sonagi_model::invocation::FunctionFailure),
    Ended,
}

async fn progress(environment: &mut ProcessEnvironment) -> Progress {
    loop {
        if environment.state == State::Idle && environment.crew_initialised() {
            return Progress::Ready;
        }
        environment.let_begin();
        match environment.event().await {
            Event::Ended => return Progress::Ended,
            Event::Request(arrival) => match environment.route(arrival).await {
                Routed::Next => environment.runtime_initialised(),
                Routed::Restore(arrival) => return Progress::AsksForRestore(arrival),
                Routed::InitError(arrival) => {
                    return Progress::Failed(init_error(environment, arrival).await);
                }
                // Neither has an invocation to be for.
                Routed::Response(_) | Routed::Error(_) | Routed::Extension | Routed::Refused => {}
            },
        }
    }
}

async fn init_error(
    environment: &mut ProcessEnvironment,
    mut arrival: Arrival,
) -> sonagi_model::invocation::FunctionFailure {
    let body = tokio::select! {
        body = whole(&mut arrival, limits::RUNTIME_ERROR_SIZE) => body,
        never = environment.output.pass_on() => match never {},
    };
    match body {
        Ok(Whole::Body(payload)) => {
            let _ = arrival.connection.send(replies::ACCEPTED).await;
            let failure = ending::reported(arrival.head.error_type.take(), payload, FailureOrigin::Init);
            environment.hints.of(None, &failure);
            failure
        }
        Ok(Whole::TooLarge(_)) => ending::too_large(),
        Err(_) => ending::truncated(),
    }
}
