//! Schedules: when the next run is.
//!
//! ```text
//!   text ──► Expression::parse ──► rate · cron (fields ──► days of a month) · at
//!   Expression::next_after(moment, zone, span) ──► local times in order ──► the moment of each in its zone
//! ```
//!
//! After EventBridge Scheduler User Guide, "Schedule types in EventBridge Scheduler", and EventBridge User Guide, "Setting
//! a schedule pattern for scheduled rules". Start reading at [`Expression`]. Always true here:
//! - what comes next is strictly later, and is found in a bounded search, or it is found that nothing comes;
//! - a local time that the clocks skip does not run, and one that they show twice runs once, the first time
//!   ("Daylight savings time on EventBridge Scheduler");
//! - zones come with the program: the machine's are not asked.

mod cron;
mod days;
mod error;
mod expression;
mod fields;
mod moment;
mod zone;

pub use error::{ExpressionError, ExpressionReason};
pub use expression::{Expression, Span};
pub use moment::moment;
pub use zone::{UnknownZone, Zone};

/// Who reads an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// A scheduled rule (EventBridge API, `PutRule`, `ScheduleExpression`; SAM's `Schedule`): `rate()`, whose unit agrees
    /// with its number, and `cron()`.
    Rule,
    /// A schedule (EventBridge Scheduler API, `CreateSchedule`; SAM's `ScheduleV2`): `rate()`, whose unit need not agree,
    /// `cron()` and `at()`.
    Scheduler,
    /// Our manifest: all of these, and five-field cron as in `crontab(5)`, in `cron()` or bare.
    Manifest,
}
