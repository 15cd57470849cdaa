//! Environments.

use sonagi_control::Version;
use sonagi_model::{AppName, Digest, LambdaName, Timestamp};

/// One environment, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentInfo {
    pub app: AppName,
    pub function: LambdaName,
    pub version: Version,
    pub environment: Digest,
    pub state: EnvironmentState,
    pub started: Timestamp,
    /// Served so far, with the one that runs.
    pub invocations: u64,
    /// MiB configured.
    pub memory: u32,
    /// Bytes used at the most, as of the last invocation.
    pub memory_peak: u64,
    pub log_stream: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EnvironmentState {
    Idle,
    Busy,
}
