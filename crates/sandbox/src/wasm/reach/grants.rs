//! What one function was granted.

use std::{mem, sync::Arc};

use sonagi_model::{AppName, function::Wasm};
use wasmtime_wasi_config::{WasiConfig, WasiConfigVariables};

use super::{Outbound, OutboundHooks, Reach};

/// What one function may reach. Made once for a function; a clone, one for each store, costs a count.
#[derive(Clone)]
pub(crate) struct Grants(Arc<Granted>);

struct Granted {
    app: AppName,
    wasm: Wasm,
    config: WasiConfigVariables,
    reach: Arc<dyn Reach>,
    outbound: Outbound,
}

impl Grants {
    pub(crate) fn new(app: AppName, mut wasm: Wasm, reach: Arc<dyn Reach>, outbound: Outbound) -> Self {
        let config = mem::take(&mut wasm.config).into_iter().collect();
        Self(Arc::new(Granted { app, wasm, config, reach, outbound }))
    }

    /// For [`link_config`](super::link_config).
    pub(crate) fn config(&self) -> WasiConfig<'_> {
        WasiConfig::new(&self.0.config)
    }

    /// For `WasiHttpCtxView::hooks`: one for each store, since it counts the store's own requests.
    pub(crate) fn hooks(&self) -> OutboundHooks {
        OutboundHooks::new(self.clone())
    }

    pub(super) fn app(&self) -> &AppName {
        &self.0.app
    }

    pub(super) fn wasm(&self) -> &Wasm {
        &self.0.wasm
    }

    pub(super) fn reach(&self) -> &Arc<dyn Reach> {
        &self.0.reach
    }

    pub(super) fn outbound(&self) -> &Outbound {
        &self.0.outbound
    }
}
