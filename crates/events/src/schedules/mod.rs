//! Schedules: EventBridge Scheduler (API version 2021-06-30) above timers.
//!
//! ```text
//!  create · update ──► the schedule, and its timer at its next time ─────────────────────────────┐
//!                                                                                                ▼
//!  target ◄── deliver ── fire: one transaction: the latest time that is due is sent, or is told   timer
//!  dead-letter queue ◄── to the dead-letter queue; the next time is set; or the schedule ends     is due
//! ```
//!
//! Start reading at [`Schedules`] and [`firing`]; [`timing`] says when. Always true here:
//! - a time of a schedule is sent once, or told to the dead-letter queue once, in the transaction that sets the next;
//! - of the times that were missed while the server was down the latest counts, and the earlier ones are skipped;
//! - a schedule has a timer while it is enabled and has a time to come, and no other does.

mod constraint;
mod dead_letters;
mod declared;
mod firing;
mod group;
mod groups;
mod input;
mod layout;
mod listing;
mod refusal;
mod registry;
mod schedule;
mod target;
mod timing;

pub use constraint::Check;
pub use group::{Group, GroupState};
pub use input::ScheduleInput;
pub use listing::{Filter, Page};
pub use refusal::Refusal;
pub use registry::Schedules;
pub use schedule::{Completion, EventParameters, Retry, Schedule, ScheduleName, Settings, State, Target};
pub use target::{Action, BadTarget};

pub(crate) use declared::{DeclaredGroup, DeclaredSchedule};
pub(crate) use firing::fire;
pub(crate) use groups::clear;

/// Kinds of timers: of a schedule's next time, and of a group whose schedules are to be removed.
pub(crate) const TIMES: &str = "schedules";
pub(crate) const CLEARING: &str = "schedule-groups";

use sonagi_backend::Error as BackendError;

fn damaged(what: &str) -> BackendError {
    BackendError::Damaged { what: what.to_owned() }
}
