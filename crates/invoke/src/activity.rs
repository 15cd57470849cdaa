//! How much is going on, and when it is over.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// Counts what is under way: invocations, starts, environments.
#[derive(Debug, Default, Clone)]
pub(crate) struct Activity {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    count: AtomicUsize,
    over: Notify,
}

/// One thing under way; over when dropped.
#[derive(Debug)]
pub(crate) struct Active {
    inner: Arc<Inner>,
}

impl Activity {
    pub(crate) fn begin(&self) -> Active {
        self.inner.count.fetch_add(1, Ordering::Relaxed);
        Active { inner: self.inner.clone() }
    }

    /// Ready when nothing is under way.
    pub(crate) async fn over(&self) {
        loop {
            let over = self.inner.over.notified();
            if self.inner.count.load(Ordering::Acquire) == 0 {
                return;
            }
            over.await;
        }
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        if self.inner.count.fetch_sub(1, Ordering::Release) == 1 {
            self.inner.over.notify_waiters();
        }
    }
}
