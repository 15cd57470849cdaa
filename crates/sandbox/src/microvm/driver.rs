//! The driver: what its machines share.

use std::{
    fmt, fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use sonagi_model::{
    Clock, Digest, Entropy, Tick,
    function::{Architecture, Function, Network, Runtime},
    limits,
};
use tokio::sync::OnceCell;

use super::{
    image,
    initial::{self, Extra},
    inside::{Inside, Installed},
    monitor::Monitor,
    scratch,
    shelf::{Found, Shelf},
    start,
};
use crate::{
    Driver, EnvironmentSpec, Footprint, StartFailure, Started,
    layers::Layers,
    process::{Endpoint, Folders, Grant, Interpreter, Networks, Opened, Sdks, Whose},
};

/// What the microVM driver needs to know.
pub struct Config {
    pub monitor: Arc<dyn Monitor>,
    /// Machines' kernels, file systems and snapshots; created if missing.
    pub work_dir: PathBuf,
    pub kernel: PathBuf,
    /// The file beside it says what is inside: [`super::description_of`].
    pub root: PathBuf,
    /// What the initial RAM disk has beside the init and the clients: kernel modules, if the kernel needs any, in
    /// `modules/` with their names in `modules/order`.
    pub extras: Vec<Extra>,
    /// What the AWS SDKs inside talk to; none: what the specification says.
    pub endpoint: Option<Endpoint>,
    /// What machines are connected by; none: functions that ask for a network are refused.
    pub networks: Option<Arc<Networks>>,
    /// Where the SDK layers are kept; none: functions find no SDK but what their package holds.
    pub layers: Option<Layers>,
    /// Where programs are looked for: the value of `PATH`.
    pub search_path: String,
    /// How long a machine that is restored may take to say that it goes on, before it is started afresh.
    pub renewal: Duration,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

/// Starts environments that are virtual machines.
pub struct MicrovmDriver {
    pub(super) monitor: Arc<dyn Monitor>,
    pub(super) kernel: PathBuf,
    pub(super) initial: PathBuf,
    pub(super) root: PathBuf,
    inside: Inside,
    /// Everything of the machine that a snapshot depends on.
    basis: Digest,
    images: Shelf,
    pub(super) snapshots: Shelf,
    pub(super) networks: Option<Arc<Networks>>,
    sdks: Sdks,
    search_path: String,
    pub(super) endpoint: Option<EndpointInside>,
    pub(super) renewal: Duration,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    started: AtomicU64,
    // The last to go: it holds the lock.
    _room: Room,
}

/// The AWS endpoint, as machines reach it.
pub(super) struct EndpointInside {
    /// Of the machines' loopback interface.
    pub(super) port: u16,
    endpoint: Endpoint,
    /// Where it is served for all of them.
    served: OnceCell<(SocketAddr, Opened)>,
}

impl fmt::Debug for MicrovmDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MicrovmDriver").field("kernel", &self.kernel).finish_non_exhaustive()
    }
}

/// The folder of one server's own files and machines, below the work folder, whose other folders outlive it. Dropping it
/// removes the folder.
#[derive(Debug)]
pub struct Room(Folders);

impl Room {
    /// Removes those of servers that died.
    pub fn open(work_dir: &Path, entropy: &dyn Entropy) -> io::Result<Self> {
        fs::create_dir_all(work_dir)?;
        // Snapshots hold functions' memory.
        fs::set_permissions(work_dir, fs::Permissions::from_mode(0o700))?;
        // A socket's address has room for a short path only.
        let random = u32::from_ne_bytes(entropy.bytes());
        Folders::open(work_dir, &format!("{random:08x}")).map(Self)
    }

    pub fn path(&self) -> &Path {
        self.0.root()
    }
}

impl MicrovmDriver {
    /// `room` is where the monitor's machines are. Blocks while the kernel and the root file system are copied.
    ///
    /// # Errors
    /// What of it cannot be used, in words.
    pub fn open(config: Config, room: Room) -> io::Result<Self> {
        let place = room.path().to_path_buf();
        let own = |name: &str| place.join(name);
        let named = |what: &str, path: &Path| {
            let text = format!("{what} {}", path.display());
            move |error: io::Error| io::Error::new(error.kind(), format!("{text}: {error}"))
        };
        // Copies, which nobody changes under a machine.
        let kernel =
            image::copy(&config.kernel, &own("kernel")).map_err(named("the kernel", &config.kernel))?;
        let root =
            image::copy(&config.root, &own("rootfs")).map_err(named("the root file system", &config.root))?;
        let inside = Inside::read(&config.root).map_err(named("what is inside of", &config.root))?;
        let archive = initial::archive(&config.extras)?;
        fs::write(own("initial"), &archive)?;
        let parts = (
            (kernel, root, Digest::of(&archive), config.monitor.identity()),
            (processor_model(), env!("CARGO_PKG_VERSION")),
        );
        let basis = Digest::of(&serde_json::to_vec(&parts)?);
        let endpoint = config.endpoint.map(EndpointInside::new);
        let folders_to_look_in = std::env::split_paths(&config.search_path).collect();
        Ok(Self {
            monitor: config.monitor,
            kernel: own("kernel"),
            initial: own("initial"),
            root: own("rootfs"),
            inside,
            basis,
            images: Shelf::open(config.work_dir.join("images"), limits::MICROVM_IMAGES_SIZE)?,
            snapshots: Shelf::open(config.work_dir.join("snapshots"), limits::MICROVM_SNAPSHOTS_SIZE)?,
            networks: config.networks,
            sdks: Sdks::new(config.layers, folders_to_look_in),
            search_path: config.search_path,
            endpoint,
            renewal: config.renewal,
            clock: config.clock,
            entropy: config.entropy,
            started: AtomicU64::new(0),
            _room: room,
        })
    }

    /// Whether a function can be run here at all.
    ///
    /// # Errors
    /// Why it cannot be, and what to do.
    pub fn check(&self, function: &Function) -> Result<(), String> {
        self.can_run(function.runtime, function.architecture, &function.network)
    }

    pub(super) fn can_run(
        &self,
        runtime: Runtime,
        architecture: Architecture,
        network: &Network,
    ) -> Result<(), String> {
        if architecture.as_str() != HOST {
            return Err(format!("a microVM has this machine's processor, {HOST}: build the function for it"));
        }
        self.check_network(network)?;
        self.inside.interpreter(runtime).map(drop)
    }

    /// Whether machines can be given what a function insists on reaching.
    ///
    /// # Errors
    /// What is not there, and what to do about it.
    pub fn check_network(&self, network: &Network) -> Result<(), String> {
        match (&self.networks, network) {
            (Some(networks), network) => networks.check(network, Whose::Machine),
            (None, Network::None | Network::InternetIfPossible) => Ok(()),
            (None, Network::Internet | Network::Named(_) | Network::Vpc(_)) => {
                Err("this server has no network for microVMs: leave out `network`".into())
            }
        }
    }

    pub(super) fn interpreter(&self, runtime: Runtime) -> Result<Option<&Installed>, StartFailure> {
        self.inside.interpreter(runtime).map_err(StartFailure::Unsupported)
    }

    /// A name that no other machine of this server has.
    pub(super) fn next_name(&self) -> String {
        self.started.fetch_add(1, Ordering::Relaxed).to_string()
    }

    /// The file system that holds what is in `folder`; made, if it is not there. It goes on being made if the future is
    /// dropped.
    pub(super) async fn image(self: &Arc<Self>, key: Digest, folder: PathBuf) -> io::Result<PathBuf> {
        self.shelved(key, move |file, search_path| image::make(&folder, file, search_path)).await
    }

    async fn shelved(
        self: &Arc<Self>,
        key: Digest,
        make: impl FnOnce(&Path, &str) -> io::Result<()> + Send + 'static,
    ) -> io::Result<PathBuf> {
        let driver = Arc::clone(self);
        let making = tokio::spawn(async move {
            let shelved = match driver.images.find(&key).await? {
                Found::There(shelved) => shelved,
                Found::ToMake(draft) => {
                    let search_path = driver.search_path.clone();
                    let made = tokio::task::spawn_blocking(move || {
                        make(&draft.folder.join(IMAGE), &search_path)?;
                        draft.finish()
                    });
                    made.await.map_err(io::Error::other)??
                }
            };
            Ok(shelved.join(IMAGE))
        });
        making.await.map_err(io::Error::other)?
    }

    /// An empty file system of `size` bytes, to be copied for a machine's `/tmp`; made, if it is not there.
    pub(super) async fn scratch(self: &Arc<Self>, size: u64) -> io::Result<PathBuf> {
        let key = Digest::of(format!("scratch of {size} bytes, {}", env!("CARGO_PKG_VERSION")).as_bytes());
        self.shelved(key, move |file, search_path| scratch::make(size, file, search_path)).await
    }

    /// The folder with the AWS SDK for an interpreter, if there is one for it.
    pub(super) async fn sdk(&self, runtime: Runtime, installed: &Installed) -> Option<PathBuf> {
        let client = match runtime {
            Runtime::Python { .. } => sonagi_guest::python(),
            Runtime::Nodejs { .. } => sonagi_guest::node(),
            Runtime::Provided(_) | Runtime::Wasm => return None,
        };
        // The interpreter of the same name on this machine, from which the root file system was built.
        let interpreter = Interpreter { program: installed.program.clone(), version: installed.version };
        self.sdks.folder(client, &interpreter, &|_| {}).await.and_then(Result::ok)
    }

    /// Names everything that an environment's snapshot depends on.
    pub(super) fn snapshot_key(
        &self,
        spec: &EnvironmentSpec,
        drives: &[Digest],
        grant: Option<Grant>,
    ) -> Digest {
        let drives: Vec<String> = drives.iter().map(Digest::to_string).collect();
        let parts = (
            (self.basis.to_string(), spec.package.to_string(), drives, spec.app.as_str()),
            (&spec.function_name, &spec.version, spec.runtime, &spec.handler),
            (spec.memory, spec.timeout, spec.ephemeral_storage, &spec.variables),
            (&spec.region, &spec.endpoint, &spec.log_group, spec.log_format, spec.log_level),
            // What it may reach does not matter to the machine itself, but to what it finds when it is initialised.
            (format!("{:?}", spec.network), grant.is_some()),
        );
        // Tuples of strings, numbers and an ordered map always serialise.
        Digest::of(&serde_json::to_vec(&parts).unwrap_or_default())
    }
}

/// The name of the file in its folder on the shelf.
const IMAGE: &str = "image";
const HOST: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };

/// What a guest sees of the processor, and its firmware.
fn processor_model() -> String {
    const FACTS: [&str; 7] =
        ["vendor_id", "cpu family", "model", "model name", "stepping", "microcode", "flags"];
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let first = text.split("\n\n").next().unwrap_or_default();
    let facts = first
        .lines()
        .filter(|line| line.split_once(':').is_some_and(|(name, _)| FACTS.contains(&name.trim())));
    facts.collect::<Vec<_>>().join("\n")
}

impl EndpointInside {
    fn new(endpoint: Endpoint) -> Self {
        Self { port: endpoint.port, endpoint, served: OnceCell::new() }
    }

    /// Opened by the first machine: what serves it may come later than this driver.
    pub(super) async fn address(&self) -> io::Result<SocketAddr> {
        let open = async || {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            Ok::<_, io::Error>((listener.local_addr()?, self.endpoint.open(listener)?))
        };
        self.served.get_or_try_init(open).await.map(|(address, _)| *address)
    }
}

#[async_trait]
impl Driver for Arc<MicrovmDriver> {
    async fn start(&self, spec: Arc<EnvironmentSpec>, deadline: Tick) -> Result<Started, StartFailure> {
        start::run(self, &spec, deadline).await
    }

    fn footprint(&self, function: &Function) -> Footprint {
        Footprint::Process { memory: function.memory + limits::MICROVM_MEMORY_EXTRA }
    }
}
