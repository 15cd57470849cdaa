//! The child's work: a component comes in, native code goes out, or a reason why not.

use std::{
    any::Any,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::ExitCode,
};

use sonagi_model::{
    Digest,
    function::{WasiVersion, WasmStart},
    limits,
};
use wasmtime::component::Component;
use wasmtime_wasi_http::{p2, p3};

use super::{
    check, confine,
    order::{self, Compiled, Facts, Order, Report},
    outline, snapshot,
};
use crate::wasm::{engine, linker};

/// The exit status of a child that could not even report.
const FAILED: u8 = 125;
/// Bytes of a compiler's message that are passed on.
const MESSAGE_SIZE: usize = 2_000;

/// What ends the work early.
pub(super) enum Stop {
    Refused(String),
    Failed(&'static str, io::Error),
}

impl Stop {
    pub(super) fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Failed(doing, cause)
    }

    /// Of something that Wasmtime says of the component.
    pub(super) fn refused(what: &str, error: &wasmtime::Error) -> Self {
        let mut text = format!("{error:#}");
        if text.contains("os error 12") {
            return Self::Refused(super::run::OUT_OF_MEMORY.into());
        }
        if text.len() > MESSAGE_SIZE {
            text.truncate(text.floor_char_boundary(MESSAGE_SIZE));
            text.push('…');
        }
        Self::Refused(format!("{what}: {text}"))
    }
}

pub(super) fn main() -> ExitCode {
    let socket = match confine::take_socket().and_then(|socket| confine::confine().map(|()| socket)) {
        Ok(socket) => socket,
        Err(_) => return ExitCode::from(FAILED),
    };
    // The server may be gone; then there is nobody to tell.
    match order::send(&socket, &serve(&socket)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(FAILED),
    }
}

fn serve(socket: &UnixStream) -> Report {
    let failed =
        |doing: &str, cause: io::Error| Report::Failed { doing: doing.into(), cause: cause.to_string() };
    let order = match order::receive::<Order>(socket) {
        Ok(Some(order)) => order,
        Ok(None) => return failed("read the order", io::ErrorKind::UnexpectedEof.into()),
        Err(error) => return failed("read the order", error),
    };
    if let Err(error) = confine::belong_to(order.server) {
        return failed("die with the server", error);
    }
    match catch_unwind(AssertUnwindSafe(|| work(&order))) {
        Ok(Ok(compiled)) => Report::Compiled(compiled),
        Ok(Err(Stop::Refused(text))) => Report::Refused(text),
        Ok(Err(Stop::Failed(doing, cause))) => failed(doing, cause),
        Err(panic) => Report::Refused(format!(
            "the compiler failed on this component, which is a fault of the compiler: {}",
            message(panic.as_ref())
        )),
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("no message");
    &text[..text.floor_char_boundary(MESSAGE_SIZE)]
}

fn work(order: &Order) -> Result<Compiled, Stop> {
    let mut bytes = read(&order.component)?;
    let digest = Digest::of(&bytes);
    let mut outline = check::check(&bytes, order).map_err(Stop::Refused)?;
    let mut taken = None;
    match order.start {
        WasmStart::Fresh => {}
        WasmStart::Snapshot => {
            let taken = taken.insert(snapshot::take(&bytes, order)?);
            bytes = std::mem::take(&mut taken.component);
            outline = outline::read(&bytes, limits::COMPONENT_DEPTH, limits::COMPONENT_NAMES)
                .map_err(|error| Stop::Refused(format!("{} {error:?}", snapshot::UNREADABLE)))?;
        }
    }
    let engine = engine::trying(order.wasi)
        .map_err(|error| Stop::Failed("make the compiler", io::Error::other(format!("{error:#}"))))?;
    let component = Component::new(&engine, &bytes)
        .map_err(|error| Stop::refused("the component cannot be compiled", &error))?;
    drop(bytes);
    let unlinked =
        |error: wasmtime::Error| Stop::Failed("link the component", io::Error::other(format!("{error:#}")));
    let linker = linker::linker(&engine, order.wasi).map_err(unlinked)?;
    let linked = linker::for_component(&linker, &component)
        .map_err(unlinked)?
        .instantiate_pre(&component)
        .map_err(|error| Stop::refused("what the component imports is not as it is offered here", &error))?;
    let exports = match order.wasi {
        WasiVersion::P2 => p2::bindings::ProxyPre::new(linked).map(drop),
        WasiVersion::P3 => p3::bindings::ServicePre::new(linked).map(drop),
    };
    exports
        .map_err(|error| Stop::refused("what the component exports is not as `wasi:http` has it", &error))?;
    let largest = component.resources_required().and_then(|resources| resources.max_initial_memory_size);
    let facts = Facts { memory: outline.memory.max(largest.unwrap_or(0)) };
    check::memory(facts.memory, order.memory).map_err(Stop::Refused)?;
    if let Some(taken) = &taken {
        taken.try_out(&component, order)?;
    }
    let native = component
        .serialize()
        .map_err(|error| Stop::refused("the component's native code cannot be had", &error))?;
    drop(component);
    let size = native.len() as u64;
    if size > limits::ARTIFACT_SIZE {
        let most = limits::ARTIFACT_SIZE;
        return Err(Stop::Refused(format!(
            "the component's native code has {size} bytes, and {most} are the most: build it with less in it"
        )));
    }
    write(&order.output, &native).map_err(Stop::failed("write the native code"))?;
    Ok(Compiled { component: digest, size, facts })
}

fn read(path: &Path) -> Result<Vec<u8>, Stop> {
    let doing = "read the component";
    let file = File::open(path).map_err(Stop::failed(doing))?;
    let most = limits::COMPONENT_SIZE;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(Stop::failed(doing))?;
    if bytes.len() as u64 > most {
        return Err(Stop::Refused(too_large()));
    }
    Ok(bytes)
}

pub(crate) fn too_large() -> String {
    let most = limits::COMPONENT_SIZE >> 20;
    format!(
        "the component is larger than {most} MiB, which is the most. `wasm-tools strip` leaves out what only a debugger needs"
    )
}

fn write(path: &Path, native: &[u8]) -> io::Result<()> {
    // The server made it.
    let mut file: fs::File = OpenOptions::new().write(true).truncate(true).open(path)?;
    file.write_all(native)?;
    file.sync_all()
}
