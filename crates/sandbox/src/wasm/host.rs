//! What belongs to one instance on our side.

use sonagi_model::limits;
use wasmtime::{Engine, Store, component::ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::{
    budget::Share,
    memory::Memory,
    output::Output,
    reach::{Grants, OutboundHooks},
};

/// The data of an instance's store.
pub(crate) struct Host {
    pub(super) table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: OutboundHooks,
    pub(super) memory: Memory,
    pub(super) grants: Grants,
}

/// What the instances of a function have in common.
pub(crate) struct Setting {
    pub(crate) grants: Grants,
    /// Bytes.
    pub(crate) memory: usize,
    pub(crate) share: Share,
}

impl Host {
    /// A store for one instance. It writes to `out` and `err`.
    pub(crate) fn store(
        engine: &Engine,
        setting: &Setting,
        variables: &[(String, String)],
        out: &Output,
        err: &Output,
    ) -> Store<Self> {
        let mut wasi = WasiCtx::builder();
        wasi.stdout(out.clone()).stderr(err.clone()).envs(variables);
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits::WASM_HANDLES);
        let host = Self {
            table,
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            hooks: setting.grants.hooks(),
            memory: Memory::new(setting.memory, setting.share.clone()),
            grants: setting.grants.clone(),
        };
        let mut store = Store::new(engine, host);
        store.limiter(|host| &mut host.memory);
        store.set_hostcall_fuel(limits::WASM_HOSTCALL_SIZE);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        store
    }
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Host {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.hooks }
    }
}
