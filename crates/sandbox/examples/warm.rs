//! How long a warm invocation and a cold start take in this driver alone, without anything of the platform above it.
//!
//! `cargo run --release -p sonagi-sandbox --example warm`. The same binary is the launcher.
#![expect(clippy::print_stdout, reason = "an example prints what it measured")]
#![expect(clippy::disallowed_methods, reason = "it measures real time")]

use std::{
    collections::BTreeMap,
    future::Future,
    io::Read,
    os::unix::fs::PermissionsExt,
    path::Path,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use sonagi_model::{
    AppName, Clock, Digest, Entropy, RequestId, Tick, Timestamp,
    function::{Architecture, LogFormat, LogLevel, ProvidedBase, Runtime},
    logs::{LogLine, LogSink},
};
use sonagi_sandbox::{
    Call, Credentials, Driver, EnvironmentSpec, Started, launcher,
    process::{Config, GroupUse, Isolation, ProcessDriver, RuntimePolicy},
};

const WARM: usize = 5_000;
const COLD: usize = 30;

#[derive(Debug)]
struct RealClock(Instant);

impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        Timestamp(
            SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0, |since| since.as_micros() as u64),
        )
    }
    fn tick(&self) -> Tick {
        Tick(self.0.elapsed())
    }
    fn sleep_until(&self, at: Tick) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep_until((self.0 + at.0).into()))
    }
}

#[derive(Debug)]
struct KernelEntropy;

impl Entropy for KernelEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let read = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(bytes));
        assert!(read.is_ok(), "no randomness");
    }
}

struct Nowhere;

impl LogSink for Nowhere {
    fn line(&self, _: LogLine) {}
}

const PROVIDED: &str = r#"#!/usr/bin/python3.11
import os, socket
host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
s = socket.create_connection((host, int(port)))
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n"
s.sendall(NEXT)
while True:
    data = s.recv(65536)
    while b"Request-Id: " not in data or data[-2:] != b"{}": data += s.recv(65536)
    at = data.index(b"Request-Id: ") + 12
    s.sendall(b"POST /2018-06-01/runtime/invocation/" + data[at:at + 36] + b"/response HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}" + NEXT)
"#;

fn main() -> std::io::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("__launch") {
        launcher::main();
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure())
}

async fn measure() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let clock = Arc::new(RealClock(Instant::now()));
    let driver = ProcessDriver::new(Config {
        launcher: std::env::current_exe()?,
        launcher_args: vec!["__launch".into()],
        work_dir: folder.path().join("work"),
        runtimes: RuntimePolicy::Nearest,
        interpreters: vec!["/usr/local/bin".into(), "/usr/bin".into()],
        layers: None,
        isolation: Isolation::default(),
        ready_memory: 0,
        groups: GroupUse::IfThereAreAny,
        networks: Default::default(),
        endpoint: None,
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        entropy: Arc::new(KernelEntropy),
    })?;
    for (runtime, name, text) in [
        (Runtime::Python { minor: 11 }, "app.py", "def handler(event, context):\n    return event\n"),
        (Runtime::Nodejs { major: 20 }, "app.mjs", "export const handler = async (event) => event;\n"),
        (Runtime::Provided(ProvidedBase::Al2023), "bootstrap", PROVIDED),
    ] {
        let code = folder.path().join(runtime.to_string());
        std::fs::create_dir_all(&code)?;
        std::fs::write(code.join(name), text)?;
        std::fs::set_permissions(code.join(name), std::fs::Permissions::from_mode(0o755))?;
        if let Err(error) = cold_and_warm(&driver, &clock, runtime, &code).await {
            println!("{runtime}: {error}");
        }
    }
    Ok(())
}

async fn cold_and_warm(
    driver: &ProcessDriver,
    clock: &RealClock,
    runtime: Runtime,
    code: &Path,
) -> Result<(), sonagi_sandbox::StartFailure> {
    let mut started =
        driver.start(Arc::new(spec(runtime, code)), clock.tick() + Duration::from_secs(30)).await?;
    let (mut create, mut init) = (Vec::new(), Vec::new());
    for _ in 0..COLD {
        started = driver.start(Arc::new(spec(runtime, code)), clock.tick() + Duration::from_secs(30)).await?;
        create.push(started.create);
        init.push(started.init);
    }
    let (answered, finished) = warm(clock, &mut started).await;
    for (phase, times) in
        [("create", create), ("init", init), ("warm: answer", answered), ("warm: reusable", finished)]
    {
        let (p50, p99) = percentiles(times);
        println!("{runtime:16} {phase:16} p50 {p50:>10.1?}  p99 {p99:>10.1?}");
    }
    Ok(())
}

async fn warm(clock: &RealClock, started: &mut Started) -> (Vec<Duration>, Vec<Duration>) {
    let (mut answered, mut finished) = (Vec::new(), Vec::new());
    for _ in 0..WARM {
        let call = Call {
            request: RequestId::random(&KernelEntropy),
            arn: "arn:aws:lambda:us-east-1:000000000000:function:bench".into(),
            input: Bytes::from_static(b"{}").into(),
            deadline: clock.tick() + Duration::from_secs(3),
            deadline_wall: clock.now() + Duration::from_secs(3),
            trace: "Root=1-5759e988-bd862e3fe1be46a994272793".into(),
            client_context: None,
            cognito_identity: None,
        };
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let begun = Instant::now();
        let answer = async {
            let _ = receiver.await;
            begun.elapsed()
        };
        let (done, answer) = tokio::join!(started.environment.invoke(call, sender), answer);
        assert!(done.reusable, "{:?}", done.outcome);
        answered.push(answer);
        finished.push(begun.elapsed());
    }
    (answered, finished)
}

fn percentiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

fn spec(runtime: Runtime, code: &Path) -> EnvironmentSpec {
    EnvironmentSpec {
        app: AppName::new("bench").expect("a name"),
        package: Digest::of(b"bench"),
        wasm: None,
        function_name: "bench".into(),
        version: "$LATEST".into(),
        initialization: Default::default(),
        runtime,
        handler: "app.handler".into(),
        architecture: Architecture::X86_64,
        code: code.into(),
        opt: None,
        memory: 256,
        timeout: 3,
        ephemeral_storage: 512,
        network: sonagi_model::function::Network::None,
        driver: sonagi_model::function::DriverChoice::Usual,
        variables: BTreeMap::new(),
        credentials: Credentials {
            access_key_id: "a".into(),
            secret_access_key: "b".into(),
            session_token: "c".into(),
        },
        region: "us-east-1".into(),
        account: Default::default(),
        endpoint: "http://127.0.0.1:4566".into(),
        log_group: "/aws/lambda/bench".into(),
        log_stream: "stream".into(),
        log_format: LogFormat::Text,
        log_level: LogLevel::Info,
        logs: Arc::new(Nowhere),
    }
}
