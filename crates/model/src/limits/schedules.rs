//! Limits of timers and schedules.

use std::time::Duration;

/// Timers that are fired at once: their transactions share commits.
pub const TIMERS_AT_ONCE: usize = 64;
/// How long a wait for a timer lasts before the wall clock is read again, which may have been set meanwhile.
pub const TIMER_LOOK: Duration = Duration::from_secs(60);
/// Until timers are tried again when they could not be fired, as when the disk is full.
pub const TIMER_RETRY: Duration = Duration::from_secs(5);
