//! A function: code, runtime and limits, as one release holds them.

mod asynchronous;
mod driver;
mod mapping;
mod network;
mod recursion;
mod wasm;

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    AliasName, Digest, FunctionName, LambdaName, UrlId, api::Cors, layer::Layer, limits, policy::Document,
};

pub use asynchronous::Asynchronous;
pub use driver::DriverChoice;
pub use mapping::Mapping;
pub use network::{Network, Vpc};
pub use recursion::RecursiveLoop;
pub use wasm::{
    BadOutboundRule, OutboundHost, OutboundPort, OutboundRule, OutboundScheme, PrivateNetworks, Reuse,
    WasiVersion, Wasm, WasmStart,
};

/// One function of a release. Everything here is part of the release's content and so of its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    pub name: FunctionName,
    pub lambda_name: LambdaName,
    #[serde(default)]
    pub description: String,
    pub runtime: Runtime,
    /// `module.function` for managed runtimes; free text for `provided`.
    pub handler: String,
    pub package: Package,
    /// At `/opt`, one over the other: of two files of one name the later layer's is seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Layer>,
    pub architecture: Architecture,
    /// MiB, from [`limits::MEMORY_MIN`] to [`limits::MEMORY_MAX`].
    pub memory: u32,
    /// Seconds, from 1 to [`limits::TIMEOUT_MAX`].
    pub timeout: u32,
    /// MiB of `/tmp`.
    pub ephemeral_storage: u32,
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// The role's ARN as the caller gave it: shown again, and the name that the credentials carry.
    pub role: String,
    /// What its credentials grant, beyond what every function may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<Document>,
    /// How many invocations may run at once; none means a share of the account's.
    #[serde(default)]
    pub reserved_concurrency: Option<u32>,
    /// Environments that are started ahead and kept, for `publish_alias` or, without one, for `$LATEST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioned_concurrency: Option<u32>,
    #[serde(default)]
    pub url: Option<FunctionUrl>,
    /// A deployment that changes this function publishes a version and points this alias at it (SAM's `AutoPublishAlias`).
    #[serde(default)]
    pub publish_alias: Option<AliasName>,
    #[serde(default)]
    pub log_format: LogFormat,
    #[serde(default)]
    pub log_level: LogLevel,
    #[serde(default)]
    pub tracing: Tracing,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Of a WebAssembly function always none: it has [`Wasm::outbound`].
    #[serde(default, skip_serializing_if = "Network::is_none")]
    pub network: Network,
    /// Of a WebAssembly function always the usual one.
    #[serde(default, skip_serializing_if = "DriverChoice::is_usual")]
    pub driver: DriverChoice,
    #[serde(default, skip_serializing_if = "SnapStart::is_none")]
    pub snap_start: SnapStart,
    /// There for [`Runtime::Wasm`], and for nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wasm: Option<Wasm>,
    /// The ARN of a queue or a topic that gets the events of asynchronous invocations that failed (Lambda API,
    /// `DeadLetterConfig`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letters: Option<String>,
    /// What a manifest says of asynchronous invocations, of `publish_alias` or, without one, of `$LATEST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asynchronous: Option<Asynchronous>,
    /// What a manifest declares. Those that were made through Lambda's API are not part of a release.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mappings: Vec<Mapping>,
    #[serde(default, skip_serializing_if = "RecursiveLoop::is_usual")]
    pub recursive_loop: RecursiveLoop,
}

/// Which environments are copies of one that was initialised. Of a WebAssembly function always none: it has
/// [`Wasm::start`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
pub enum SnapStart {
    #[default]
    None,
    /// As Lambda has it: `$LATEST` is initialised each time.
    PublishedVersions,
    All,
}

impl SnapStart {
    pub const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Whether there is such a thing for this runtime in such environments: our own client can be copied, and what a
    /// virtual machine is a snapshot of may be anything that asks to be restored.
    pub const fn is_for(runtime: Runtime, driver: DriverChoice) -> bool {
        match (runtime, driver) {
            (Runtime::Python { .. }, _) | (Runtime::Provided(_), DriverChoice::MicrovmSnapshot) => true,
            (Runtime::Provided(_), DriverChoice::Usual | DriverChoice::Microvm)
            | (Runtime::Nodejs { .. } | Runtime::Wasm, _) => false,
        }
    }
}

impl Function {
    /// A function with Lambda's defaults (128 MB, 3 s, 512 MB of /tmp).
    pub fn new(
        name: FunctionName,
        lambda_name: LambdaName,
        runtime: Runtime,
        handler: String,
        package: Package,
    ) -> Self {
        Self {
            name,
            lambda_name,
            description: String::new(),
            runtime,
            handler,
            package,
            layers: Vec::new(),
            architecture: Architecture::X86_64,
            memory: limits::MEMORY_DEFAULT,
            timeout: limits::TIMEOUT_DEFAULT,
            ephemeral_storage: limits::EPHEMERAL_STORAGE_MIN,
            variables: BTreeMap::new(),
            role: "arn:aws:iam::000000000000:role/sonagi".into(),
            permissions: Vec::new(),
            reserved_concurrency: None,
            provisioned_concurrency: None,
            url: None,
            publish_alias: None,
            log_format: LogFormat::Text,
            log_level: LogLevel::Info,
            tracing: Tracing::PassThrough,
            tags: BTreeMap::new(),
            network: Network::None,
            driver: DriverChoice::Usual,
            snap_start: SnapStart::None,
            wasm: (runtime == Runtime::Wasm).then(Wasm::default),
            dead_letters: None,
            asynchronous: None,
            mappings: Vec::new(),
            recursive_loop: RecursiveLoop::Terminate,
        }
    }
}

impl Function {
    /// What its layers hold, in their order.
    pub fn layer_packages(&self) -> Vec<Package> {
        self.layers.iter().filter_map(|layer| layer.package).collect()
    }
}

/// A deployment package: a zip, by its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    pub digest: Digest,
    /// Bytes of the zip.
    pub size: u64,
}

/// What runs the code; prints as Lambda's runtime identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Runtime {
    /// `python3.<minor>`
    Python {
        minor: u8,
    },
    /// `nodejs<major>.x`
    Nodejs {
        major: u8,
    },
    Provided(ProvidedBase),
    /// `provided.wasm`: a WebAssembly component. `wasm` is the same.
    Wasm,
}

/// The operating system that a custom runtime was built for; here all are the host's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProvidedBase {
    /// `provided`
    Al1,
    /// `provided.al2`
    Al2,
    /// `provided.al2023`
    Al2023,
}

impl Runtime {
    /// Every identifier that is accepted, oldest first within its family.
    pub const ALL: [Self; 15] = [
        Self::Nodejs { major: 18 },
        Self::Nodejs { major: 20 },
        Self::Nodejs { major: 22 },
        Self::Nodejs { major: 24 },
        Self::Python { minor: 8 },
        Self::Python { minor: 9 },
        Self::Python { minor: 10 },
        Self::Python { minor: 11 },
        Self::Python { minor: 12 },
        Self::Python { minor: 13 },
        Self::Python { minor: 14 },
        Self::Provided(ProvidedBase::Al1),
        Self::Provided(ProvidedBase::Al2),
        Self::Provided(ProvidedBase::Al2023),
        Self::Wasm,
    ];
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Python { minor } => write!(f, "python3.{minor}"),
            Self::Nodejs { major } => write!(f, "nodejs{major}.x"),
            Self::Provided(ProvidedBase::Al1) => f.write_str("provided"),
            Self::Provided(ProvidedBase::Al2) => f.write_str("provided.al2"),
            Self::Provided(ProvidedBase::Al2023) => f.write_str("provided.al2023"),
            Self::Wasm => f.write_str("provided.wasm"),
        }
    }
}

#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{got:?} is not a runtime that Sonagi knows: use one of {}", known())]
pub struct UnknownRuntime {
    pub got: String,
}

fn known() -> String {
    Runtime::ALL.map(|runtime| runtime.to_string()).join(", ")
}

impl FromStr for Runtime {
    type Err = UnknownRuntime;
    fn from_str(text: &str) -> Result<Self, UnknownRuntime> {
        if text == "wasm" {
            return Ok(Self::Wasm);
        }
        Self::ALL
            .into_iter()
            .find(|runtime| runtime.to_string() == text)
            .ok_or_else(|| UnknownRuntime { got: text.into() })
    }
}

impl Serialize for Runtime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Runtime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Architecture {
    #[serde(rename = "x86_64")]
    X86_64,
    #[serde(rename = "arm64")]
    Arm64,
}

impl Architecture {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }
}

/// How a function's log lines look (Lambda's `LoggingConfig.LogFormat`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
pub enum LogFormat {
    #[default]
    Text,
    #[serde(rename = "JSON")]
    Json,
}

/// The least severe level that a JSON log keeps (Lambda's `LoggingConfig.ApplicationLogLevel`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    Trace,
    Debug,
    #[default]
    Info,
    Warn,
    Error,
    Fatal,
}

impl LogLevel {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}
/// Lambda's `TracingConfig.Mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
pub enum Tracing {
    #[default]
    PassThrough,
    Active,
}

/// A function URL: the function answers HTTP at an address of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunctionUrl {
    pub id: UrlId,
    pub auth: UrlAuth,
    pub mode: InvokeMode,
    #[serde(default)]
    pub cors: Option<Cors>,
    /// The alias that the address points to; none is `$LATEST`.
    #[serde(default)]
    pub qualifier: Option<AliasName>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum UrlAuth {
    #[serde(rename = "NONE")]
    None,
    /// The caller signs with SigV4.
    #[serde(rename = "AWS_IAM")]
    AwsIam,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
pub enum InvokeMode {
    #[default]
    #[serde(rename = "BUFFERED")]
    Buffered,
    #[serde(rename = "RESPONSE_STREAM")]
    ResponseStream,
}
