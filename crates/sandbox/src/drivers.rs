//! Which driver starts what.

use std::sync::Arc;

use async_trait::async_trait;
use sonagi_model::{
    Tick,
    function::{Function, Runtime},
};

use crate::{
    Driver, EnvironmentSpec, Footprint, StartFailure, Started, process::ProcessDriver, wasm::WasmDriver,
};

/// Every driver of this machine, chosen by a function's runtime.
pub struct Drivers {
    pub process: Arc<ProcessDriver>,
    pub wasm: WasmDriver,
}

#[async_trait]
impl Driver for Drivers {
    async fn start(&self, spec: Arc<EnvironmentSpec>, deadline: Tick) -> Result<Started, StartFailure> {
        match spec.runtime {
            Runtime::Python { .. } | Runtime::Nodejs { .. } | Runtime::Provided(_) => {
                self.process.start(spec, deadline).await
            }
            Runtime::Wasm => self.wasm.start(spec, deadline).await,
        }
    }

    fn footprint(&self, function: &Function) -> Footprint {
        match function.runtime {
            Runtime::Python { .. } | Runtime::Nodejs { .. } | Runtime::Provided(_) => {
                self.process.footprint(function)
            }
            Runtime::Wasm => self.wasm.footprint(function),
        }
    }
}
