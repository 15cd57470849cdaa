//! What schedules promise, each promise by its name, over the embedded records and a clock that the tests move. Targets
//! are queues, so that what was sent can be counted; no function runs.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../../backend/tests/embedded/child.rs"]
#[expect(dead_code, reason = "the backend's own tests use more of it")]
mod child;
mod crash;
mod firing;
mod groups;
mod missed;
mod targets;
mod windows;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use sonagi_backend::{
    Records,
    embedded::{FileBlobs, RecordsConfig, SqliteRecords},
};
use sonagi_control::{Control, Target as FunctionTarget};
use sonagi_data::{
    logs::Logs,
    queues::{QueueName, Queues, Receive, Received, Settings as QueueSettings},
};
use sonagi_events::{
    Config, Error, Events,
    schedules::{Completion, Refusal, Retry, ScheduleName, Schedules, Settings, State, Target},
};
use sonagi_invoke::{CredentialProvider, Frontend, LogProvider};
use sonagi_model::{
    AccountId, Clock as _, Digest, Entropy, Region, Tick, Timestamp, clock::ManualClock, logs::LogSink,
};
use sonagi_sandbox::{Credentials, Driver, EnvironmentSpec, StartFailure, Started};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// 2026-01-31T08:00:00Z, a Saturday.
const START: Timestamp = Timestamp::from_millis(1_769_846_400_000);
const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;

#[derive(Debug, Default)]
struct Count(AtomicU64);

impl Entropy for Count {
    fn fill(&self, bytes: &mut [u8]) {
        let digest = Digest::of(&self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        let size = bytes.len();
        bytes.copy_from_slice(&digest.as_bytes()[..size]);
    }
}

struct NoFunctions;

#[async_trait]
impl Driver for NoFunctions {
    async fn start(&self, _: Arc<EnvironmentSpec>, _: Tick) -> Result<Started, StartFailure> {
        Err(StartFailure::Unsupported("there are no functions here".into()))
    }
}

impl CredentialProvider for NoFunctions {
    fn credentials(&self, _: &FunctionTarget) -> Credentials {
        Credentials {
            access_key_id: String::new(),
            secret_access_key: String::new(),
            session_token: String::new(),
        }
    }
}

struct Sinks(Logs);

impl LogProvider for Sinks {
    fn sink(&self, target: &FunctionTarget, stream: &str) -> Arc<dyn LogSink> {
        self.0.sink(&target.app, &target.function.lambda_name, stream)
    }
}

struct World {
    clock: ManualClock,
    queues: Queues,
    schedules: Schedules,
    records: Arc<dyn Records>,
    worker: JoinHandle<()>,
}

fn name(text: &str) -> ScheduleName {
    ScheduleName::new(text).unwrap()
}

fn group() -> ScheduleName {
    ScheduleName::default()
}

fn queue(text: &str) -> QueueName {
    QueueName::new(text).unwrap()
}

fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{queue}")
}

/// A schedule that tells its time to the queue `out`.
fn tells(expression: &str) -> Settings {
    Settings {
        expression: expression.into(),
        zone: "UTC".into(),
        start: None,
        end: None,
        description: None,
        state: State::Enabled,
        key: None,
        window: None,
        completion: Completion::None,
        target: Target {
            arn: arn("out"),
            role: "arn:aws:iam::000000000000:role/pets".into(),
            input: Some("<aws.scheduler.scheduled-time>".into()),
            retry: Retry::default(),
            dead_letters: Some(arn("dead")),
            message_group: None,
            event: None,
        },
    }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> Refusal {
    match result {
        Err(Error::Schedule(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

impl World {
    async fn open(folder: &Path, clock: &ManualClock) -> Self {
        let path = |name: &str| folder.join(name);
        let records: Arc<dyn Records> =
            Arc::new(SqliteRecords::open(RecordsConfig::new(path("records"))).unwrap());
        let shared = Arc::new(clock.clone());
        let entropy: Arc<dyn Entropy> = Arc::new(Count::default());
        let blobs = Arc::new(FileBlobs::open(&path("blobs")).unwrap());
        let config = sonagi_control::Config {
            account: AccountId::default(),
            region: Region::default(),
            concurrency: sonagi_model::limits::ACCOUNT_CONCURRENCY,
            code_dir: path("code"),
        };
        let queues = Queues::open(records.clone(), shared.clone(), entropy.clone()).await.unwrap();
        let control =
            Control::open(config, records.clone(), blobs, shared.clone(), entropy.clone()).await.unwrap();
        let logs = Logs::open(path("logs"), shared.clone()).unwrap();
        let frontend = Frontend::new(
            sonagi_invoke::Config::default(),
            Arc::new(NoFunctions),
            control.clone(),
            Arc::new(Sinks(logs.clone())),
            Arc::new(NoFunctions),
            shared.clone(),
            entropy.clone(),
        );
        let events = Events::new(
            Config {
                account: AccountId::default(),
                region: Region::default(),
                endpoint: "http://127.0.0.1:4566".into(),
            },
            records.clone(),
            queues.clone(),
            control,
            frontend,
            Arc::new(Sinks(logs)),
            shared,
            entropy,
        );
        for made in ["out", "dead"].map(queue) {
            queues.create(&made, QueueSettings::of(&made), Default::default(), None).await.unwrap();
        }
        let worker = events.start(&CancellationToken::new());
        Self { clock: clock.clone(), queues, schedules: events.schedules(), records, worker }
    }

    async fn new(folder: &TempDir) -> Self {
        Self::open(folder.path(), &ManualClock::at(START)).await
    }

    /// Stops as a crash does: nothing is told to end. Returns when the folder can be opened again.
    async fn stop(self) -> ManualClock {
        let Self { clock, queues, schedules, records, worker } = self;
        worker.abort();
        assert!(worker.await.unwrap_err().is_cancelled());
        drop((queues, schedules));
        while Arc::strong_count(&records) > 1 {
            tokio::task::yield_now().await;
        }
        clock
    }

    async fn make(&self, text: &str, settings: Settings) {
        self.schedules.create(&group(), &name(text), settings, None).await.unwrap();
    }

    async fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds)).await;
    }

    async fn received(&self, from: &str) -> Received {
        let receive = Receive { wait: Some(20), ..Receive::up_to(1) };
        let received = self.queues.receive(&queue(from), receive).await.unwrap().remove(0);
        self.queues.acknowledge(&queue(from), vec![received.handle.clone()]).await.unwrap();
        received
    }

    /// What is sent next; waits for it.
    async fn next(&self) -> String {
        String::from_utf8(self.received("out").await.message.body.to_vec()).unwrap()
    }

    /// Nothing was sent before this.
    async fn is_quiet(&self) {
        let mut settings = tells(&format!("at({})", self.clock.now().to_string().split('.').next().unwrap()));
        settings.target.input = Some("quiet".into());
        settings.completion = Completion::Delete;
        self.make("is-quiet", settings).await;
        assert_eq!(self.next().await, "quiet");
    }

    async fn is_gone(&self, text: &str) -> bool {
        match self.schedules.get(&group(), &name(text)).await {
            Ok(_) => false,
            Err(Error::Schedule(Refusal::NoSchedule(_))) => true,
            Err(error) => panic!("{error}"),
        }
    }
}
