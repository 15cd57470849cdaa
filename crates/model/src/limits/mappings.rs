//! Limits of event source mappings.

/// Records in one event (Lambda API, `BatchSize`).
pub const MAPPING_BATCH_MAX: u32 = 10_000;
/// The same of a FIFO queue, and of any queue whose events wait for nothing ("Using Lambda with Amazon SQS"): as many as
/// one request to SQS brings.
pub const MAPPING_BATCH_AT_ONCE: u32 = 10;
/// Seconds that an event may wait for more records (Lambda API, `MaximumBatchingWindowInSeconds`).
pub const MAPPING_WINDOW_MAX: u32 = 300;
/// Event patterns of one mapping ("Lambda quotas": 5, and up to 10 for who asks).
pub const MAPPING_FILTERS: usize = 10;
/// Invocations of one mapping at once, the least and the most that it may be held to (Lambda API, `MaximumConcurrency`).
pub const MAPPING_CONCURRENCY_MIN: u32 = 2;
pub const MAPPING_CONCURRENCY_MAX: u32 = 1_000;
/// Mappings of one function.
pub const MAPPINGS_PER_FUNCTION: usize = 100;
