//! What is known of one invocation: how it ended, how long each phase took, what it cost.

use std::time::Duration;

use bytes::Bytes;

/// How a function failed, as its caller is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionFailure {
    /// `Sandbox.Timedout`, `Runtime.ExitError`, or the exception's own name.
    pub error_type: String,
    /// The JSON that is the invocation's answer: `{"errorType": …, "errorMessage": …, …}`.
    pub payload: Bytes,
    pub origin: FailureOrigin,
}

/// Who noticed a failure. Lambda's `X-Amz-Function-Error` says `Unhandled` for both; metrics and logs differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureOrigin {
    /// The runtime reported an error of the handler's.
    Handler,
    /// The handler never ran: its initialisation failed.
    Init,
    /// The platform ended it: a time-out, an exit, a limit.
    Platform,
}

/// The phases of a cold start, each from the end of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ColdStart {
    /// Waiting for the right to start.
    pub queue: Duration,
    /// Getting the code onto this machine and unpacked.
    pub fetch: Duration,
    /// Creating the sandbox and its process.
    pub create: Duration,
    /// The runtime's start and the function's own initialisation, up to its first request for work. Of a copy: what its
    /// runtime did to be ready again.
    pub init: Duration,
    pub origin: Origin,
}

/// Where an environment's initialised state is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// It was initialised itself.
    #[default]
    Initialised,
    /// A copy of an environment that was initialised for its function version.
    Copied,
}

/// What one invocation used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    pub duration: Duration,
    /// Milliseconds, rounded up; a cold start's init is included.
    pub billed: u64,
    /// MiB configured.
    pub memory: u32,
    /// MiB used at the most by the environment so far.
    pub memory_peak: u32,
    /// Processor time, where it is known of each invocation.
    pub cpu: Option<Duration>,
    pub cold_start: Option<ColdStart>,
}

impl Usage {
    /// Memory × time, in MiB-milliseconds: an exact integer, so that a bill adds up.
    pub const fn memory_time(&self) -> u64 {
        self.memory as u64 * self.billed
    }
}
