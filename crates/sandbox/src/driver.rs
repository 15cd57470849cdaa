//! The seam between the platform and what runs code.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use sonagi_model::{
    AccountId, AppName, Digest, RequestId, Tick, Timestamp,
    function::{Architecture, DriverChoice, Function, LogFormat, LogLevel, Network, Runtime, Wasm},
    invocation::{FunctionFailure, Origin},
    logs::LogSink,
};
use tokio::sync::{mpsc, oneshot};

/// Starts environments of one kind: processes, WebAssembly instances, microVMs.
#[async_trait]
pub trait Driver: Send + Sync + 'static {
    /// Creates an environment and returns once its runtime asks for its first invocation, or has failed to, or
    /// `deadline` has passed. Dropping the future ends whatever was started.
    async fn start(&self, spec: Arc<EnvironmentSpec>, deadline: Tick) -> Result<Started, StartFailure>;

    /// Does what environments of this function are copied from, if they are copied, ahead of the first start. It serves
    /// nothing, and ends by `deadline` as [`start`](Self::start) does; starts of the same function wait for it.
    async fn initialise(
        &self,
        spec: Arc<EnvironmentSpec>,
        deadline: Tick,
    ) -> Result<Initialised, StartFailure> {
        let _ = (spec, deadline);
        Ok(Initialised::EachTime)
    }

    /// MiB that are kept besides environments, and count as theirs do.
    fn kept(&self) -> u64 {
        0
    }

    /// Gives up of these what was not used for the longest, and is used by no environment.
    fn give_up(&self) -> GivenUp {
        GivenUp::Nothing
    }

    /// What an environment of this function takes.
    fn footprint(&self, function: &Function) -> Footprint {
        Footprint::Process { memory: function.memory }
    }
}

/// How environments of a function come to be initialised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Initialised {
    /// Once, and each is a copy.
    Once,
    /// Each by itself.
    EachTime,
}

/// Whether there is more memory now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenUp {
    One,
    Nothing,
}

/// What an environment takes of its machine for as long as it lives, busy or idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Footprint {
    /// A process and its memory, in MiB, which is kept for it whether it uses it or not.
    Process { memory: u32 },
    /// A place for an instance, and MiB that an idle one may keep. What a busy one uses, the driver counts.
    Instance { memory: u32 },
}

pub struct Started {
    pub environment: Box<dyn Environment>,
    /// Creating the sandbox and its process.
    pub create: Duration,
    /// From there to the runtime's first request for work. Of a copy: what its runtime did to be ready again.
    pub init: Duration,
    pub origin: Origin,
}

/// One sandbox with a function's code loaded. Dropping it kills its whole process tree.
#[async_trait]
pub trait Environment: Send {
    /// Runs one invocation to its very end. The answer is sent through `answer` as soon as it is known; this
    /// returns when the environment is done with the invocation and every log line of it is with the sink.
    /// If `call.deadline` comes first, the environment is killed and the answer is the time-out.
    async fn invoke(&mut self, call: Call, answer: AnswerSender) -> Finished;

    /// Ready when an idle environment has died on its own; never, while it lives. Safe to drop.
    async fn died(&mut self);

    /// Ends it, with the time that its extensions may take; without any there is nothing to wait for. It is to be dropped
    /// then.
    async fn shut_down(&mut self) {}

    /// Tells its extensions what the last invocation came to: the `platform.report` of the Telemetry API, made only if
    /// somebody hears it.
    fn report(&self, record: &dyn Fn() -> serde_json::Value) {
        let _ = record;
    }
}

pub type AnswerSender = oneshot::Sender<Answer>;

/// What an environment is made of.
pub struct EnvironmentSpec {
    /// What it may reach of the platform belongs to this app.
    pub app: AppName,
    /// The function's name for Lambda.
    pub function_name: String,
    /// `$LATEST` or a version's number.
    pub version: String,
    pub initialization: Initialization,
    pub runtime: Runtime,
    pub handler: String,
    pub architecture: Architecture,
    /// Of the package.
    pub package: Digest,
    /// The unpacked package: what the function sees as its task root. Read-only and shared.
    pub code: PathBuf,
    /// What it sees at `/opt`; none: nothing.
    pub opt: Option<Opt>,
    /// MiB.
    pub memory: u32,
    /// Seconds, for the environment's variables; the deadline of each call rules.
    pub timeout: u32,
    /// MiB of `/tmp`.
    pub ephemeral_storage: u32,
    /// The function's own variables.
    pub variables: BTreeMap<String, String>,
    /// What it may reach beyond the platform; a WebAssembly function's says it instead.
    pub network: Network,
    /// What it runs in.
    pub driver: DriverChoice,
    /// Of a WebAssembly function.
    pub wasm: Option<Wasm>,
    pub credentials: Credentials,
    pub region: String,
    pub account: AccountId,
    /// What the AWS SDKs inside should talk to: `AWS_ENDPOINT_URL`.
    pub endpoint: String,
    pub log_group: String,
    pub log_stream: String,
    pub log_format: LogFormat,
    pub log_level: LogLevel,
    pub logs: Arc<dyn LogSink>,
}

/// A function's layers, one over the other in a folder. Read-only and shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opt {
    /// Names what is in it.
    pub digest: Digest,
    pub folder: PathBuf,
}

/// How an environment came to be initialised (`AWS_LAMBDA_INITIALIZATION_TYPE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Initialization {
    /// When it was needed, or a little ahead.
    #[default]
    OnDemand,
    /// Ahead, since its function asks for so many to be ready.
    Provisioned,
    /// Once for its function version, and then restored (SnapStart).
    SnapStart,
}

impl Initialization {
    /// As Lambda calls it ("Defined runtime environment variables").
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnDemand => "on-demand",
            Self::Provisioned => "provisioned-concurrency",
            Self::SnapStart => "snap-start",
        }
    }
}

/// What the AWS SDKs inside sign with.
#[derive(Clone)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: String,
}

/// One invocation, as the environment gets it.
#[derive(Debug, Clone)]
pub struct Call {
    pub request: RequestId,
    /// The invoked ARN, qualifier included if one was given.
    pub arn: String,
    pub input: Input,
    /// When it must be done.
    pub deadline: Tick,
    /// The same on the wall clock: `Lambda-Runtime-Deadline-Ms`.
    pub deadline_wall: Timestamp,
    /// The `X-Amzn-Trace-Id` header's value.
    pub trace: String,
    /// The client context as JSON.
    pub client_context: Option<String>,
    /// The Cognito identity as JSON.
    pub cognito_identity: Option<String>,
}

/// What a function is given.
#[derive(Debug, Clone)]
pub enum Input {
    /// An event, as JSON.
    Event(Bytes),
    /// HTTP as it is: for functions that speak it, which are the WebAssembly ones.
    Http(Box<Request<Bytes>>),
}

impl From<Bytes> for Input {
    fn from(event: Bytes) -> Self {
        Self::Event(event)
    }
}

impl Input {
    /// The event, if it is one.
    pub fn event(&self) -> Option<&Bytes> {
        match self {
            Self::Event(payload) => Some(payload),
            Self::Http(_) => None,
        }
    }

    /// Bytes of the event or the body.
    pub fn size(&self) -> usize {
        match self {
            Self::Event(payload) => payload.len(),
            Self::Http(request) => request.body().len(),
        }
    }
}

/// What an invocation answered.
#[derive(Debug)]
pub enum Answer {
    Success(Bytes),
    Failure(FunctionFailure),
    Stream(StreamAnswer),
    /// To [`Input::Http`], and to nothing else.
    Http(HttpAnswer),
}

/// An HTTP response, as the function gave it.
#[derive(Debug)]
pub struct HttpAnswer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: HttpBody,
}

#[derive(Debug)]
pub enum HttpBody {
    Whole(Bytes),
    /// Ends with the body; an error in it is the last item.
    Parts(mpsc::Receiver<Result<Bytes, StreamFailure>>),
}

/// An answer whose body comes in parts.
#[derive(Debug)]
pub struct StreamAnswer {
    /// The response's content type; `application/vnd.awslambda.http-integration-response` announces a prelude
    /// (JSON, then eight zero bytes) at the body's start.
    pub content_type: String,
    /// Ends with the stream; an error in it is the last item.
    pub body: mpsc::Receiver<Result<Bytes, StreamFailure>>,
}

/// How a stream that had begun went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamFailure {
    pub error_type: String,
    /// JSON: `{"errorType": …, "errorMessage": …}`.
    pub payload: Bytes,
}

/// An invocation is over.
#[derive(Debug, Clone)]
pub struct Finished {
    pub outcome: Outcome,
    /// From the event's being handed over to the end of the answer.
    pub duration: Duration,
    /// Processor time, where it is known of each invocation.
    pub cpu: Option<Duration>,
    /// Bytes used at the most so far, by the whole environment.
    pub memory_peak: u64,
    /// May serve another invocation.
    pub reusable: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Success,
    /// The handler failed: its error type.
    Error(String),
    /// The platform ended it: its error type.
    Fault(String),
    TimedOut,
}

/// Why no environment came to be.
#[derive(Debug, thiserror::Error)]
pub enum StartFailure {
    /// The function's own doing; invocations are answered with it.
    #[error("the function failed to initialise: {}", .failure.error_type)]
    Init { failure: FunctionFailure, create: Duration, init: Duration },
    /// The deadline came before the runtime was ready.
    #[error("the function's initialisation did not end in time")]
    TimedOut { create: Duration },
    /// This machine cannot run it: no interpreter, wrong processor. The text says what to do.
    #[error("{0}")]
    Unsupported(String),
    /// It can be run soon, and not yet.
    #[error("{0}")]
    NotYet(String),
    /// The machine's or the platform's doing.
    #[error("{doing}")]
    Machine {
        doing: &'static str,
        #[source]
        cause: std::io::Error,
    },
}
