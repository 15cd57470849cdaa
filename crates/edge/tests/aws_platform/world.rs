//! A platform in this process, and a client that signs.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use sonagi_backend::embedded::{FileBlobs, RecordsConfig, SqliteRecords};
use sonagi_control::{Control, Target};
use sonagi_data::{documents::Documents, logs::Logs, queues::Queues};
use sonagi_edge::{
    platform::{Config, Platform},
    serve::{Body, Peer},
};
use sonagi_events::Events;
use sonagi_identity::{
    CredentialsFile, FunctionSession, Identity, Keys,
    sigv4::{self, Scope, SignedRequest},
};
use sonagi_invoke::{CredentialProvider, Frontend, LogProvider};
use sonagi_model::{
    AccountId, Clock as _, Entropy, NetworkName, Region, Tick, Timestamp,
    clock::ManualClock,
    invocation::{FailureOrigin, FunctionFailure},
    logs::{LogLine, LogSink},
    network::{NamedNetwork, Networks, ToInternet, Way},
};
use sonagi_sandbox::{
    Answer, AnswerSender, Call, Credentials, Driver, Environment, EnvironmentSpec, Finished, Initialised,
    Outcome, StartFailure, Started, StreamAnswer, StreamFailure,
};

pub(crate) const HOST: &str = "localhost:4566";
const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

pub(crate) struct World {
    pub(crate) platform: Platform,
    pub(crate) identity: Identity,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) queues: Queues,
    pub(crate) events: Events,
    pub(crate) records: Arc<SqliteRecords>,
    _folder: tempfile::TempDir,
}

#[derive(Debug, Default)]
struct Counter(AtomicU64);

impl Entropy for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let digest = sonagi_model::Digest::of(&self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes());
            chunk.copy_from_slice(&digest.as_bytes()[..chunk.len()]);
        }
    }
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Asserts the error's status, name and text.
    #[track_caller]
    pub(crate) fn is_error(&self, status: u16, code: &str, text: &str) {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.header("x-amzn-errortype"), Some(code), "{self:?}");
        let body = self.json();
        let message = body.get("message").or_else(|| body.get("Message")).unwrap().as_str().unwrap();
        assert!(message.contains(text), "{message:?} lacks {text:?}");
    }
}

/// How a request is sent.
pub(crate) struct Ask<'a> {
    world: &'a World,
    request: http::request::Builder,
    body: Bytes,
    keys: Option<Keys>,
    service: &'a str,
}

impl<'a> Ask<'a> {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body(body.to_string())
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn signed(self) -> Self {
        self.signed_by(Keys {
            access_key_id: ID.into(),
            secret_access_key: SECRET.into(),
            session_token: None,
        })
    }

    pub(crate) fn signed_by(mut self, keys: Keys) -> Self {
        self.keys = Some(keys);
        self
    }

    pub(crate) fn service(mut self, service: &'a str) -> Self {
        self.service = service;
        self
    }

    pub(crate) async fn send(self) -> Reply {
        let Self { world, mut request, body, keys, service } = self;
        if !request.headers_ref().unwrap().contains_key("host") {
            request = request.header("host", HOST);
        }
        if let Some(keys) = keys {
            let built = request.body(()).unwrap();
            let headers: Vec<(&str, &[u8])> =
                built.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
            let signed = SignedRequest {
                method: built.method().as_str(),
                path: built.uri().path(),
                query: built.uri().query().unwrap_or_default(),
                headers: &headers,
                body: sigv4::Body::Whole(&body),
            };
            let scope = Scope { region: "us-east-1", service };
            let added = sigv4::sign(&signed, &keys, scope, world.clock.now());
            request = Request::builder().method(built.method().clone()).uri(built.uri().clone());
            for (name, value) in built.headers() {
                request = request.header(name, value);
            }
            for (name, value) in added {
                request = request.header(name, value);
            }
        }
        let address: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let peer = Peer { remote: address, local: address };
        let response = world.platform.handle(request.body(Body::whole(body)).unwrap(), peer).await;
        let (head, body) = response.into_parts();
        Reply { status: head.status, headers: head.headers, body: body.collect().await.unwrap().to_bytes() }
    }
}

impl World {
    pub(crate) async fn open() -> Self {
        Self::start(None).await
    }

    pub(crate) async fn required() -> Self {
        let file = format!("[default]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n");
        Self::start(Some(CredentialsFile::parse(&file).unwrap())).await
    }

    async fn start(credentials: Option<CredentialsFile>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_769_847_330_123)));
        let entropy: Arc<dyn Entropy> = Arc::new(Counter::default());
        let records = Arc::new(SqliteRecords::open(RecordsConfig::new(path("records"))).unwrap());
        let blobs = Arc::new(FileBlobs::open(&path("blobs")).unwrap());
        let config = sonagi_control::Config {
            account: AccountId::default(),
            region: Region::default(),
            concurrency: sonagi_model::limits::ACCOUNT_CONCURRENCY,
            code_dir: path("code"),
        };
        let queues = Queues::open(records.clone(), clock.clone(), entropy.clone()).await.unwrap();
        let control =
            Control::open(config, records.clone(), blobs, clock.clone(), entropy.clone()).await.unwrap();
        let logs = Logs::open(path("logs"), clock.clone()).unwrap();
        let frontend = Frontend::new(
            sonagi_invoke::Config::default(),
            Arc::new(Fake { clock: clock.clone() }),
            control.clone(),
            Arc::new(Sinks(logs.clone())),
            Arc::new(NoCredentials),
            clock.clone(),
            entropy.clone(),
        );
        let identity = Identity::new(sonagi_identity::Config {
            account: AccountId::default(),
            credentials,
            master_key: [9; 32],
        });
        let config = Config {
            account: AccountId::default(),
            region: Region::default(),
            gateway: "http://localhost:8080".into(),
            endpoint: "http://127.0.0.1:4566".into(),
            names: Vec::new(),
            account_concurrency: 1_000,
            networks: Arc::new(Networks(vec![NamedNetwork {
                name: NetworkName::new("office").unwrap(),
                allow: Vec::new(),
                internet: ToInternet::No,
                way: Way::Translated { source: None },
                dns: Vec::new(),
                vpc: "vpc-7".into(),
                subnets: vec!["subnet-1".into(), "subnet-2".into()],
                security_groups: vec!["sg-1".into()],
            }])),
            version: "0.0.0".into(),
        };
        let events = Events::new(
            sonagi_events::Config {
                account: AccountId::default(),
                region: Region::default(),
                endpoint: format!("http://{HOST}"),
            },
            records.clone(),
            queues.clone(),
            control.clone(),
            frontend.clone(),
            Arc::new(Sinks(logs.clone())),
            clock.clone(),
            entropy.clone(),
        );
        let platform = Platform::new(
            config,
            identity.clone(),
            control,
            frontend,
            logs,
            queues.clone(),
            Documents::open(records.clone(), clock.clone(), entropy.clone()),
            events.clone(),
            clock.clone(),
            entropy,
        );
        Self { platform, identity, clock, queues, events, records, _folder: folder }
    }

    pub(crate) fn ask(&self, method: &str, uri: &str) -> Ask<'_> {
        Ask {
            world: self,
            request: Request::builder().method(method).uri(uri),
            body: Bytes::new(),
            keys: None,
            service: "lambda",
        }
    }

    pub(crate) async fn get(&self, uri: &str) -> Reply {
        self.ask("GET", uri).send().await
    }

    pub(crate) async fn create(&self, name: &str) -> Reply {
        self.ask("POST", "/2015-03-31/functions").json(&creation(name)).signed().send().await
    }

    pub(crate) fn session(&self, app: &str, function: &str) -> Keys {
        let session = FunctionSession {
            app: app.parse().unwrap(),
            function: function.parse().unwrap(),
            role: "arn:aws:iam::000000000000:role/pets".into(),
        };
        self.identity.function_session(&session, self.clock.now(), Duration::from_secs(3_600)).keys()
    }
}

pub(crate) fn creation(name: &str) -> Value {
    json!({
        "FunctionName": name,
        "Runtime": "python3.11",
        "Role": "arn:aws:iam::000000000000:role/pets",
        "Handler": "app.handler",
        "Code": { "ZipFile": STANDARD.encode(zip(name)) },
        "Environment": { "Variables": { "KEY": "v" } },
        "Tags": { "team": "pets" },
    })
}

pub(crate) fn zip(content: &str) -> Bytes {
    use std::io::Write as _;
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file("app.py", zip::write::SimpleFileOptions::default()).unwrap();
    writer.write_all(content.as_bytes()).unwrap();
    writer.finish().unwrap().into_inner().into()
}

struct Sinks(Logs);

impl LogProvider for Sinks {
    fn sink(&self, target: &Target, stream: &str) -> Arc<dyn LogSink> {
        self.0.sink(&target.app, &target.function.lambda_name, stream)
    }
}

struct NoCredentials;

impl CredentialProvider for NoCredentials {
    fn credentials(&self, _: &Target) -> Credentials {
        Credentials {
            access_key_id: String::new(),
            secret_access_key: String::new(),
            session_token: String::new(),
        }
    }
}

/// Runs no code: the event says what the answer is.
struct Fake {
    clock: Arc<ManualClock>,
}

#[async_trait]
impl Driver for Fake {
    async fn start(&self, spec: Arc<EnvironmentSpec>, _: Tick) -> Result<Started, StartFailure> {
        let environment = Box::new(FakeEnvironment { logs: spec.logs.clone(), clock: self.clock.clone() });
        Ok(Started {
            environment,
            create: Duration::from_millis(1),
            init: Duration::from_millis(2),
            origin: sonagi_sandbox::Origin::Initialised,
        })
    }

    /// Takes a second, and ends as the handler's name says.
    async fn initialise(&self, spec: Arc<EnvironmentSpec>, _: Tick) -> Result<Initialised, StartFailure> {
        self.clock.sleep(Duration::from_secs(1)).await;
        match spec.handler.as_str() {
            "app.fail" => Err(StartFailure::Init {
                failure: FunctionFailure {
                    error_type: "Runtime.ImportModuleError".into(),
                    payload: Bytes::from_static(b"{}"),
                    origin: FailureOrigin::Init,
                },
                create: Duration::ZERO,
                init: Duration::ZERO,
            }),
            "app.slow" => Err(StartFailure::TimedOut { create: Duration::ZERO }),
            "app.none" => Err(StartFailure::Unsupported("install python3.11".into())),
            "app.alone" => Ok(Initialised::EachTime),
            _ => Ok(Initialised::Once),
        }
    }
}

struct FakeEnvironment {
    logs: Arc<dyn LogSink>,
    clock: Arc<ManualClock>,
}

#[async_trait]
impl Environment for FakeEnvironment {
    async fn invoke(&mut self, call: Call, answer: AnswerSender) -> Finished {
        let text = Bytes::from_static(b"hello from the log");
        self.logs.line(LogLine { at: self.clock.now(), request: Some(call.request), text });
        let event: Value = serde_json::from_slice(call.input.event().unwrap()).unwrap();
        let failure = || Bytes::from_static(b"{\"errorMessage\":\"no\",\"errorType\":\"Boom\"}");
        let mut outcome = Outcome::Success;
        match event["do"].as_str() {
            Some("fail") => {
                outcome = Outcome::Error("Boom".into());
                let failure = FunctionFailure {
                    error_type: "Boom".into(),
                    payload: failure(),
                    origin: FailureOrigin::Handler,
                };
                answer.send(Answer::Failure(failure)).ok();
            }
            Some("stream" | "break") => {
                let (sender, body) = tokio::sync::mpsc::channel(1);
                let stream = StreamAnswer { content_type: "application/octet-stream".into(), body };
                answer.send(Answer::Stream(stream)).ok();
                for part in ["one ", "two ", "three"] {
                    sender.send(Ok(Bytes::from(part))).await.ok();
                }
                if event["do"] == "break" {
                    outcome = Outcome::Error("Boom".into());
                    let failure = StreamFailure { error_type: "Boom".into(), payload: failure() };
                    sender.send(Err(failure)).await.ok();
                }
            }
            Some("context") => {
                let context = json!({ "arn": call.arn, "client": call.client_context, "trace": call.trace });
                answer.send(Answer::Success(context.to_string().into())).ok();
            }
            _ => {
                answer.send(Answer::Success(call.input.event().unwrap().clone())).ok();
            }
        }
        Finished {
            outcome,
            duration: Duration::from_millis(3),
            cpu: None,
            memory_peak: 30 << 20,
            reusable: true,
        }
    }

    async fn died(&mut self) {
        std::future::pending().await
    }
}
