//! Functions made of a few lines, in emulated machines; in Firecracker's, where [`installed`] finds it.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use sonagi_model::{
    AppName, Clock, Digest, RequestId,
    function::{Architecture, DriverChoice, LogFormat, LogLevel, Network, ProvidedBase, Runtime},
    logs::LogSink,
    network::{NamedNetwork, Networks as Declared},
};
use sonagi_sandbox::{
    Answer, Call, Credentials, Driver as _, EnvironmentSpec, Finished, Input, StartFailure, Started,
    microvm::{Config, Installed, Language, MicrovmDriver, Monitor, Room, build_root},
    process::{Door, Endpoint, Interpreters, Networks, RuntimePolicy},
};
use tokio::{io::AsyncWriteExt as _, net::TcpListener, sync::oneshot, task::AbortHandle};

pub(crate) use crate::real::{KernelEntropy, Lines, RealClock};
use crate::{
    installed, kernel,
    qemu::{self, Qemu},
};

pub(crate) const PYTHON: Runtime = Runtime::Python { minor: 11 };
pub(crate) const PROVIDED: Runtime = Runtime::Provided(ProvidedBase::Al2023);
/// Of the endpoint inside.
pub(crate) const ENDPOINT_PORT: u16 = 4566;
/// An emulated processor is slow, and this machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(85);

/// The platform's endpoint, as far as a machine can tell: it says hello to whoever connects.
struct Hello;

impl Door for Hello {
    fn serve(&self, listener: TcpListener) -> AbortHandle {
        let serving = async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let _ = client.write_all(b"hello from the platform").await;
            }
        };
        tokio::spawn(serving).abort_handle()
    }
}

pub(crate) struct World {
    pub(crate) driver: Arc<MicrovmDriver>,
    pub(crate) clock: Arc<RealClock>,
    pub(crate) room: PathBuf,
    pub(crate) folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(None).await
    }

    /// With these networks, for functions to be granted.
    pub(crate) async fn with_networks(declared: Vec<NamedNetwork>) -> Self {
        let clock = Arc::new(RealClock::new()) as Arc<dyn Clock>;
        Self::with(Some(Arc::new(Networks::of_machines(clock, Arc::new(Declared(declared)))))).await
    }

    async fn with(networks: Option<Arc<Networks>>) -> Self {
        let folder = tempfile::Builder::new().prefix("vm").tempdir().unwrap();
        let clock = Arc::new(RealClock::new());
        let search_path = std::env::var("PATH").unwrap();
        let folders = std::env::split_paths(&search_path).collect();
        let interpreters =
            Interpreters::new(folders, RuntimePolicy::Exact, Arc::clone(&clock) as Arc<dyn Clock>);
        let python = interpreters.find(PYTHON).await.unwrap().unwrap();
        let installed =
            Installed { language: Language::Python, version: python.version, program: python.program };
        let root = folder.path().join("rootfs");
        build_root(&root, vec![installed], &search_path, &|_| {}).unwrap();
        let work_dir = folder.path().join("work");
        let clock_of_machines = Arc::clone(&clock) as Arc<dyn Clock>;
        let (monitor, room, kernel, extras) = match installed::means(&root) {
            Some(means) => {
                let (monitor, room) =
                    means.firecracker(&work_dir, clock_of_machines, &KernelEntropy).unwrap();
                (monitor, room, means.kernel, Vec::new())
            }
            None => {
                let room = Room::open(&work_dir, &KernelEntropy).unwrap();
                let qemu = Qemu { room: room.path().to_path_buf(), clock: clock_of_machines };
                (Arc::new(qemu) as Arc<dyn Monitor>, room, kernel::kernel(), qemu::modules())
            }
        };
        let place = room.path().to_path_buf();
        let config = Config {
            monitor,
            work_dir,
            kernel,
            root,
            extras,
            endpoint: Some(Endpoint { port: ENDPOINT_PORT, door: Arc::new(Hello) }),
            networks,
            layers: None,
            // What the emulated processor takes seconds for.
            renewal: Duration::from_secs(30),
            search_path,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            entropy: Arc::new(KernelEntropy),
        };
        let driver = Arc::new(MicrovmDriver::open(config, room).unwrap());
        Self { driver, clock, room: place, folder }
    }

    /// A function of one file, which is `app.py` or `bootstrap`.
    pub(crate) fn function(&self, runtime: Runtime, text: &str) -> EnvironmentSpec {
        let code = tempfile::tempdir_in(self.folder.path()).unwrap().keep();
        let name = match runtime {
            Runtime::Python { .. } => "app.py",
            Runtime::Nodejs { .. } | Runtime::Provided(_) | Runtime::Wasm => "bootstrap",
        };
        fs::set_permissions(&code, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(code.join(name), text).unwrap();
        fs::set_permissions(code.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        EnvironmentSpec {
            initialization: Default::default(),
            app: AppName::new("shop").unwrap(),
            package: Digest::of(text.as_bytes()),
            wasm: None,
            function_name: "shop-search".into(),
            version: "$LATEST".into(),
            runtime,
            handler: "app.handler".into(),
            architecture: Architecture::X86_64,
            code,
            opt: None,
            memory: 128,
            timeout: 60,
            ephemeral_storage: 512,
            network: Network::None,
            driver: DriverChoice::Microvm,
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
            logs: Arc::new(Lines::default()),
        }
    }

    pub(crate) async fn start(&self, mut spec: EnvironmentSpec) -> Result<Running, StartFailure> {
        let logs = Arc::new(Lines::default());
        spec.logs = Arc::clone(&logs) as Arc<dyn LogSink>;
        let started = self.driver.start(Arc::new(spec), self.clock.tick() + PATIENCE).await?;
        Ok(Running { started, logs, clock: Arc::clone(&self.clock) })
    }

    /// Ready when there is no machine any more, soon after the last environment was dropped.
    pub(crate) async fn is_left(&self) {
        let deadline = self.clock.tick() + PATIENCE;
        while self.machines() > 0 {
            assert!(self.clock.tick() < deadline, "{} machines stay behind", self.machines());
            self.clock.sleep(Duration::from_millis(5)).await;
        }
    }

    /// The folders of machines.
    pub(crate) fn machines(&self) -> usize {
        // Firecracker's jailer has them in a folder of its own.
        let jails = self.room.join("firecracker");
        let folder = if jails.is_dir() { &jails } else { &self.room };
        fs::read_dir(folder).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir()).count()
    }
}

pub(crate) struct Running {
    pub(crate) started: Started,
    pub(crate) logs: Arc<Lines>,
    clock: Arc<RealClock>,
}

pub(crate) struct Done {
    pub(crate) request: RequestId,
    pub(crate) answer: Answer,
    pub(crate) finished: Finished,
}

impl Running {
    pub(crate) async fn invoke(&mut self, payload: &'static str) -> Done {
        self.invoke_within(payload, PATIENCE).await
    }

    pub(crate) async fn invoke_within(&mut self, payload: &'static str, wait: Duration) -> Done {
        let request = RequestId::random(&KernelEntropy);
        let call = Call {
            request,
            arn: "arn:aws:lambda:eu-west-1:000000000000:function:shop-search".into(),
            input: Input::Event(Bytes::from_static(payload.as_bytes())),
            deadline: self.clock.tick() + wait,
            deadline_wall: self.clock.now() + wait,
            trace: "Root=1-5759e988-bd862e3fe1be46a994272793".into(),
            client_context: None,
            cognito_identity: None,
        };
        let (sender, receiver) = oneshot::channel();
        let (finished, answer) = tokio::join!(self.started.environment.invoke(call, sender), receiver);
        Done { request, answer: answer.unwrap(), finished }
    }

    /// The answer of a function that answers, as JSON.
    pub(crate) async fn answer(&mut self, payload: &'static str) -> serde_json::Value {
        self.invoke(payload).await.json()
    }
}

impl Done {
    pub(crate) fn json(&self) -> serde_json::Value {
        match &self.answer {
            Answer::Success(body) => serde_json::from_slice(body).unwrap(),
            other => panic!("not a success: {other:?}"),
        }
    }

    /// The error's type and message.
    pub(crate) fn failure(&self) -> (String, String) {
        let Answer::Failure(failure) = &self.answer else { panic!("not a failure: {:?}", self.answer) };
        let payload: serde_json::Value = serde_json::from_slice(&failure.payload).unwrap();
        (failure.error_type.clone(), payload["errorMessage"].as_str().unwrap_or_default().to_owned())
    }
}
