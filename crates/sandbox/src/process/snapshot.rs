//! A start that copies an initialised runtime instead of initialising one.

use std::{net::TcpListener, sync::Arc};

use bytes::Bytes;
use sonagi_model::{Tick, clock, limits, logs::LogLine};
use tokio::sync::MutexGuard;

use super::{
    driver::ProcessDriver,
    environment::{Awaits, ProcessEnvironment},
    external,
    machine::Unclaimed,
    network::Grant,
    ready::Member,
    spawner::NotSpawned,
    start::{self, Begun, Reached},
    templates::{CopyPlan, Key, Known, Place, Template},
};
use crate::{
    EnvironmentSpec, Initialised, Origin, StartFailure, Started,
    launcher::{Purpose, Sandbox},
    runtime_api::{Arrival, Doorway, replies},
};

/// An environment of a function that asks for it, by whichever way it can be had.
pub(super) async fn run(
    driver: &ProcessDriver,
    spec: Arc<EnvironmentSpec>,
    deadline: Tick,
) -> Result<Started, StartFailure> {
    let clock = Arc::clone(&driver.machine().clock);
    let began = clock.tick();
    if let Some(why) = never(driver, &spec).await? {
        tell(&spec, &*clock, why);
        return start::afresh(driver, spec, deadline).await;
    }
    let place = driver.templates().place(Key::of(&spec));
    let timed_out = || StartFailure::TimedOut { create: clock.tick().since(began) };
    let mut known = clock::within(&*clock, deadline, known(&place, began)).await.ok_or_else(timed_out)?;
    if let Some(started) = learn(driver, &spec, &mut known, deadline).await? {
        return Ok(started);
    }
    let why = match &*known {
        Known::Template(template) => {
            let template = Arc::clone(template);
            drop(known);
            match copy(driver, &spec, Arc::clone(&template), began, deadline).await {
                Ok(started) => return started,
                Err(failure) => {
                    // The next start initialises another.
                    let mut known = place.lock().await;
                    if let Known::Template(now) = &*known
                        && Arc::ptr_eq(now, &template)
                    {
                        *known = Known::Nothing;
                    }
                    format!("the initialised runtime was not copied ({failure})")
                }
            }
        }
        Known::Never(why) => {
            let why = why.clone();
            drop(known);
            why
        }
        // Not reached: it was made above.
        Known::Nothing => return Err(timed_out()),
    };
    tell(&spec, &*clock, &why);
    start::afresh(driver, spec, deadline).await
}

/// Makes what environments will be copied from, unless it is there.
pub(super) async fn initialise(
    driver: &ProcessDriver,
    spec: Arc<EnvironmentSpec>,
    deadline: Tick,
) -> Result<Initialised, StartFailure> {
    let clock = Arc::clone(&driver.machine().clock);
    let began = clock.tick();
    if never(driver, &spec).await?.is_some() {
        return Ok(Initialised::EachTime);
    }
    let place = driver.templates().place(Key::of(&spec));
    let timed_out = || StartFailure::TimedOut { create: clock.tick().since(began) };
    let mut known = clock::within(&*clock, deadline, known(&place, began)).await.ok_or_else(timed_out)?;
    // Of what cannot be copied nothing is kept.
    drop(learn(driver, &spec, &mut known, deadline).await?);
    Ok(match *known {
        Known::Template(_) => Initialised::Once,
        Known::Never(_) | Known::Nothing => Initialised::EachTime,
    })
}

/// Initialises what nothing is known of: gives the environment, if that turned out to serve itself.
async fn learn(
    driver: &ProcessDriver,
    spec: &Arc<EnvironmentSpec>,
    known: &mut Known,
    deadline: Tick,
) -> Result<Option<Started>, StartFailure> {
    match known {
        Known::Template(_) | Known::Never(_) => return Ok(None),
        Known::Nothing => {}
    }
    match template(driver, spec, deadline).await? {
        Made::Template(template) => {
            *known = Known::Template(template);
            Ok(None)
        }
        Made::Environment(started, why) => {
            if let Some(why) = why {
                tell(spec, &*driver.machine().clock, &why);
                *known = Known::Never(why);
            }
            Ok(Some(started))
        }
    }
}

const CONNECTED_BY_ANOTHER: &str = "its function has a network, and the server is an ordinary user's: pasta and slirp4netns \
                                    may not look into the sandbox that is made for a copy; start the server as root, or \
                                    do without the network";

const HAS_EXTENSIONS: &str = "its layers hold extensions, whose processes are not copied";

/// Why it cannot be copied, where that is known beforehand.
async fn never(driver: &ProcessDriver, spec: &EnvironmentSpec) -> Result<Option<&'static str>, StartFailure> {
    if !external::find(spec).await?.is_empty() {
        return Ok(Some(HAS_EXTENSIONS));
    }
    // Another program gives it its network: an ordinary user's server has no way of its own.
    let by_another = driver.next_users().is_none() && start::grant(driver, spec)?.is_some();
    Ok(by_another.then_some(CONNECTED_BY_ANOTHER))
}

/// What is known of a version at `now`, for whoever may change that.
async fn known(place: &Place, now: Tick) -> MutexGuard<'_, Known> {
    let mut known = place.lock().await;
    if let Known::Template(template) = &*known
        && template.is_old(now)
    {
        *known = Known::Nothing;
    }
    known
}

/// Says in the function's log why it is started afresh.
pub(crate) fn tell(spec: &EnvironmentSpec, clock: &dyn sonagi_model::Clock, why: &str) {
    let text = format!("SnapStart: this environment was initialised afresh: {why}");
    spec.logs.line(LogLine { at: clock.now(), request: None, text: Bytes::from(text) });
}

enum Made {
    Template(Arc<Template>),
    /// It serves itself; why it cannot be copied, if that is so.
    Environment(Started, Option<String>),
}

/// Initialises a runtime to be copied.
async fn template(
    driver: &ProcessDriver,
    spec: &Arc<EnvironmentSpec>,
    deadline: Tick,
) -> Result<Made, StartFailure> {
    let clock = Arc::clone(&driver.machine().clock);
    let Begun { mut environment, create, began } =
        start::begin(driver, Arc::clone(spec), Purpose::Template, deadline).await?;
    environment.awaits = Awaits::Restore;
    let initialised = start::initialise(&mut environment, create, began, deadline).await?;
    let mut asked = match initialised {
        Reached::AsksForRestore(arrival) => arrival,
        // A client of the function's own, which knows nothing of this.
        Reached::Ready => {
            let why = "its runtime did not ask to be restored".to_owned();
            let started = start::ready(environment, create, clock.tick().since(began))?;
            return Ok(Made::Environment(started, Some(why)));
        }
    };
    let socket = environment.process.socket();
    let still = match socket {
        Ok(_) if environment.has_extensions() => {
            Err(NotSpawned::Io(std::io::Error::other("its runtime has registered an extension")))
        }
        Ok(socket) => driver.machine().still(socket).await,
        Err(error) => Err(error.into()),
    };
    match still {
        Ok(socket) => {
            environment.output.drain();
            let _ = asked.connection.send(replies::TEMPLATE).await;
            let (process, output) = environment.into_parts();
            let beside = if driver.ready().is_wanted() { limits::COPY_AHEAD_MEMORY } else { 0 };
            let template = driver.templates().template(process, output, socket, spec.memory, beside);
            copy_ahead(driver, spec, &template).await;
            Ok(Made::Template(template))
        }
        Err(failure) => {
            let why = match failure {
                NotSpawned::Launch(failure) => failure.subject,
                NotSpawned::Io(_) | NotSpawned::Network(_) => failure.to_string(),
            };
            let _ = asked.connection.send(replies::RESTORED).await;
            let Arrival { connection, .. } = *asked;
            environment.keep(connection);
            start::first_request(&mut environment, deadline, create).await?;
            let started = start::ready(environment, create, clock.tick().since(began))?;
            Ok(Made::Environment(started, Some(why)))
        }
    }
}

/// A copy, up to its first request for work. The outer error: it was not copied.
async fn copy(
    driver: &ProcessDriver,
    spec: &Arc<EnvironmentSpec>,
    template: Arc<Template>,
    began: Tick,
    deadline: Tick,
) -> Result<Result<Started, StartFailure>, NotSpawned> {
    let clock = Arc::clone(&driver.machine().clock);
    let program = driver.program(spec).await.map_err(std::io::Error::other)?;
    let variables = start::variables(driver, spec, &program);
    let waited = template.take_ahead();
    copy_ahead(driver, spec, &template).await;
    if let Some(member) = waited
        && let Some(environment) = told(driver, spec, member, &variables).await
        && let Ok(started) = restored(environment, Arc::clone(&template), began, deadline).await
    {
        return Ok(Ok(started));
    }
    // Whatever is wrong with one that waited is no failure: this one is made now.
    let plan = plan(driver, spec).await?;
    let copied = template.copy(driver.machine(), plan);
    let late = || std::io::Error::from(std::io::ErrorKind::TimedOut);
    let copied = clock::within(&*clock, deadline, copied).await.ok_or_else(late)??;
    let mut spawned = Unclaimed::claim(copied)?;
    let mut listeners = std::mem::take(&mut spawned.listeners).into_iter().map(TcpListener::from);
    let inside = listeners.next();
    let assembled = start::assemble(driver, spec, spawned, listeners.next(), || match inside {
        Some(listener) => Doorway::over(listener, Arc::clone(&clock)),
        None => Err(std::io::ErrorKind::NotFound.into()),
    });
    let mut environment = match assembled {
        Ok(environment) => environment,
        Err(failure) => return Ok(Err(failure)),
    };
    environment.awaits = Awaits::Assignment(replies::assignment(&variables));
    Ok(restored(environment, template, began, deadline).await)
}

/// A copy that has been told whose environment it is, or will be when it asks, up to its first request for work.
async fn restored(
    mut environment: ProcessEnvironment,
    template: Arc<Template>,
    began: Tick,
    deadline: Tick,
) -> Result<Started, StartFailure> {
    environment._template = Some(template);
    let create = environment.clock.tick().since(began);
    let init = start::first_request(&mut environment, deadline, create).await?;
    Ok(Started { origin: Origin::Copied, ..start::ready(environment, create, init)? })
}

async fn plan(driver: &ProcessDriver, spec: &EnvironmentSpec) -> Result<CopyPlan, NotSpawned> {
    let program = driver.program(spec).await.map_err(std::io::Error::other)?;
    let grant = start::grant(driver, spec).map_err(std::io::Error::other)?;
    let sandbox = start::sandbox(driver, spec, &program, grant);
    Ok(CopyPlan {
        name: driver.next_name(),
        memory: u64::from(spec.memory) << 20,
        sandbox: Sandbox { mounts: Vec::new(), purpose: Purpose::Known, ..sandbox },
        grant,
    })
}

/// Tells a copy that waited whose environment it is.
async fn told(
    driver: &ProcessDriver,
    spec: &Arc<EnvironmentSpec>,
    member: Member,
    variables: &[(std::ffi::OsString, std::ffi::OsString)],
) -> Option<ProcessEnvironment> {
    let Member { process, api, endpoint, mut asked } = member;
    let spawned = Unclaimed::claim(process).ok()?;
    let mut environment = start::assemble(driver, spec, spawned, endpoint, || Ok(api)).ok()?;
    asked.connection.send(&replies::assignment(variables)).await.ok()?;
    environment.follow(asked.connection);
    Some(environment)
}

/// Has a copy wait for the next start, where anything may wait.
async fn copy_ahead(driver: &ProcessDriver, spec: &EnvironmentSpec, template: &Arc<Template>) {
    if !driver.ready().is_wanted() || !template.lacks_ahead() {
        return;
    }
    let Ok(plan) = plan(driver, spec).await else { return };
    match plan.grant {
        // Its addresses are few, and for environments that serve.
        Some(Grant::Named(_)) => {}
        Some(Grant::Internet | Grant::InternetIfPossible) | None => {
            driver.templates().make_ahead(template, driver.machine(), plan);
        }
    }
}
