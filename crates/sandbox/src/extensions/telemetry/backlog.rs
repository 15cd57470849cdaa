//! What one subscriber has yet to be told.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use sonagi_model::{Clock, clock, limits};
use tokio::sync::Notify;

use super::{records, subscription::Buffering};

pub(super) struct Backlog {
    state: Mutex<State>,
    news: Notify,
    buffering: Buffering,
}

#[derive(Default)]
struct State {
    events: VecDeque<Bytes>,
    bytes: usize,
    dropped: Dropped,
    pace: Pace,
}

/// What found no place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Dropped {
    pub(super) bytes: u64,
    pub(super) records: u64,
}

/// Whether a batch waits for more.
#[derive(Default, PartialEq, Eq)]
enum Pace {
    #[default]
    Buffered,
    /// The environment ends.
    AtOnce,
}

impl Backlog {
    pub(super) fn new(buffering: Buffering) -> Self {
        Self { state: Mutex::default(), news: Notify::new(), buffering }
    }

    pub(super) fn push(&self, event: Bytes) {
        let mut state = self.state();
        if state.bytes + event.len() > limits::TELEMETRY_BACKLOG {
            state.dropped.bytes += event.len() as u64;
            state.dropped.records += 1;
            return;
        }
        state.bytes += event.len();
        state.events.push_back(event);
        drop(state);
        self.news.notify_one();
    }

    /// From here on nothing waits for more to be sent with it.
    pub(super) fn hurry(&self) {
        self.state().pace = Pace::AtOnce;
        self.news.notify_one();
    }

    /// The next events to be told together, once there are as many as the subscriber wants or the oldest has waited as
    /// long as it may. Safe to drop.
    pub(super) async fn batch(&self, clock: &dyn Clock) -> Vec<Bytes> {
        self.until(|state, _| !state.events.is_empty()).await;
        let due = clock.tick() + self.buffering.timeout;
        let full = self.until(|state, buffering| {
            state.pace == Pace::AtOnce
                || state.events.len() >= buffering.items
                || state.bytes >= buffering.bytes
        });
        // Whether it is full or not.
        let _ = clock::within(clock, due, full).await;
        self.take(clock)
    }

    async fn until(&self, met: impl Fn(&State, Buffering) -> bool) {
        loop {
            if met(&self.state(), self.buffering) {
                return;
            }
            self.news.notified().await;
        }
    }

    fn take(&self, clock: &dyn Clock) -> Vec<Bytes> {
        let mut state = self.state();
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < self.buffering.items
            && let Some(event) = state
                .events
                .pop_front_if(|event| batch.is_empty() || bytes + event.len() <= self.buffering.bytes)
        {
            bytes += event.len();
            batch.push(event);
        }
        state.bytes -= bytes;
        // After what came before it.
        if state.events.is_empty() && state.dropped != Dropped::default() {
            let dropped = std::mem::take(&mut state.dropped);
            batch.push(records::event(clock.now(), "platform.logsDropped", &records::logs_dropped(dropped)));
        }
        batch
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sonagi_model::clock::ManualClock;

    use super::*;

    fn backlog(items: usize) -> Backlog {
        Backlog::new(Buffering { items, bytes: 1 << 20, timeout: Duration::from_secs(1) })
    }

    fn text(batch: &[Bytes]) -> Vec<String> {
        batch.iter().map(|event| String::from_utf8_lossy(event).into_owned()).collect()
    }

    #[tokio::test]
    async fn a_batch_goes_when_it_is_full_or_its_time_has_come() {
        let (clock, backlog) = (ManualClock::default(), backlog(2));
        for event in ["1", "2", "3"] {
            backlog.push(Bytes::from(event));
        }
        assert_eq!(text(&backlog.batch(&clock).await), ["1", "2"]);
        let mut rest = Box::pin(backlog.batch(&clock));
        assert!(futures::poll!(&mut rest).is_pending());
        clock.advance(Duration::from_secs(1)).await;
        assert_eq!(text(&rest.await), ["3"]);
        backlog.push(Bytes::from("4"));
        backlog.hurry();
        assert_eq!(text(&backlog.batch(&clock).await), ["4"]);
    }

    #[tokio::test]
    async fn what_finds_no_place_is_counted_and_told() {
        let (clock, backlog) = (ManualClock::default(), backlog(1_000));
        let large = Bytes::from(vec![b'1'; limits::TELEMETRY_BACKLOG]);
        backlog.push(large.clone());
        backlog.push(Bytes::from("22"));
        backlog.push(Bytes::from("333"));
        let batch = text(&backlog.batch(&clock).await);
        assert_eq!(batch.len(), 2);
        assert!(batch[1].contains("platform.logsDropped"), "{}", batch[1]);
        assert!(batch[1].contains(r#""droppedBytes":5,"droppedRecords":2"#), "{}", batch[1]);
        backlog.push(Bytes::from("4"));
        backlog.hurry();
        assert_eq!(text(&backlog.batch(&clock).await), ["4"]);
    }
}
