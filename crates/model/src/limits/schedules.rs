//! Limits of timers and schedules.

use std::time::Duration;

/// Timers that are fired at once: their transactions share commits.
pub const TIMERS_AT_ONCE: usize = 64;
/// How long a wait for a timer lasts before the wall clock is read again, which may have been set meanwhile.
pub const TIMER_LOOK: Duration = Duration::from_secs(60);
/// Until timers are tried again when they could not be fired, as when the disk is full.
pub const TIMER_RETRY: Duration = Duration::from_secs(5);
/// Characters of the name of a schedule or a group (EventBridge Scheduler API, `Name`).
pub const SCHEDULE_NAME_SIZE: usize = 64;
/// Schedules on the account (EventBridge Scheduler User Guide, "Quotas").
pub const SCHEDULES: u64 = 1_000_000;
/// Groups on the account, the one that is always there included.
pub const SCHEDULE_GROUPS: usize = 500;
/// Schedules and groups on one page of a listing.
pub const SCHEDULES_PAGE: usize = 100;
/// Records that are looked at for one page.
pub const SCHEDULES_SCANNED: usize = 1_000;
/// Schedules of a deleted group that are removed in one transaction.
pub const SCHEDULES_REMOVED_AT_ONCE: usize = 100;
/// Bytes of what a schedule gives to its target.
pub const SCHEDULE_INPUT_SIZE: usize = 256 << 10;
/// Seconds, the least and the most, that an event may be late (EventBridge Scheduler API, `RetryPolicy`).
pub const SCHEDULE_AGE_MIN: u32 = 60;
pub const SCHEDULE_AGE_MAX: u32 = 86_400;
/// Attempts after the first.
pub const SCHEDULE_RETRIES_MAX: u32 = 185;
/// Minutes of a flexible time window.
pub const SCHEDULE_WINDOW_MAX: u32 = 1_440;
/// How far in the past a start date may be, and how late an `at()` that is only then made still runs.
pub const SCHEDULE_START_LATE: Duration = Duration::from_secs(300);
pub const SCHEDULE_ONCE_LATE: Duration = Duration::from_secs(60);
/// Bytes of a request to EventBridge Scheduler: the largest input, however it is escaped, and the rest.
pub const SCHEDULE_BODY_SIZE: usize = 6 * SCHEDULE_INPUT_SIZE + (64 << 10);
/// Entries of one `PutEvents` that a schedule sends.
pub const SCHEDULE_ENTRIES: usize = 10;
