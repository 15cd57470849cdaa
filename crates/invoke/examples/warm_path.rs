//! What the platform itself costs a warm invocation: one caller, one function, an environment that answers at
//! once. Run with `cargo run --release -p sonagi-invoke --example warm_path`.
#![expect(clippy::print_stdout, reason = "prints its measurement")]
#![expect(clippy::disallowed_methods, reason = "measures real time")]
#![expect(clippy::unwrap_used, reason = "a measurement, not a part of the platform")]

use std::{
    future::Future,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use bytes::Bytes;
use sonagi_control::{Target, Version};
use sonagi_invoke::{
    Config, CredentialProvider, Deployments, Frontend, LogProvider, Request, Snapshot, Tail,
};
use sonagi_model::{
    Clock, Digest, Entropy, FunctionName, LambdaName, ReleaseNumber, RequestId, Tick, Timestamp,
    function::{Function, Package, Runtime},
    logs::{LogLine, LogSink},
};
use sonagi_sandbox::{
    Answer, AnswerSender, Call, Credentials, Driver, Environment, EnvironmentSpec, Finished, Outcome,
    StartFailure, Started,
};

const ROUNDS: u32 = 300_000;

fn main() {
    let current = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    current.block_on(measure("one thread"));
    let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    threads.block_on(async { tokio::spawn(measure("two threads")).await.unwrap() });
}

async fn measure(name: &str) {
    let target = target();
    let live = Arc::new(Only(target.clone()));
    let entropy = Arc::new(Count(std::sync::atomic::AtomicU64::new(0)));
    let frontend = Frontend::over(
        Config::default(),
        Arc::new(Instantly),
        Arc::new(Deployed(live)),
        Arc::new(Nowhere),
        Arc::new(Nobody),
        Arc::new(RealTime(Instant::now())),
        entropy.clone(),
    );
    let entropy: Arc<dyn Entropy> = entropy;
    let payload = Bytes::from_static(b"{}");
    for round in 0..2 {
        let began = Instant::now();
        for _ in 0..ROUNDS {
            let request = Request {
                target: target.clone(),
                request: RequestId::random(&*entropy),
                arn: target.arn.clone(),
                input: payload.clone().into(),
                trace: None,
                client_context: None,
                cognito_identity: None,
                tail: Tail::No,
                timeout: None,
            };
            let answer = frontend.invoke(request).await.unwrap().answer;
            assert!(matches!(answer, Answer::Success(_)));
        }
        let each = began.elapsed() / ROUNDS;
        if round == 1 {
            println!(
                "{name}: {each:?} for each warm invocation, {} environments",
                frontend.environments().len()
            );
        }
    }
}

fn target() -> Arc<Target> {
    let package = Package { digest: Digest::of(b""), size: 0 };
    let function = Function::new(
        FunctionName::new("hello").unwrap(),
        LambdaName::new("hello").unwrap(),
        Runtime::Python { minor: 11 },
        "app.handler".into(),
        package,
    );
    Arc::new(Target {
        app: "hello".parse().unwrap(),
        release: ReleaseNumber(1),
        version: Version::Latest,
        arn: "arn:aws:lambda:us-east-1:000000000000:function:hello".into(),
        environment: Digest::of(b"hello"),
        revision_id: String::new(),
        last_modified: Timestamp(0),
        function,
    })
}

struct Instantly;
struct Answers;

#[async_trait]
impl Driver for Instantly {
    async fn start(&self, _: Arc<EnvironmentSpec>, _: Tick) -> Result<Started, StartFailure> {
        let (create, init) = (Duration::ZERO, Duration::ZERO);
        Ok(Started { environment: Box::new(Answers), create, init, origin: Default::default() })
    }
}

#[async_trait]
impl Environment for Answers {
    async fn invoke(&mut self, call: Call, answer: AnswerSender) -> Finished {
        let _ = answer.send(Answer::Success(call.input.event().cloned().unwrap_or_default()));
        let duration = Duration::from_micros(1);
        Finished { outcome: Outcome::Success, duration, cpu: None, memory_peak: 1 << 20, reusable: true }
    }

    async fn died(&mut self) {
        std::future::pending().await
    }
}

struct Deployed(Arc<Only>);
struct Only(Arc<Target>);

#[async_trait]
impl Deployments for Deployed {
    fn live(&self) -> Arc<dyn Snapshot> {
        self.0.clone()
    }

    async fn unpacked(&self, _: &Package) -> sonagi_control::Result<PathBuf> {
        Ok(PathBuf::new())
    }

    async fn merged(&self, _: &[Package]) -> sonagi_control::Result<Option<(Digest, PathBuf)>> {
        Ok(None)
    }
}

impl Snapshot for Only {
    fn uses(&self, _: &LambdaName, environment: &Digest) -> bool {
        self.0.environment == *environment
    }

    fn reservations(&self) -> Vec<(LambdaName, u32)> {
        Vec::new()
    }

    fn provisioned(&self) -> Vec<sonagi_control::Share> {
        Vec::new()
    }

    fn copied(&self) -> Vec<sonagi_invoke::Copied> {
        Vec::new()
    }
}

struct Nowhere;
impl LogProvider for Nowhere {
    fn sink(&self, _: &Target, _: &str) -> Arc<dyn LogSink> {
        Arc::new(Self)
    }
}
impl LogSink for Nowhere {
    fn line(&self, _: LogLine) {}
}

struct Nobody;
impl CredentialProvider for Nobody {
    fn credentials(&self, _: &Target) -> Credentials {
        let none = String::new;
        Credentials { access_key_id: none(), secret_access_key: none(), session_token: none() }
    }
}

#[derive(Debug)]
struct Count(std::sync::atomic::AtomicU64);
impl Entropy for Count {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_le_bytes();
        bytes.iter_mut().zip(count.iter().cycle()).for_each(|(byte, count)| *byte = *count);
    }
}

#[derive(Debug)]
struct RealTime(Instant);
impl Clock for RealTime {
    fn now(&self) -> Timestamp {
        Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64)
    }

    fn tick(&self) -> Tick {
        Tick(self.0.elapsed())
    }

    fn sleep_until(&self, at: Tick) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep_until((self.0 + at.0).into()))
    }
}
