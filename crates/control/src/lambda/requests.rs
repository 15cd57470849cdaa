//! What callers of the Lambda API ask for, as plain values that were not checked yet.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use sonagi_model::api::Cors;

use crate::{LiveFunction, Target, Version};

/// A function after a change, and the version that the answer describes: `$LATEST`, or the one just published.
#[derive(Debug, Clone)]
pub struct Changed {
    pub function: Arc<LiveFunction>,
    pub version: Version,
    /// What `version` is; for a dry run, what `$LATEST` would have become.
    pub target: Arc<Target>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Publish {
    #[default]
    No,
    Yes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    #[default]
    Apply,
    /// Everything is checked and nothing changes.
    DryRun,
}

#[derive(Debug, Clone, Default)]
pub struct CreateFunction {
    /// A name, or an ARN without a qualifier.
    pub name: String,
    pub runtime: Option<String>,
    pub role: String,
    pub handler: Option<String>,
    /// The zip.
    pub code: Bytes,
    pub description: Option<String>,
    pub timeout: Option<i64>,
    pub memory: Option<i64>,
    pub publish: Publish,
    pub variables: Option<BTreeMap<String, String>>,
    pub architectures: Option<Vec<String>>,
    pub ephemeral_storage: Option<i64>,
    /// `Active` or `PassThrough`.
    pub tracing: Option<String>,
    pub logging: Option<Logging>,
    /// `PublishedVersions` or `None`; for WebAssembly functions alone.
    pub snap_start: Option<String>,
    pub vpc: Option<VpcConfig>,
    /// The ARN of a queue or a topic.
    pub dead_letters: Option<String>,
    /// ARNs of layer versions, in the order in which they lie one over the other.
    pub layers: Option<Vec<String>>,
    pub tags: BTreeMap<String, String>,
    /// `Zip`; images are refused.
    pub package_type: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct Logging {
    /// `Text` or `JSON`.
    pub format: Option<String>,
    /// `TRACE` to `FATAL`; for JSON alone.
    pub application_level: Option<String>,
    /// `DEBUG`, `INFO` or `WARN`; for JSON alone.
    pub system_level: Option<String>,
    pub group: Option<String>,
}

/// Without any ids: no VPC.
#[derive(Debug, Clone, Default)]
pub struct VpcConfig {
    pub subnets: Vec<String>,
    pub security_groups: Vec<String>,
}

#[derive(Debug, Clone, Default)]
pub struct UpdateCode {
    /// The zip.
    pub code: Bytes,
    pub architectures: Option<Vec<String>>,
    pub publish: Publish,
    pub mode: Mode,
    pub revision_id: Option<String>,
}

/// What is none stays as it is.
#[derive(Debug, Clone, Default)]
pub struct UpdateConfiguration {
    pub runtime: Option<String>,
    pub role: Option<String>,
    pub handler: Option<String>,
    pub description: Option<String>,
    pub timeout: Option<i64>,
    pub memory: Option<i64>,
    pub variables: Option<BTreeMap<String, String>>,
    pub ephemeral_storage: Option<i64>,
    pub tracing: Option<String>,
    pub logging: Option<Logging>,
    /// `PublishedVersions` or `None`; for WebAssembly functions alone.
    pub snap_start: Option<String>,
    pub vpc: Option<VpcConfig>,
    /// An empty one takes it away.
    pub dead_letters: Option<String>,
    /// ARNs of layer versions, in the order in which they lie one over the other.
    pub layers: Option<Vec<String>>,
    pub revision_id: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct PublishVersion {
    pub description: Option<String>,
    /// As base64; publishing is refused if the code is another.
    pub code_sha256: Option<String>,
    pub revision_id: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct CreateAlias {
    pub name: String,
    pub version: String,
    pub description: Option<String>,
    /// `RoutingConfig.AdditionalVersionWeights`.
    pub weights: BTreeMap<String, f64>,
}

/// What is none stays as it is.
#[derive(Debug, Clone, Default)]
pub struct UpdateAlias {
    pub version: Option<String>,
    pub description: Option<String>,
    pub weights: Option<BTreeMap<String, f64>>,
    pub revision_id: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct CreateUrl {
    /// `NONE` or `AWS_IAM`.
    pub auth: String,
    /// `BUFFERED` or `RESPONSE_STREAM`.
    pub mode: Option<String>,
    pub cors: Option<Cors>,
}

/// What is none stays as it is.
#[derive(Debug, Clone, Default)]
pub struct UpdateUrl {
    pub auth: Option<String>,
    pub mode: Option<String>,
    pub cors: Option<Cors>,
}

/// What is none was not given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PutAsynchronous {
    /// Seconds.
    pub max_age: Option<i64>,
    pub retries: Option<i64>,
    pub destinations: Option<Destinations>,
}

/// ARNs; an empty one is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Destinations {
    pub on_success: Option<String>,
    pub on_failure: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct CreateMapping {
    /// A name or an ARN, with or without a qualifier.
    pub function: String,
    /// The ARN of the event source.
    pub source: Option<String>,
    pub settings: MappingSettings,
    pub tags: BTreeMap<String, String>,
    pub queue: Option<SourceQueue>,
}

/// What is none stays as it is.
#[derive(Debug, Clone, Default)]
pub struct UpdateMapping {
    pub function: Option<String>,
    pub settings: MappingSettings,
    pub queue: Option<SourceQueue>,
}

/// What is none was not given.
#[derive(Debug, Clone, Default)]
pub struct MappingSettings {
    pub enabled: Option<bool>,
    pub batch: Option<i64>,
    /// Seconds.
    pub window: Option<i64>,
    /// Event patterns.
    pub filters: Option<Vec<String>>,
    /// A `ScalingConfig` without a number takes the limit away.
    pub concurrency: Option<Option<i64>>,
    /// `ReportBatchItemFailures`, or nothing.
    pub responses: Option<Vec<String>>,
}

/// What is known of the queue that is to be a source; none of one that is not there.
#[derive(Debug, Clone, Copy)]
pub struct SourceQueue {
    /// Seconds.
    pub visibility: u32,
}

#[derive(Debug, Clone, Default)]
pub struct AddPermission {
    pub statement_id: String,
    pub action: String,
    pub principal: String,
    pub source_arn: Option<String>,
    pub source_account: Option<String>,
    pub principal_org_id: Option<String>,
    pub event_source_token: Option<String>,
    pub function_url_auth_type: Option<String>,
    pub invoked_via_function_url: Option<bool>,
    pub revision_id: Option<String>,
}
