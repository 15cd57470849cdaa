//! An API: the routes that lead HTTP requests to functions.

use serde::{Deserialize, Serialize};

use crate::{AliasName, ApiId, FunctionName};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    pub id: ApiId,
    /// Its name in the manifest; the logical id in a SAM template.
    pub name: String,
    pub kind: ApiKind,
    /// `$default` for an HTTP API unless named; SAM's REST default is `Prod`.
    pub stage: String,
    #[serde(default)]
    pub stage_variables: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    pub cors: Option<Cors>,
    pub routes: Vec<Route>,
    /// REST alone: the media types whose bodies are passed as base64; `*/*` is all.
    #[serde(default)]
    pub binary_media_types: Vec<String>,
    /// REST alone: compress answers of at least this many bytes (`MinimumCompressionSize`).
    #[serde(default)]
    pub minimum_compression_size: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ApiKind {
    /// API Gateway v2, "HTTP API".
    Http,
    /// API Gateway v1, "REST API".
    Rest,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// An upper-case method, or `ANY`.
    pub method: String,
    /// `/pets/{id}`, `/files/{path+}`, or `$default`.
    pub path: String,
    pub function: FunctionName,
    #[serde(default)]
    pub alias: Option<AliasName>,
    pub payload: PayloadFormat,
    /// Milliseconds that the gateway waits for the function; 30,000 for an HTTP API and 29,000 for REST unless less is asked.
    #[serde(default)]
    pub timeout: Option<u32>,
}

/// The shape of the event that a route sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PayloadFormat {
    #[serde(rename = "1.0")]
    V1,
    #[serde(rename = "2.0")]
    V2,
}

/// Cross-origin rules, of an HTTP API or a function URL.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cors {
    pub allow_origins: Vec<String>,
    pub allow_methods: Vec<String>,
    pub allow_headers: Vec<String>,
    pub expose_headers: Vec<String>,
    pub allow_credentials: bool,
    /// Seconds.
    pub max_age: Option<u32>,
}
