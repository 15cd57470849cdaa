//! What the gateway itself costs: requests in memory through [`Gateway::handle`], over functions that answer at once.
//!
//! `cargo run --release -p sonagi-edge --example gateway_path [REQUESTS]` prints, for each kind of function, the time
//! and the allocations of a request: of making it (which hyper does in a server), of the frontend alone, of all of it;
//! what is left is the gateway's.

mod counting {
    #![expect(unsafe_code, reason = "a global allocator is an unsafe trait; this one passes everything on")]

    use std::{
        alloc::{GlobalAlloc, Layout, System},
        sync::atomic::{AtomicU64, Ordering::Relaxed},
    };

    pub(crate) static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

    struct Counting;

    #[global_allocator]
    static ALLOCATOR: Counting = Counting;

    // SAFETY: every call goes to the system's allocator as it came.
    unsafe impl GlobalAlloc for Counting {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            ALLOCATIONS.fetch_add(1, Relaxed);
            // SAFETY: the caller keeps what `System` asks for.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
            // SAFETY: as above; the memory came from `System`.
            unsafe { System.dealloc(memory, layout) }
        }

        unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            ALLOCATIONS.fetch_add(1, Relaxed);
            // SAFETY: as above.
            unsafe { System.realloc(memory, layout, size) }
        }
    }
}

use std::{
    collections::BTreeMap,
    future::Future,
    io::{Cursor, Write as _},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use sonagi_backend::embedded::{FileBlobs, RecordsConfig, SqliteRecords};
use sonagi_control::{Config as ControlConfig, Control, Target};
use sonagi_edge::{
    gateway::{Config, Gateway},
    serve::{Body, Peer},
};
use sonagi_identity::Identity;
use sonagi_invoke::{CredentialProvider, Frontend, LogProvider, Request as Invocation, Tail};
use sonagi_model::{
    ApiId, AppName, Clock, Entropy, FunctionName, LambdaName, RequestId, Tick, Timestamp,
    api::{Api, ApiKind, PayloadFormat, Route},
    function::{Function, Runtime},
    logs::{LogLine, LogSink},
    release::ReleaseContent,
};
use sonagi_sandbox::{
    Answer, AnswerSender, Call, Credentials, Driver, Environment, EnvironmentSpec, Finished, HttpAnswer,
    HttpBody, Input, Outcome, StartFailure, Started,
};

const REQUESTS: u32 = 200_000;
const EVENT_ANSWER: &str =
    r#"{"statusCode":200,"headers":{"content-type":"text/plain"},"body":"Hello from Sonagi!"}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let requests = std::env::args().nth(1).map_or(Ok(REQUESTS), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let (control, gateway, frontend) = platform(folder.path()).await?;
    let app = AppName::new("bench")?;
    let package = control.packages().put(zip()?).await?;
    let mut out = std::io::stdout();
    writeln!(out, "{requests} requests each, one thread; ns and allocations per request")?;
    for runtime in [Runtime::Wasm, Runtime::Python { minor: 11 }] {
        let mut function = Function::new(
            FunctionName::new("hello")?,
            LambdaName::new("bench-hello")?,
            runtime,
            if runtime == Runtime::Wasm { "function.wasm" } else { "app.handler" }.into(),
            package,
        );
        function.timeout = 60;
        let functions = BTreeMap::from([(function.name.clone(), function)]);
        let content = ReleaseContent { functions, apis: vec![api()?], ..ReleaseContent::default() };
        control.deploy(&app, content).await?;
        let live = control.live();
        let target = Arc::clone(&live.function("bench-hello").ok_or("the function is not live")?.latest);

        let making = measure(requests, || async {
            std::hint::black_box(request());
        })
        .await;
        let alone = measure(requests, || async {
            std::hint::black_box(frontend.invoke(invocation(&target)).await.is_ok());
        })
        .await;
        let whole = measure(requests, || async {
            let response = gateway.handle(request(), peer()).await;
            if response.status() != StatusCode::OK {
                std::process::exit(1);
            }
            std::hint::black_box(response.into_body().collect().await.is_ok());
        })
        .await;
        writeln!(out, "{runtime}")?;
        for (name, Measured { nanos, allocations }) in [
            ("making the request", making),
            ("the frontend alone", alone),
            ("the whole", whole),
            (
                "the gateway",
                Measured {
                    nanos: whole.nanos - making.nanos - alone.nanos,
                    allocations: whole.allocations - making.allocations - alone.allocations,
                },
            ),
        ] {
            writeln!(out, "  {name:20} {nanos:8.0} ns {allocations:6.1} allocations")?;
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Measured {
    nanos: f64,
    allocations: f64,
}

#[expect(clippy::disallowed_methods, reason = "it measures real time")]
async fn measure<F: Future<Output = ()>>(requests: u32, run: impl Fn() -> F) -> Measured {
    for _ in 0..requests / 10 {
        run().await;
    }
    let (began, before) = (Instant::now(), counting::ALLOCATIONS.load(Relaxed));
    for _ in 0..requests {
        run().await;
    }
    let (took, after) = (began.elapsed(), counting::ALLOCATIONS.load(Relaxed));
    Measured {
        nanos: took.as_nanos() as f64 / f64::from(requests),
        allocations: (after - before) as f64 / f64::from(requests),
    }
}

/// What a browser or a load generator sends.
fn request() -> Request<Body> {
    let mut request = Request::new(Body::whole(Bytes::new()));
    *request.uri_mut() = http::Uri::from_static("/hello/world?name=sonagi");
    let headers = request.headers_mut();
    for (name, value) in [
        (header::HOST, "bench.localhost:8080"),
        (header::USER_AGENT, "Mozilla/5.0 (X11; Linux x86_64)"),
        (header::ACCEPT, "*/*"),
        (header::ACCEPT_ENCODING, "gzip, br"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    request
}

fn invocation(target: &Arc<Target>) -> Invocation {
    let input = match target.function.runtime {
        Runtime::Wasm => Input::Http(Box::default()),
        Runtime::Python { .. } | Runtime::Nodejs { .. } | Runtime::Provided(_) => Input::Event(Bytes::new()),
    };
    Invocation {
        target: Arc::clone(target),
        request: RequestId::random(&Numbers),
        arn: target.arn.clone(),
        input,
        trace: Some("Root=1-5e6a879e-000000000000000000000000".into()),
        client_context: None,
        cognito_identity: None,
        tail: Tail::No,
        timeout: None,
    }
}

fn peer() -> Peer {
    Peer { remote: ([127, 0, 0, 1], 40_000).into(), local: ([127, 0, 0, 1], 8_080).into() }
}

fn api() -> Result<Api, Box<dyn std::error::Error>> {
    let routes =
        ["/hello/{name}", "/pets", "/pets/{id}"].map(|path| -> Result<Route, sonagi_model::NameError> {
            Ok(Route {
                method: "GET".into(),
                path: path.into(),
                function: FunctionName::new("hello")?,
                alias: None,
                payload: PayloadFormat::V2,
                timeout: None,
            })
        });
    Ok(Api {
        id: ApiId("abcdefghij".into()),
        name: "Main".into(),
        kind: ApiKind::Http,
        stage: "$default".into(),
        stage_variables: BTreeMap::new(),
        cors: None,
        routes: routes.into_iter().collect::<Result<_, _>>()?,
        binary_media_types: Vec::new(),
        minimum_compression_size: None,
    })
}

async fn platform(
    folder: &std::path::Path,
) -> Result<(Control, Gateway, Frontend), Box<dyn std::error::Error>> {
    let clock: Arc<dyn Clock> = Arc::new(Real::new());
    let entropy: Arc<dyn Entropy> = Arc::new(Numbers);
    let records = Arc::new(SqliteRecords::open(RecordsConfig::new(folder.join("records")))?);
    let blobs = Arc::new(FileBlobs::open(&folder.join("blobs"))?);
    let config = ControlConfig {
        account: Default::default(),
        region: Default::default(),
        concurrency: sonagi_model::limits::ACCOUNT_CONCURRENCY,
        code_dir: folder.join("code"),
    };
    let control = Control::open(config, records, blobs, clock.clone(), entropy.clone()).await?;
    let frontend = Frontend::new(
        Default::default(),
        Arc::new(AtOnce),
        control.clone(),
        Arc::new(Nothing),
        Arc::new(Nothing),
        clock.clone(),
        entropy.clone(),
    );
    let identity = Identity::new(sonagi_identity::Config {
        account: Default::default(),
        credentials: None,
        master_key: [7; 32],
    });
    let gateway =
        Gateway::new(Config::default(), control.clone(), frontend.clone(), identity, clock, entropy);
    Ok((control, gateway, frontend))
}

fn zip() -> Result<Bytes, Box<dyn std::error::Error>> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for name in ["app.py", "function.wasm"] {
        writer.start_file(name, zip::write::SimpleFileOptions::default())?;
        writer.write_all(b"pass")?;
    }
    Ok(writer.finish()?.into_inner().into())
}

/// Functions that answer before they are asked twice.
struct AtOnce;

#[async_trait]
impl Driver for AtOnce {
    async fn start(&self, _: Arc<EnvironmentSpec>, _: Tick) -> Result<Started, StartFailure> {
        Ok(Started {
            environment: Box::new(Self),
            create: Duration::ZERO,
            init: Duration::ZERO,
            origin: Default::default(),
        })
    }
}

#[async_trait]
impl Environment for AtOnce {
    async fn invoke(&mut self, call: Call, answer: AnswerSender) -> Finished {
        let answered = match call.input {
            Input::Event(_) => Answer::Success(Bytes::from_static(EVENT_ANSWER.as_bytes())),
            Input::Http(_) => {
                let mut headers = HeaderMap::new();
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
                let body = HttpBody::Whole(Bytes::from_static(b"Hello from Sonagi!"));
                Answer::Http(HttpAnswer { status: StatusCode::OK, headers, body })
            }
        };
        // Who asked waits; if not, nothing is lost.
        drop(answer.send(answered));
        Finished {
            outcome: Outcome::Success,
            duration: Duration::from_micros(1),
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

/// The machine's clocks, as `server` has them.
#[derive(Debug)]
struct Real(Instant);

#[expect(clippy::disallowed_methods, reason = "it measures real time")]
impl Real {
    fn new() -> Self {
        Self(Instant::now())
    }
}

#[expect(clippy::disallowed_methods, reason = "it measures real time")]
impl Clock for Real {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp(since.as_micros() as u64)
    }

    fn tick(&self) -> Tick {
        Tick(self.0.elapsed())
    }

    fn sleep_until(&self, at: Tick) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep_until((self.0 + at.0).into()))
    }
}

/// Numbers that are cheap and never the same; the kernel's come in batches and cost little more.
#[derive(Debug)]
struct Numbers;

impl Entropy for Numbers {
    fn fill(&self, bytes: &mut [u8]) {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        for chunk in bytes.chunks_mut(8) {
            let number = NEXT.fetch_add(1, Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            chunk.copy_from_slice(&number.to_le_bytes()[..chunk.len()]);
        }
    }
}
