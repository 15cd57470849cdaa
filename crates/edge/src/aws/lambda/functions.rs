//! Functions and their versions.

use std::{borrow::Cow, collections::BTreeMap};

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sonagi_control::{
    LiveFunction, Target, Version,
    lambda::{
        Changed, CreateFunction, Logging, Mode, Publish, PublishVersion, UpdateCode, UpdateConfiguration,
        VpcConfig,
    },
};

use super::{
    Answer, Call, Page, code,
    configuration::{Detail, FunctionConfiguration, configuration},
    destinations,
    error::invalid_parameter,
    input, layers, qualified, shown,
};
use crate::{
    aws::{empty, error::AwsError, json},
    platform::Parts,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Variables {
    #[serde(default)]
    variables: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Size {
    size: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TracingMode {
    #[serde(default)]
    mode: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SnapStartInput {
    #[serde(default)]
    apply_on: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LoggingInput {
    log_format: Option<String>,
    application_log_level: Option<String>,
    system_log_level: Option<String>,
    log_group: Option<String>,
}

impl LoggingInput {
    fn into_logging(self) -> Logging {
        Logging {
            format: self.log_format,
            application_level: self.application_log_level,
            system_level: self.system_log_level,
            group: self.log_group,
        }
    }
}

/// Members of `CreateFunction` and `UpdateFunctionConfiguration` that Sonagi has nothing behind. Empty ones, which
/// some tools always send, mean what is the case anyway.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Beyond {
    #[serde(rename = "KMSKeyArn")]
    kms_key_arn: Option<Value>,
    file_system_configs: Option<Value>,
    image_config: Option<Value>,
    code_signing_config_arn: Option<Value>,
    durable_config: Option<Value>,
    capacity_provider_config: Option<Value>,
    tenancy_config: Option<Value>,
    runtime_config: Option<Value>,
    accelerator_config: Option<Value>,
    publish_to: Option<Value>,
}

impl Beyond {
    fn check(&self) -> Result<(), AwsError> {
        let members = [
            ("KMSKeyArn", &self.kms_key_arn),
            ("FileSystemConfigs", &self.file_system_configs),
            ("ImageConfig", &self.image_config),
            ("CodeSigningConfigArn", &self.code_signing_config_arn),
            ("DurableConfig", &self.durable_config),
            ("CapacityProviderConfig", &self.capacity_provider_config),
            ("TenancyConfig", &self.tenancy_config),
            ("RuntimeConfig", &self.runtime_config),
            ("AcceleratorConfig", &self.accelerator_config),
            ("PublishTo", &self.publish_to),
        ];
        match members.into_iter().find(|(_, value)| value.as_ref().is_some_and(|value| !is_nothing(value))) {
            Some((name, _)) => Err(not_here(name)),
            None => Ok(()),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeadLetterInput {
    #[serde(default)]
    target_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VpcConfigInput {
    subnet_ids: Option<Vec<String>>,
    security_group_ids: Option<Vec<String>>,
    ipv6_allowed_for_dual_stack: Option<bool>,
}

impl VpcConfigInput {
    fn into_vpc(self) -> Result<VpcConfig, AwsError> {
        if self.ipv6_allowed_for_dual_stack == Some(true) {
            return Err(not_here("VpcConfig.Ipv6AllowedForDualStack"));
        }
        Ok(VpcConfig {
            subnets: self.subnet_ids.unwrap_or_default(),
            security_groups: self.security_group_ids.unwrap_or_default(),
        })
    }
}

pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(yes) => !yes,
        Value::Number(_) => false,
        Value::String(text) => text.is_empty() || text == "None",
        Value::Array(items) => items.iter().all(is_nothing),
        Value::Object(members) => members.values().all(is_nothing),
    }
}

pub(super) fn not_here(member: &str) -> AwsError {
    invalid_parameter(format!("Sonagi does not support {member} yet: leave it out."))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Code<'a> {
    #[serde(borrow, default)]
    zip_file: Option<Cow<'a, str>>,
    #[serde(default)]
    s3_bucket: Option<String>,
    #[serde(default)]
    image_uri: Option<String>,
}

impl Code<'_> {
    pub(super) fn zip(&self) -> Result<bytes::Bytes, AwsError> {
        match (&self.zip_file, &self.s3_bucket, &self.image_uri) {
            (Some(zip), None, None) => input::blob(zip),
            (None, Some(_), None) => Err(invalid_parameter(
                "Sonagi has no buckets yet: send the code as ZipFile instead of S3Bucket and S3Key.",
            )),
            (None, None, Some(_)) => Err(not_here("ImageUri")),
            (None, None, None) => Err(invalid_parameter("Please provide a source for function code.")),
            (_, _, _) => Err(invalid_parameter(
                "Please do not provide other FunctionCode parameters when providing a ZipFile.",
            )),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create<'a> {
    function_name: Option<String>,
    runtime: Option<String>,
    role: Option<String>,
    handler: Option<String>,
    #[serde(borrow)]
    code: Option<Code<'a>>,
    description: Option<String>,
    timeout: Option<i64>,
    memory_size: Option<i64>,
    publish: Option<bool>,
    environment: Option<Variables>,
    architectures: Option<Vec<String>>,
    ephemeral_storage: Option<Size>,
    tracing_config: Option<TracingMode>,
    logging_config: Option<LoggingInput>,
    snap_start: Option<SnapStartInput>,
    vpc_config: Option<VpcConfigInput>,
    dead_letter_config: Option<DeadLetterInput>,
    layers: Option<Vec<String>>,
    tags: Option<BTreeMap<String, String>>,
    package_type: Option<String>,
}

pub(super) async fn create(parts: &Parts, call: Call) -> Answer {
    input::parse::<Beyond>(&call.body)?.check()?;
    let request: Create<'_> = input::parse_borrowed(&call.body)?;
    layers::authorize_use(parts, &call.principal, request.layers.as_deref()).await?;
    let code = input::required(request.code, "code")?.zip()?;
    let create = CreateFunction {
        name: input::required(request.function_name, "functionName")?,
        runtime: request.runtime,
        role: input::required(request.role, "role")?,
        handler: request.handler,
        code,
        description: request.description,
        timeout: request.timeout,
        memory: request.memory_size,
        publish: publish_choice(request.publish),
        variables: request.environment.and_then(|environment| environment.variables),
        architectures: request.architectures,
        ephemeral_storage: request.ephemeral_storage.map(|storage| storage.size),
        tracing: request.tracing_config.and_then(|tracing| tracing.mode),
        logging: request.logging_config.map(LoggingInput::into_logging),
        snap_start: request.snap_start.and_then(|snap_start| snap_start.apply_on),
        vpc: request.vpc_config.map(VpcConfigInput::into_vpc).transpose()?,
        dead_letters: request.dead_letter_config.and_then(|config| config.target_arn),
        layers: request.layers,
        tags: request.tags.unwrap_or_default(),
        package_type: request.package_type,
    };
    destinations::check(parts, "dead letter", create.dead_letters.as_deref()).await?;
    // The body is a third larger than the code in it: it need not wait for the disk.
    drop(call);
    let changed = parts.control.create_function(create).await?;
    answer_changed(parts, StatusCode::CREATED, &changed)
}

fn publish_choice(publish: Option<bool>) -> Publish {
    match publish {
        Some(true) => Publish::Yes,
        Some(false) | None => Publish::No,
    }
}

/// A published version is shown with its number in the ARN.
fn answer_changed(parts: &Parts, status: StatusCode, changed: &Changed) -> Answer {
    let arn = match changed.version {
        Version::Latest => changed.target.arn.clone(),
        Version::Number(_) => changed.target.qualified_arn(),
    };
    json(status, &configuration(parts, &changed.target, arn, Detail::Full))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateCodeInput {
    architectures: Option<Vec<String>>,
    publish: Option<bool>,
    dry_run: Option<bool>,
    revision_id: Option<String>,
}

pub(super) async fn update_code(parts: &Parts, call: Call) -> Answer {
    input::parse::<Beyond>(&call.body)?.check()?;
    let code = input::parse_borrowed::<Code<'_>>(&call.body)?.zip()?;
    let request: UpdateCodeInput = input::parse(&call.body)?;
    let update = UpdateCode {
        code,
        architectures: request.architectures,
        publish: publish_choice(request.publish),
        mode: match request.dry_run {
            Some(true) => Mode::DryRun,
            Some(false) | None => Mode::Apply,
        },
        revision_id: request.revision_id,
    };
    let name = call.name.clone();
    drop(call);
    let changed = parts.control.update_code(&name, update).await?;
    answer_changed(parts, StatusCode::OK, &changed)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateConfigurationInput {
    runtime: Option<String>,
    role: Option<String>,
    handler: Option<String>,
    description: Option<String>,
    timeout: Option<i64>,
    memory_size: Option<i64>,
    environment: Option<Variables>,
    ephemeral_storage: Option<Size>,
    tracing_config: Option<TracingMode>,
    logging_config: Option<LoggingInput>,
    snap_start: Option<SnapStartInput>,
    vpc_config: Option<VpcConfigInput>,
    dead_letter_config: Option<DeadLetterInput>,
    layers: Option<Vec<String>>,
    revision_id: Option<String>,
}

pub(super) async fn update_configuration(parts: &Parts, call: &Call) -> Answer {
    input::parse::<Beyond>(&call.body)?.check()?;
    let request: UpdateConfigurationInput = input::parse(&call.body)?;
    layers::authorize_use(parts, &call.principal, request.layers.as_deref()).await?;
    let update = UpdateConfiguration {
        runtime: request.runtime,
        role: request.role,
        handler: request.handler,
        description: request.description,
        timeout: request.timeout,
        memory: request.memory_size,
        // `Environment: {}` takes the variables away.
        variables: request.environment.map(|environment| environment.variables.unwrap_or_default()),
        ephemeral_storage: request.ephemeral_storage.map(|storage| storage.size),
        tracing: request.tracing_config.and_then(|tracing| tracing.mode),
        logging: request.logging_config.map(LoggingInput::into_logging),
        snap_start: request.snap_start.and_then(|snap_start| snap_start.apply_on),
        vpc: request.vpc_config.map(VpcConfigInput::into_vpc).transpose()?,
        // `DeadLetterConfig: {}` takes it away.
        dead_letters: request.dead_letter_config.map(|config| config.target_arn.unwrap_or_default()),
        layers: request.layers,
        revision_id: request.revision_id,
    };
    destinations::check(parts, "dead letter", update.dead_letters.as_deref()).await?;
    let changed = parts.control.update_configuration(&call.name, update).await?;
    answer_changed(parts, StatusCode::OK, &changed)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetFunction<'a> {
    configuration: FunctionConfiguration<'a>,
    code: CodeLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    concurrency: Option<Concurrency>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CodeLocation {
    repository_type: &'static str,
    location: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Concurrency {
    pub(super) reserved_concurrent_executions: u32,
}

pub(super) fn get(parts: &Parts, call: &Call) -> Answer {
    let (function, qualifier) = call.function(parts)?;
    let target = shown(&function, qualifier.as_deref())?;
    let latest = &function.latest.function;
    let answer = GetFunction {
        configuration: configuration(
            parts,
            target,
            qualified(function.arn(), qualifier.as_deref()),
            Detail::Full,
        ),
        // Lambda's bucket is an S3 one, and tools look for this word.
        code: CodeLocation {
            repository_type: "S3",
            location: code::link(parts, &call.host, &target.function.package),
        },
        tags: (!latest.tags.is_empty()).then_some(&latest.tags),
        concurrency: latest
            .reserved_concurrency
            .map(|reserved_concurrent_executions| Concurrency { reserved_concurrent_executions }),
    };
    json(StatusCode::OK, &answer)
}

pub(super) fn get_configuration(parts: &Parts, call: &Call) -> Answer {
    let (function, qualifier) = call.function(parts)?;
    let target = shown(&function, qualifier.as_deref())?;
    let arn = qualified(function.arn(), qualifier.as_deref());
    json(StatusCode::OK, &configuration(parts, target, arn, Detail::Full))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Functions<'a> {
    next_marker: Option<String>,
    functions: Vec<FunctionConfiguration<'a>>,
}

pub(super) fn list(parts: &Parts, call: &Call) -> Answer {
    let page = Page::of(call)?;
    let live = parts.control.live();
    let marker = page.marker.as_deref().unwrap_or_default();
    match call.query.get("FunctionVersion") {
        None => {
            let (functions, next_marker) =
                page.cut(live.functions_after(marker), |function| function.lambda_name().to_string());
            let functions = functions
                .into_iter()
                .map(|function| {
                    configuration(parts, &function.latest, function.arn().to_owned(), Detail::Listed)
                })
                .collect();
            json(StatusCode::OK, &Functions { next_marker, functions })
        }
        Some(choice) => {
            input::one_of("functionVersion", choice, &["ALL"])?;
            // The marker is `name:version`, and the rest of that function's versions comes first.
            let (name, version) = marker.split_once(':').unwrap_or((marker, ""));
            let version: Option<Version> = version.parse().ok();
            let rest = live.function(name).into_iter().flat_map(|function| versions_after(function, version));
            let others = live.functions_after(name).flat_map(|function| versions_after(function, None));
            let (targets, next_marker) = page.cut(rest.chain(others), |target| {
                format!("{}:{}", target.function.lambda_name, target.version)
            });
            let functions = targets
                .into_iter()
                .map(|target| configuration(parts, target, target.qualified_arn(), Detail::Listed))
                .collect();
            json(StatusCode::OK, &Functions { next_marker, functions })
        }
    }
}

/// `$LATEST`, then the versions by number: those that come after `after`.
fn versions_after(function: &LiveFunction, after: Option<Version>) -> impl Iterator<Item = &Target> {
    let latest = after.is_none().then_some(&*function.latest);
    let from = match after {
        None | Some(Version::Latest) => 0,
        Some(Version::Number(number)) => number.saturating_add(1),
    };
    latest.into_iter().chain(function.versions.range(from..).map(|(_, target)| &**target))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Versions<'a> {
    next_marker: Option<String>,
    versions: Vec<FunctionConfiguration<'a>>,
}

pub(super) fn list_versions(parts: &Parts, call: &Call) -> Answer {
    let function = call.unqualified(parts)?;
    let page = Page::of(call)?;
    let after = page.marker.as_deref().and_then(|marker| marker.parse().ok());
    let (targets, next_marker) =
        page.cut(versions_after(&function, after), |target| target.version.to_string());
    let versions = targets
        .into_iter()
        .map(|target| configuration(parts, target, target.qualified_arn(), Detail::Listed))
        .collect();
    json(StatusCode::OK, &Versions { next_marker, versions })
}

pub(super) async fn delete(parts: &Parts, call: &Call) -> Answer {
    parts.control.delete_function(&call.name, call.query.get("Qualifier")).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PublishInput {
    #[serde(rename = "CodeSha256")]
    code_sha256: Option<String>,
    description: Option<String>,
    revision_id: Option<String>,
}

pub(super) async fn publish(parts: &Parts, call: &Call) -> Answer {
    input::parse::<Beyond>(&call.body)?.check()?;
    let request: PublishInput = input::parse(&call.body)?;
    let publish = PublishVersion {
        description: request.description,
        code_sha256: request.code_sha256,
        revision_id: request.revision_id,
    };
    let changed = parts.control.publish_version(&call.name, publish).await?;
    answer_changed(parts, StatusCode::CREATED, &changed)
}
