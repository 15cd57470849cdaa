use std::time::Duration;

use sonagi_model::{AccountId, limits};

/// What the frontend may use. The default is what [`limits`] says.
#[derive(Debug, Clone)]
pub struct Config {
    /// Invocations that run at once on the whole account.
    pub account_concurrency: u32,
    /// How long a request waits for the right to run.
    pub admission_wait: Duration,
    /// Requests of one function that wait for the right to run.
    pub admission_queue: usize,
    /// How long an idle environment is kept, where its function's history says nothing else.
    pub keep_alive: Duration,
    /// Environments on this machine that are processes, busy and idle.
    pub environments: usize,
    /// Those that are places for an instance.
    pub instances: usize,
    /// MiB that all environments together may be kept for them, as [`Footprint`](sonagi_sandbox::Footprint) says.
    pub memory_budget_mib: u64,
    /// Environments that start at the same time.
    pub start_parallelism: usize,
    /// How long a function's initialisation may take before it is started over within the invocation.
    pub init_timeout: Duration,
    /// Bytes of a request's payload.
    pub payload_size: usize,
    /// Bytes of a streamed answer.
    pub stream_size: u64,
    /// `AWS_REGION` in the environments.
    pub region: String,
    pub account: AccountId,
    /// `AWS_ENDPOINT_URL` in the environments.
    pub endpoint: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            account_concurrency: limits::ACCOUNT_CONCURRENCY,
            admission_wait: limits::ADMISSION_WAIT,
            admission_queue: limits::ADMISSION_QUEUE,
            keep_alive: limits::KEEP_ALIVE,
            environments: limits::ENVIRONMENTS,
            instances: limits::WASM_INSTANCES as usize,
            memory_budget_mib: limits::ENVIRONMENTS_MEMORY,
            start_parallelism: limits::STARTS,
            init_timeout: limits::INIT_TIMEOUT,
            payload_size: limits::PAYLOAD_SIZE,
            stream_size: limits::STREAM_SIZE,
            region: "us-east-1".into(),
            account: AccountId::default(),
            endpoint: "http://127.0.0.1:4566".into(),
        }
    }
}
