//! The last bytes of one invocation's log, for callers that ask for them.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use sonagi_model::{
    limits::LOG_TAIL_SIZE,
    logs::{LogLine, LogSink},
};

/// Passes lines on, and keeps their last bytes while told to.
pub(crate) struct TailSink {
    out: Arc<dyn LogSink>,
    keeping: AtomicBool,
    tail: Mutex<Vec<u8>>,
}

impl TailSink {
    pub(crate) fn new(out: Arc<dyn LogSink>) -> Self {
        Self { out, keeping: AtomicBool::new(false), tail: Mutex::default() }
    }

    pub(crate) fn keep(&self) {
        self.tail().clear();
        self.keeping.store(true, Ordering::Release);
    }

    /// What was kept.
    pub(crate) fn take(&self) -> Bytes {
        self.keeping.store(false, Ordering::Release);
        let mut tail = std::mem::take(&mut *self.tail());
        shorten(&mut tail);
        tail.into()
    }

    fn tail(&self) -> MutexGuard<'_, Vec<u8>> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogSink for TailSink {
    fn line(&self, line: LogLine) {
        if self.keeping.load(Ordering::Acquire) {
            let mut tail = self.tail();
            let text = &line.text[line.text.len().saturating_sub(LOG_TAIL_SIZE)..];
            tail.extend_from_slice(text);
            tail.push(b'\n');
            if tail.len() > 2 * LOG_TAIL_SIZE {
                shorten(&mut tail);
            }
        }
        self.out.line(line);
    }
}

fn shorten(tail: &mut Vec<u8>) {
    tail.drain(..tail.len().saturating_sub(LOG_TAIL_SIZE));
}
