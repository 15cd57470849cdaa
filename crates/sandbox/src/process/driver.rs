//! The driver: what its environments share, and what each kind of runtime is started with.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use sonagi_guest::Client;
use sonagi_model::{
    Clock, Entropy, Tick,
    function::{Network, Runtime},
    network as model,
};

use super::{
    bootstrap,
    clients::Clients,
    folders::Folders,
    group::Groups,
    interpreters::{Interpreter, Interpreters, RuntimePolicy},
    isolation::{self, Endpoint, Isolation, Users},
    launcher::LauncherProgram,
    machine::{GroupUse, Machine},
    network::{self, Networks, Whose},
    ready::Ready,
    sdk::Sdks,
    snapshot, start, survey,
    templates::Templates,
    variables,
};
use crate::{
    Driver, EnvironmentSpec, GivenUp, Initialised, Initialization, StartFailure, Started, launcher::Mount,
    layers::Layers,
};

/// What the process driver needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// The program that becomes an environment's process: it calls [`launcher::main`](crate::launcher::main)
    /// when it is run with `launcher_args`.
    pub launcher: PathBuf,
    pub launcher_args: Vec<String>,
    /// Temporary folders of environments and the runtime clients' files; created if missing.
    pub work_dir: PathBuf,
    pub runtimes: RuntimePolicy,
    /// Folders in which to look for interpreters, most wanted first: `PATH`, taken apart.
    pub interpreters: Vec<PathBuf>,
    /// Where the SDK layers are kept; none: functions find no SDK but what their package holds.
    pub layers: Option<Layers>,
    pub isolation: Isolation,
    /// MiB that interpreters may take which wait for a function to run; 0: none wait.
    pub ready_memory: u64,
    pub groups: GroupUse,
    /// Those that functions can have by name.
    pub networks: Arc<model::Networks>,
    /// What the AWS SDKs inside a sandbox talk to; none: what the specification says.
    pub endpoint: Option<Endpoint>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

/// What [`ProcessDriver::prepare`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The interpreter; none for `provided`.
    pub interpreter: Option<PathBuf>,
    /// What the user should know, once: that the interpreter is not of the exact version, that there is no SDK.
    pub notes: Vec<String>,
}

/// Starts environments that are processes of this machine. Dropping it and all its environments waits until
/// everything of theirs is gone.
pub struct ProcessDriver {
    machine: Arc<Machine>,
    clients: Clients,
    interpreters: Interpreters,
    sdks: Sdks,
    folders: Folders,
    isolation: Isolation,
    // Ended before the machine goes.
    ready: Ready,
    templates: Templates,
    /// Why nothing can be started.
    refusal: Option<&'static str>,
    users: Option<Users>,
    endpoint: Option<Endpoint>,
    entropy: Arc<dyn Entropy>,
    language: &'static str,
    compiling: tokio::sync::Mutex<()>,
    started: AtomicU64,
    network_noted: AtomicBool,
}

impl fmt::Debug for ProcessDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessDriver").field("folders", &self.folders).finish_non_exhaustive()
    }
}

/// What runs the code of an environment.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) arguments: Vec<std::ffi::OsString>,
    /// The package's folder, as the program sees it; so are the others.
    pub(super) task_root: PathBuf,
    pub(super) opt: PathBuf,
    pub(super) runtime_dir: PathBuf,
    pub(super) interpreter_dir: Option<PathBuf>,
    pub(super) sdk: Option<PathBuf>,
    /// What a sandbox must see of the machine for it, besides what is the function's own.
    pub(super) mounts: Vec<Mount>,
}

impl ProcessDriver {
    /// Removes what servers that died have left in `work_dir` and in the control groups.
    pub fn new(config: Config) -> io::Result<Self> {
        let random = u64::from_ne_bytes(config.entropy.bytes());
        let server = format!("{}-{random:016x}", std::process::id());
        let folders = Folders::open(&config.work_dir, &server)?;
        let launcher = LauncherProgram {
            program: config.launcher,
            arguments: config.launcher_args,
            // Hidden from this process by no mount: the launcher's are its own.
            place: config.isolation.sandboxed().then(|| folders.root().to_path_buf()),
        };
        let groups = match (config.groups, config.isolation) {
            (GroupUse::Never, _) => None,
            // Orphans of ours would become ours to reap if we are the first process: the reaper sees to that.
            (GroupUse::IfThereAreAny, Isolation::None) if rustix::process::getpid().is_init() => None,
            (GroupUse::IfThereAreAny, _) => Groups::open(&server),
        };
        let refusal = match (config.isolation, &groups) {
            (Isolation::Full, None) => Some(isolation::NO_GROUPS),
            (Isolation::Full, Some(_)) | (Isolation::WithoutGroups | Isolation::None, _) => None,
        };
        // Limits of memory that are not a group's are fixed when an interpreter starts.
        let ready_memory = match (&groups, config.isolation.sandboxed()) {
            (Some(_), true) => config.ready_memory,
            (Some(_) | None, _) => 0,
        };
        let networks = Networks::new(Arc::clone(&config.clock), config.networks, &launcher);
        let machine = Arc::new(Machine::new(launcher, groups, networks, Arc::clone(&config.clock))?);
        Ok(Self {
            clients: Clients::new(&config.work_dir, &server)?,
            folders,
            isolation: config.isolation,
            ready: Ready::new(Arc::clone(&machine), ready_memory),
            templates: Templates::new(Arc::clone(&config.clock)),
            refusal,
            users: Users::of(random),
            endpoint: config.endpoint,
            entropy: config.entropy,
            machine,
            sdks: Sdks::new(config.layers, config.interpreters.clone()),
            interpreters: Interpreters::new(config.interpreters, config.runtimes, config.clock),
            language: variables::language(),
            started: AtomicU64::new(0),
            compiling: tokio::sync::Mutex::default(),
            network_noted: AtomicBool::new(false),
        })
    }

    /// Finds what `runtime` needs ahead of its first start, with `progress` told what is being done: the
    /// interpreter, and the SDK layer, which may be downloaded.
    pub async fn prepare(
        &self,
        runtime: Runtime,
        progress: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Prepared, StartFailure> {
        let Some((client, interpreter)) = self.interpreter(runtime).await? else {
            return Ok(Prepared { interpreter: None, notes: self.network_note() });
        };
        self.client(client, &interpreter).await?;
        let sdk = self.sdks.folder(client, &interpreter, progress).await;
        let lacking = sdk.and_then(Result::err);
        let network = self.network_note();
        let notes =
            Interpreters::note(runtime, &interpreter).into_iter().chain(lacking).chain(network).collect();
        Ok(Prepared { interpreter: Some(interpreter.program), notes })
    }

    /// That functions reach nothing outside; said once.
    fn network_note(&self) -> Vec<String> {
        if !self.sandboxed() || self.network_noted.swap(true, Ordering::Relaxed) {
            return Vec::new();
        }
        let lacking = network::internet().err();
        lacking.into_iter().map(|help| format!("functions reach nothing outside: {help}")).collect()
    }

    /// Whether this machine can give functions what they insist on reaching.
    ///
    /// # Errors
    /// What is not there, and what to do about it.
    pub fn grant(&self, network: &Network) -> Result<(), String> {
        let Some(networks) = self.machine.networks() else { return Ok(()) };
        if self.sandboxed() {
            return networks.check(network, Whose::Process);
        }
        // Without a sandbox it has what the machine has.
        networks.granted(network, Whose::Process).map(drop).map_err(|error| error.to_string())
    }

    /// What its environments are connected by, for those that are connected and are no processes.
    pub fn networks(&self) -> Option<Arc<Networks>> {
        self.machine.networks().map(Arc::clone)
    }

    /// Whether environments can be isolated as the configuration says, tried with one.
    ///
    /// # Errors
    /// What this machine lacks, and what to do about it.
    pub async fn try_isolation(&self) -> Result<(), String> {
        if let Some(refusal) = self.refusal {
            return Err(refusal.into());
        }
        if !self.sandboxed() {
            return Ok(());
        }
        survey::judge(self.machine.spawn(survey::trial(self.next_users())).await.map(drop))
    }

    /// Ready once every environment that was dropped has left nothing behind.
    pub async fn settled(&self) {
        self.machine.settled().await;
    }

    pub(super) fn machine(&self) -> &Arc<Machine> {
        &self.machine
    }

    pub(super) fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.entropy
    }

    pub(super) fn folders(&self) -> &Folders {
        &self.folders
    }

    pub(super) fn refusal(&self) -> Option<&'static str> {
        self.refusal
    }

    pub(super) fn sandboxed(&self) -> bool {
        self.isolation.sandboxed()
    }

    /// Whether environments are copies of an initialised runtime: one that runs our client, which forks when it is told.
    /// What a wrapper starts may be another.
    pub(super) fn copies(&self, spec: &EnvironmentSpec) -> bool {
        spec.initialization == Initialization::SnapStart
            && matches!(spec.runtime, Runtime::Python { .. })
            && !spec.variables.contains_key("AWS_LAMBDA_EXEC_WRAPPER")
            && self.sandboxed()
            && cfg!(target_arch = "x86_64")
    }

    pub(super) fn templates(&self) -> &Templates {
        &self.templates
    }

    /// How many function versions are initialised to be copied.
    pub fn initialised(&self) -> usize {
        self.templates.count()
    }

    /// How many copies of these wait for a start.
    pub fn copies_waiting(&self) -> usize {
        self.templates.ahead()
    }

    pub(super) fn interpreters(&self) -> &Interpreters {
        &self.interpreters
    }

    /// Held by the one that compiles: one at a time.
    pub(super) fn compiling(&self) -> &tokio::sync::Mutex<()> {
        &self.compiling
    }

    pub(super) fn ready(&self) -> &Ready {
        &self.ready
    }

    /// How many interpreters wait for a function.
    pub fn waiting(&self) -> usize {
        self.ready.count()
    }

    pub(super) fn endpoint(&self) -> Option<&Endpoint> {
        self.endpoint.as_ref()
    }

    /// Users for one environment, if it can have some of its own.
    pub(super) fn next_users(&self) -> Option<u32> {
        self.users.as_ref().map(Users::next)
    }

    pub(super) fn language(&self) -> &'static str {
        self.language
    }

    /// A name that no other environment of this server has.
    pub(super) fn next_name(&self) -> String {
        self.started.fetch_add(1, Ordering::Relaxed).to_string()
    }

    async fn interpreter(
        &self,
        runtime: Runtime,
    ) -> Result<Option<(&'static Client, Interpreter)>, StartFailure> {
        let client = match runtime {
            Runtime::Python { .. } => sonagi_guest::python(),
            Runtime::Nodejs { .. } => sonagi_guest::node(),
            Runtime::Provided(_) => return Ok(None),
            Runtime::Wasm => {
                let text = "a WebAssembly component is not run as a process";
                return Err(StartFailure::Unsupported(text.into()));
            }
        };
        let found = self.interpreters.find(runtime).await.map_err(StartFailure::Unsupported)?;
        Ok(found.map(|interpreter| (client, interpreter)))
    }

    async fn client(
        &self,
        client: &'static Client,
        interpreter: &Interpreter,
    ) -> Result<PathBuf, StartFailure> {
        let written = self.clients.folder(client, interpreter).await;
        written.map_err(|cause| StartFailure::Machine { doing: "write the runtime client's files", cause })
    }

    /// What runs the code that `spec` asks for.
    pub(super) async fn program(&self, spec: &EnvironmentSpec) -> Result<Program, StartFailure> {
        let task_root = if self.sandboxed() { isolation::TASK_ROOT.into() } else { spec.code.clone() };
        let opt: PathBuf = match &spec.opt {
            Some(opt) if !self.sandboxed() => opt.folder.clone(),
            Some(_) | None => isolation::OPT.into(),
        };
        let Some((client, interpreter)) = self.interpreter(spec.runtime).await? else {
            let places = bootstrap::places(spec, &task_root, &opt);
            let path =
                tokio::task::spawn_blocking(move || bootstrap::find(&places)).await.map_err(|cause| {
                    StartFailure::Machine { doing: "look at the bootstrap", cause: cause.into() }
                })??;
            return Ok(Program {
                path,
                arguments: Vec::new(),
                task_root,
                opt,
                runtime_dir: isolation::RUNTIME_DIR.into(),
                interpreter_dir: None,
                sdk: None,
                mounts: Vec::new(),
            });
        };
        let mut mounts = Vec::new();
        let mut runtime_dir = self.client(client, &interpreter).await?;
        let mut sdk = self.sdks.folder(client, &interpreter, &|_| {}).await.and_then(Result::ok);
        if self.sandboxed() {
            mounts = isolation::interpreter(&interpreter.program);
            let mut show = |from: &mut PathBuf, to: &str| {
                let from = std::mem::replace(from, to.into());
                mounts.push(Mount { from, to: to.into() });
            };
            show(&mut runtime_dir, isolation::RUNTIME_DIR);
            if let Some(sdk) = &mut sdk {
                // Node looks for modules in folders of one name.
                let name = sdk.file_name().unwrap_or_default().to_string_lossy();
                let seen_as = format!("{}/{name}", isolation::SDK_DIR);
                show(sdk, &seen_as);
            }
        }
        let mut arguments: Vec<std::ffi::OsString> =
            client.arguments(spec.memory).into_iter().map(Into::into).collect();
        arguments.push(runtime_dir.join(client.entry).into());
        let mut path = interpreter.program.clone();
        // "Modifying the runtime environment", "Wrapper scripts": it is given the runtime's command line.
        if let Some(wrapper) = spec.variables.get("AWS_LAMBDA_EXEC_WRAPPER") {
            arguments.insert(0, path.into());
            path = wrapper.into();
        }
        let interpreter_dir = interpreter.program.parent().map(Path::to_path_buf);
        Ok(Program { path, arguments, task_root, opt, runtime_dir, interpreter_dir, sdk, mounts })
    }
}

#[async_trait]
impl Driver for ProcessDriver {
    async fn start(&self, spec: Arc<EnvironmentSpec>, deadline: Tick) -> Result<Started, StartFailure> {
        start::run(self, spec, deadline).await
    }

    async fn initialise(
        &self,
        spec: Arc<EnvironmentSpec>,
        deadline: Tick,
    ) -> Result<Initialised, StartFailure> {
        match self.refusal {
            Some(refusal) => Err(StartFailure::Unsupported(refusal.into())),
            None if self.copies(&spec) => snapshot::initialise(self, spec, deadline).await,
            None => Ok(Initialised::EachTime),
        }
    }

    fn kept(&self) -> u64 {
        self.templates.memory()
    }

    fn give_up(&self) -> GivenUp {
        self.templates.give_up()
    }
}
