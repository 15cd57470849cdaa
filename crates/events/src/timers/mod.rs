//! Timers: something happens at a time of the wall clock's, once, whatever happens to the server meanwhile.
//!
//! ```text
//!  owner ── set(t, kind, key, due), in a transaction of its own ──► Records: by owner, and by due time
//!                                                                        │ sleeps until the next is due;
//!                                                                        ▼ woken when an earlier one is set
//!  owner's handler(outbox, Due) ◄── one transaction: the timer is removed, the handler delivers and sets the next
//! ```
//!
//! Start reading at [`Timers`]; [`set`] and [`remove`] are what owners call. Always true here:
//! - a timer that was set is fired once for its due time: its removal and what its handler does are one commit;
//! - a timer that was set again, or removed, is not fired for its earlier time;
//! - nothing is fired before its time on the wall clock, and what was missed is fired as soon as the server runs: the
//!   handler is told the due time and the time that it is, and decides;
//! - the worker wakes when something is due or is set, and while anything waits at least once a
//!   [`TIMER_LOOK`](sonagi_model::limits::TIMER_LOOK), since the wall clock may be set.

mod layout;
mod worker;

pub(crate) use layout::{remove, set};
pub(crate) use worker::Timers;

use sonagi_model::Timestamp;

/// A timer that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) key: String,
    /// When it was to be.
    pub(crate) at: Timestamp,
    /// What the wall clock says now; not before `at`.
    pub(crate) now: Timestamp,
}

#[cfg(test)]
mod tests;
