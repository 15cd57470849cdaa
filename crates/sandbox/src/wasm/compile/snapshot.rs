//! A warm start: the component is initialised here, and what it has in memory then becomes the memory that every
//! instance begins with.
//!
//! What runs is the component's exported function `init` (`init: func()`), or `wizer-initialize`, or, if there is
//! neither, one request: `GET /` with the header `sonagi-snapshot: 1`. It runs without variables, without configuration
//! and with nothing to reach, under the function's memory and [`limits::SNAPSHOT_TIMEOUT`]. Random seeds, times and the
//! like that it keeps are the same in every instance from then on.
//!
//! A handle that is open when the snapshot is taken would mean nothing to an instance that begins with it. Standard
//! streams are opened again ([`handles`]); of others there must be none. Since some components serve one request and no
//! other, an instance that begins with the snapshot is tried out ([`Taken::try_out`]).

use std::{
    convert::Infallible,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    thread,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty, Limited};
use sonagi_model::{function::WasiVersion, limits};
use tokio::{runtime::Runtime, sync::oneshot};
use wasmtime::{
    Engine, Error, Result, Store, Trap, bail,
    component::{Component, Instance, Val},
};
use wasmtime_wasi_http::{
    WasiHttpView as _,
    p2::{
        bindings::{Proxy, http::types::Scheme},
        body::HyperOutgoingBody,
    },
};
use wasmtime_wizer::{WasmtimeWizerComponent, Wizer};

use super::{
    child::Stop,
    handles::{self, Probe},
    order::Order,
    seclusion::Seclusion,
};
use crate::wasm::{engine, host::Host, linker};

pub(super) const UNREADABLE: &str = "the snapshot of this component cannot be read:";
/// The exports that initialise, in the order of preference.
const INITIALISERS: [&str; 2] = ["init", "wizer-initialize"];
/// What helps whenever there is no snapshot.
const LEAVE_OUT: &str = "Leave `snapshot_start` out, and the function starts without one";
/// Bytes by which each memory grows while it is read.
const READING: u64 = 64 << 10;
/// Ticks of the epoch that never come.
const NO_DEADLINE: u64 = 1 << 60;

/// A component that begins with the memory that it has after its initialisation.
pub(super) struct Taken {
    pub(super) component: Vec<u8>,
    initialiser: Initialiser,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Initialiser {
    Function,
    Request,
}

pub(super) fn take(bytes: &[u8], order: &Order) -> Result<Taken, Stop> {
    match order.wasi {
        WasiVersion::P2 => {}
        WasiVersion::P3 => {
            return Err(refused(
                "a snapshot can be taken of a component of 0.2 only, and this function says `wasi = \"0.3\"`",
            ));
        }
    }
    let mut wizer = Wizer::new();
    wizer.keep_init_func(true);
    let (context, instrumented) = wizer
        .instrument_component(bytes)
        .map_err(|error| because("no snapshot can be taken of this component", &error))?;
    let engine = engine::compiling(order.wasi)
        .map_err(|error| Stop::Failed("make the compiler", io::Error::other(format!("{error:#}"))))?;
    let mut probe = Probe::new(&instrumented).map_err(unreadable)?;
    drop(instrumented);
    let component = Component::new(&engine, &probe.component)
        .map_err(|error| Stop::refused("the component cannot be compiled", &error))?;
    probe.component = Vec::new();
    let runtime = runtime()?;
    let seclusion =
        Seclusion::new(runtime.handle().clone()).map_err(Stop::failed("make a place for the snapshot"))?;
    let memory = (u64::from(order.memory) << 20) + READING * u64::from(limits::WASM_MEMORIES);
    let mut store = seclusion.store(&engine, usize::try_from(memory).unwrap_or(usize::MAX));
    store.set_max_component_handles(handles::MOST);
    let (instance, initialiser) = initialise(&runtime, &engine, &mut store, &component, order.initialisation)
        .map_err(|error| {
            let words = seclusion.last_words();
            let words = if words.is_empty() { words } else { format!(". It wrote: {words}") };
            because(&format!("the component's initialisation for its snapshot failed{words}"), &error)
        })?;
    store.set_epoch_deadline(NO_DEADLINE);
    store.set_hostcall_fuel(usize::MAX);
    // It panics where a memory may not grow by the page that it is read with.
    let taken = catch_unwind(AssertUnwindSafe(|| {
        let mut state = WasmtimeWizerComponent { store: &mut store, instance };
        runtime.block_on(wizer.snapshot_component(&context, &mut state))
    }));
    let component = match taken {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => return Err(because("no snapshot can be taken of this component", &error)),
        Err(_) => {
            return Err(refused(
                "the component's memory cannot be read for a snapshot: it has grown to the most that it may have",
            ));
        }
    };
    let held = runtime.block_on(probe.read(&mut store, &instance, &seclusion)).map_err(|error| {
        refused(&format!(
            "after its initialisation the component still holds handles that mean nothing in the instances that begin \
             with the snapshot: {error:#}. Let it drop what it opens before it returns, or export `init: func()`, \
             which is called instead of a request"
        ))
    })?;
    let component = handles::restore(component, &held).map_err(unreadable)?;
    Ok(Taken { component, initialiser })
}

impl Taken {
    /// Runs what every instance will begin with, and a request where one was the initialisation. What it wrote is in
    /// the seclusion.
    pub(super) fn try_out(&self, component: &Component, order: &Order) -> Result<Seclusion, Stop> {
        let runtime = runtime()?;
        let seclusion = Seclusion::new(runtime.handle().clone())
            .map_err(Stop::failed("make a place for the snapshot"))?;
        let memory = usize::try_from(u64::from(order.memory) << 20).unwrap_or(usize::MAX);
        let mut store = seclusion.store(component.engine(), memory);
        let work = async |store: &mut Store<Host>, instance: &Instance| match self.initialiser {
            Initialiser::Function => Ok(()),
            Initialiser::Request => serve(store, instance).await,
        };
        run(&runtime, component.engine(), &mut store, component, order.initialisation, work).map_err(
            |error| {
                let words = seclusion.last_words();
                let words = if words.is_empty() { words } else { format!(". It wrote: {words}") };
                because(
                    &format!(
                        "an instance that begins with the snapshot fails. A component that serves one request in its \
                         life cannot be warmed up with one: let it export `init: func()`, which is called \
                         instead{words}"
                    ),
                    &error,
                )
            },
        )?;
        Ok(seclusion)
    }
}

fn runtime() -> Result<Runtime, Stop> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Stop::failed("make a runtime for the snapshot"))
}

fn unreadable(error: wasmparser::BinaryReaderError) -> Stop {
    refused(&format!("{UNREADABLE} {error}"))
}

fn refused(what: &str) -> Stop {
    Stop::Refused(format!("{what}. {LEAVE_OUT}"))
}

fn because(what: &str, error: &Error) -> Stop {
    match Stop::refused(what, error) {
        Stop::Refused(text) => refused(&text),
        failed @ Stop::Failed(..) => failed,
    }
}

/// Instantiates and runs the initialisation.
fn initialise(
    runtime: &Runtime,
    engine: &Engine,
    store: &mut Store<Host>,
    component: &Component,
    most: Duration,
) -> Result<(Instance, Initialiser)> {
    run(runtime, engine, store, component, most, async |store, instance| {
        if call_initialiser(store, instance).await? {
            return Ok(Initialiser::Function);
        }
        serve(store, instance).await?;
        Ok(Initialiser::Request)
    })
}

/// Instantiates and does `what`, until the deadline at the most.
fn run<T>(
    runtime: &Runtime,
    engine: &Engine,
    store: &mut Store<Host>,
    component: &Component,
    most: Duration,
    what: impl AsyncFnOnce(&mut Store<Host>, &Instance) -> Result<T>,
) -> Result<(Instance, T)> {
    let linker = linker::linker(engine, WasiVersion::P2)?;
    let linker = linker::for_component(&linker, component)?;
    store.set_epoch_deadline(1);
    store.epoch_deadline_trap();
    // Guests that compute are ended by the epoch, guests that wait by the message.
    let (over, is_over) = mpsc::channel::<()>();
    let (late, is_late) = oneshot::channel();
    let watched = engine.clone();
    let watch = thread::Builder::new().name("deadline".into()).spawn(move || {
        if is_over.recv_timeout(most) == Err(mpsc::RecvTimeoutError::Timeout) {
            // Whoever waited has ended in the meantime.
            let _ = late.send(());
            watched.increment_epoch();
        }
    })?;
    let done: Result<(Instance, T)> = runtime.block_on(async {
        let work = async {
            let instance = linker.instantiate_async(&mut *store, component).await?;
            let done = what(&mut *store, &instance).await?;
            Ok((instance, done))
        };
        tokio::select! {
            biased;
            done = work => done,
            Ok(()) = is_late => Err(Trap::Interrupt.into()),
        }
    });
    drop(over);
    let _ = watch.join();
    done.map_err(|error| match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => Error::msg(format!("it did not end within {} s", most.as_secs_f32())),
        Some(_) | None => error,
    })
}

/// Whether there was one.
async fn call_initialiser(store: &mut Store<Host>, instance: &Instance) -> Result<bool> {
    for name in INITIALISERS {
        let Some(function) = instance.get_func(&mut *store, name) else { continue };
        let kind = function.ty(&*store);
        if kind.params().len() > 0 {
            bail!("its function `{name}` takes parameters: write `{name}: func()`");
        }
        let mut results = vec![Val::Bool(false); kind.results().len()];
        function.call_async(&mut *store, &[], &mut results).await?;
        if let Some(Val::Result(Err(error))) = results.first() {
            bail!("its function `{name}` answered an error: {error:?}");
        }
        return Ok(true);
    }
    Ok(false)
}

/// Serves the request that stands for the first one.
async fn serve(store: &mut Store<Host>, instance: &Instance) -> Result<()> {
    let guest = Proxy::new(&mut *store, instance)?;
    let request = Request::get("http://localhost/")
        .header(http::header::HOST, "localhost")
        .header("sonagi-snapshot", "1")
        .body(
            Empty::<Bytes>::new()
                .map_err(|never: Infallible| -> wasmtime_wasi_http::Error { match never {} }),
        )?;
    let (answer, answered) = oneshot::channel();
    let mut http = store.data_mut().http();
    let request = http.new_incoming_request::<_>(Scheme::Http, request)?;
    let out = http.new_response_outparam(answer)?;
    let call = guest.wasi_http_incoming_handler().call_handle(&mut *store, request, out);
    let read = async {
        let response: Response<HyperOutgoingBody> = match answered.await {
            Ok(response) => response?,
            Err(_) => bail!("it returned without an answer to `GET /`"),
        };
        let (head, body) = response.into_parts();
        Limited::new(body, limits::PAYLOAD_SIZE)
            .collect()
            .await
            .map_err(|error| Error::msg(format!("the body of its answer: {error}")))?;
        if head.status.is_server_error() {
            bail!(
                "it answered `GET /` with {}. A request that carries `sonagi-snapshot: 1` should warm up",
                head.status
            );
        }
        Ok(())
    };
    // If the guest fails, that is why there is no answer.
    let (called, read) = tokio::join!(call, read);
    called?;
    read
}
