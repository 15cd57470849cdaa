use std::sync::Arc;

use sonagi_control::{Control, Target};
use sonagi_model::{Clock, Entropy, Tick, logs::LogSink};
use sonagi_sandbox::{Credentials, Driver};

use crate::{
    Config, Deployments, EnvironmentInfo, FunctionTotals, Invoked, RecordStream, Request, Result,
};

/// Where environments' log lines go.
pub trait LogProvider: Send + Sync + 'static {
    fn sink(&self, target: &Target, stream: &str) -> Arc<dyn LogSink>;
}

/// What the AWS SDKs in an environment sign with.
pub trait CredentialProvider: Send + Sync + 'static {
    fn credentials(&self, target: &Target) -> Credentials;
}

/// Runs functions. Cheap to clone.
#[derive(Clone)]
pub struct Frontend {}

impl Frontend {
    pub fn new(
        config: Config,
        driver: Arc<dyn Driver>,
        control: Control,
        logs: Arc<dyn LogProvider>,
        credentials: Arc<dyn CredentialProvider>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self::over(config, driver, Arc::new(control), logs, credentials, clock, entropy)
    }

    /// The same over any source of what is deployed.
    pub fn over(
        config: Config,
        driver: Arc<dyn Driver>,
        deployments: Arc<dyn Deployments>,
        logs: Arc<dyn LogProvider>,
        credentials: Arc<dyn CredentialProvider>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let _ = (config, driver, deployments, logs, credentials, clock, entropy);
        unimplemented!()
    }

    /// Runs an invocation and gives its answer. Dropping this before the request is admitted takes the request
    /// back; afterwards the invocation runs to its end all the same.
    pub async fn invoke(&self, request: Request) -> Result<Invoked> {
        let _ = request;
        unimplemented!()
    }

    /// Takes no new work, lets what runs come to its end until `deadline`, then stops every environment.
    pub async fn drain(&self, deadline: Tick) {
        let _ = deadline;
        unimplemented!()
    }

    /// Ready when nothing runs, waits or starts.
    pub async fn idle(&self) {
        unimplemented!()
    }

    /// Sums of every function that was asked for since the start, sorted by app and function.
    pub fn usage(&self) -> Vec<FunctionTotals> {
        unimplemented!()
    }

    /// Every invocation's record from now on.
    pub fn metering(&self) -> RecordStream {
        unimplemented!()
    }

    /// Every environment, sorted by function and start.
    pub fn environments(&self) -> Vec<EnvironmentInfo> {
        unimplemented!()
    }

    /// Stops idle environments of targets that are no longer live, at once; busy ones stop when they are done.
    /// This happens by itself within [`RETIRE_INTERVAL`](sonagi_model::limits::RETIRE_INTERVAL).
    pub async fn retire(&self) {
        unimplemented!()
    }
}
