//! The queues' own time.

use std::sync::Arc;

use sonagi_model::{Clock, Tick, Timestamp};

/// Goes on evenly from the wall clock's time at the start, whatever that clock does later: a clock that is set back
/// would hide every message that waits, and one that is set forward would end every visibility time-out.
#[derive(Debug, Clone)]
pub(super) struct Steady {
    clock: Arc<dyn Clock>,
    base: Timestamp,
    start: Tick,
}

/// One moment, on both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// What messages are stamped with.
    pub(super) wall: Timestamp,
    /// What they become due by.
    pub(super) steady: Timestamp,
}

impl Steady {
    /// `reached`: how far it has come in an earlier life.
    pub(super) fn new(clock: Arc<dyn Clock>, reached: Timestamp) -> Self {
        Self { base: clock.now().max(reached), start: clock.tick(), clock }
    }

    pub(super) fn now(&self) -> Moment {
        Moment { wall: self.clock.now(), steady: self.base + self.clock.tick().since(self.start) }
    }

    /// When it will be `due`.
    pub(super) fn tick_of(&self, due: Timestamp) -> Tick {
        self.start + due.since(self.base)
    }
}
