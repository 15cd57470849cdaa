//! Functions made of a fixture, run by the real driver.

use std::{fs, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use sonagi_model::{
    AppName, Clock, Digest, RequestId,
    function::{Architecture, LogFormat, LogLevel, Reuse, Runtime, WasiVersion, Wasm},
    logs::LogSink,
};
use sonagi_sandbox::{
    Answer, Call, Credentials, Driver, Environment, EnvironmentSpec, Finished, HttpAnswer, HttpBody, Input,
    Outcome, StartFailure, Started, StreamFailure,
    wasm::{
        Config, Nothing, Outbound, OutboundConfig, Roots, SystemResolver, WasmDriver,
        compile::{Compiler, WORD},
    },
};
use tokio::sync::oneshot;

pub(crate) use crate::real::Lines;
use crate::real::{KernelEntropy, RealClock};

/// More than any call here takes that is not meant to time out.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is in `tests/fixtures/wasm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fixture {
    Hello,
    Guest,
    /// The one of WASI 0.3.
    Later,
}

impl Fixture {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Hello => include_str!("../../../../tests/fixtures/wasm/hello.wat"),
            Self::Guest => include_str!("../../../../tests/fixtures/wasm/guest.wat"),
            Self::Later => include_str!("../../../../tests/fixtures/wasm/later.wat"),
        }
    }

    pub(crate) fn settings(self) -> Wasm {
        let wasi = match self {
            Self::Hello | Self::Guest => WasiVersion::P2,
            Self::Later => WasiVersion::P3,
        };
        Wasm { wasi, ..Wasm::default() }
    }
}

pub(crate) struct Bench {
    pub(crate) driver: WasmDriver,
    pub(crate) clock: Arc<dyn Clock>,
    folder: tempfile::TempDir,
}

pub(crate) fn real_clock() -> Arc<dyn Clock> {
    Arc::new(RealClock::new())
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::at(real_clock())
    }

    pub(crate) fn at(clock: Arc<dyn Clock>) -> Self {
        Self::with_memory(1 << 30, clock)
    }

    /// With so many bytes for all instances.
    pub(crate) fn with_memory(memory: usize, clock: Arc<dyn Clock>) -> Self {
        let outbound = Outbound::new(OutboundConfig {
            resolver: Arc::new(SystemResolver),
            roots: Roots::System,
            clock: Arc::clone(&clock),
            runtime: tokio::runtime::Handle::current(),
        });
        let driver = WasmDriver::new(Config {
            compiler: Compiler {
                program: env!("CARGO_BIN_EXE_sonagi-launch").into(),
                arguments: vec![WORD.into()],
            },
            // Shared by all tests, which are processes of their own: each fixture is compiled once.
            artifacts: Path::new(env!("CARGO_TARGET_TMPDIR")).join("wasm-tests"),
            key: [7; 32],
            reach: Arc::new(Nothing),
            outbound,
            memory,
            threads: 2,
            clock: Arc::clone(&clock),
        })
        .unwrap();
        Self { driver, clock, folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn function(&self, fixture: Fixture) -> Function {
        self.made_of(fixture.text(), fixture.settings())
    }

    pub(crate) fn made_of(&self, text: &str, wasm: Wasm) -> Function {
        let bytes = wat::parse_str(text).unwrap();
        let code = tempfile::tempdir_in(self.folder.path()).unwrap().keep();
        fs::write(code.join("function.wasm"), &bytes).unwrap();
        let logs = Arc::new(Lines::default());
        let spec = EnvironmentSpec {
            app: AppName::new("shop").unwrap(),
            package: Digest::of(&bytes),
            wasm: Some(wasm),
            function_name: "shop-search".into(),
            version: "$LATEST".into(),
            initialization: Default::default(),
            runtime: Runtime::Wasm,
            handler: "function.wasm".into(),
            architecture: Architecture::X86_64,
            code,
            opt: None,
            memory: 128,
            timeout: 3,
            ephemeral_storage: 512,
            network: sonagi_model::function::Network::None,
            driver: sonagi_model::function::DriverChoice::Usual,
            variables: [("GREETING".to_owned(), "hello there".to_owned())].into(),
            credentials: Credentials {
                access_key_id: "AKID".into(),
                secret_access_key: "SECRET".into(),
                session_token: "TOKEN".into(),
            },
            region: "eu-west-1".into(),
            account: Default::default(),
            endpoint: "http://127.0.0.1:4566".into(),
            log_group: "/aws/lambda/shop-search".into(),
            log_stream: "2026/01/01/[$LATEST]0".into(),
            log_format: LogFormat::Text,
            log_level: LogLevel::Info,
            logs: Arc::clone(&logs) as Arc<dyn LogSink>,
        };
        Function { spec, logs }
    }

    pub(crate) async fn start(&self, function: Function) -> Result<Running, StartFailure> {
        let deadline = self.clock.tick() + PATIENCE;
        let started = self.driver.start(Arc::new(function.spec), deadline).await?;
        Ok(Running { started, logs: function.logs, clock: Arc::clone(&self.clock) })
    }

    /// A fixture that starts.
    pub(crate) async fn run(&self, fixture: Fixture) -> Running {
        self.start(self.function(fixture)).await.unwrap()
    }

    /// The multi-purpose one, whose instances serve again.
    pub(crate) async fn reusing(&self, reuse: Reuse) -> Running {
        self.start(self.reusing_of("shop-search", reuse)).await.unwrap()
    }

    pub(crate) fn reusing_of(&self, name: &str, reuse: Reuse) -> Function {
        let mut function = self.function(Fixture::Guest);
        function.spec.function_name = name.into();
        function.spec.wasm.as_mut().unwrap().reuse = Some(reuse);
        function
    }
}

pub(crate) struct Function {
    pub(crate) spec: EnvironmentSpec,
    pub(crate) logs: Arc<Lines>,
}

pub(crate) struct Running {
    started: Started,
    pub(crate) logs: Arc<Lines>,
    clock: Arc<dyn Clock>,
}

pub(crate) fn get(path: &str) -> Input {
    Input::Http(Box::new(Request::get(path).header("host", "shop.localhost").body(Bytes::new()).unwrap()))
}

/// An event whose data is this order.
pub(crate) fn event(order: &str) -> Input {
    Input::Event(format!("\"{order}\"").into())
}

impl Running {
    pub(crate) fn environment(&mut self) -> &mut dyn Environment {
        &mut *self.started.environment
    }

    pub(crate) fn call(&self, input: Input, wait: Duration) -> Call {
        Call {
            request: RequestId::random(&KernelEntropy),
            arn: "arn:aws:lambda:eu-west-1:000000000000:function:shop-search".into(),
            input,
            deadline: self.clock.tick() + wait,
            deadline_wall: self.clock.now() + wait,
            trace: "Root=1-5759e988-bd862e3fe1be46a994272793".into(),
            client_context: None,
            cognito_identity: None,
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Done {
        self.give(get(path), PATIENCE).await
    }

    pub(crate) async fn get_within(&mut self, path: &str, wait: Duration) -> Done {
        self.give(get(path), wait).await
    }

    pub(crate) async fn event(&mut self, order: &str) -> Done {
        self.give(event(order), PATIENCE).await
    }

    pub(crate) async fn give(&mut self, input: Input, wait: Duration) -> Done {
        let call = self.call(input, wait);
        self.make(call).await
    }

    pub(crate) async fn make(&mut self, call: Call) -> Done {
        let request = call.request;
        let (sender, receiver) = oneshot::channel();
        let (finished, answer) =
            tokio::join!(self.started.environment.invoke(call, sender), collect(receiver));
        Done { request, answer, finished }
    }

    /// What the log says of the call.
    pub(crate) fn log(&self, done: &Done) -> String {
        self.logs.of(done.request).join("\n")
    }
}

/// An answer, with the parts put together.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Collected {
    Success(String),
    /// The type and the payload.
    Failure(String, String),
    Http {
        status: StatusCode,
        headers: HeaderMap,
        body: String,
        failure: Option<StreamFailure>,
    },
    Nothing,
}

async fn collect(answer: oneshot::Receiver<Answer>) -> Collected {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match answer.await {
        Ok(Answer::Success(body)) => Collected::Success(text(&body)),
        Ok(Answer::Failure(failure)) => Collected::Failure(failure.error_type, text(&failure.payload)),
        Ok(Answer::Http(HttpAnswer { status, headers, body: HttpBody::Whole(body) })) => {
            Collected::Http { status, headers, body: text(&body), failure: None }
        }
        Ok(Answer::Http(HttpAnswer { status, headers, body: HttpBody::Parts(mut parts) })) => {
            let (mut body, mut failure) = (Vec::new(), None);
            while let Some(part) = parts.recv().await {
                assert_eq!(failure, None, "nothing comes after a failure");
                match part {
                    Ok(part) => body.extend_from_slice(&part),
                    Err(failed) => failure = Some(failed),
                }
            }
            Collected::Http { status, headers, body: text(&body), failure }
        }
        Ok(Answer::Stream(mut stream)) => {
            let mut body = Vec::new();
            while let Some(part) = stream.body.recv().await {
                body.extend_from_slice(&part.unwrap());
            }
            Collected::Success(text(&body))
        }
        Err(_) => Collected::Nothing,
    }
}

pub(crate) struct Done {
    pub(crate) request: RequestId,
    pub(crate) answer: Collected,
    pub(crate) finished: Finished,
}

impl Done {
    /// The whole body of a good answer to HTTP.
    pub(crate) fn body(&self) -> &str {
        match &self.answer {
            Collected::Http { status, body, failure: None, .. } if *status == 200 => {
                assert_eq!(self.finished.outcome, Outcome::Success);
                body
            }
            other => panic!("not a good answer: {other:?}"),
        }
    }

    /// The answer to an event.
    pub(crate) fn success(&self) -> &str {
        match &self.answer {
            Collected::Success(body) => body,
            other => panic!("not a success: {other:?}"),
        }
    }

    /// The error's type and message, whether it came alone or as the end of an answer.
    pub(crate) fn failure(&self) -> (String, String) {
        let (error_type, payload) = match &self.answer {
            Collected::Failure(error_type, payload) => (error_type.clone(), payload.clone().into()),
            Collected::Http { failure: Some(failed), .. } => {
                (failed.error_type.clone(), failed.payload.clone())
            }
            other => panic!("not a failure: {other:?}"),
        };
        let payload: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(payload["errorType"], *error_type);
        (error_type, payload["errorMessage"].as_str().unwrap_or_default().to_owned())
    }

    /// That the platform said that it ended, with these words after the request's id.
    pub(crate) fn exited(&self, error_type: &str, words: &str) {
        let (found, message) = self.failure();
        assert_eq!(found, error_type, "{message}");
        let wanted = format!("RequestId: {} Error: {words}", self.request);
        assert!(message.starts_with(&wanted), "{message:?} does not begin with {wanted:?}");
        assert_eq!(self.finished.outcome, Outcome::Fault(error_type.into()));
    }
}

impl Running {
    /// Returns when no thread computes for guests any more.
    pub(crate) async fn at_rest(&self) {
        let patience = self.clock.tick() + Duration::from_secs(10);
        let mut quiet = 0;
        while quiet < 20 {
            quiet = if lanes().iter().any(|state| state == "R") { 0 } else { quiet + 1 };
            assert!(self.clock.tick() < patience, "guests go on: {:?}", lanes());
            tokio::task::yield_now().await;
        }
    }
}

/// The states of the threads that guests compute on.
fn lanes() -> Vec<String> {
    let threads = fs::read_dir("/proc/self/task").unwrap().flatten();
    threads
        .filter_map(|thread| fs::read_to_string(thread.path().join("stat")).ok())
        .filter_map(|stat| {
            let (head, tail) = stat.rsplit_once(") ")?;
            (head.contains("(wasm-busy") || head.contains("(wasm-slow")).then(|| tail[..1].to_owned())
        })
        .collect()
}
