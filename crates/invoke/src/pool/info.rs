use std::sync::atomic::{AtomicU64, Ordering};

use sonagi_control::{Target, Version};
use sonagi_model::{AppName, Digest, LambdaName, Timestamp};
use sonagi_sandbox::Initialization;

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

/// What is known of one environment.
pub(super) struct Facts {
    pub(super) app: AppName,
    pub(super) function: LambdaName,
    pub(super) version: Version,
    pub(super) environment: Digest,
    pub(super) started: Timestamp,
    pub(super) initialization: Initialization,
    pub(super) memory: u32,
    pub(super) log_stream: String,
    pub(super) invocations: AtomicU64,
    pub(super) memory_peak: AtomicU64,
}

impl Facts {
    pub(super) fn new(
        target: &Target,
        started: Timestamp,
        log_stream: String,
        initialization: Initialization,
    ) -> Self {
        Self {
            app: target.app.clone(),
            function: target.function.lambda_name.clone(),
            version: target.version,
            environment: target.environment,
            started,
            initialization,
            memory: target.function.memory,
            log_stream,
            invocations: AtomicU64::new(0),
            memory_peak: AtomicU64::new(0),
        }
    }

    pub(super) fn info(&self, state: EnvironmentState) -> EnvironmentInfo {
        EnvironmentInfo {
            app: self.app.clone(),
            function: self.function.clone(),
            version: self.version,
            environment: self.environment,
            state,
            started: self.started,
            invocations: self.invocations.load(Ordering::Relaxed),
            memory: self.memory,
            memory_peak: self.memory_peak.load(Ordering::Relaxed),
            log_stream: self.log_stream.clone(),
        }
    }
}
