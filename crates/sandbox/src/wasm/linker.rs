//! What a component may import. Nothing else is linked; sockets are not.

use std::borrow::Cow;

use sonagi_model::function::WasiVersion;
use wasmtime::{
    Engine, Error, Result,
    component::{
        Component, HasData, Linker, LinkerInstance, ResourceTable, ResourceType, types::ComponentItem,
    },
};
use wasmtime_wasi::{
    WasiView as _,
    cli::{WasiCli, WasiCliView as _},
    clocks::{WasiClocks, WasiClocksView as _},
    filesystem::{WasiFilesystem, WasiFilesystemView as _},
    p2::{DynInputStream, DynOutputStream, DynPollable, IoError, bindings as p2},
    random::WasiRandom,
};

use super::{host::Host, reach};

/// Imports of these are satisfied with functions that fail when they are called: interpreters bring them along
/// whether a program needs them or not.
pub(super) const NOT_OFFERED: &str = "wasi:sockets/";

/// Everything that is offered to components of that version. A component of 0.3 may import interfaces of 0.2 as well.
pub(crate) fn linker(engine: &Engine, wasi: WasiVersion) -> Result<Linker<Host>> {
    let mut linker = Linker::new(engine);
    let l = &mut linker;
    link_io(l)?;
    p2::clocks::wall_clock::add_to_linker::<Host, WasiClocks>(l, Host::clocks)?;
    p2::clocks::monotonic_clock::add_to_linker::<Host, WasiClocks>(l, Host::clocks)?;
    p2::random::random::add_to_linker::<Host, WasiRandom>(l, |host| host.ctx().ctx.random())?;
    p2::random::insecure::add_to_linker::<Host, WasiRandom>(l, |host| host.ctx().ctx.random())?;
    p2::random::insecure_seed::add_to_linker::<Host, WasiRandom>(l, |host| host.ctx().ctx.random())?;
    p2::cli::exit::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    p2::cli::environment::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    p2::cli::stdin::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    p2::cli::stdout::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    p2::cli::stderr::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    p2::cli::terminal_input::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    p2::cli::terminal_output::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    p2::cli::terminal_stdin::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    p2::cli::terminal_stdout::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    p2::cli::terminal_stderr::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    // No folder is opened for a guest, so these show that there is none.
    p2::filesystem::preopens::add_to_linker::<Host, WasiFilesystem>(l, Host::filesystem)?;
    p2::filesystem::types::add_to_linker::<Host, WasiFilesystem>(l, Host::filesystem)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(l)?;
    reach::link_config(l, |host: &mut Host| host.grants.config())?;
    reach::link_keyvalue(l, |host: &mut Host| reach::KeyValueView {
        grants: &host.grants,
        table: &mut host.table,
    })?;
    match wasi {
        WasiVersion::P2 => {}
        WasiVersion::P3 => link_p3(l)?,
    }
    Ok(linker)
}

struct Io;

impl HasData for Io {
    type Data<'a> = &'a mut ResourceTable;
}

fn link_io(l: &mut Linker<Host>) -> Result<()> {
    p2::io::error::add_to_linker::<Host, Io>(l, |host| &mut host.table)?;
    p2::io::poll::add_to_linker::<Host, Io>(l, |host| &mut host.table)?;
    p2::io::streams::add_to_linker::<Host, Io>(l, |host| &mut host.table)
}

fn link_p3(l: &mut Linker<Host>) -> Result<()> {
    wasmtime_wasi::p3::cli::add_to_linker(l)?;
    wasmtime_wasi::p3::clocks::add_to_linker(l)?;
    wasmtime_wasi::p3::filesystem::add_to_linker(l)?;
    wasmtime_wasi::p3::random::add_to_linker(l)?;
    wasmtime_wasi_http::p3::add_to_linker(l)
}

/// The linker for one component: the same, with what is imported of [`NOT_OFFERED`] made to fail.
pub(super) fn for_component<'l>(
    linker: &'l Linker<Host>,
    component: &Component,
) -> Result<Cow<'l, Linker<Host>>> {
    let engine = linker.engine();
    let mut linker = Cow::Borrowed(linker);
    for (name, import) in component.component_type().imports(engine) {
        if let ComponentItem::ComponentInstance(interface) = import.ty
            && name.starts_with(NOT_OFFERED)
        {
            let mut instance = linker.to_mut().instance(name)?;
            for (item, export) in interface.exports(engine) {
                refuse(&mut instance, &format!("{name}#{item}"), item, &export.ty)?;
            }
        }
    }
    Ok(linker)
}

/// What there would be a handle to.
struct NotOffered;

fn refuse(
    instance: &mut LinkerInstance<'_, Host>,
    whole: &str,
    name: &str,
    item: &ComponentItem,
) -> Result<()> {
    let words = format!("`{whole}` was called: sockets are not offered here");
    match item {
        ComponentItem::ComponentFunc(function) if function.async_() => {
            instance.func_new_concurrent(name, move |_, _, _, _| {
                let refused = Error::msg(words.clone());
                Box::pin(async move { Err(refused) })
            })
        }
        ComponentItem::ComponentFunc(_) => {
            instance.func_new(name, move |_, _, _, _| Err(Error::msg(words.clone())))
        }
        // The resources of other interfaces are theirs, under the same names.
        ComponentItem::Resource(_) => {
            let kind = match name {
                "pollable" => ResourceType::host::<DynPollable>(),
                "input-stream" => ResourceType::host::<DynInputStream>(),
                "output-stream" => ResourceType::host::<DynOutputStream>(),
                "error" => ResourceType::host::<IoError>(),
                _ => ResourceType::host::<NotOffered>(),
            };
            instance.resource(name, kind, |_, _| Ok(()))
        }
        ComponentItem::Type(_)
        | ComponentItem::CoreFunc(_)
        | ComponentItem::Module(_)
        | ComponentItem::Component(_)
        | ComponentItem::ComponentInstance(_) => Ok(()),
    }
}
