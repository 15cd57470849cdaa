//! `wasi:config/store` (0.2.0-rc.1), from the manifest.

use wasmtime::component::Linker;
use wasmtime_wasi_config::WasiConfig;

/// Links `wasi:config`. `get` is [`Grants::config`](super::Grants::config) of the store's grants: what the manifest says
/// is read where it is, and only what a guest asks for is copied.
pub(crate) fn link_config<T: 'static>(
    linker: &mut Linker<T>,
    get: fn(&mut T) -> WasiConfig<'_>,
) -> wasmtime::Result<()> {
    wasmtime_wasi_config::add_to_linker(linker, get)
}
