//! What is seen to when functions are deployed: components are made ready, then and again by a newer version of this
//! program; networks must be there to be given, and microVMs where they are asked for.

use std::{error::Error, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::StreamExt as _;
use sonagi_control::{Control, Preparation, PrepareError};
use sonagi_model::{
    Clock,
    function::{Function, Network, Runtime},
    limits::COMPILES_AT_ONCE,
};
use sonagi_sandbox::{
    Microvms,
    process::ProcessDriver,
    wasm::{Unready, WasmDriver},
};

/// How often what nobody needs is looked for.
const COLLECT_INTERVAL: Duration = Duration::from_secs(3_600);

/// What `control` asks for before a release goes live.
pub(crate) struct Components {
    pub(crate) wasm: WasmDriver,
    pub(crate) microvms: Microvms,
    pub(crate) process: Arc<ProcessDriver>,
}

#[async_trait]
impl Preparation for Components {
    async fn prepare(&self, function: &Function, code: &Path) -> Result<(), PrepareError> {
        self.microvms.check(function).map_err(PrepareError::Invalid)?;
        self.wasm.prepare(function, code).await.map_err(|unready| match unready {
            Unready::Invalid(text) => PrepareError::Invalid(text),
            Unready::Busy(text) => PrepareError::Busy(text),
            Unready::Machine { doing, cause } => PrepareError::Machine { doing, cause },
        })
    }

    async fn grant(&self, network: &Network) -> Result<(), PrepareError> {
        self.process.grant(network).map_err(PrepareError::Invalid)
    }
}

/// At the start: compiles, in the background, what only an earlier version of this program has compiled, and
/// authenticates the rest. Meanwhile all of it is served: whoever asks for a component that is not compiled yet goes
/// ahead in the line. Then, and every [`COLLECT_INTERVAL`], drops what nobody needs.
pub(crate) async fn look_after(driver: WasmDriver, control: Control, clock: Arc<dyn Clock>) {
    futures::stream::iter(functions(&control))
        .for_each_concurrent(COMPILES_AT_ONCE, |function| ready(&driver, &control, function))
        .await;
    loop {
        driver.collect(functions(&control)).await;
        clock.sleep(COLLECT_INTERVAL).await;
    }
}

/// Every WebAssembly function that can be invoked.
fn functions(control: &Control) -> Vec<Function> {
    let live = control.live();
    let all = live.functions().flat_map(|function| {
        std::iter::once(&function.latest).chain(function.versions.values()).map(|target| &target.function)
    });
    all.filter(|function| function.runtime == Runtime::Wasm).cloned().collect()
}

async fn ready(driver: &WasmDriver, control: &Control, function: Function) {
    let name = &function.lambda_name;
    let code = match control.packages().unpacked(&function.package).await {
        Ok(code) => code,
        Err(error) => {
            tracing::error!(function = %name, error = &error as &dyn Error, "unpack a component");
            return;
        }
    };
    if let Err(unready) = driver.look_after(&function, &code).await {
        tracing::warn!(function = %name, error = &unready as &dyn Error, "a component cannot be made ready");
    }
}
