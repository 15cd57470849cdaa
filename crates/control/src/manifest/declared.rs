//! What a manifest declares, after everything in it was checked and evaluated.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use sonagi_model::{
    AccountId, AliasName, AppName, FunctionName, LambdaName, Region,
    api::Api,
    function::{
        Architecture, Asynchronous, DriverChoice, Function, FunctionUrl, LogFormat, LogLevel, Mapping,
        Network, Package, RecursiveLoop, Runtime, SnapStart, Tracing, Wasm,
    },
    layer::Layer,
    limits,
    policy::Document,
    release::Output,
    resource::Resource,
};

use super::DeclaredLayer;

/// What a manifest is read for: the platform that will run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    pub account: AccountId,
    pub region: Region,
    /// The gateway's address, as `http://localhost:8080`: what addresses of APIs are made from.
    pub gateway: String,
    /// The platform's address as functions reach it, as `http://127.0.0.1:4566`: what queues' URLs begin with.
    pub endpoint: String,
    /// The app's name, when the caller chose one; it wins over the manifest's.
    pub name: Option<AppName>,
}

impl Default for Context {
    fn default() -> Self {
        Self {
            account: AccountId::default(),
            region: Region::default(),
            gateway: "http://localhost:8080".into(),
            endpoint: "http://127.0.0.1:4566".into(),
            name: None,
        }
    }
}

/// A whole app, as its manifest declares it.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    pub app: AppName,
    /// The manifest itself.
    pub path: PathBuf,
    /// The folder that the manifest is in; every source lies in it.
    pub root: PathBuf,
    /// The manifest and all source folders: when one of them changes, the app does.
    pub files: Vec<PathBuf>,
    /// Sorted by name.
    pub functions: Vec<DeclaredFunction>,
    /// Sorted by name.
    pub layers: Vec<DeclaredLayer>,
    pub apis: Vec<Api>,
    pub outputs: BTreeMap<String, Output>,
    /// By their names in the manifest.
    pub resources: BTreeMap<String, Resource>,
    /// What was accepted and has no effect here. The user must be told.
    pub notes: Vec<Note>,
}

/// Something that was accepted, and what it does (or does not do) here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub message: String,
    /// From 1.
    pub line: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredFunction {
    pub function: FunctionDraft,
    /// The folder (or, for [`BuildKind::Zip`], the file) that holds the code; an absolute path.
    pub source: PathBuf,
    /// Where the manifest declares it, from 1.
    pub line: usize,
    pub build: BuildKind,
    /// Packages from the registry of the runtime's language that are added to the function's own.
    pub extras: BTreeSet<String>,
}

/// How a function's source becomes its package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildKind {
    /// The folder as it is.
    Copy,
    /// The folder, with the packages that its `requirements.txt` asks for, if it has one.
    Python,
    /// The folder, with the packages that its `package.json` depends on, if it has one.
    Node,
    /// What esbuild makes of the entry points.
    Esbuild(Esbuild),
    /// What `make build-<target>` leaves in `$ARTIFACTS_DIR`.
    Makefile { target: String },
    /// A zip that is there already.
    Zip,
    /// One file whose text is in the manifest.
    Inline { file: String, text: String },
    /// A WebAssembly component: one that is there, or what the language's own tools make of the source. The package
    /// holds the one file `function.wasm`. The source may be a single file (`x.wasm`, `x.wat`).
    Wasm(WasmBuild),
}

/// What a WebAssembly function's component is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WasmBuild {
    /// As the files of the source tell.
    Inferred,
    /// A component that is there, as binary or as text.
    Ready,
    /// JavaScript, by componentize-js.
    JavaScript,
    /// Python, by componentize-py.
    Python,
    /// Rust, by cargo.
    Rust,
    /// Go, by go.
    Go,
    /// C, by clang.
    C,
}

impl WasmBuild {
    /// The words that `build` has for these in a manifest, but for [`WasmBuild::Inferred`].
    pub const NAMED: [(&'static str, Self); 6] = [
        ("none", Self::Ready),
        ("js", Self::JavaScript),
        ("python", Self::Python),
        ("rust", Self::Rust),
        ("go", Self::Go),
        ("c", Self::C),
    ];
}

/// esbuild's options, under the names that SAM's `BuildProperties` has for them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Esbuild {
    pub entry_points: Vec<String>,
    pub minify: Option<bool>,
    pub target: Option<String>,
    pub sourcemap: Option<bool>,
    pub sources_content: Option<bool>,
    pub external: Vec<String>,
    pub format: Option<String>,
    /// `.js=.mjs`
    pub out_extension: Vec<String>,
    pub main_fields: Vec<String>,
    pub loader: Vec<String>,
    pub banner: Vec<String>,
    pub footer: Vec<String>,
    pub define: Vec<String>,
    pub keep_names: Option<bool>,
}

/// Everything of a [`Function`] but its package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionDraft {
    pub name: FunctionName,
    pub lambda_name: LambdaName,
    pub description: String,
    pub runtime: Runtime,
    pub handler: String,
    pub layers: Vec<Layer>,
    pub architecture: Architecture,
    /// MiB.
    pub memory: u32,
    /// Seconds.
    pub timeout: u32,
    /// MiB.
    pub ephemeral_storage: u32,
    pub variables: BTreeMap<String, String>,
    pub role: String,
    /// What its credentials grant.
    pub permissions: Vec<Document>,
    pub reserved_concurrency: Option<u32>,
    pub provisioned_concurrency: Option<u32>,
    pub url: Option<FunctionUrl>,
    pub publish_alias: Option<AliasName>,
    pub log_format: LogFormat,
    pub log_level: LogLevel,
    pub tracing: Tracing,
    pub tags: BTreeMap<String, String>,
    pub network: Network,
    pub driver: DriverChoice,
    pub snap_start: SnapStart,
    /// There for [`Runtime::Wasm`], and for nothing else.
    pub wasm: Option<Wasm>,
    /// The ARN of a queue or a topic.
    pub dead_letters: Option<String>,
    pub asynchronous: Option<Asynchronous>,
    pub mappings: Vec<Mapping>,
    pub recursive_loop: RecursiveLoop,
}

impl FunctionDraft {
    /// With Lambda's defaults.
    pub fn new(name: FunctionName, lambda_name: LambdaName, runtime: Runtime, handler: String) -> Self {
        Self {
            name,
            lambda_name,
            description: String::new(),
            runtime,
            handler,
            layers: Vec::new(),
            architecture: Architecture::X86_64,
            memory: limits::MEMORY_DEFAULT,
            timeout: limits::TIMEOUT_DEFAULT,
            ephemeral_storage: limits::EPHEMERAL_STORAGE_MIN,
            variables: BTreeMap::new(),
            role: String::new(),
            permissions: Vec::new(),
            reserved_concurrency: None,
            provisioned_concurrency: None,
            url: None,
            publish_alias: None,
            log_format: LogFormat::default(),
            log_level: LogLevel::default(),
            tracing: Tracing::default(),
            tags: BTreeMap::new(),
            network: Network::None,
            driver: DriverChoice::Usual,
            snap_start: SnapStart::None,
            wasm: (runtime == Runtime::Wasm).then(Wasm::default),
            dead_letters: None,
            asynchronous: None,
            mappings: Vec::new(),
            recursive_loop: RecursiveLoop::default(),
        }
    }

    pub fn with_package(&self, package: Package) -> Function {
        let draft = self.clone();
        Function {
            name: draft.name,
            lambda_name: draft.lambda_name,
            description: draft.description,
            runtime: draft.runtime,
            handler: draft.handler,
            package,
            layers: draft.layers,
            architecture: draft.architecture,
            memory: draft.memory,
            timeout: draft.timeout,
            ephemeral_storage: draft.ephemeral_storage,
            variables: draft.variables,
            role: draft.role,
            permissions: draft.permissions,
            reserved_concurrency: draft.reserved_concurrency,
            provisioned_concurrency: draft.provisioned_concurrency,
            url: draft.url,
            publish_alias: draft.publish_alias,
            log_format: draft.log_format,
            log_level: draft.log_level,
            tracing: draft.tracing,
            tags: draft.tags,
            network: draft.network,
            driver: draft.driver,
            snap_start: draft.snap_start,
            wasm: draft.wasm,
            dead_letters: draft.dead_letters,
            asynchronous: draft.asynchronous,
            mappings: draft.mappings,
            recursive_loop: draft.recursive_loop,
        }
    }
}
