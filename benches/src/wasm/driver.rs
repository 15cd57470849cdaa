//! The driver of WebAssembly functions by itself, for what is beyond the server's own limits.

use std::{fs, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use sonagi_model::{
    AppName, Clock, Digest, RequestId,
    function::{Architecture, LogFormat, LogLevel, Runtime, Wasm},
    logs::{LogLine, LogSink},
};
use sonagi_sandbox::{
    Call, Credentials, Driver as _, EnvironmentSpec, Input, Started,
    wasm::{
        Config, Nothing, Outbound, OutboundConfig, Roots, SystemResolver, WasmDriver,
        compile::{Compiler, WORD},
    },
};
use sonagi_server::{OsEntropy, RealClock};
use tokio::{sync::oneshot, task::JoinSet};

use super::app;
use crate::platform;

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(600);

struct Unread;

impl LogSink for Unread {
    fn line(&self, _line: LogLine) {}
}

pub(super) struct Driver {
    driver: WasmDriver,
    clock: Arc<dyn Clock>,
    spec: Arc<EnvironmentSpec>,
    live: JoinSet<()>,
}

impl Driver {
    /// With one function: the guest that does as its path says.
    pub(super) async fn new(folder: &Path) -> Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(RealClock::new());
        let outbound = Outbound::new(OutboundConfig {
            resolver: Arc::new(SystemResolver),
            roots: Roots::System,
            clock: Arc::clone(&clock),
            runtime: tokio::runtime::Handle::current(),
        });
        let driver = WasmDriver::new(Config {
            compiler: Compiler { program: platform::program()?, arguments: vec![WORD.into()] },
            artifacts: folder.join("artifacts"),
            key: [7; 32],
            reach: Arc::new(Nothing),
            outbound,
            memory: 4 << 30,
            threads: std::thread::available_parallelism()?.get(),
            clock: Arc::clone(&clock),
        })?;
        let component = app::guest()?;
        let code = folder.join("code");
        fs::create_dir_all(&code)?;
        fs::write(code.join("function.wasm"), &component)?;
        let spec = EnvironmentSpec {
            app: AppName::new("bench")?,
            package: Digest::of(&component),
            wasm: Some(Wasm::default()),
            function_name: "bench-f".into(),
            version: "$LATEST".into(),
            runtime: Runtime::Wasm,
            handler: "function.wasm".into(),
            architecture: Architecture::X86_64,
            code,
            memory: 128,
            timeout: 900,
            ephemeral_storage: 512,
            variables: Default::default(),
            credentials: Credentials {
                access_key_id: "AKID".into(),
                secret_access_key: "SECRET".into(),
                session_token: "TOKEN".into(),
            },
            region: "us-east-1".into(),
            endpoint: "http://127.0.0.1:4566".into(),
            log_group: "/aws/lambda/bench-f".into(),
            log_stream: "stream".into(),
            log_format: LogFormat::Text,
            log_level: LogLevel::Info,
            logs: Arc::new(Unread),
        };
        let mut driver = Self { driver, clock, spec: Arc::new(spec), live: JoinSet::new() };
        // Compiles, loads, and maps the room for instances.
        driver.begin("/sleep/1").await?;
        driver.live.join_next().await.context("a call")??;
        Ok(driver)
    }

    /// Begins a request in an environment of its own.
    pub(super) async fn begin(&mut self, path: &str) -> Result<()> {
        let started = self.driver.start(Arc::clone(&self.spec), self.clock.tick() + PATIENCE).await?;
        let Started { mut environment, .. } = started;
        let request = http::Request::get(path).header("host", "bench.localhost").body(Bytes::new())?;
        let call = Call {
            request: RequestId::random(&OsEntropy),
            arn: "arn:aws:lambda:us-east-1:000000000000:function:bench-f".into(),
            input: Input::Http(Box::new(request)),
            deadline: self.clock.tick() + PATIENCE,
            deadline_wall: self.clock.now() + PATIENCE,
            trace: "Root=1-5759e988-bd862e3fe1be46a994272793".into(),
            client_context: None,
            cognito_identity: None,
        };
        self.live.spawn(async move {
            let (sender, answer) = oneshot::channel();
            let _ = tokio::join!(environment.invoke(call, sender), answer);
        });
        Ok(())
    }

    /// Requests that have not ended.
    pub(super) fn live(&mut self) -> usize {
        while self.live.try_join_next().is_some() {}
        self.live.len()
    }
}
