use std::{
    future::Future,
    pin::Pin,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use sonagi_model::{Clock, Tick, Timestamp};

/// The machine's clocks.
#[derive(Debug)]
pub struct RealClock {
    start: Instant,
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the real clock")]
impl RealClock {
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for RealClock {
    fn default() -> Self {
        Self::new()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the real clock")]
impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp(since.as_micros() as u64)
    }

    fn tick(&self) -> Tick {
        Tick(self.start.elapsed())
    }

    fn sleep_until(&self, at: Tick) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        // A deadline past what an Instant can hold is one that never comes.
        match self.start.checked_add(at.0) {
            Some(instant) => Box::pin(tokio::time::sleep_until(instant.into())),
            None => Box::pin(std::future::pending()),
        }
    }
}
