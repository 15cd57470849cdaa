//! A function as Lambda shows it: `FunctionConfiguration`.

use std::collections::BTreeMap;

use serde::Serialize;
use sonagi_control::{Target, Version};
use sonagi_invoke::{SnapshotFailure, SnapshotState};
use sonagi_model::{
    Digest, Timestamp,
    function::{self, LogFormat, Network, Runtime, Tracing, WasmStart},
};

use crate::platform::Parts;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FunctionConfiguration<'a> {
    function_name: &'a str,
    function_arn: String,
    runtime: String,
    role: &'a str,
    handler: &'a str,
    code_size: u64,
    description: &'a str,
    timeout: u32,
    memory_size: u32,
    last_modified: String,
    code_sha256: String,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<Environment<'a>>,
    tracing_config: TracingConfig,
    revision_id: &'a str,
    package_type: &'static str,
    architectures: [&'static str; 1],
    ephemeral_storage: EphemeralStorage,
    snap_start: SnapStart,
    logging_config: LoggingConfig<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vpc_config: Option<VpcConfigResponse<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_config: Option<DeadLetterConfig<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    layers: Vec<LayerReference<'a>>,
    #[serde(flatten)]
    state: Option<State>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Environment<'a> {
    variables: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TracingConfig {
    mode: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EphemeralStorage {
    size: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SnapStart {
    apply_on: &'static str,
    optimization_status: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LoggingConfig<'a> {
    log_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_log_level: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_log_level: Option<&'a str>,
    log_group: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DeadLetterConfig<'a> {
    target_arn: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct VpcConfigResponse<'a> {
    subnet_ids: &'a [String],
    security_group_ids: &'a [String],
    vpc_id: &'a str,
    ipv6_allowed_for_dual_stack: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LayerReference<'a> {
    arn: &'a str,
    code_size: u64,
}

/// The network that the function has, if it has one by name; one that the operator has taken away has no id.
fn vpc<'a>(parts: &'a Parts, network: &'a Network) -> Option<VpcConfigResponse<'a>> {
    let declared = parts.config.networks.of(network);
    let vpc_id = declared.as_ref().ok().copied().flatten().map_or("", |declared| declared.vpc.as_str());
    let (subnet_ids, security_group_ids) = match (network, declared) {
        (Network::None | Network::Internet | Network::InternetIfPossible, _) => return None,
        (Network::Vpc(vpc), _) => (&*vpc.subnets, &*vpc.security_groups),
        (Network::Named(_), Ok(Some(declared))) => (&*declared.subnets, &*declared.security_groups),
        (Network::Named(_), Ok(None) | Err(_)) => (&[][..], &[][..]),
    };
    Some(VpcConfigResponse { subnet_ids, security_group_ids, vpc_id, ipv6_allowed_for_dual_stack: false })
}

/// What listings leave out ("ListFunctions").
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_reason_code: Option<&'static str>,
    last_update_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_update_status_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_update_status_reason_code: Option<&'static str>,
    runtime_version_config: RuntimeVersionConfig,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RuntimeVersionConfig {
    runtime_version_arn: String,
}

/// Whether all is shown, or what listings show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    Full,
    Listed,
}

/// A release is activated whole or not at all, so what is shown is `Active` and `Successful`: all but a published
/// version that is initialised once, which is `Pending` until then.
pub(super) fn configuration<'a>(
    parts: &'a Parts,
    target: &'a Target,
    arn: String,
    detail: Detail,
) -> FunctionConfiguration<'a> {
    let function = &target.function;
    let json = function.log_format == LogFormat::Json;
    let snapshot = match target.version {
        Version::Latest => None,
        Version::Number(_) => parts.frontend.snapshot(target),
    };
    FunctionConfiguration {
        function_name: function.lambda_name.as_str(),
        function_arn: arn,
        runtime: function.runtime.to_string(),
        role: &function.role,
        handler: &function.handler,
        code_size: function.package.size,
        description: &function.description,
        timeout: function.timeout,
        memory_size: function.memory,
        last_modified: last_modified(target.last_modified),
        code_sha256: function.package.digest.to_base64(),
        version: target.version.to_string(),
        environment: (!function.variables.is_empty())
            .then_some(Environment { variables: &function.variables }),
        tracing_config: TracingConfig {
            mode: match function.tracing {
                Tracing::PassThrough => "PassThrough",
                Tracing::Active => "Active",
            },
        },
        revision_id: &target.revision_id,
        package_type: "Zip",
        architectures: [function.architecture.as_str()],
        ephemeral_storage: EphemeralStorage { size: function.ephemeral_storage },
        snap_start: match (function.wasm.as_ref().map(|wasm| wasm.start), function.snap_start) {
            (Some(WasmStart::Snapshot), _) | (_, function::SnapStart::All) => {
                SnapStart { apply_on: "PublishedVersions", optimization_status: "On" }
            }
            (_, function::SnapStart::PublishedVersions) => SnapStart {
                apply_on: "PublishedVersions",
                optimization_status: match target.version {
                    Version::Number(_) if snapshot != Some(SnapshotState::NotCopied) => "On",
                    Version::Number(_) | Version::Latest => "Off",
                },
            },
            (Some(WasmStart::Fresh) | None, function::SnapStart::None) => {
                SnapStart { apply_on: "None", optimization_status: "Off" }
            }
        },
        logging_config: LoggingConfig {
            log_format: if json { "JSON" } else { "Text" },
            application_log_level: json.then(|| function.log_level.as_str()),
            system_log_level: json.then_some("INFO"),
            log_group: format!("/aws/lambda/{}", function.lambda_name),
        },
        vpc_config: vpc(parts, &function.network),
        dead_letter_config: function
            .dead_letters
            .as_deref()
            .map(|target_arn| DeadLetterConfig { target_arn }),
        layers: function
            .layers
            .iter()
            .map(|layer| LayerReference {
                arn: &layer.arn,
                code_size: layer.package.map_or(0, |package| package.size),
            })
            .collect(),
        state: match detail {
            Detail::Listed => None,
            Detail::Full => Some(state(parts, function.runtime, snapshot)),
        },
    }
}

fn state(parts: &Parts, runtime: Runtime, snapshot: Option<SnapshotState>) -> State {
    let (state, status, reason) = match snapshot {
        None | Some(SnapshotState::Active | SnapshotState::NotCopied) => ("Active", "Successful", None),
        Some(SnapshotState::Pending) => {
            ("Pending", "InProgress", Some(("The function is being initialised.".to_owned(), "Creating")))
        }
        Some(SnapshotState::Failed(failure)) => ("Failed", "Failed", Some(reason(failure))),
    };
    let (reason, code) = reason.unzip();
    State {
        state,
        state_reason: reason.clone(),
        state_reason_code: code,
        last_update_status: status,
        // Of what is under way there is none (`LastUpdateStatusReasonCode` of AWS's model).
        last_update_status_reason: reason.filter(|_| status == "Failed"),
        last_update_status_reason_code: code.filter(|_| status == "Failed"),
        runtime_version_config: RuntimeVersionConfig {
            runtime_version_arn: runtime_version_arn(parts, runtime),
        },
    }
}

fn reason(failure: SnapshotFailure) -> (String, &'static str) {
    match failure {
        SnapshotFailure::Init(error) => {
            let text = format!("The function failed to initialise ({error}). Its log says more.");
            (text, "FunctionError")
        }
        SnapshotFailure::TimedOut(limit) => {
            let seconds = limit.as_secs();
            (format!("The function's initialisation did not end within {seconds} seconds."), "FunctionError")
        }
        SnapshotFailure::Unsupported(text) => (text, "InvalidRuntime"),
        SnapshotFailure::Platform => {
            ("Sonagi could not initialise it: the server's log says why.".into(), "InternalError")
        }
    }
}

/// Names what runs the code: our client for the runtime, at this version of Sonagi.
pub(super) fn runtime_version_arn(parts: &Parts, runtime: Runtime) -> String {
    let digest = Digest::of(format!("{runtime} sonagi {}", parts.config.version).as_bytes());
    format!("arn:aws:lambda:{}::runtime:{digest}", parts.config.region)
}

/// `2026-01-31T08:15:30.123+0000`
pub(super) fn last_modified(at: Timestamp) -> String {
    at.to_string().replace('Z', "+0000")
}
