use serde::{Deserialize, Serialize};
use sonagi_control::Version;
use sonagi_model::{AppName, LambdaName, ReleaseNumber};

/// What a message says of its invocation beside the payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    pub(super) app: AppName,
    /// The one that was live when it was accepted: it runs on this.
    pub(super) release: ReleaseNumber,
    pub(super) function: LambdaName,
    pub(super) version: Version,
    /// As it was named: a version, an alias or nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) qualifier: Option<String>,
    /// A UUID.
    pub(super) request: String,
    /// JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) client_context: Option<String>,
    /// Attempts that failed.
    #[serde(default)]
    pub(super) failed: u32,
}
