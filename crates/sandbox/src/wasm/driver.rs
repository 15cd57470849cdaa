//! The driver: engines, linkers, what is compiled and what is loaded.

use std::{
    collections::HashMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
    time::Duration,
};

use async_trait::async_trait;
use sonagi_model::{
    AppName, Clock, Tick, clock,
    function::{Function, WasiVersion, Wasm},
};
use tokio::task::spawn_blocking;
use wasmtime::{Engine, component::Linker};

use super::{
    artifacts::{Artifacts, ArtifactsConfig, Refusal, Source, Urgency},
    budget::Budget,
    compile::Compiler,
    engine::{self, Size},
    environment::WasmEnvironment,
    host::{Host, Setting},
    lanes::Lanes,
    linker,
    loaded::Loaded,
    memory::Peak,
    output::Output,
    reach::{Grants, Outbound, Reach},
    variables,
};
use crate::{Driver, EnvironmentSpec, Footprint, Origin, StartFailure, Started};

/// What the driver of WebAssembly functions needs to know.
pub struct Config {
    /// The program that compiles when it is run with these arguments, [`WORD`](super::compile::WORD) among them.
    pub compiler: Compiler,
    /// Where compiled components are kept; created if missing.
    pub artifacts: PathBuf,
    /// What they are authenticated with.
    pub key: [u8; 32],
    /// What the platform lends to guests.
    pub reach: Arc<dyn Reach>,
    pub outbound: Outbound,
    /// Bytes that the memories of all instances may have together.
    pub memory: usize,
    /// Guests that compute at once in each lane.
    pub threads: usize,
    pub clock: Arc<dyn Clock>,
}

/// Starts environments whose functions are WebAssembly components. Cheap to clone.
#[derive(Clone)]
pub struct WasmDriver {
    shared: Arc<Shared>,
}

struct Shared {
    artifacts: Artifacts,
    reach: Arc<dyn Reach>,
    outbound: Outbound,
    clock: Arc<dyn Clock>,
    lanes: Arc<Lanes>,
    budget: Arc<Budget>,
    /// Bytes that the memories of all instances may have together.
    memory: usize,
    machines: [OnceLock<Result<Machine, String>>; 4],
    loaded: Mutex<HashMap<Key, Weak<Loaded>>>,
}

/// An engine and what is linked into every component that it runs.
struct Machine {
    engine: Engine,
    linker: Linker<Host>,
}

/// What a loaded component depends on: all that its instances have in common.
#[derive(PartialEq, Eq, Hash, Clone)]
struct Key(sonagi_model::Digest);

impl fmt::Debug for WasmDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasmDriver").finish_non_exhaustive()
    }
}

/// Why a function cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum Unready {
    /// The deployer's to mend: what is wrong and what to do.
    #[error("{0}")]
    Invalid(String),
    /// Too much is being compiled already.
    #[error("{0}")]
    Busy(String),
    #[error("{doing}")]
    Machine {
        doing: &'static str,
        #[source]
        cause: io::Error,
    },
}

impl WasmDriver {
    pub fn new(config: Config) -> io::Result<Self> {
        let artifacts = Artifacts::open(ArtifactsConfig {
            dir: config.artifacts,
            key: config.key,
            compiler: config.compiler,
            clock: Arc::clone(&config.clock),
        })?;
        let shared = Shared {
            artifacts,
            reach: config.reach,
            outbound: config.outbound,
            clock: config.clock,
            lanes: Arc::new(Lanes::new(config.threads.max(1))?),
            budget: Budget::new(config.memory),
            memory: config.memory,
            machines: Default::default(),
            loaded: Mutex::new(HashMap::new()),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Checks and compiles a function's component, unless that was done; `code` is its unpacked package.
    ///
    /// # Errors
    /// What is wrong with the component, in words for whoever deploys it.
    pub async fn prepare(&self, function: &Function, code: &Path) -> Result<(), Unready> {
        let Some(source) = source_of(function, code) else { return Ok(()) };
        self.shared.artifacts.ensure(&source, Urgency::Waiting).await.map_err(unready)
    }

    /// Does the same in the background for what an earlier version of this program has compiled, and authenticates
    /// what is compiled already, so that a first request need not wait for either.
    pub async fn look_after(&self, function: &Function, code: &Path) -> Result<(), Unready> {
        let Some(source) = source_of(function, code) else { return Ok(()) };
        let shared = Arc::clone(&self.shared);
        shared.artifacts.ensure(&source, Urgency::Background).await.map_err(unready)?;
        // It only saves time; a file that is not ours is found again when it is loaded.
        let _ = spawn_blocking(move || match shared.artifacts.find(&source) {
            // The engine is there before it is asked for.
            Ok(Some(found)) => drop(shared.machine(source.wasi, Size::of(found.facts().memory))),
            Ok(None) => {}
            Err(error) => {
                let handler = source.handler;
                tracing::debug!(%error, handler, "a compiled component was not checked ahead");
            }
        })
        .await;
        Ok(())
    }

    /// Drops compiled components of other versions, and what is beyond the limit and not of these functions.
    pub async fn collect(&self, live: Vec<Function>) {
        let artifacts = self.shared.artifacts.clone();
        let _ = spawn_blocking(move || {
            // Where a package is unpacked does not matter for what was compiled of it.
            let live: Vec<Source> =
                live.iter().filter_map(|function| source_of(function, Path::new(""))).collect();
            artifacts.collect(&live);
        })
        .await;
    }
}

fn source_of(function: &Function, code: &Path) -> Option<Source> {
    let wasm = function.wasm.as_ref()?;
    Some(source(wasm, function.package.digest, &function.handler, code, function.memory))
}

fn source(wasm: &Wasm, package: sonagi_model::Digest, handler: &str, code: &Path, memory: u32) -> Source {
    Source {
        package,
        handler: handler.into(),
        file: code.join(handler),
        start: wasm.start,
        wasi: wasm.wasi,
        memory,
    }
}

fn unready(refusal: Refusal) -> Unready {
    match refusal {
        Refusal::Invalid(text) => Unready::Invalid(text),
        Refusal::Busy(text) => Unready::Busy(text),
        Refusal::Machine { doing, cause } => Unready::Machine { doing, cause },
    }
}

fn not_started(refusal: Refusal) -> StartFailure {
    match refusal {
        Refusal::Invalid(text) => StartFailure::Unsupported(text),
        Refusal::Busy(text) => StartFailure::NotYet(text),
        Refusal::Machine { doing, cause } => StartFailure::Machine { doing, cause },
    }
}

impl Shared {
    fn machine(&self, wasi: WasiVersion, size: Size) -> Result<&Machine, StartFailure> {
        let [p2_small, p2_large, p3_small, p3_large] = &self.machines;
        let slot = match (wasi, size) {
            (WasiVersion::P2, Size::Small) => p2_small,
            (WasiVersion::P2, Size::Large) => p2_large,
            (WasiVersion::P3, Size::Small) => p3_small,
            (WasiVersion::P3, Size::Large) => p3_large,
        };
        let machine = slot.get_or_init(|| {
            let made = || -> wasmtime::Result<Machine> {
                let engine = engine::running(wasi, size, self.memory)?;
                let linker = linker::linker(&engine, wasi)?;
                Ok(Machine { engine, linker })
            };
            let machine = made().map_err(|error| format!("{error:#}"))?;
            self.lanes.ticker().follow(&machine.engine);
            Ok(machine)
        });
        machine.as_ref().map_err(|text| StartFailure::Machine {
            doing: "make room for WebAssembly instances",
            cause: io::Error::other(text.clone()),
        })
    }

    /// The component of `spec`, loaded once for all its environments.
    async fn load(
        self: &Arc<Self>,
        spec: &EnvironmentSpec,
        deadline: Tick,
    ) -> Result<Arc<Loaded>, StartFailure> {
        let key = Key::of(spec);
        if let Some(loaded) = self.known(&key) {
            return Ok(loaded);
        }
        let Some(wasm) = spec.wasm.clone() else {
            return Err(StartFailure::Unsupported("the function has no WebAssembly settings".into()));
        };
        let source = source(&wasm, spec.package, &spec.handler, &spec.code, spec.memory);
        let mut tried = false;
        loop {
            let (shared, again, wasi) = (Arc::clone(self), source.clone(), wasm.wasi);
            let setting = self.setting(spec, wasm.clone());
            let work = move || -> Result<Option<Loaded>, StartFailure> {
                let Some(found) = shared.artifacts.find(&again).map_err(not_started)? else {
                    return Ok(None);
                };
                let memory = found.facts().memory;
                let machine = shared.machine(wasi, Size::of(memory))?;
                let component = shared.artifacts.load(&machine.engine, found).map_err(not_started)?;
                let Some(component) = component else { return Ok(None) };
                let loaded = Loaded::new(&machine.linker, &component, wasi, setting, memory);
                loaded.map(Some).map_err(|error| StartFailure::Unsupported(format!("{error:#}")))
            };
            let loaded = spawn_blocking(work).await.map_err(|cause| StartFailure::Machine {
                doing: "load a component",
                cause: cause.into(),
            })??;
            if let Some(loaded) = loaded {
                let loaded = Arc::new(loaded);
                let mut all = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
                if all.len() >= all.capacity() / 2 {
                    all.retain(|_, loaded| loaded.strong_count() > 0);
                }
                all.insert(key, Arc::downgrade(&loaded));
                return Ok(loaded);
            }
            let compiling = StartFailure::NotYet(
                "the component is still being compiled by this version of the server: try again in a moment"
                    .into(),
            );
            if std::mem::replace(&mut tried, true) {
                return Err(compiling);
            }
            // This version has not compiled it yet: whoever waits for it goes ahead of the rest.
            let (shared, urgent) = (Arc::clone(self), source.clone());
            let compile = async move { shared.artifacts.ensure(&urgent, Urgency::Waiting).await };
            // It goes on though nobody should wait for it any longer.
            let compile = tokio::spawn(compile);
            match clock::within(&*self.clock, deadline, compile).await {
                Some(Ok(ensured)) => ensured.map_err(not_started)?,
                Some(Err(_)) | None => return Err(compiling),
            }
        }
    }

    fn known(&self, key: &Key) -> Option<Arc<Loaded>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).get(key)?.upgrade()
    }

    fn setting(&self, spec: &EnvironmentSpec, wasm: Wasm) -> Setting {
        let grants = Grants::new(spec.app.clone(), wasm, Arc::clone(&self.reach), self.outbound.clone());
        Setting { grants, memory: (spec.memory as usize) << 20, share: self.budget.share(&spec.app) }
    }
}

impl Key {
    fn of(spec: &EnvironmentSpec) -> Self {
        /// Whoever differs in one of these shares nothing.
        #[derive(serde::Serialize)]
        struct Parts<'a> {
            app: &'a AppName,
            function: &'a str,
            package: String,
            handler: &'a str,
            memory: u32,
            wasm: &'a Option<Wasm>,
        }
        let parts = Parts {
            app: &spec.app,
            function: &spec.function_name,
            package: spec.package.to_string(),
            handler: &spec.handler,
            memory: spec.memory,
            wasm: &spec.wasm,
        };
        Self(sonagi_model::Digest::of(&serde_json::to_vec(&parts).unwrap_or_default()))
    }
}

#[async_trait]
impl Driver for WasmDriver {
    async fn start(&self, spec: Arc<EnvironmentSpec>, deadline: Tick) -> Result<Started, StartFailure> {
        let began = self.shared.clock.tick();
        let loaded = self.shared.load(&spec, deadline).await?;
        let create = self.shared.clock.tick().since(began);
        let output = || Output::new(Arc::clone(&spec.logs), Arc::clone(&self.shared.clock));
        let environment = WasmEnvironment {
            clock: Arc::clone(&self.shared.clock),
            lanes: Arc::clone(&self.shared.lanes),
            loaded,
            variables: variables::of(&spec),
            out: output(),
            err: output(),
            reuse: spec.wasm.as_ref().and_then(|wasm| wasm.reuse),
            kept: None,
            memory_peak: Peak::default(),
        };
        // An instance is made by each invocation, within its own time.
        Ok(Started {
            environment: Box::new(environment),
            create,
            init: Duration::ZERO,
            origin: Origin::Initialised,
        })
    }

    fn footprint(&self, function: &Function) -> Footprint {
        let reuse = function.wasm.as_ref().and_then(|wasm| wasm.reuse);
        Footprint::Instance { memory: reuse.map_or(0, |reuse| reuse.memory.min(function.memory)) }
    }
}
