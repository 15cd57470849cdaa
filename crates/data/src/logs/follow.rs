//! Readers that want every new line.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use sonagi_model::{
    AppName, LambdaName,
    limits::{LOG_FOLLOW_LINES, LOG_FOLLOW_SIZE},
};
use tokio::sync::Notify;

use super::Entry;

/// The next thing that a [`Follower`] sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    Entry(Entry),
    /// The reader was too slow: so many lines that came before the next one are left out.
    Lost(u64),
}

/// Reads new lines as they are written. A slow reader holds nobody up: it loses the oldest lines.
pub struct Follower {
    shared: Arc<Shared>,
}

#[derive(Default)]
pub(super) struct Followers {
    readers: Mutex<Vec<Weak<Shared>>>,
}

struct Shared {
    app: Option<AppName>,
    function: Option<LambdaName>,
    backlog: Mutex<Backlog>,
    news: Notify,
}

#[derive(Default)]
struct Backlog {
    entries: VecDeque<Entry>,
    bytes: usize,
    lost: u64,
    closed: bool,
}

impl Follower {
    /// The next line; none once the logs are closed. Safe to drop: nothing is lost by it.
    pub async fn next(&mut self) -> Option<Followed> {
        loop {
            let news = self.shared.news.notified();
            {
                let mut backlog = self.shared.lock();
                if backlog.lost > 0 {
                    return Some(Followed::Lost(std::mem::take(&mut backlog.lost)));
                }
                if let Some(entry) = backlog.entries.pop_front() {
                    backlog.bytes -= entry.line.text.len();
                    return Some(Followed::Entry(entry));
                }
                if backlog.closed {
                    return None;
                }
            }
            news.await;
        }
    }
}

impl Followers {
    pub(super) fn add(&self, app: Option<AppName>, function: Option<LambdaName>) -> Follower {
        let shared = Arc::new(Shared { app, function, backlog: Mutex::default(), news: Notify::new() });
        let mut readers = self.lock();
        readers.retain(|reader| reader.strong_count() > 0);
        readers.push(Arc::downgrade(&shared));
        Follower { shared }
    }

    pub(super) fn publish(&self, entry: &Entry) {
        for reader in self.lock().iter() {
            if let Some(reader) = reader.upgrade().filter(|reader| reader.wants(entry)) {
                reader.push(entry);
            }
        }
    }

    pub(super) fn close(&self) {
        for reader in self.lock().drain(..).filter_map(|reader| reader.upgrade()) {
            reader.lock().closed = true;
            reader.news.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Shared>>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn wants(&self, entry: &Entry) -> bool {
        self.app.as_ref().is_none_or(|app| *app == entry.app)
            && self.function.as_ref().is_none_or(|function| *function == entry.function)
    }

    fn push(&self, entry: &Entry) {
        let mut backlog = self.lock();
        backlog.bytes += entry.line.text.len();
        backlog.entries.push_back(entry.clone());
        while backlog.entries.len() > LOG_FOLLOW_LINES || backlog.bytes > LOG_FOLLOW_SIZE {
            let Some(oldest) = backlog.entries.pop_front() else { break };
            backlog.bytes -= oldest.line.text.len();
            backlog.lost += 1;
        }
        drop(backlog);
        self.news.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
