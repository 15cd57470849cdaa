//! What can be done for a function before it is started for the first time.

use std::{path::PathBuf, sync::Arc};

use sonagi_model::{
    AppName,
    function::Function,
    logs::{LogLine, LogSink},
};

use super::{driver::ProcessDriver, start};
use crate::{Credentials, EnvironmentSpec, StartFailure};

impl ProcessDriver {
    /// Has an interpreter wait for `function`, in the background, if none waits that it could take, and there is room
    /// for one. The first start of a function that went live just now finds it then.
    ///
    /// # Errors
    /// Whatever the function's first start would say too.
    pub async fn expect(&self, app: &AppName, function: &Function) -> Result<(), StartFailure> {
        start::expect(self, spec(app, function)).await
    }
}

/// As much of a specification as tells what may wait for it.
fn spec(app: &AppName, function: &Function) -> EnvironmentSpec {
    let none = String::new;
    EnvironmentSpec {
        app: app.clone(),
        function_name: function.lambda_name.to_string(),
        version: none(),
        initialization: Default::default(),
        runtime: function.runtime,
        handler: function.handler.clone(),
        architecture: function.architecture,
        package: function.package.digest,
        code: PathBuf::new(),
        opt: None,
        memory: function.memory,
        timeout: function.timeout,
        ephemeral_storage: function.ephemeral_storage,
        variables: function.variables.clone(),
        network: function.network.clone(),
        driver: function.driver,
        wasm: None,
        credentials: Credentials { access_key_id: none(), secret_access_key: none(), session_token: none() },
        region: none(),
        account: Default::default(),
        endpoint: none(),
        log_group: none(),
        log_stream: none(),
        log_format: function.log_format,
        log_level: function.log_level,
        logs: Arc::new(Nowhere),
    }
}

struct Nowhere;

impl LogSink for Nowhere {
    fn line(&self, _: LogLine) {}
}
