//! A gateway on a loopback port, over an app whose functions do what their names and paths say.

use std::{
    collections::BTreeMap,
    io::{Cursor, Write},
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use sonagi_backend::embedded::{FileBlobs, RecordsConfig, SqliteRecords};
use sonagi_control::{Config as ControlConfig, Control, Target};
use sonagi_edge::gateway::{Config, Gateway};
use sonagi_identity::{CredentialsFile, Identity};
use sonagi_invoke::{CredentialProvider, Frontend, LogProvider};
use sonagi_model::{
    ApiId, AppName, Digest, Entropy, FunctionName, LambdaName, Tick, Timestamp, UrlId,
    api::{Api, ApiKind, PayloadFormat, Route},
    clock::ManualClock,
    function::{Function, FunctionUrl, InvokeMode, Package, Runtime, UrlAuth},
    invocation::{FailureOrigin, FunctionFailure},
    logs::{LogLine, LogSink},
    release::ReleaseContent,
};
use sonagi_sandbox::{
    Answer, AnswerSender, Call, Credentials, Driver, Environment, EnvironmentSpec, Finished, HttpAnswer,
    HttpBody, Input, Outcome, StartFailure, Started, StreamAnswer, StreamFailure,
};
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc},
};

pub(crate) const NOW: u64 = 1_584_039_838_000;

/// What the function does next.
#[derive(Clone)]
pub(crate) enum Reply {
    Text(String),
    Fail,
    Stream { content_type: &'static str, parts: Vec<Result<Bytes, ()>> },
    Http(Http),
    Never,
}

/// An answer over HTTP.
#[derive(Clone)]
pub(crate) struct Http {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: HttpReply,
}

#[derive(Clone)]
pub(crate) enum HttpReply {
    Whole(Bytes),
    Parts(Vec<Result<Bytes, ()>>),
    /// One part, and then nothing for ever.
    Stuck(Bytes),
}

/// An answer of these header lines.
pub(crate) fn http(status: u16, headers: &[(&'static str, &'static str)], body: HttpReply) -> Reply {
    let lines =
        headers.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    let mut headers = HeaderMap::new();
    lines.for_each(|(name, value)| {
        headers.append(name, value);
    });
    Reply::Http(Http { status, headers, body })
}

pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) clock: ManualClock,
    script: Arc<Script>,
    control: Control,
    package: Package,
    _folder: TempDir,
}

pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answered {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Config::default(), None).await
    }

    pub(crate) async fn with(config: Config, credentials: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Timestamp::from_millis(NOW));
        let entropy: Arc<dyn Entropy> = Arc::new(Count::default());
        let records =
            Arc::new(SqliteRecords::open(RecordsConfig::new(folder.path().join("records"))).unwrap());
        let blobs = Arc::new(FileBlobs::open(&folder.path().join("blobs")).unwrap());
        let control_config = ControlConfig {
            account: Default::default(),
            region: Default::default(),
            concurrency: sonagi_model::limits::ACCOUNT_CONCURRENCY,
            code_dir: folder.path().join("code"),
        };
        let shared = Arc::new(clock.clone());
        let control =
            Control::open(control_config, records, blobs, shared.clone(), entropy.clone()).await.unwrap();
        let package = control.packages().put(zip()).await.unwrap();
        let script = Arc::new(Script::default());
        let frontend = Frontend::new(
            Default::default(),
            Arc::new(ScriptDriver(script.clone())),
            control.clone(),
            Arc::new(Nothing),
            Arc::new(Nothing),
            shared.clone(),
            entropy.clone(),
        );
        let identity = Identity::new(sonagi_identity::Config {
            account: Default::default(),
            credentials: credentials.map(|text| CredentialsFile::parse(text).unwrap()),
            master_key: [7; 32],
        });
        let gateway = Gateway::new(config, control.clone(), frontend, identity, shared, entropy);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { gateway.serve(listener, std::future::pending()).await });
        Self { address, clock, script, control, package, _folder: folder }
    }

    /// Deploys an app with the functions `f` and `g` and these APIs. They are given events.
    pub(crate) async fn deploy(&self, app: &str, apis: Vec<Api>, url: Option<FunctionUrl>) {
        self.deploy_of(Runtime::Python { minor: 11 }, app, apis, url).await;
    }

    /// The same with functions that are given HTTP.
    pub(crate) async fn deploy_wasm(&self, app: &str, apis: Vec<Api>, url: Option<FunctionUrl>) {
        self.deploy_of(Runtime::Wasm, app, apis, url).await;
    }

    async fn deploy_of(&self, runtime: Runtime, app: &str, apis: Vec<Api>, url: Option<FunctionUrl>) {
        let mut functions = BTreeMap::new();
        for name in ["f", "g"] {
            let mut function = Function::new(
                FunctionName::new(name).unwrap(),
                LambdaName::new(&format!("{app}-{name}")).unwrap(),
                runtime,
                if runtime == Runtime::Wasm { "function.wasm" } else { "app.handler" }.into(),
                self.package,
            );
            function.timeout = 60;
            function.url = url.clone().filter(|_| name == "f");
            functions.insert(function.name.clone(), function);
        }
        let content = ReleaseContent { functions, apis, ..ReleaseContent::default() };
        self.control.deploy(&AppName::new(app).unwrap(), content).await.unwrap();
    }

    pub(crate) fn reply(&self, reply: Reply) {
        *self.script.reply.lock().unwrap() = reply;
    }

    pub(crate) fn text(&self, text: &str) {
        self.reply(Reply::Text(text.into()));
    }

    /// The event of the last invocation, and the name of its function.
    pub(crate) fn event(&self) -> (String, Value) {
        let (function, input) = self.script.last.lock().unwrap().clone().expect("nothing was invoked");
        (function, serde_json::from_slice(input.event().expect("it was given HTTP")).unwrap())
    }

    /// The HTTP request that the last invocation was given.
    pub(crate) fn given(&self) -> Request<Bytes> {
        match self.script.last.lock().unwrap().clone().expect("nothing was invoked").1 {
            Input::Http(request) => *request,
            Input::Event(_) => panic!("it was given an event"),
        }
    }

    pub(crate) fn invocations(&self) -> u64 {
        self.script.count.load(Ordering::SeqCst)
    }

    /// Ready once an invocation runs that will never answer.
    pub(crate) async fn hanging(&self) {
        self.script.hanging.notified().await;
    }

    /// Parts that a stream's reader has taken.
    pub(crate) fn taken(&self) -> u64 {
        self.script.taken.load(Ordering::SeqCst)
    }

    pub(crate) async fn get(&self, host: &str, path: &str) -> Answered {
        self.send(Request::get(path).header("host", host).body(Full::default()).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Answered {
        let (parts, body) = self.open(request).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answered { status: parts.status, headers: parts.headers, body }
    }

    /// The status alone, for answers whose heads are larger than clients take as a rule.
    pub(crate) async fn status(&self, host: &str, path: &str) -> StatusCode {
        let stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
            .max_headers(40_000)
            .max_buf_size(4 << 20)
            .handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(async move { drop(connection.await) });
        let request = Request::get(path).header("host", host).body(Full::<Bytes>::default()).unwrap();
        sender.send_request(request).await.unwrap().status()
    }

    /// Sends a request and leaves its answer's body to be read.
    pub(crate) async fn open(&self, request: Request<Full<Bytes>>) -> http::Response<hyper::body::Incoming> {
        let stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(async move { drop(connection.await) });
        sender.send_request(request).await.unwrap()
    }
}

/// An HTTP API of payload 2.0 whose routes go to `f`.
pub(crate) fn http_api(routes: &[&str]) -> Api {
    api(ApiKind::Http, "$default", PayloadFormat::V2, routes)
}

/// A REST API at the stage `Prod`.
pub(crate) fn rest_api(routes: &[&str]) -> Api {
    api(ApiKind::Rest, "Prod", PayloadFormat::V1, routes)
}

pub(crate) fn api(kind: ApiKind, stage: &str, payload: PayloadFormat, routes: &[&str]) -> Api {
    let routes = routes
        .iter()
        .map(|text| {
            let (route, function) = text.split_once(" -> ").unwrap_or((text, "f"));
            let (method, path) = route.split_once(' ').unwrap_or(("ANY", route));
            Route {
                method: method.into(),
                path: path.into(),
                function: FunctionName::new(function).unwrap(),
                alias: None,
                payload,
                timeout: None,
            }
        })
        .collect();
    Api {
        id: ApiId("abcdefghij".into()),
        name: "Main".into(),
        kind,
        stage: stage.into(),
        stage_variables: BTreeMap::new(),
        cors: None,
        routes,
        binary_media_types: Vec::new(),
        minimum_compression_size: None,
    }
}

pub(crate) const URL_HOST: &str = "0123456789abcdef0123456789abcdef.lambda-url.us-east-1.localhost";

pub(crate) fn url(auth: UrlAuth, mode: InvokeMode) -> FunctionUrl {
    FunctionUrl {
        id: UrlId("0123456789abcdef0123456789abcdef".into()),
        auth,
        mode,
        cors: None,
        qualifier: None,
    }
}

struct Script {
    reply: Mutex<Reply>,
    last: Mutex<Option<(String, Input)>>,
    count: AtomicU64,
    taken: Arc<AtomicU64>,
    hanging: Notify,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            reply: Mutex::new(Reply::Text("{}".into())),
            last: Mutex::default(),
            count: AtomicU64::new(0),
            taken: Arc::default(),
            hanging: Notify::new(),
        }
    }
}

impl Script {
    async fn send(&self, parts: Vec<Result<Bytes, ()>>, sender: &mpsc::Sender<Result<Bytes, StreamFailure>>) {
        for part in parts {
            let failed = StreamFailure { error_type: "Boom".into(), payload: Bytes::from_static(b"{}") };
            if sender.send(part.map_err(|()| failed)).await.is_err() {
                break;
            }
            self.taken.fetch_add(1, Ordering::SeqCst);
        }
    }
}

struct ScriptDriver(Arc<Script>);

#[async_trait]
impl Driver for ScriptDriver {
    async fn start(&self, spec: Arc<EnvironmentSpec>, _: Tick) -> Result<Started, StartFailure> {
        let environment = Scripted { script: Arc::clone(&self.0), function: spec.function_name.clone() };
        Ok(Started {
            environment: Box::new(environment),
            create: Duration::ZERO,
            init: Duration::ZERO,
            origin: sonagi_sandbox::Origin::Initialised,
        })
    }
}

struct Scripted {
    script: Arc<Script>,
    function: String,
}

#[async_trait]
impl Environment for Scripted {
    async fn invoke(&mut self, call: Call, answer: AnswerSender) -> Finished {
        let script = &self.script;
        *script.last.lock().unwrap() = Some((self.function.clone(), call.input));
        script.count.fetch_add(1, Ordering::SeqCst);
        let reply = script.reply.lock().unwrap().clone();
        let mut outcome = Outcome::Success;
        match reply {
            Reply::Text(text) => drop(answer.send(Answer::Success(text.into()))),
            Reply::Fail => {
                outcome = Outcome::Error("Boom".into());
                let failure = FunctionFailure {
                    error_type: "Boom".into(),
                    payload: Bytes::from_static(br#"{"errorType":"Boom","errorMessage":"a secret"}"#),
                    origin: FailureOrigin::Handler,
                };
                drop(answer.send(Answer::Failure(failure)));
            }
            Reply::Stream { content_type, parts } => {
                let (sender, body) = mpsc::channel(1);
                drop(answer.send(Answer::Stream(StreamAnswer { content_type: content_type.into(), body })));
                script.send(parts, &sender).await;
            }
            Reply::Http(Http { status, headers, body }) => {
                let status = StatusCode::from_u16(status).unwrap();
                let (sender, parts) = mpsc::channel(1);
                let whole = match &body {
                    HttpReply::Whole(bytes) => HttpBody::Whole(bytes.clone()),
                    HttpReply::Parts(_) | HttpReply::Stuck(_) => HttpBody::Parts(parts),
                };
                drop(answer.send(Answer::Http(HttpAnswer { status, headers, body: whole })));
                match body {
                    HttpReply::Whole(_) => {}
                    HttpReply::Parts(parts) => script.send(parts, &sender).await,
                    HttpReply::Stuck(part) => {
                        script.send(vec![Ok(part)], &sender).await;
                        script.hanging.notify_one();
                        std::future::pending::<()>().await;
                    }
                }
            }
            Reply::Never => {
                script.hanging.notify_one();
                std::future::pending::<()>().await;
            }
        }
        Finished {
            outcome,
            duration: Duration::from_millis(1),
            cpu: None,
            memory_peak: 1 << 20,
            reusable: true,
        }
    }

    async fn died(&mut self) {
        std::future::pending().await
    }
}

struct Nothing;

impl LogProvider for Nothing {
    fn sink(&self, _: &Target, _: &str) -> Arc<dyn LogSink> {
        Arc::new(Self)
    }
}

impl LogSink for Nothing {
    fn line(&self, _: LogLine) {}
}

impl CredentialProvider for Nothing {
    fn credentials(&self, _: &Target) -> Credentials {
        Credentials {
            access_key_id: String::new(),
            secret_access_key: String::new(),
            session_token: String::new(),
        }
    }
}

#[derive(Debug, Default)]
struct Count(AtomicU64);

impl Entropy for Count {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let seed = self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes();
            chunk.copy_from_slice(&Digest::of(&seed).as_bytes()[..chunk.len()]);
        }
    }
}

fn zip() -> Bytes {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("app.py", zip::write::SimpleFileOptions::default()).unwrap();
    writer.write_all(b"pass").unwrap();
    writer.finish().unwrap().into_inner().into()
}
