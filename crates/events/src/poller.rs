//! The poller: brings work to functions, as much at once as they take.
//!
//! ```text
//!   room ──► next (waits for work) ──► run, each in a task of its own ──► verdict: more at once, or a pause and less
//! ```
//!
//! How much runs at once grows by one with each that ends well while all of it is in use, and is halved when the function
//! is throttled, with a pause that doubles.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sonagi_model::{Clock, Tick, limits};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::Result;

/// What a poller brings to a function.
pub(crate) trait Work: Send + Sync + 'static {
    type Job: Send + 'static;

    /// Jobs that may run at once.
    fn at_once(&self) -> usize;

    /// The next jobs, about `most` at the most; waits until there is one, or `stop`. It is never dropped half-way: what it
    /// has taken would be nobody's. None: there is nothing more to wait for.
    fn next(
        &self,
        most: usize,
        stop: &CancellationToken,
    ) -> impl Future<Output = Result<Option<Vec<Self::Job>>>> + Send;

    /// Does a job, and whatever follows from how that ended.
    fn run(&self, job: Self::Job) -> impl Future<Output = Verdict> + Send;
}

/// How a job went, for those behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Done,
    /// Nobody had the time to look at it.
    Throttled,
}

/// Brings work until `stop`, then returns when all of it has come to its end.
pub(crate) async fn poll<W: Work>(work: Arc<W>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let pace = Arc::new(Pace::new(work.at_once(), Arc::clone(&clock)));
    let tasks = TaskTracker::new();
    let mut failures = 0;
    loop {
        let Some(room) = stop.run_until_cancelled(pace.room()).await else { break };
        match work.next(room, &stop).await {
            Ok(Some(jobs)) => {
                failures = 0;
                for job in jobs {
                    pace.begin();
                    let (work, pace) = (Arc::clone(&work), Arc::clone(&pace));
                    tasks.spawn(async move {
                        let verdict = work.run(job).await;
                        pace.end(verdict);
                    });
                }
            }
            Ok(None) => break,
            Err(error) => {
                if failures == 0 {
                    tracing::warn!(error = &error as &dyn std::error::Error, "events cannot be read");
                }
                let wait = backoff(failures, limits::POLLER_PAUSE_MAX);
                failures += 1;
                if stop.run_until_cancelled(clock.sleep(wait)).await.is_none() {
                    break;
                }
            }
        }
    }
    tasks.close();
    tasks.wait().await;
}

fn backoff(failures: u32, most: Duration) -> Duration {
    limits::EVENT_BACKOFF_MIN.saturating_mul(1 << failures.min(16)).min(most)
}

/// How much runs at once.
struct Pace {
    most: usize,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    limit: usize,
    busy: usize,
    /// Throttled in a row.
    throttled: u32,
    pause: Option<Tick>,
}

impl Pace {
    fn new(most: usize, clock: Arc<dyn Clock>) -> Self {
        let most = most.max(1);
        let limit = limits::POLLER_START.min(most);
        let state = State { limit, busy: 0, throttled: 0, pause: None };
        Self { most, clock, state: Mutex::new(state), changed: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many more may begin; waits until one may.
    async fn room(&self) -> usize {
        loop {
            let changed = self.changed.notified();
            let pause = {
                let state = self.state();
                let pause = state.pause.filter(|&until| until > self.clock.tick());
                if pause.is_none() && state.busy < state.limit {
                    return state.limit - state.busy;
                }
                pause
            };
            match pause {
                Some(until) => self.clock.sleep_until(until).await,
                None => changed.await,
            }
        }
    }

    fn begin(&self) {
        self.state().busy += 1;
    }

    fn end(&self, verdict: Verdict) {
        let mut state = self.state();
        let now = self.clock.tick();
        match verdict {
            Verdict::Done => {
                let rests = state.pause.is_some_and(|until| until > now);
                if !rests {
                    state.throttled = 0;
                }
                // What began before a throttle says nothing of what is behind it.
                if !rests && state.busy >= state.limit {
                    state.limit = (state.limit + 1).min(self.most);
                }
            }
            // Of those that began together the first one says it for all.
            Verdict::Throttled if state.pause.is_none_or(|until| until <= now) => {
                state.limit = (state.limit / 2).max(1);
                state.pause = Some(now + backoff(state.throttled, limits::POLLER_PAUSE_MAX));
                state.throttled += 1;
            }
            Verdict::Throttled => {}
        }
        state.busy -= 1;
        drop(state);
        self.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use sonagi_model::{Timestamp, clock::ManualClock};

    use super::*;

    fn clock() -> Arc<ManualClock> {
        Arc::new(ManualClock::at(Timestamp(1)))
    }

    #[tokio::test]
    async fn what_runs_at_once_grows_with_success_and_is_halved_when_it_is_throttled() {
        let clock = clock();
        let pace = Pace::new(8, clock.clone());
        assert_eq!(pace.room().await, limits::POLLER_START);
        for _ in 0..100 {
            (0..pace.room().await).for_each(|_| pace.begin());
            pace.end(Verdict::Done);
        }
        let limit = pace.state().limit;
        assert_eq!(limit, 8);
        pace.end(Verdict::Throttled);
        pace.end(Verdict::Throttled);
        assert_eq!(pace.state().limit, 4);
        while pace.state().busy > 0 {
            pace.end(Verdict::Done);
        }
        let room = pace.room();
        tokio::pin!(room);
        assert!(futures_ready(room.as_mut()).is_none(), "it pauses");
        clock.advance(limits::EVENT_BACKOFF_MIN).await;
        assert_eq!(room.await, 4);
    }

    #[test]
    fn a_pause_doubles_up_to_the_longest() {
        let waits: Vec<_> =
            (0..8).map(|failures| backoff(failures, limits::POLLER_PAUSE_MAX).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(backoff(u32::MAX, limits::EVENT_BACKOFF_MAX), limits::EVENT_BACKOFF_MAX);
    }

    fn futures_ready<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        match future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }
}
