//! Processor time: what a guest's bill and its lane are decided by.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What the calling thread has used so far.
pub(super) fn of_this_thread() -> Duration {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(spent.tv_sec.unsigned_abs(), u32::try_from(spent.tv_nsec).unwrap_or_default())
}
