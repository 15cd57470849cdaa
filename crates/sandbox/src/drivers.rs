//! Which driver starts what.

use std::sync::Arc;

use async_trait::async_trait;
use sonagi_model::{
    Tick,
    function::{DriverChoice, Function, Runtime},
};

use crate::{
    Driver, EnvironmentSpec, Footprint, GivenUp, Initialised, StartFailure, Started, microvm::MicrovmDriver,
    process::ProcessDriver, wasm::WasmDriver,
};

/// Every driver of this machine, chosen by a function's runtime and by what it asks for.
pub struct Drivers {
    pub process: Arc<ProcessDriver>,
    pub wasm: WasmDriver,
    pub microvm: Microvms,
}

/// Virtual machines for functions.
#[derive(Clone)]
pub struct Microvms {
    /// Or why there are none.
    pub driver: Result<Arc<MicrovmDriver>, Arc<str>>,
    pub whose: Whose,
}

/// Which functions run in virtual machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Whose {
    /// Those that ask for it.
    #[default]
    WhoAsks,
    /// All but the WebAssembly ones.
    All,
}

impl Microvms {
    /// Whether a function runs in a machine. One that does is run in nothing less.
    fn runs(&self, choice: DriverChoice) -> bool {
        choice.is_microvm() || self.whose == Whose::All
    }

    /// Whether a function that asks for a machine can be run.
    ///
    /// # Errors
    /// Why it cannot be, and what to do.
    pub fn check(&self, function: &Function) -> Result<(), String> {
        if function.runtime == Runtime::Wasm || !self.runs(function.driver) {
            return Ok(());
        }
        match &self.driver {
            Ok(driver) => driver.check(function),
            Err(why) => Err(refused(why)),
        }
    }
}

fn refused(why: &str) -> String {
    format!("the function's driver is a microVM, and this server has none: {why}")
}

#[async_trait]
impl Driver for Drivers {
    async fn start(&self, spec: Arc<EnvironmentSpec>, deadline: Tick) -> Result<Started, StartFailure> {
        match spec.runtime {
            Runtime::Python { .. } | Runtime::Nodejs { .. } | Runtime::Provided(_) => {
                match (self.microvm.runs(spec.driver), &self.microvm.driver) {
                    (false, _) => self.process.start(spec, deadline).await,
                    (true, Ok(driver)) => driver.start(spec, deadline).await,
                    (true, Err(why)) => Err(StartFailure::Unsupported(refused(why))),
                }
            }
            Runtime::Wasm => self.wasm.start(spec, deadline).await,
        }
    }

    async fn initialise(
        &self,
        spec: Arc<EnvironmentSpec>,
        deadline: Tick,
    ) -> Result<Initialised, StartFailure> {
        match (spec.runtime, self.microvm.runs(spec.driver)) {
            (Runtime::Python { .. } | Runtime::Nodejs { .. } | Runtime::Provided(_), false) => {
                self.process.initialise(spec, deadline).await
            }
            // What a machine is restored from is made by its first start.
            (Runtime::Python { .. } | Runtime::Nodejs { .. } | Runtime::Provided(_), true)
            | (Runtime::Wasm, _) => Ok(Initialised::EachTime),
        }
    }

    fn kept(&self) -> u64 {
        self.process.kept()
    }

    fn give_up(&self) -> GivenUp {
        self.process.give_up()
    }

    fn footprint(&self, function: &Function) -> Footprint {
        match function.runtime {
            Runtime::Python { .. } | Runtime::Nodejs { .. } | Runtime::Provided(_) => {
                match (self.microvm.runs(function.driver), &self.microvm.driver) {
                    (true, Ok(driver)) => driver.footprint(function),
                    (true | false, _) => self.process.footprint(function),
                }
            }
            Runtime::Wasm => self.wasm.footprint(function),
        }
    }
}
