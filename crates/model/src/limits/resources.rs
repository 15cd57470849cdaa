//! Limits of what manifests declare beside functions.

/// Queues, topics, subscriptions, buses, rules, archives and schedules of one app (CloudFormation User Guide, "Understand
/// CloudFormation quotas", "Resources").
pub const RESOURCES_PER_APP: usize = 500;
/// Bytes of the name of a rule, a schedule or a group of schedules (EventBridge API Reference, "PutRule"; EventBridge
/// Scheduler API Reference, "CreateSchedule").
pub const DECLARED_NAME_SIZE: usize = 64;
/// Bytes of an archive's name (EventBridge API Reference, "CreateArchive").
pub const DECLARED_ARCHIVE_NAME_SIZE: usize = 48;
/// Records in one event from a queue, unless it is said, and the most; of a FIFO queue the first is the most (Lambda API,
/// `BatchSize`).
pub const SOURCE_BATCH: u32 = 10;
pub const SOURCE_BATCH_MAX: u32 = 10_000;
/// Seconds that an event waits for more records (Lambda API, `MaximumBatchingWindowInSeconds`).
pub const SOURCE_WINDOW_MAX: u32 = 300;
/// Invocations at once for one queue, the least and the most (Lambda API, `MaximumConcurrency`).
pub const SOURCE_CONCURRENCY_MIN: u32 = 2;
pub const SOURCE_CONCURRENCY_MAX: u32 = 1_000;
/// Filters of one event source mapping (Lambda Developer Guide, "Lambda quotas").
pub const SOURCE_FILTERS: usize = 10;
/// Attempts after the first to reach a rule's or a schedule's target (EventBridge API, `RetryPolicy`).
pub const TARGET_ATTEMPTS_MAX: u32 = 185;
/// Seconds, the least and the most, that a target may be tried for (EventBridge API, `MaximumEventAgeInSeconds`).
pub const TARGET_SECONDS_MIN: u32 = 60;
pub const TARGET_SECONDS_MAX: u32 = 86_400;
/// Minutes of a schedule's flexible time window (EventBridge Scheduler API, `MaximumWindowInMinutes`).
pub const FLEXIBLE_MINUTES_MAX: u32 = 1_440;
/// Targets of one rule (EventBridge User Guide, "Amazon EventBridge quotas").
pub const TARGETS_PER_RULE: usize = 5;
