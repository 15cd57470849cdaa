//! Where schedules are among the records.
//!
//! ```text
//! events/schedules/g<group>           a group
//! events/schedules/s<group>/<name>    a schedule
//! events/schedules/count              how many schedules there are
//! ```
//!
//! What follows a letter is also the key of a timer: of a group's clearing, and of a schedule's next time.

use super::ScheduleName;

pub(super) const GROUPS: &[u8] = b"events/schedules/g";
pub(super) const SCHEDULES: &[u8] = b"events/schedules/s";
pub(super) const COUNT: &[u8] = b"events/schedules/count";

pub(super) fn group(group: &ScheduleName) -> Vec<u8> {
    [GROUPS, group.as_str().as_bytes()].concat()
}

/// The key of a schedule's timer.
pub(super) fn timer(group: &ScheduleName, name: &ScheduleName) -> String {
    format!("{group}/{name}")
}

pub(super) fn schedule(timer: &str) -> Vec<u8> {
    [SCHEDULES, timer.as_bytes()].concat()
}

/// What all schedules of a group begin with.
pub(super) fn of_group(group: &ScheduleName) -> Vec<u8> {
    [SCHEDULES, group.as_str().as_bytes(), b"/"].concat()
}
