//! A clock that a test moves.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::{Clock, Tick, Timestamp};

/// How often [`ManualClock::advance`] lets other tasks run while it waits for one that it woke. A task that
/// holds a sleep without waiting on it would otherwise stop time for ever.
const PATIENCE: u32 = 10_000;
/// How often it lets others run once all that were woken have run.
const COURTESY: u32 = 32;

/// Stands still until it is told to move. Clones share one time.
#[derive(Clone, Default)]
pub struct ManualClock {
    time: Arc<Mutex<Time>>,
}

#[derive(Default)]
struct Time {
    start: Timestamp,
    elapsed: Duration,
    next: u64,
    asleep: BTreeMap<(Tick, u64), Waker>,
    /// Woken, and not polled since.
    woken: HashSet<u64>,
}

impl ManualClock {
    /// A clock on which it is `start`.
    pub fn at(start: Timestamp) -> Self {
        let clock = Self::default();
        clock.lock().start = start;
        clock
    }

    /// Moves time by `by`, from one sleeper's moment to the next: each is woken at its own time, in order, and
    /// runs until it waits again before time goes on. So a sleeper that sleeps again within `by` is woken again.
    pub async fn advance(&self, by: Duration) {
        let end = self.tick() + by;
        loop {
            self.settle().await;
            if !self.wake_next(end) {
                break;
            }
        }
        self.lock().elapsed = end.0;
        self.settle().await;
    }

    /// Sets the wall clock, forwards or backwards; ticks go on as they were, and nobody is woken.
    pub fn set(&self, wall: Timestamp) {
        let mut time = self.lock();
        time.start = Timestamp(wall.micros().saturating_sub(time.elapsed.as_micros() as u64));
    }

    /// Sleepers that wait now.
    pub fn sleepers(&self) -> usize {
        self.lock().asleep.len()
    }

    /// When the next sleeper is due.
    pub fn next_wake(&self) -> Option<Tick> {
        self.lock().asleep.first_key_value().map(|((at, _), _)| *at)
    }

    /// Moves to the first sleeper's moment, if that is by `end`, and wakes all that are due then.
    fn wake_next(&self, end: Tick) -> bool {
        let mut due = Vec::new();
        {
            let mut time = self.lock();
            let Some(((at, _), _)) = time.asleep.first_key_value() else { return false };
            let at = *at;
            if at > end {
                return false;
            }
            time.elapsed = time.elapsed.max(at.0);
            while let Some(first) = time.asleep.first_entry() {
                if first.key().0 > at {
                    break;
                }
                let ((_, id), waker) = first.remove_entry();
                time.woken.insert(id);
                due.push(waker);
            }
        }
        due.into_iter().for_each(Waker::wake);
        true
    }

    async fn settle(&self) {
        for _ in 0..PATIENCE {
            if self.lock().woken.is_empty() {
                break;
            }
            tokio::task::yield_now().await;
        }
        for _ in 0..COURTESY {
            tokio::task::yield_now().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Time> {
        self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualClock").field("elapsed", &self.lock().elapsed).finish_non_exhaustive()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        let time = self.lock();
        time.start + time.elapsed
    }

    fn tick(&self) -> Tick {
        Tick(self.lock().elapsed)
    }

    fn sleep_until(&self, at: Tick) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(Sleep { clock: self.clone(), at, id: None })
    }
}

struct Sleep {
    clock: ManualClock,
    at: Tick,
    id: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let clock = self.clock.clone();
        let mut time = clock.lock();
        if time.elapsed >= self.at.0 {
            if let Some(id) = self.id.take() {
                time.woken.remove(&id);
                time.asleep.remove(&(self.at, id));
            }
            return Poll::Ready(());
        }
        let id = self.id.unwrap_or_else(|| {
            time.next += 1;
            time.next
        });
        self.id = Some(id);
        time.asleep.insert((self.at, id), cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            let mut time = self.clock.lock();
            time.woken.remove(&id);
            time.asleep.remove(&(self.at, id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleepers_wake_in_order_each_at_its_own_time() {
        let clock = ManualClock::at(Timestamp::from_millis(1_000));
        let log = Arc::new(Mutex::new(Vec::new()));
        for (name, every) in [("slow", 7), ("fast", 3)] {
            let (clock, log) = (clock.clone(), log.clone());
            tokio::spawn(async move {
                loop {
                    clock.sleep(Duration::from_millis(every)).await;
                    log.lock().unwrap().push((name, clock.now().millis()));
                }
            });
        }
        clock.advance(Duration::from_millis(10)).await;
        let seen = log.lock().unwrap().clone();
        assert_eq!(seen, [("fast", 1_003), ("fast", 1_006), ("slow", 1_007), ("fast", 1_009)]);
        assert_eq!(clock.tick(), Tick(Duration::from_millis(10)));
        assert_eq!(clock.sleepers(), 2);
    }

    #[tokio::test]
    async fn a_dropped_sleeper_is_forgotten() {
        let clock = ManualClock::default();
        let kept = super::super::within(&clock, Tick(Duration::from_secs(1)), async { 7 }).await;
        assert_eq!(kept, Some(7));
        let mut sleep = clock.sleep(Duration::from_secs(1));
        futures_poll(&mut sleep).await;
        assert_eq!(clock.sleepers(), 1);
        drop(sleep);
        assert_eq!(clock.sleepers(), 0);
    }

    async fn futures_poll(sleep: &mut Pin<Box<dyn Future<Output = ()> + Send>>) {
        std::future::poll_fn(|cx| {
            let _ = sleep.as_mut().poll(cx);
            Poll::Ready(())
        })
        .await;
    }
}
