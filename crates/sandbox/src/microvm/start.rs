//! From a specification to an environment that waits for its first event: booted, or restored.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sonagi_guest::machine::protocol::{
    self, CREDENTIALS_PORT, ENTROPY, Failure, Interface, Order, Orders, Relay, Renewal, Step, Visit, Word,
};
use sonagi_model::{
    Digest, RequestId, Tick, clock,
    function::{DriverChoice, Runtime},
    limits,
    network::UnknownNetwork,
};
use tokio::net::UnixListener;

use super::{
    driver::MicrovmDriver,
    endpoint,
    guest::Guest,
    initial,
    link::{self, Control, Link},
    monitor::{Machine, NoMachine, Place, Shape},
    shelf::Found,
};
use crate::{
    EnvironmentSpec, Initialization, Origin, StartFailure, Started,
    process::{
        Awaits, Grant, Hints, Life, OPT, Opened, Output, ProcessEnvironment, RUNTIME_API, RUNTIME_API_PORT,
        RUNTIME_DIR, State, Surroundings, TASK_ROOT, Whose, Wire, bootstrap_places, find_bootstrap,
        find_extensions, first_request, initialise, not_connected, not_started, tell_afresh, variables,
    },
    runtime_api::Doorway,
};

/// The user that Lambda runs functions as, by its number.
const USER: u32 = 993;
const GROUP: u32 = 990;
/// Where the layer with the AWS SDK is.
const SDK_DIR: &str = "/var/lang";
const INITIALIZATION_TYPE: &str = "AWS_LAMBDA_INITIALIZATION_TYPE";
/// The host's vsock port of the AWS endpoint.
const ENDPOINT_PORT: u32 = 2_000;
/// Memory that gives one processor, in MiB: as for processes.
const PROCESSOR_MEMORY: u32 = 1_769;
/// "either 1 or an even number", at most 32 (Firecracker's `MachineConfiguration`).
const PROCESSORS_MAX: u32 = 32;

/// Boots take longer than anything else; a machine that cannot be made is no fault of the function's.
fn machine(doing: &'static str) -> impl Fn(io::Error) -> StartFailure {
    move |cause| StartFailure::Machine { doing, cause }
}

fn no_machine(failure: NoMachine) -> StartFailure {
    StartFailure::Machine { doing: "make a virtual machine", cause: io::Error::other(failure) }
}

pub(super) async fn run(
    driver: &Arc<MicrovmDriver>,
    spec: &Arc<EnvironmentSpec>,
    deadline: Tick,
) -> Result<Started, StartFailure> {
    driver.can_run(spec.runtime, spec.architecture, &spec.network).map_err(StartFailure::Unsupported)?;
    let clock = Arc::clone(&driver.clock);
    let began = clock.tick();
    let within = clock::within(&*clock, deadline, async {
        let job = Job::new(driver, spec).await?;
        match spec.driver {
            DriverChoice::Usual | DriverChoice::Microvm => job.afresh(began, deadline).await,
            DriverChoice::MicrovmSnapshot => Box::pin(job.by_snapshot(began, deadline)).await,
        }
    });
    within.await.unwrap_or_else(|| Err(StartFailure::TimedOut { create: clock.tick().since(began) }))
}

/// A machine in which a runtime was started, and how long it took up to there.
type Running = (ProcessEnvironment, Duration);

/// All that is known of an environment before it is started.
struct Job {
    driver: Arc<MicrovmDriver>,
    spec: Arc<EnvironmentSpec>,
    shape: Shape,
    orders: Orders,
    program: PathBuf,
    /// What the machine is to be connected to.
    grant: Option<Grant>,
    /// What the drives hold.
    drives: Vec<Digest>,
    /// What the credentials' port asks for.
    authorization: String,
}

/// A machine that has asked for something, with what it needs.
struct Asking {
    machine: Box<dyn Machine>,
    control: Control,
    visit: Visit,
    link: Link,
    api: UnixListener,
    endpoint: Option<UnixListener>,
}

impl Job {
    async fn new(driver: &Arc<MicrovmDriver>, spec: &Arc<EnvironmentSpec>) -> Result<Self, StartFailure> {
        let unknown = |error: UnknownNetwork| StartFailure::Unsupported(error.to_string());
        let grant = match &driver.networks {
            Some(networks) => networks.granted(&spec.network, Whose::Machine).map_err(unknown)?,
            None => None,
        };
        if !find_extensions(spec).await?.is_empty() {
            return Err(StartFailure::Unsupported(NO_EXTENSIONS.into()));
        }
        let image = machine("make a file system of a package");
        let mut drives = vec![spec.package];
        let mut paths =
            vec![driver.root.clone(), driver.image(spec.package, spec.code.clone()).await.map_err(&image)?];
        let mut places = vec!["/".to_owned(), TASK_ROOT.to_owned()];
        if let Some(opt) = &spec.opt {
            drives.push(opt.digest);
            paths.push(driver.image(opt.digest, opt.folder.clone()).await.map_err(&image)?);
            places.push(OPT.to_owned());
        }
        let mut sdk = None;
        let (program, arguments, client) = match driver.interpreter(spec.runtime)? {
            None => {
                let places = bootstrap_places(spec, TASK_ROOT.as_ref(), OPT.as_ref());
                let found = tokio::task::spawn_blocking(move || find_bootstrap(&places)).await;
                let program = found.map_err(|error| machine("look at the bootstrap")(error.into()))??;
                (program, Vec::new(), String::new())
            }
            Some(installed) => {
                if let Some(folder) = driver.sdk(spec.runtime, installed).await {
                    // Node looks for modules in folders of one name, which therefore is in the image.
                    let (from, inside) = match (folder.ends_with("node_modules"), folder.parent()) {
                        (true, Some(layer)) => (layer.to_path_buf(), Path::new(SDK_DIR).join("node_modules")),
                        (_, _) => (folder.clone(), PathBuf::from(SDK_DIR)),
                    };
                    // A layer's folder has its versions in its name.
                    let key = Digest::of(folder.as_os_str().as_encoded_bytes());
                    drives.push(key);
                    paths.push(driver.image(key, from).await.map_err(&image)?);
                    places.push(SDK_DIR.to_owned());
                    sdk = Some(inside);
                }
                let client = match spec.runtime {
                    Runtime::Nodejs { .. } => sonagi_guest::node(),
                    Runtime::Python { .. } | Runtime::Provided(_) | Runtime::Wasm => sonagi_guest::python(),
                };
                let mut program = installed.program.clone();
                let mut arguments = client.arguments(spec.memory);
                arguments.push(format!("{RUNTIME_DIR}/{}", client.entry));
                if let Some(wrapper) = spec.variables.get("AWS_LAMBDA_EXEC_WRAPPER") {
                    arguments.insert(0, program.to_string_lossy().into_owned());
                    program = wrapper.into();
                }
                (program, arguments, initial::folder(client))
            }
        };
        let endpoint = driver.endpoint.as_ref();
        let address = endpoint.map(|endpoint| format!("http://127.0.0.1:{}", endpoint.port));
        let authorization = RequestId::random(&*driver.entropy).to_string();
        let mut all = variables(
            spec,
            &Surroundings {
                runtime_api: RUNTIME_API,
                endpoint: address.as_deref().unwrap_or(&spec.endpoint),
                task_root: TASK_ROOT.as_ref(),
                opt: OPT.as_ref(),
                runtime_dir: RUNTIME_DIR.as_ref(),
                interpreter_dir: program.parent(),
                sdk: sdk.as_deref(),
                temporary: None,
                language: "C.UTF-8",
            },
        );
        if spec.driver == DriverChoice::MicrovmSnapshot {
            // As with SnapStart: what is one environment's own is no variable.
            const OF_ONE: [&str; 7] = [
                "AWS_ACCESS_KEY",
                "AWS_ACCESS_KEY_ID",
                "AWS_SECRET_ACCESS_KEY",
                "AWS_SESSION_TOKEN",
                "AWS_LAMBDA_LOG_GROUP_NAME",
                "AWS_LAMBDA_LOG_STREAM_NAME",
                INITIALIZATION_TYPE,
            ];
            all.retain(|(name, _)| !OF_ONE.iter().any(|own| name == own));
            all.push((INITIALIZATION_TYPE.into(), Initialization::SnapStart.as_str().into()));
            let uri = format!("http://127.0.0.1:{CREDENTIALS_PORT}/credentials");
            all.push(("AWS_CONTAINER_CREDENTIALS_FULL_URI".into(), uri.into()));
            all.push(("AWS_CONTAINER_AUTHORIZATION_TOKEN".into(), authorization.clone().into()));
        }
        let mut relays = vec![Relay { port: RUNTIME_API_PORT, host: u32::from(RUNTIME_API_PORT) }];
        relays.extend(endpoint.map(|endpoint| Relay { port: endpoint.port, host: ENDPOINT_PORT }));
        let bytes = |text: std::ffi::OsString| text.into_encoded_bytes();
        let orders = Orders {
            now: Renewal::default(),
            drives: places
                .into_iter()
                .enumerate()
                .map(|(number, at)| protocol::Drive { device: device(number), at })
                .collect(),
            scratch: device(paths.len()),
            client,
            user: USER,
            group: GROUP,
            files: limits::ENVIRONMENT_FILES,
            processes: u64::from(limits::ENVIRONMENT_PROCESSES),
            folder: TASK_ROOT.into(),
            program: bytes(program.clone().into()),
            arguments: arguments.into_iter().map(String::into_bytes).collect(),
            variables: all
                .into_iter()
                .map(|(name, value)| [bytes(name), b"=".into(), bytes(value)].concat())
                .collect(),
            relays,
            network: grant.map(|_| Interface {
                own: Wire::MACHINE,
                prefix: Wire::PREFIX,
                gateway: Wire::GATEWAY,
                resolver: Wire::RESOLVER,
            }),
        };
        let empty = driver.scratch(u64::from(spec.ephemeral_storage) << 20).await;
        Ok(Self {
            shape: shape(spec, driver, paths, empty.map_err(machine("make a file system for /tmp"))?),
            grant,
            driver: Arc::clone(driver),
            spec: Arc::clone(spec),
            orders,
            program,
            drives,
            authorization,
        })
    }

    /// What is now, and no other machine's.
    fn renewal(&self) -> Renewal {
        let (clock, entropy) = (&self.driver.clock, &self.driver.entropy);
        let now = clock.now();
        let credentials = match self.spec.driver {
            DriverChoice::Usual | DriverChoice::Microvm => String::new(),
            DriverChoice::MicrovmSnapshot => {
                let own = &self.spec.credentials;
                serde_json::json!({
                    "AccessKeyId": own.access_key_id,
                    "SecretAccessKey": own.secret_access_key,
                    "Token": own.session_token,
                    "Expiration": (now + limits::MICROVM_CREDENTIALS).to_string(),
                })
                .to_string()
            }
        };
        Renewal {
            time: now.micros().saturating_mul(1_000),
            entropy: entropy.bytes::<ENTROPY>().into(),
            boot_id: RequestId::random(&**entropy).to_string(),
            credentials,
            authorization: self.authorization.clone(),
        }
    }

    /// A place with everything that its machine will connect to.
    async fn place(&self) -> Result<(Place, Link, UnixListener, Option<UnixListener>), StartFailure> {
        let opened = || {
            let place = self.driver.monitor.place(&self.driver.next_name())?;
            let link = Link::open(&place)?;
            let api = link::listen(&place, u32::from(RUNTIME_API_PORT))?;
            let endpoint =
                self.driver.endpoint.as_ref().map(|_| link::listen(&place, ENDPOINT_PORT)).transpose()?;
            Ok((place, link, api, endpoint))
        };
        let (mut place, link, api, endpoint) =
            opened().map_err(machine("make a place for a virtual machine"))?;
        if let (Some(_), Some(networks)) = (self.grant, &self.driver.networks) {
            let (networks, user, spec) = (Arc::clone(networks), place.user, Arc::clone(&self.spec));
            let wired = tokio::task::spawn_blocking(move || networks.wire(&spec.network, user)).await;
            let wired = wired.map_err(|error| machine("connect a virtual machine")(error.into()))?;
            place.wire = wired.map_err(not_connected)?;
            if place.wire.is_none() {
                // It could be given one a moment ago, and was told so.
                return Err(StartFailure::NotYet(
                    "a virtual machine's network cannot be made any more".into(),
                ));
            }
        }
        Ok((place, link, api, endpoint))
    }

    /// A machine that serves itself.
    async fn afresh(&self, began: Tick, deadline: Tick) -> Result<Started, StartFailure> {
        let running = self.boot(began, deadline).await?;
        ready(running, Origin::Initialised, deadline).await
    }

    async fn boot(&self, began: Tick, deadline: Tick) -> Result<Running, StartFailure> {
        let (place, link, api, endpoint) = self.place().await?;
        let machine = self.driver.monitor.boot(place, &self.shape, deadline).await.map_err(no_machine)?;
        let mut asking = asking(machine, link, api, endpoint).await?;
        if asking.visit != Visit::First {
            return Err(lost("a machine that was just booted says that it was restored"));
        }
        let orders = Orders { now: self.renewal(), ..self.orders.clone() };
        let ordered = asking.control.order(&Order::Start(Box::new(orders))).await;
        ordered.map_err(self::machine("tell a virtual machine what to run"))?;
        match heard(&mut asking).await? {
            Word::Started => {}
            Word::Failed(failure) => return Err(self.not_prepared(&failure)),
            Word::Hello { .. } | Word::Usage(_) | Word::Renewed | Word::Ended(_) => {
                return Err(lost("its init does not say what it should"));
            }
        }
        self.settle(asking, began).await
    }

    async fn restore(&self, snapshot: &Path, began: Tick, deadline: Tick) -> Result<Running, StartFailure> {
        let (place, link, api, endpoint) = self.place().await?;
        let patience = deadline.min(self.driver.clock.tick() + self.driver.renewal);
        let renewed = async {
            let monitor = &self.driver.monitor;
            let machine =
                monitor.restore(place, &self.shape, snapshot, patience).await.map_err(no_machine)?;
            let mut asking = asking(machine, link, api, endpoint).await?;
            if asking.visit != Visit::Again {
                return Err(lost("a machine that was restored says that it was just booted"));
            }
            // Its variables have another token, which the first machine of the snapshot was given.
            let renewal = Renewal { authorization: String::new(), ..self.renewal() };
            let ordered = asking.control.order(&Order::Renew(renewal)).await;
            ordered.map_err(self::machine("tell a virtual machine the time"))?;
            match heard(&mut asking).await? {
                Word::Renewed => Ok(asking),
                Word::Failed(_) | Word::Hello { .. } | Word::Usage(_) | Word::Started | Word::Ended(_) => {
                    Err(lost("its init does not say what it should"))
                }
            }
        };
        let renewed = clock::within(&*self.driver.clock, patience, renewed).await;
        let asking = renewed.unwrap_or_else(|| Err(lost("it does not say that it goes on")))?;
        self.settle(asking, began).await
    }

    /// The runtime's process is there.
    async fn settle(&self, asking: Asking, began: Tick) -> Result<Running, StartFailure> {
        let Asking { machine, control, link, api, endpoint, .. } = asking;
        let mut guest = Guest::new(machine, control);
        let output = tokio::select! {
            output = link.output() => output.map_err(self::machine("read a virtual machine's output"))?,
            () = guest.machine.ended() => return Err(no_machine(NoMachine::Ended { words: guest.machine.last_words() })),
        };
        let clock = &self.driver.clock;
        let endpoint = match (endpoint, &self.driver.endpoint) {
            (Some(listener), Some(inside)) => {
                let address = inside.address().await.map_err(self::machine("open the AWS endpoint"))?;
                Some(Opened(endpoint::lead(listener, address, Arc::clone(clock))))
            }
            (Some(_) | None, _) => None,
        };
        let environment = ProcessEnvironment {
            clock: Arc::clone(clock),
            entropy: Arc::clone(&self.driver.entropy),
            spec: Arc::clone(&self.spec),
            process: Life::Machine(guest),
            output: Output::of_machine(output, Arc::clone(&self.spec.logs), Arc::clone(clock)),
            api: Doorway::at(api, Arc::clone(clock)),
            focus: None,
            state: State::Initialising,
            awaits: match (self.spec.driver, self.spec.initialization) {
                (DriverChoice::MicrovmSnapshot, _) | (_, Initialization::SnapStart) => Awaits::Restore,
                (
                    DriverChoice::Usual | DriverChoice::Microvm,
                    Initialization::OnDemand | Initialization::Provisioned,
                ) => Awaits::Nothing,
            },
            hints: Hints::new(&self.spec, TASK_ROOT.into(), Arc::clone(clock)),
            crew: None,
            head: Vec::new(),
            _endpoint: endpoint,
            _template: None,
        };
        Ok((environment, clock.tick().since(began)))
    }

    /// From the snapshot of this function, if it has one. The first start makes it, and is then restored from it as all
    /// others are; whatever goes wrong with a snapshot, the function is started without one.
    async fn by_snapshot(&self, began: Tick, deadline: Tick) -> Result<Started, StartFailure> {
        let driver = &self.driver;
        let key = driver.snapshot_key(&self.spec, &self.drives, self.grant);
        let snapshot = match driver.snapshots.find(&key).await {
            Ok(Found::There(snapshot)) => snapshot,
            Ok(Found::ToMake(draft)) => {
                let (mut environment, create) = self.boot(began, deadline).await?;
                // Up to where it asks to be restored; or for work, if it knows nothing of that. Either is answered after a
                // restore, when it is asked again.
                let asked = initialise(&mut environment, create, driver.clock.tick(), deadline).await?;
                if environment.has_extensions() {
                    environment.end().await;
                    drop(asked);
                    tell_afresh(&self.spec, &*driver.clock, HAS_EXTENSIONS);
                    return self.afresh(began, deadline).await;
                }
                let patience = driver.clock.tick() + limits::MICROVM_SNAPSHOT_TIMEOUT;
                let taken = match &mut environment.process {
                    Life::Machine(guest) => guest.machine.snapshot(&draft.folder, patience).await,
                    Life::Process(_) => return Err(lost("a machine's environment is a process")),
                };
                environment.end().await;
                drop(asked);
                let kept = match taken {
                    Ok(()) => draft.finish().map_err(NoMachine::io("keep a snapshot")),
                    Err(failure) => Err(failure),
                };
                match kept {
                    Ok(snapshot) => snapshot,
                    Err(failure) => return self.without(&failure, began, deadline).await,
                }
            }
            Err(error) => {
                let failure = NoMachine::Io { doing: "look for a snapshot", cause: error };
                return self.without(&failure, began, deadline).await;
            }
        };
        match self.restore(&snapshot, began, deadline).await {
            Ok(running) => ready(running, Origin::Copied, deadline).await,
            Err(StartFailure::Machine { cause, .. }) => {
                // One that cannot be restored once will not be at another time.
                driver.snapshots.discard(&key);
                self.without(&NoMachine::Io { doing: "restore a snapshot", cause }, began, deadline).await
            }
            Err(other) => Err(other),
        }
    }

    async fn without(
        &self,
        failure: &NoMachine,
        began: Tick,
        deadline: Tick,
    ) -> Result<Started, StartFailure> {
        let function = &self.spec.function_name;
        tracing::warn!(function, failure = failure as &dyn std::error::Error, "started without its snapshot");
        let why = format!("its machine's snapshot cannot be used ({failure})");
        tell_afresh(&self.spec, &*self.driver.clock, &why);
        self.afresh(began, deadline).await
    }

    fn not_prepared(&self, failure: &Failure) -> StartFailure {
        let cause = io::Error::from_raw_os_error(failure.errno);
        let doing = match (failure.step, self.spec.runtime) {
            (Step::Exec, Runtime::Provided(_) | Runtime::Wasm) => {
                return not_started(&self.program, failure.errno);
            }
            (Step::Exec, Runtime::Python { .. } | Runtime::Nodejs { .. })
                if self.spec.variables.contains_key("AWS_LAMBDA_EXEC_WRAPPER") =>
            {
                return not_started(&self.program, failure.errno);
            }
            (Step::Exec, Runtime::Python { .. } | Runtime::Nodejs { .. }) => {
                return StartFailure::Unsupported(format!(
                    "the root file system of microVMs does not start {}: {cause}; build it again with `sonagi microvm \
                     rootfs`",
                    self.program.display()
                ));
            }
            (Step::Drives | Step::Files, _) => {
                return StartFailure::Unsupported(format!(
                    "the root file system or the kernel of microVMs cannot be used: {}: {cause}",
                    failure.subject
                ));
            }
            (Step::Network, _) if failure.subject == protocol::INTERFACE => {
                return StartFailure::Unsupported(format!(
                    "the kernel of microVMs cannot use a network interface ({cause}): it needs virtio net built in"
                ));
            }
            (Step::Orders, _) => "tell a virtual machine what to run",
            (Step::Network, _) => "give a virtual machine its network",
            (Step::Limits, _) => "limit a virtual machine's runtime",
        };
        StartFailure::Machine {
            doing,
            cause: io::Error::new(cause.kind(), format!("{}: {cause}", failure.subject)),
        }
    }
}

/// It waits for its first event.
async fn ready(
    (mut environment, create): Running,
    origin: Origin,
    deadline: Tick,
) -> Result<Started, StartFailure> {
    let init = first_request(&mut environment, deadline, create).await?;
    environment.process.limit_processors().map_err(machine("limit a virtual machine's processor time"))?;
    Ok(Started { environment: Box::new(environment), create, init, origin })
}

/// Waits for the init's first connection.
async fn asking(
    mut machine: Box<dyn Machine>,
    link: Link,
    api: UnixListener,
    endpoint: Option<UnixListener>,
) -> Result<Asking, StartFailure> {
    let asked = tokio::select! {
        asked = link.control() => asked,
        () = machine.ended() => return Err(no_machine(NoMachine::Ended { words: machine.last_words() })),
    };
    let (control, visit) = asked.map_err(self::machine("hear a virtual machine"))?;
    Ok(Asking { machine, control, visit, link, api, endpoint })
}

/// The init's next word.
async fn heard(asking: &mut Asking) -> Result<Word, StartFailure> {
    let Asking { machine, control, .. } = asking;
    tokio::select! {
        word = control.word() => word.map_err(self::machine("hear a virtual machine")),
        () = machine.ended() => Err(no_machine(NoMachine::Ended { words: machine.last_words() })),
    }
}

const NO_EXTENSIONS: &str = "the function's layers hold extensions (/opt/extensions), which are not started in a virtual \
                             machine: take `driver = \"microvm\"` or that layer from the function";
const HAS_EXTENSIONS: &str = "its runtime has registered an extension";

fn lost(what: &'static str) -> StartFailure {
    StartFailure::Machine { doing: "make a virtual machine", cause: io::Error::other(what) }
}

/// What the kernel calls the drive with this number: there are no more than five.
fn device(number: usize) -> String {
    format!("vd{}", char::from(b'a' + number as u8))
}

fn shape(spec: &EnvironmentSpec, driver: &MicrovmDriver, drives: Vec<PathBuf>, scratch: PathBuf) -> Shape {
    let wanted = spec.memory.div_ceil(PROCESSOR_MEMORY);
    let there = std::thread::available_parallelism().map_or(1, |count| count.get() as u32);
    let processors = match wanted.min(there).min(PROCESSORS_MAX) {
        0 | 1 => 1,
        more => more & !1,
    };
    Shape {
        processors,
        processor_share: (u64::from(spec.memory) * 1_000 / u64::from(PROCESSOR_MEMORY)) as u32,
        memory: spec.memory + limits::MICROVM_MEMORY_EXTRA,
        kernel: driver.kernel.clone(),
        initial: driver.initial.clone(),
        drives,
        scratch,
    }
}
