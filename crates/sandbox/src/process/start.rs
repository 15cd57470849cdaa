//! From a specification to an environment that waits for its first event.

use std::sync::Arc;

use sonagi_model::{Tick, clock, function::Runtime, invocation::FailureOrigin, limits};
use tokio::{io::AsyncReadExt, net::UnixStream};

use super::{
    bootstrap,
    driver::{ProcessDriver, Program},
    environment::{Event, ProcessEnvironment, Routed, State},
    invocation::{Whole, whole},
    output::Output,
    process::Process,
    spawner::Plan,
    variables::{self, Surroundings},
};
use crate::{
    EnvironmentSpec, StartFailure, Started, ending,
    ending::Exit,
    launcher::{Failure, Step},
    runtime_api::{Arrival, Doorway, replies},
};

/// Bytes of what the launcher says.
const WORD_SIZE: u64 = 64;

fn machine(doing: &'static str) -> impl Fn(std::io::Error) -> StartFailure {
    move |cause| StartFailure::Machine { doing, cause }
}

pub(super) async fn run(
    driver: &ProcessDriver,
    spec: Arc<EnvironmentSpec>,
    deadline: Tick,
) -> Result<Started, StartFailure> {
    let clock = Arc::clone(&driver.machine().clock);
    let program = driver.program(&spec).await?;
    let path = program.path.clone();
    let began = clock.tick();
    let created = clock::within(&*clock, deadline, create(driver, Arc::clone(&spec), program)).await;
    let since = |start: Tick| clock.tick().since(start);
    let (mut environment, launcher) =
        created.unwrap_or(Err(StartFailure::TimedOut { create: since(began) }))?;
    let word =
        clock::within(&*clock, deadline, ProcessEnvironment::launched(&mut environment, launcher)).await;
    let create = since(began);
    match word {
        Some(None) => {}
        Some(Some(failure)) => {
            environment.end().await;
            return Err(not_launched(&spec, &path, failure));
        }
        None => {
            environment.end().await;
            return Err(StartFailure::TimedOut { create });
        }
    }
    let began = clock.tick();
    match clock::within(&*clock, deadline, initialised(&mut environment)).await {
        Some(Initialised::Ready) => {
            environment.output.drain();
            Ok(Started { environment: Box::new(environment), create, init: since(began) })
        }
        Some(Initialised::Failed(failure)) => {
            environment.end().await;
            Err(StartFailure::Init { failure, create, init: since(began) })
        }
        Some(Initialised::Ended) => {
            let exit = environment.end().await.unwrap_or(Exit::Signal(libc::SIGKILL));
            Err(StartFailure::Init { failure: exit.init_failure(), create, init: since(began) })
        }
        None => {
            environment.end().await;
            Err(StartFailure::TimedOut { create })
        }
    }
}

/// The process, its Runtime API and its output, and the socket on which the launcher says how it went.
async fn create(
    driver: &ProcessDriver,
    spec: Arc<EnvironmentSpec>,
    program: Program,
) -> Result<(ProcessEnvironment, UnixStream), StartFailure> {
    let clock = Arc::clone(&driver.machine().clock);
    let api = Doorway::open(Arc::clone(&clock)).await.map_err(machine("open a Runtime API"))?;
    let name = driver.next_name();
    let folder = driver.folders().environment(&name);
    let variables = variables::variables(
        &spec,
        &Surroundings {
            runtime_api: &api.address,
            runtime_dir: &program.runtime_dir,
            interpreter_dir: program.interpreter_dir.as_deref(),
            sdk: program.sdk.as_deref(),
            temporary: &folder,
            language: driver.language(),
        },
    );
    let memory = u64::from(spec.memory) << 20;
    let plan = Plan {
        name,
        folder,
        memory,
        task_root: spec.code.clone(),
        program: program.path,
        arguments: program.arguments,
        variables,
    };
    let spawned = driver.machine().spawn(plan).await.map_err(machine("start an environment's process"))?;
    let process = Process::new(Arc::clone(driver.machine()), spawned.remains, memory)
        .map_err(machine("watch an environment's process"))?;
    let output = Output::new(spawned.output, Arc::clone(&spec.logs), Arc::clone(&clock))
        .map_err(machine("read an environment's output"))?;
    let launcher =
        spawned.launcher.set_nonblocking(true).and_then(|()| UnixStream::from_std(spawned.launcher));
    let launcher = launcher.map_err(machine("listen to an environment's launcher"))?;
    let environment = ProcessEnvironment {
        clock,
        process,
        output,
        api,
        focus: None,
        state: State::Initialising,
        head: Vec::new(),
        launcher: None,
    };
    Ok((environment, launcher))
}

impl ProcessEnvironment {
    /// Ready when the launcher has become the runtime, or says why it cannot.
    async fn launched(&mut self, mut launcher: UnixStream) -> Option<Failure> {
        let mut word = Vec::new();
        loop {
            match (&mut launcher).take(WORD_SIZE - word.len() as u64).read_buf(&mut word).await {
                // The reaper stays, and would take the socket's end for the server's.
                Ok(1..) if word == b"+" => {
                    self.launcher = Some(launcher);
                    return None;
                }
                Ok(1..) => {}
                Ok(0) | Err(_) => return std::str::from_utf8(&word).ok().and_then(|word| word.parse().ok()),
            }
        }
    }
}

fn not_launched(spec: &EnvironmentSpec, program: &std::path::Path, failure: Failure) -> StartFailure {
    let doing = match (failure.step, spec.runtime) {
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
        (Step::Session, _) => "give an environment a session",
        (Step::Group, _) => "put an environment into its control group",
        (Step::Limits, _) => "limit an environment",
        (Step::Folder, _) => "enter the function's folder",
    };
    StartFailure::Machine { doing, cause: std::io::Error::from_raw_os_error(failure.errno) }
}

enum Initialised {
    Ready,
    Failed(sonagi_model::invocation::FunctionFailure),
    Ended,
}

async fn initialised(environment: &mut ProcessEnvironment) -> Initialised {
    loop {
        match environment.event().await {
            Event::Ended => return Initialised::Ended,
            Event::Request(arrival) => match environment.route(arrival).await {
                Routed::Next => return Initialised::Ready,
                Routed::InitError(arrival) => {
                    return Initialised::Failed(init_error(environment, arrival).await);
                }
                // Neither has an invocation to be for.
                Routed::Response(_) | Routed::Error(_) | Routed::Refused => {}
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
            ending::reported(arrival.head.error_type.take(), payload, FailureOrigin::Init)
        }
        Ok(Whole::TooLarge(_)) => ending::too_large(),
        Err(_) => ending::truncated(),
    }
}
