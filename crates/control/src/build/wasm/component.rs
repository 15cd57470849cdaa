//! From a core module, as clang and go make it, to a component: the world goes into it, and the adapter of Wasmtime
//! turns what it asks of the first preview of WASI into what components ask for.

use std::path::{Path, PathBuf};

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, WorldId};

use super::{Source, world::World};
use crate::build::{Error, Result, job::blocking};

/// Whether a core module says itself which world it is for, as C's bindings make it, or is told.
pub(super) enum Metadata {
    InModule,
    Of(World),
}

/// Reads the world's WIT.
pub(super) fn read_world(source: &Source<'_, '_>, world: &World) -> Result<(Resolve, WorldId)> {
    let wrong =
        |cause: &dyn std::fmt::Display| source.wrong(format!("the WIT in `wit` is not valid: {cause}"));
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(&world.folder).map_err(|cause| wrong(&format!("{cause:#}")))?;
    let id = resolve.select_world(&[package], world.name).map_err(|cause| wrong(&format!("{cause:#}")))?;
    Ok((resolve, id))
}

/// Writes the component that `core` becomes to `to`.
pub(super) async fn of_core(
    source: &Source<'_, '_>,
    core: PathBuf,
    metadata: Metadata,
    to: PathBuf,
) -> Result<()> {
    let world = match &metadata {
        Metadata::InModule => None,
        Metadata::Of(world) => Some(read_world(source, world)?),
    };
    let function = source.job.function.clone();
    blocking(move || {
        let io = |verb, path: &Path, cause| Error::Io {
            function: function.clone(),
            verb,
            path: path.into(),
            cause,
        };
        let mut module = std::fs::read(&core).map_err(|cause| io("read", &core, cause))?;
        let component = encode(&mut module, world).map_err(|cause| Error::Source {
            function: function.clone(),
            message: format!("the module that was built does not fit its world: {cause}"),
        })?;
        std::fs::write(&to, component).map_err(|cause| io("write", &to, cause))
    })
    .await
}

/// The encoder's errors are chains whose last links say what is wrong; they come as one line.
fn encode(module: &mut Vec<u8>, world: Option<(Resolve, WorldId)>) -> std::result::Result<Vec<u8>, String> {
    let line = |cause| format!("{cause:#}");
    if let Some((resolve, id)) = world {
        embed_component_metadata(module, &resolve, id, StringEncoding::UTF8).map_err(line)?;
    }
    ComponentEncoder::default()
        .module(module)
        .and_then(|encoder| {
            encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)
        })
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(line)
}
