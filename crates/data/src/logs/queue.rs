//! The bounded queue between the sinks and the writer's thread.

use std::{
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sonagi_model::{
    AppName, LambdaName,
    limits::{LOG_QUEUE_LINES, LOG_QUEUE_SIZE},
};
use tokio::sync::oneshot;

use super::Entry;

/// How long the writer gathers lines before it writes them. Waking a thread costs more than queueing a line, and so does
/// a write for each of them, so a busy function must have neither for every line.
const GATHER: Duration = Duration::from_millis(5);

/// So many lines are written without gathering more.
const HURRY: usize = LOG_QUEUE_LINES / 16;

#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<Entry>,
    bytes: usize,
    /// Lines that found no room, for each function that lost some.
    lost: Vec<(AppName, LambdaName, Arc<str>, u64)>,
    flushes: Vec<oneshot::Sender<()>>,
    life: Life,
    writer: WriterState,
}

#[derive(Default, PartialEq, Eq, Clone, Copy)]
enum Life {
    #[default]
    Open,
    Closed,
}

#[derive(Default, PartialEq, Eq, Clone, Copy)]
enum WriterState {
    #[default]
    Working,
    /// Sleeps until something is queued.
    Idle,
}

/// What the writer has to do next.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) lines: Vec<Entry>,
    pub(super) lost: Vec<(AppName, LambdaName, Arc<str>, u64)>,
    pub(super) flushes: Vec<oneshot::Sender<()>>,
}

impl Queue {
    /// Queues a line, or counts it as lost. Never waits for the disk.
    pub(super) fn push(&self, entry: Entry) {
        let size = entry.line.text.len();
        let mut state = self.lock();
        if state.life == Life::Closed {
            return;
        }
        if state.lines.len() >= LOG_QUEUE_LINES || state.bytes + size > LOG_QUEUE_SIZE {
            state.lose(entry);
            return;
        }
        state.bytes += size;
        state.lines.push(entry);
        let idle = state.writer == WriterState::Idle;
        // Exactly when it comes to be so: one that gathers is told once.
        if idle || state.lines.len() == HURRY {
            state.writer = WriterState::Working;
            drop(state);
            self.work.notify_one();
        }
    }

    /// Ready when all that was queued before is written; none if the writer has ended.
    pub(super) fn flush(&self) -> Option<oneshot::Receiver<()>> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.lock();
        if state.life == Life::Closed {
            return None;
        }
        state.flushes.push(sender);
        drop(state);
        self.work.notify_one();
        Some(receiver)
    }

    pub(super) fn close(&self) {
        self.lock().life = Life::Closed;
        self.work.notify_one();
    }

    /// The next batch, in exchange for an emptied vector; none once the queue is closed and empty.
    pub(super) fn next(&self, spare: Vec<Entry>) -> Option<Batch> {
        let mut state = self.lock();
        while state.is_empty() {
            if state.life == Life::Closed {
                return None;
            }
            state.writer = WriterState::Idle;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.writer = WriterState::Working;
        (state, _) = self
            .work
            .wait_timeout_while(state, GATHER, |state| !state.is_hurried())
            .unwrap_or_else(PoisonError::into_inner);
        state.bytes = 0;
        Some(Batch {
            lines: mem::replace(&mut state.lines, spare),
            lost: mem::take(&mut state.lost),
            flushes: mem::take(&mut state.flushes),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.flushes.is_empty() && self.lost.is_empty()
    }

    fn is_hurried(&self) -> bool {
        !self.flushes.is_empty() || self.life == Life::Closed || self.lines.len() >= HURRY
    }

    fn lose(&mut self, entry: Entry) {
        let known =
            self.lost.iter_mut().find(|(app, function, ..)| *app == entry.app && *function == entry.function);
        match known {
            Some((.., count)) => *count += 1,
            None => self.lost.push((entry.app, entry.function, entry.stream, 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use sonagi_model::{Timestamp, logs::LogLine};

    use super::*;

    fn entry(function: &str, size: usize) -> Entry {
        Entry {
            app: AppName::new("a").unwrap(),
            function: LambdaName::new(function).unwrap(),
            stream: "s".into(),
            line: LogLine { at: Timestamp(1), request: None, text: Bytes::from(vec![b'x'; size]) },
        }
    }

    #[test]
    fn a_full_queue_counts_what_it_drops_for_each_function() {
        let queue = Queue::default();
        for _ in 0..LOG_QUEUE_LINES {
            queue.push(entry("f", 1));
        }
        queue.push(entry("f", 1));
        queue.push(entry("g", 1));
        queue.push(entry("g", 1));
        let batch = queue.next(Vec::new()).unwrap();
        assert_eq!(batch.lines.len(), LOG_QUEUE_LINES);
        let lost: Vec<_> = batch.lost.iter().map(|(_, f, _, count)| (f.as_str(), *count)).collect();
        assert_eq!(lost, [("f", 1), ("g", 2)]);
        queue.push(entry("f", 1));
        assert_eq!(queue.next(Vec::new()).unwrap().lines.len(), 1);
    }

    #[test]
    fn the_queue_is_bounded_in_bytes_too() {
        let queue = Queue::default();
        let big = LOG_QUEUE_SIZE / 4;
        for _ in 0..5 {
            queue.push(entry("f", big));
        }
        let batch = queue.next(Vec::new()).unwrap();
        assert_eq!((batch.lines.len(), batch.lost[0].3), (4, 1));
    }
}
