//! A clock that the test moves.

use std::{future::Future, pin::Pin, time::Duration};

use sonagi_model::{Clock, Tick, Timestamp};
use tokio::sync::watch;

#[derive(Debug)]
pub(crate) struct ManualClock(watch::Sender<Duration>);

impl ManualClock {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Duration::ZERO))
    }

    pub(crate) fn advance(&self, time: Duration) {
        self.0.send_modify(|now| *now += time);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::default() + *self.0.borrow()
    }

    fn tick(&self) -> Tick {
        Tick(*self.0.borrow())
    }

    fn sleep_until(&self, at: Tick) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut now = self.0.subscribe();
        Box::pin(async move {
            drop(now.wait_for(|now| *now >= at.0).await);
        })
    }
}
