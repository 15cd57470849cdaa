//! Components: made ready when they are deployed, and again by a newer version of this program.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use sonagi_control::{Control, Preparation, PrepareError};
use sonagi_model::function::{Function, Runtime};
use sonagi_sandbox::wasm::{Unready, WasmDriver};

/// What `control` asks for before a release goes live.
pub(crate) struct Components(pub(crate) WasmDriver);

#[async_trait]
impl Preparation for Components {
    async fn prepare(&self, function: &Function, code: &Path) -> Result<(), PrepareError> {
        self.0.prepare(function, code).await.map_err(|unready| match unready {
            Unready::Invalid(text) => PrepareError::Invalid(text),
            Unready::Busy(text) => PrepareError::Busy(text),
            Unready::Machine { doing, cause } => PrepareError::Machine { doing, cause },
        })
    }
}

/// At the start: compiles, in the background, what only an earlier version of this program has compiled, authenticates
/// the rest, and drops what nobody needs. Meanwhile all of it is served: whoever asks for a component that is not
/// compiled yet goes ahead in the line.
pub(crate) async fn look_after(driver: WasmDriver, control: Control) {
    let functions: Vec<Function> = {
        let live = control.live();
        let all = live.functions().flat_map(|function| {
            std::iter::once(&function.latest).chain(function.versions.values()).map(|target| &target.function)
        });
        all.filter(|function| function.runtime == Runtime::Wasm).cloned().collect()
    };
    let mut known: Vec<(Function, PathBuf)> = Vec::with_capacity(functions.len());
    for function in functions {
        let code = match control.packages().unpacked(&function.package).await {
            Ok(code) => code,
            Err(error) => {
                let function = &function.lambda_name;
                tracing::error!(%function, error = &error as &dyn std::error::Error, "unpack a component");
                continue;
            }
        };
        if let Err(unready) = driver.look_after(&function, &code).await {
            let function = &function.lambda_name;
            tracing::warn!(%function, error = &unready as &dyn std::error::Error, "a component cannot be made ready");
        }
        known.push((function, code));
    }
    driver.collect(known).await;
}
