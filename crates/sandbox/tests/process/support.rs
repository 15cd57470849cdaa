//! Functions made of a few lines, run by the real driver with real interpreters.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use sonagi_model::{
    AppName, Clock, Digest, RequestId,
    function::{Architecture, LogFormat, LogLevel, ProvidedBase, Runtime},
    logs::LogSink,
    network::Networks,
};
use sonagi_sandbox::{
    Answer, Call, Credentials, Driver, Environment, EnvironmentSpec, Finished, Input, StartFailure, Started,
    process::{Config, GroupUse, Isolation, ProcessDriver, RuntimePolicy},
};
use tokio::sync::oneshot;

pub(crate) use crate::real::{KernelEntropy, Lines, RealClock};

pub(crate) const PYTHON: Runtime = Runtime::Python { minor: 11 };
pub(crate) const NODE: Runtime = Runtime::Nodejs { major: 20 };
pub(crate) const PROVIDED: Runtime = Runtime::Provided(ProvidedBase::Al2023);

/// For what takes long on a machine that is emulated, or has much else to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Bench {
    pub(crate) driver: ProcessDriver,
    pub(crate) clock: Arc<RealClock>,
    pub(crate) folder: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(GroupUse::IfThereAreAny, RuntimePolicy::Exact)
    }

    /// As on a machine without control groups.
    pub(crate) fn without_groups() -> Self {
        Self::with(GroupUse::Never, RuntimePolicy::Exact)
    }

    /// With interpreters that wait for a function, as many as are wanted.
    pub(crate) fn with_waiting() -> Self {
        Self::with_all(GroupUse::IfThereAreAny, RuntimePolicy::Exact, 1_024)
    }

    pub(crate) fn with(groups: GroupUse, runtimes: RuntimePolicy) -> Self {
        Self::with_all(groups, runtimes, 0)
    }

    fn with_all(groups: GroupUse, runtimes: RuntimePolicy, ready_memory: u64) -> Self {
        Self::with_networks(groups, runtimes, ready_memory, Networks::default())
    }

    /// With networks that functions can have by name.
    pub(crate) fn with_networks(
        groups: GroupUse,
        runtimes: RuntimePolicy,
        ready_memory: u64,
        networks: Networks,
    ) -> Self {
        let isolation = if groups == GroupUse::Never { Isolation::None } else { Isolation::Full };
        let launcher = env!("CARGO_BIN_EXE_sonagi-launch").into();
        Self::with_everything(isolation, groups, runtimes, ready_memory, networks, launcher)
    }

    /// As an ordinary user has it: a sandbox without control groups. `launcher` is a copy where that user comes.
    pub(crate) fn of_ordinary_user(launcher: std::path::PathBuf, networks: Networks) -> Self {
        let (groups, runtimes) = (GroupUse::Never, RuntimePolicy::Exact);
        Self::with_everything(Isolation::WithoutGroups, groups, runtimes, 0, networks, launcher)
    }

    fn with_everything(
        isolation: Isolation,
        groups: GroupUse,
        runtimes: RuntimePolicy,
        ready_memory: u64,
        networks: Networks,
        launcher: std::path::PathBuf,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(RealClock::new());
        let driver = ProcessDriver::new(Config {
            launcher,
            launcher_args: Vec::new(),
            work_dir: folder.path().join("work"),
            runtimes,
            interpreters: vec!["/usr/local/bin".into(), "/usr/bin".into()],
            layers: None,
            ready_memory,
            isolation,
            groups,
            networks: Arc::new(networks),
            endpoint: None,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            entropy: Arc::new(KernelEntropy),
        })
        .unwrap();
        Self { driver, clock, folder }
    }

    /// A function of one file, which is `app.py`, `app.mjs` or `bootstrap`.
    pub(crate) fn function(&self, runtime: Runtime, text: &str) -> Function {
        let code = tempfile::tempdir_in(self.folder.path()).unwrap().keep();
        let name = match runtime {
            Runtime::Python { .. } => "app.py",
            Runtime::Nodejs { .. } => "app.mjs",
            Runtime::Provided(_) | Runtime::Wasm => "bootstrap",
        };
        fs::write(code.join(name), text).unwrap();
        fs::set_permissions(code.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        let logs = Arc::new(Lines::default());
        let spec = EnvironmentSpec {
            app: AppName::new("shop").unwrap(),
            package: Digest::of(b"shop"),
            wasm: None,
            function_name: "shop-search".into(),
            version: "$LATEST".into(),
            initialization: Default::default(),
            runtime,
            handler: "app.handler".into(),
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
        self.start_within(function, Duration::from_secs(20)).await
    }

    pub(crate) async fn start_within(
        &self,
        function: Function,
        wait: Duration,
    ) -> Result<Running, StartFailure> {
        let deadline = self.clock.tick() + wait;
        let started = self.driver.start(Arc::new(function.spec), deadline).await?;
        Ok(Running { started, logs: function.logs, clock: Arc::clone(&self.clock) })
    }

    /// A function that starts.
    pub(crate) async fn run(&self, runtime: Runtime, text: &str) -> Running {
        self.start(self.function(runtime, text)).await.unwrap()
    }

    /// Returns when as many interpreters wait.
    pub(crate) async fn waits(&self, count: usize) {
        let patience = self.clock.tick() + Duration::from_secs(20);
        while self.driver.waiting() != count {
            assert!(self.clock.tick() < patience, "{} wait, not {count}", self.driver.waiting());
            tokio::task::yield_now().await;
        }
    }

    /// Seconds since the epoch.
    pub(crate) fn clock_seconds(&self) -> f64 {
        self.clock.now().millis() as f64 / 1e3
    }

    /// Kills everything that runs in an environment's group.
    pub(crate) fn kill_everything(&self) {
        let environments = self.folder.path().join("work/environments");
        let server = fs::read_dir(environments).unwrap().next().unwrap().unwrap().file_name();
        for group in groups_of(server.to_str().unwrap()) {
            for environment in fs::read_dir(&group).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
                let pids = fs::read_to_string(environment.path().join("cgroup.procs")).unwrap();
                for pid in pids.lines().filter_map(|pid| rustix::process::Pid::from_raw(pid.parse().unwrap()))
                {
                    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
                }
            }
        }
    }

    /// Everything dropped is gone: no process, no group, no folder.
    pub(crate) async fn nothing_is_left(&self) {
        self.driver.settled().await;
        // Other tests of this process have children too, which are zombies for a moment before they are reaped.
        let patience = self.clock.tick() + Duration::from_secs(10);
        while !zombies().is_empty() && self.clock.tick() < patience {
            tokio::task::yield_now().await;
        }
        assert_eq!(zombies(), Vec::<String>::new());
        let environments = self.folder.path().join("work/environments");
        let servers: Vec<_> =
            fs::read_dir(environments).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(servers.len(), 1);
        assert_eq!(fs::read_dir(&servers[0]).unwrap().count(), 0, "folders stay behind");
        let server = servers[0].file_name().unwrap().to_str().unwrap();
        for group in groups_of(server) {
            let left = fs::read_dir(&group).unwrap().flatten().filter(|entry| entry.path().is_dir()).count();
            assert_eq!(left, 0, "groups stay behind in {}", group.display());
        }
    }
}

pub(crate) struct Function {
    pub(crate) spec: EnvironmentSpec,
    pub(crate) logs: Arc<Lines>,
}

pub(crate) struct Running {
    pub(crate) started: Started,
    pub(crate) logs: Arc<Lines>,
    pub(crate) clock: Arc<RealClock>,
}

impl Running {
    pub(crate) fn environment(&mut self) -> &mut dyn Environment {
        &mut *self.started.environment
    }

    pub(crate) fn call(&self, payload: impl Into<Bytes>, wait: Duration) -> Call {
        Call {
            request: RequestId::random(&KernelEntropy),
            arn: "arn:aws:lambda:eu-west-1:000000000000:function:shop-search".into(),
            input: Input::Event(payload.into()),
            deadline: self.clock.tick() + wait,
            deadline_wall: self.clock.now() + wait,
            trace: "Root=1-5759e988-bd862e3fe1be46a994272793".into(),
            client_context: None,
            cognito_identity: None,
        }
    }

    pub(crate) async fn invoke(&mut self, payload: impl Into<Bytes>) -> Done {
        self.invoke_within(payload, Duration::from_secs(20)).await
    }

    pub(crate) async fn invoke_within(&mut self, payload: impl Into<Bytes>, wait: Duration) -> Done {
        let call = self.call(payload, wait);
        let request = call.request;
        let (sender, receiver) = oneshot::channel();
        let (finished, answer) =
            tokio::join!(self.started.environment.invoke(call, sender), collect(receiver));
        Done { request, answer, finished }
    }
}

/// An answer, with a stream's parts put together.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Collected {
    Success(String),
    Failure(String, String),
    Stream { content_type: String, body: Vec<u8>, failure: Option<(String, String)> },
}

async fn collect(answer: oneshot::Receiver<Answer>) -> Collected {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match answer.await.unwrap() {
        Answer::Success(body) => Collected::Success(text(&body)),
        Answer::Failure(failure) => Collected::Failure(failure.error_type, text(&failure.payload)),
        Answer::Http(_) => panic!("a process does not speak HTTP"),
        Answer::Stream(mut stream) => {
            let (mut body, mut failed) = (Vec::new(), None);
            while let Some(part) = stream.body.recv().await {
                match part {
                    Ok(part) => body.extend_from_slice(&part),
                    Err(failure) => failed = Some((failure.error_type, text(&failure.payload))),
                }
            }
            Collected::Stream { content_type: stream.content_type, body, failure: failed }
        }
    }
}

pub(crate) struct Done {
    pub(crate) request: RequestId,
    pub(crate) answer: Collected,
    pub(crate) finished: Finished,
}

impl Done {
    pub(crate) fn success(&self) -> &str {
        match &self.answer {
            Collected::Success(body) => body,
            other => panic!("not a success: {other:?}"),
        }
    }

    /// The error's type and message.
    pub(crate) fn failure(&self) -> (String, String) {
        let Collected::Failure(error_type, payload) = &self.answer else {
            panic!("not a failure: {:?}", self.answer)
        };
        let payload: serde_json::Value = serde_json::from_str(payload).unwrap();
        (error_type.clone(), payload["errorMessage"].as_str().unwrap_or_default().to_owned())
    }
}

/// Children of this process that have ended and were not reaped.
fn zombies() -> Vec<String> {
    let this = std::process::id().to_string();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok())
        .filter(|stat| {
            let mut fields = stat[stat.rfind(')').unwrap() + 2..].split(' ');
            fields.next() == Some("Z") && fields.next() == Some(&this)
        })
        .collect()
}

fn groups_of(server: &str) -> Vec<std::path::PathBuf> {
    fn look(folder: &Path, server: &str, depth: u32, found: &mut Vec<std::path::PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if entry.file_name() == server {
                    found.push(entry.path());
                } else if depth > 0 {
                    look(&entry.path(), server, depth - 1, found);
                }
            }
        }
    }
    let mut found = Vec::new();
    look(Path::new("/sys/fs/cgroup"), server, 5, &mut found);
    found
}

/// Whether any process on this machine has `marker` in its command line.
pub(crate) fn runs(marker: &str) -> bool {
    fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        fs::read(entry.path().join("cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(marker))
    })
}
