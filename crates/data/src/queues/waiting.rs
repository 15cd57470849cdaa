//! Receivers that wait: nobody looks at a queue before something may be there.
//!
//! Whoever has looked in vain tells the line when something will be due. One that is woken looks for all: when it goes, it
//! wakes the next, since it may have been woken for more than it took.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Waker},
};

use sonagi_model::Timestamp;
use tokio::sync::Notify;

use super::layout::Id;

/// All that wait, by queue. A queue that nobody waits at is not in here.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    lines: Mutex<HashMap<Id, Arc<Line>>>,
}

/// Those that wait at one queue.
#[derive(Debug)]
struct Line {
    notify: Notify,
    members: AtomicUsize,
    /// When somebody will look without being woken, in microseconds.
    next: AtomicU64,
}

/// One that waits, or is about to.
pub(super) struct Member {
    waiting: Arc<Waiting>,
    id: Id,
    line: Arc<Line>,
}

impl Waiting {
    pub(super) fn join(self: &Arc<Self>, id: Id) -> Member {
        let line =
            || Line { notify: Notify::new(), members: AtomicUsize::new(0), next: AtomicU64::new(u64::MAX) };
        let mut lines = self.lock();
        let line = Arc::clone(lines.entry(id).or_insert_with(|| Arc::new(line())));
        line.members.fetch_add(1, Ordering::Relaxed);
        drop(lines);
        Member { waiting: Arc::clone(self), id, line }
    }

    /// Something of a queue is due at `due`, or was already: whoever waits for the longest looks, unless somebody will
    /// look before that.
    pub(super) fn tell(&self, id: Id, due: Timestamp, now: Timestamp) {
        // The usual case is that nobody waits.
        let line = self.lock().get(&id).cloned();
        if let Some(line) = line
            && (due <= now || due.micros() < line.next.load(Ordering::Relaxed))
        {
            line.notify.notify_one();
        }
    }

    /// Everybody at one queue looks: something about it has changed.
    pub(super) fn wake(&self, id: Id) {
        let line = self.lock().get(&id).cloned();
        if let Some(line) = line {
            line.notify.notify_waiters();
        }
    }

    /// Everybody looks: something about the queues themselves has changed.
    pub(super) fn wake_all(&self) {
        let lines: Vec<_> = self.lock().values().cloned().collect();
        lines.iter().for_each(|line| line.notify.notify_waiters());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Arc<Line>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Member {
    pub(super) fn is_at(&self, id: Id) -> bool {
        self.id == id
    }

    /// Ready once it was woken; what happens from this call on is not missed.
    pub(super) fn woken(&self) -> impl Future<Output = ()> + use<> {
        let line = Arc::clone(&self.line);
        let mut notified = Box::pin(async move { line.notify.notified().await });
        // Polled once, it is in the line.
        let ready = notified.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        async move {
            if !ready {
                notified.await;
            }
        }
    }

    /// It will look at this time by itself.
    pub(super) fn looks_at(&self, next: Timestamp) {
        self.line.next.fetch_min(next.micros(), Ordering::Relaxed);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut lines = self.waiting.lock();
        if self.line.members.fetch_sub(1, Ordering::Relaxed) == 1 {
            lines.remove(&self.id);
            return;
        }
        drop(lines);
        // Perhaps this was the one that would have looked.
        self.line.next.store(u64::MAX, Ordering::Relaxed);
        self.line.notify.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::{pin::Pin, task::Poll};

    use super::*;

    const NOW: Timestamp = Timestamp(10);

    fn is_ready(future: Pin<&mut impl Future<Output = ()>>) -> bool {
        matches!(future.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()))
    }

    #[test]
    fn one_is_woken_and_whoever_leaves_wakes_the_next() {
        let waiting = Arc::new(Waiting::default());
        waiting.tell(7, NOW, NOW);
        let (first, second) = (waiting.join(7), waiting.join(7));
        let (mut one, mut two) = (Box::pin(first.woken()), Box::pin(second.woken()));
        waiting.tell(8, NOW, NOW);
        assert!(!is_ready(one.as_mut()));
        waiting.tell(7, NOW, NOW);
        assert!(is_ready(one.as_mut()) && !is_ready(two.as_mut()));
        drop(first);
        assert!(is_ready(two.as_mut()));
        drop(second);
        assert!(waiting.lock().is_empty());
    }

    #[test]
    fn what_is_due_later_wakes_nobody_who_will_look_before_that() {
        let waiting = Arc::new(Waiting::default());
        let member = waiting.join(7);
        let mut woken = Box::pin(member.woken());
        member.looks_at(Timestamp(20));
        waiting.tell(7, Timestamp(30), NOW);
        assert!(!is_ready(woken.as_mut()));
        waiting.tell(7, Timestamp(15), NOW);
        assert!(is_ready(woken.as_mut()));
        let mut again = Box::pin(member.woken());
        waiting.wake_all();
        assert!(is_ready(again.as_mut()));
    }
}
