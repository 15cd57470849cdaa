//! From a configuration to a running platform.

use std::{fs, net::SocketAddr, path::Path, sync::Arc};

use sonagi_backend::{
    Blobs, Records,
    embedded::{FileBlobs, RecordsConfig, SqliteRecords},
};
use sonagi_control::Control;
use sonagi_data::{documents::Documents, keyvalue::KeyValue, logs::Logs, queues::Queues};
use sonagi_edge::{
    gateway::{self, Gateway},
    platform::{self, Platform},
    post::HttpPost,
    serve,
};
use sonagi_events::{Declared, Events};
use sonagi_identity::{CredentialsFile, Identity};
use sonagi_invoke::Frontend;
use sonagi_model::{Clock, Entropy, function::Runtime, limits};
use sonagi_sandbox::{
    Drivers, launcher,
    layers::Layers,
    process::{self, Isolation, ProcessDriver},
    wasm::{
        self, Outbound, OutboundConfig, Roots, SystemResolver, WasmDriver,
        compile::{self, Compiler},
    },
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    Config, DataFolder, Error, OsEntropy, RealClock, Result,
    ahead::look_ahead,
    components::{Components, look_after},
    feed::keep_short,
    machine, machines,
    reach::Services,
    wiring::{FunctionLogs, FunctionSessions, PlatformInside},
};

/// A platform that answers.
pub struct Running {
    platform: SocketAddr,
    gateway: SocketAddr,
    control: Control,
    frontend: Frontend,
    logs: Logs,
    /// Brings events to functions until it is stopped.
    events: JoinHandle<()>,
    process: Arc<ProcessDriver>,
    records: Arc<SqliteRecords>,
    clock: Arc<dyn Clock>,
    stopping: CancellationToken,
    doors: Vec<JoinHandle<()>>,
    // Last, so that the folder stays locked until all else is gone.
    _folder: DataFolder,
}

/// [`start`] with the machine's own clock and randomness.
pub async fn start_real(config: Config) -> Result<Running> {
    start(config, Arc::new(RealClock::new()), Arc::new(OsEntropy)).await
}

/// Starts the platform; it answers when this returns.
pub async fn start(config: Config, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<Running> {
    let credentials = config.credentials.as_deref().map(read_credentials).transpose()?;
    // The gateway is as public as its address; what it leads to is what the apps made public.
    if credentials.is_none() && !config.listen.ip().is_loopback() {
        return Err(Error::OpenToTheWorld { address: config.listen });
    }
    let networks = config.networks.as_deref().map(sonagi_control::networks::read).transpose()?;
    let networks = Arc::new(networks.unwrap_or_default());
    machine::raise_file_limit();
    let folder = DataFolder::open(&config.data, &*entropy)?;
    let platform_door = listen(config.listen, "--listen").await?;
    let gateway_door = listen(config.gateway, "--gateway").await?;
    let (platform_address, gateway_address) = (address(&platform_door)?, address(&gateway_door)?);

    let records = Arc::new(SqliteRecords::open(RecordsConfig::new(folder.part("records")))?);
    let blobs: Arc<dyn Blobs> = Arc::new(FileBlobs::open(&folder.part("blobs"))?);
    let identity = Identity::new(sonagi_identity::Config {
        account: config.account.clone(),
        credentials,
        master_key: folder.key(),
    });
    let control = Control::open(
        sonagi_control::Config {
            account: config.account.clone(),
            region: config.region.clone(),
            concurrency: config.concurrency,
            code_dir: folder.part("code"),
        },
        Arc::clone(&records) as Arc<dyn Records>,
        blobs,
        Arc::clone(&clock),
        Arc::clone(&entropy),
    )
    .await?;
    let logs = Logs::open(folder.part("logs"), Arc::clone(&clock)).map_err(Error::Logs)?;
    let queues =
        Queues::open(Arc::clone(&records) as Arc<dyn Records>, Arc::clone(&clock), Arc::clone(&entropy))
            .await
            .map_err(Error::Queues)?;
    let documents =
        Documents::open(Arc::clone(&records) as Arc<dyn Records>, Arc::clone(&clock), Arc::clone(&entropy));
    let endpoint = Arc::new(PlatformInside::default());
    let process = Arc::new(
        ProcessDriver::new(process::Config {
            launcher: config.program.clone(),
            launcher_args: vec![launcher::WORD.into()],
            work_dir: folder.part("environments"),
            runtimes: config.runtimes,
            interpreters: std::env::split_paths(&config.path).collect(),
            layers: Some(Layers::new(config.cache.join("layers"), std::env::vars_os())),
            isolation: config.isolation,
            networks: Arc::clone(&networks),
            ready_memory: config.ready_memory,
            groups: process::GroupUse::default(),
            endpoint: Some(process::Endpoint {
                port: platform_address.port(),
                door: Arc::clone(&endpoint) as Arc<dyn process::Door>,
            }),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
        })
        .map_err(|cause| Error::Io { doing: "make room for environments", cause })?,
    );
    let wasm = WasmDriver::new(wasm::Config {
        compiler: Compiler { program: config.program, arguments: vec![compile::WORD.into()] },
        artifacts: folder.part("components"),
        key: folder.key_for("components"),
        reach: Arc::new(Services { keyvalue: KeyValue::new(Arc::clone(&records) as Arc<dyn Records>) }),
        outbound: Outbound::new(OutboundConfig {
            resolver: Arc::new(SystemResolver),
            roots: Roots::System,
            clock: Arc::clone(&clock),
            runtime: tokio::runtime::Handle::current(),
        }),
        memory: machine::memory_for_instances(),
        threads: machine::processors(),
        clock: Arc::clone(&clock),
    })
    .map_err(|cause| Error::Io { doing: "make room for WebAssembly functions", cause })?;
    let microvms = machines::open(machines::Needs {
        options: config.microvm,
        whose: config.microvms,
        work_dir: folder.part("microvm"),
        search_path: config.path,
        layers: Layers::new(config.cache.join("layers"), std::env::vars_os()),
        networks: process.networks(),
        endpoint: process::Endpoint {
            port: platform_address.port(),
            door: Arc::clone(&endpoint) as Arc<dyn process::Door>,
        },
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
    })
    .await?;
    let events_config = sonagi_events::Config {
        account: config.account.clone(),
        region: config.region.clone(),
        endpoint: endpoint_of(platform_address),
    };
    let control = control
        .prepared_by(Arc::new(Components {
            wasm: wasm.clone(),
            microvms: microvms.clone(),
            process: Arc::clone(&process),
        }))
        .with_resources(Arc::new(Declared::new(events_config.clone(), queues.clone(), Arc::clone(&entropy))));
    let frontend = Frontend::new(
        sonagi_invoke::Config {
            account_concurrency: config.concurrency,
            memory_budget_mib: machine::memory_mib(),
            region: config.region.to_string(),
            account: config.account.clone(),
            endpoint: endpoint_of(platform_address),
            ..sonagi_invoke::Config::default()
        },
        Arc::new(Drivers { process: Arc::clone(&process), wasm: wasm.clone(), microvm: microvms }),
        control.clone(),
        Arc::new(FunctionLogs(logs.clone())),
        Arc::new(FunctionSessions { identity: identity.clone(), clock: Arc::clone(&clock) }),
        Arc::clone(&clock),
        Arc::clone(&entropy),
    );

    let events = Events::new(
        events_config,
        Arc::clone(&records) as Arc<dyn Records>,
        queues.clone(),
        control.clone(),
        frontend.clone(),
        Arc::new(FunctionLogs(logs.clone())),
        Arc::clone(&clock),
        Arc::clone(&entropy),
    );
    let platform_service = Arc::new(Platform::new(
        platform::Config {
            account: config.account,
            region: config.region,
            gateway: format!("http://localhost:{}", gateway_address.port()),
            endpoint: endpoint_of(platform_address),
            names: Vec::new(),
            account_concurrency: config.concurrency,
            networks,
            version: env!("CARGO_PKG_VERSION").into(),
        },
        identity.clone(),
        control.clone(),
        frontend.clone(),
        logs.clone(),
        queues,
        documents,
        events.clone(),
        Arc::clone(&clock),
        Arc::clone(&entropy),
    ));
    let stopping = CancellationToken::new();
    let posting = events.topics().start_posting(Arc::new(HttpPost::default()), &stopping);
    let events = events.start(&stopping);
    endpoint.is(&platform_service);
    let gateway_service = Gateway::new(
        gateway::Config {
            unknown_host: if gateway_address.ip().is_loopback() {
                gateway::UnknownHost::NamesApps
            } else {
                gateway::UnknownHost::SaysNothing
            },
            ..gateway::Config::default()
        },
        control.clone(),
        frontend.clone(),
        identity,
        Arc::clone(&clock),
        entropy,
    );
    tokio::spawn(
        stopping.clone().run_until_cancelled_owned(say_how_isolated(Arc::clone(&process), config.isolation)),
    );
    let feed =
        tokio::spawn(stopping.clone().run_until_cancelled_owned(keep_short(
            Arc::clone(&records) as Arc<dyn Records>,
            Arc::clone(&clock),
        )));
    // Waited for as the doors are: they hold what a restart opens again.
    let after = tokio::spawn(stopping.clone().run_until_cancelled_owned(look_after(
        wasm,
        control.clone(),
        Arc::clone(&clock),
    )));
    let ahead = tokio::spawn(stopping.clone().run_until_cancelled_owned(look_ahead(
        Arc::clone(&process),
        control.clone(),
        frontend.clone(),
        Arc::clone(&clock),
    )));
    let (platform_stop, gateway_stop) = (stopping.clone(), stopping.clone());
    let platform_door_service = Arc::clone(&platform_service);
    let ahead = tokio::spawn(async move {
        // Whatever became of them, they have let go.
        drop(after.await);
        drop(ahead.await);
        drop(feed.await);
        drop(posting.await);
    });
    let doors = vec![
        ahead,
        tokio::spawn(async move {
            let platform_service = platform_door_service;
            let stop = platform_stop.cancelled_owned();
            platform_service.serve(platform_door, serve::Config::default(), stop).await;
        }),
        tokio::spawn(async move {
            gateway_service.serve(gateway_door, gateway_stop.cancelled_owned()).await;
        }),
    ];
    Ok(Running {
        platform: platform_address,
        gateway: gateway_address,
        control,
        frontend,
        logs,
        events,
        process,
        records,
        clock,
        stopping,
        doors,
        _folder: folder,
    })
}

impl Running {
    pub fn platform_address(&self) -> SocketAddr {
        self.platform
    }

    /// The platform as functions reach it.
    pub fn endpoint(&self) -> String {
        endpoint_of(self.platform)
    }

    pub fn gateway_address(&self) -> SocketAddr {
        self.gateway
    }

    pub fn control(&self) -> &Control {
        &self.control
    }

    pub fn frontend(&self) -> &Frontend {
        &self.frontend
    }

    pub fn logs(&self) -> &Logs {
        &self.logs
    }

    /// How many interpreters wait for a function.
    pub fn waiting(&self) -> usize {
        self.process.waiting()
    }

    /// How many copies of initialised function versions wait for a start.
    pub fn copies_waiting(&self) -> usize {
        self.process.copies_waiting()
    }

    /// How many function versions are initialised to be copied.
    pub fn initialised(&self) -> usize {
        self.process.initialised()
    }

    /// Gets a runtime ready ahead of its first start, telling `progress` what it does. Gives what the user should
    /// know: another version of the interpreter than was asked for, no SDK.
    pub async fn prepare(&self, runtime: Runtime, progress: &(dyn Fn(&str) + Send + Sync)) -> Vec<String> {
        match self.process.prepare(runtime, progress).await {
            Ok(prepared) => prepared.notes,
            Err(failure) => vec![failure.to_string()],
        }
    }

    /// Accepts nothing new, lets what runs end (for [`limits::DRAIN_TIMEOUT`] at most), and closes everything.
    pub async fn drain(self) {
        self.stopping.cancel();
        for door in self.doors {
            // A door that panicked has nothing to drain.
            let _ = door.await;
        }
        self.frontend.drain(self.clock.tick() + limits::DRAIN_TIMEOUT).await;
        // What it has under way ends with the functions.
        drop(self.events.await);
        self.process.settled().await;
        self.logs.flush().await;
        self.records.close().await;
    }
}

/// Weaker isolation than a server should have is never used, nor asked for, without a word.
async fn say_how_isolated(process: Arc<ProcessDriver>, isolation: Isolation) {
    match isolation {
        Isolation::Full => {}
        Isolation::WithoutGroups => {
            tracing::warn!(
                "functions are limited less exactly where there are no control groups (--isolation no-groups)"
            );
        }
        Isolation::None => {
            tracing::warn!(
                "functions run without a sandbox, and see this machine's files and network (--isolation none)"
            );
        }
    }
    if let Err(help) = process.try_isolation().await {
        tracing::warn!("functions in Python, Node.js and with a bootstrap of their own are refused: {help}");
    }
}

async fn listen(address: SocketAddr, flag: &'static str) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|cause| Error::Listen { address, flag, cause })
}

fn address(listener: &TcpListener) -> Result<SocketAddr> {
    listener.local_addr().map_err(|cause| Error::Io { doing: "find a listener's address", cause })
}

fn endpoint_of(platform: SocketAddr) -> String {
    format!("http://{}", reachable(platform))
}

/// An address at which this machine reaches a door that may be open on all of its addresses.
fn reachable(address: SocketAddr) -> SocketAddr {
    if !address.ip().is_unspecified() {
        return address;
    }
    let loopback: std::net::IpAddr = match address {
        SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(loopback, address.port())
}

fn read_credentials(path: &Path) -> Result<CredentialsFile> {
    let text = fs::read_to_string(path)
        .map_err(|cause| Error::CredentialsFile { path: path.to_path_buf(), cause })?;
    CredentialsFile::parse(&text).map_err(|cause| Error::Credentials { path: path.to_path_buf(), cause })
}
