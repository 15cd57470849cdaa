//! What functions print, kept in bounded files.
//!
//! ```text
//! Sink::line ──► Queue (bounded) ──► Writer (one thread) ──► <dir>/<app>/<function>/current.log, previous.log
//!                                          └──► Follower (bounded, one for each reader)
//! ```
//!
//! Start reading at [`Logs`]. Always true here:
//! - writing a line never waits: a full queue drops the line, and the function's log says how many were dropped;
//! - a function keeps at most two segments of [`LOG_SEGMENT_SIZE`](sonagi_model::limits::LOG_SEGMENT_SIZE);
//! - files are written, but not synced: a crash of the program loses what was still queued, a crash of the
//!   machine may lose more. A line that was half written is skipped when the log is read;
//! - the count of open files does not grow with the count of functions.

mod follow;
mod line;
mod queue;
mod read;
mod segment;
mod sink;
mod writer;

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use sonagi_model::{
    AppName, Clock, LambdaName, Timestamp,
    logs::{LogLine, LogSink},
};

pub use follow::{Followed, Follower};

use crate::{Error, Result};

/// All functions' logs. Cheap to clone; the last clone to go writes what is queued.
#[derive(Clone)]
pub struct Logs {
    inner: Arc<Inner>,
}

/// One line and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub app: AppName,
    pub function: LambdaName,
    /// The environment that wrote it, as in CloudWatch: `2026/01/31/[$LATEST]3f…`.
    pub stream: Arc<str>,
    pub line: LogLine,
}

/// Which lines to read. The default asks for the newest of all.
#[derive(Debug, Clone)]
pub struct Query {
    pub app: Option<AppName>,
    pub function: Option<LambdaName>,
    /// Lines of this moment or later.
    pub since: Option<Timestamp>,
    /// If more lines fit, the newest of them; never more than
    /// [`LOG_READ_LINES`](sonagi_model::limits::LOG_READ_LINES).
    pub limit: usize,
}

impl Default for Query {
    fn default() -> Self {
        Self { app: None, function: None, since: None, limit: sonagi_model::limits::LOG_READ_LINES }
    }
}

struct Inner {
    dir: PathBuf,
    queue: Arc<queue::Queue>,
    followers: Arc<follow::Followers>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Logs {
    /// Keeps logs below `dir`, which is made if it is not there.
    pub fn open(dir: PathBuf, clock: Arc<dyn Clock>) -> Result<Self> {
        fs::create_dir_all(&dir).map_err(|cause| Error::Files {
            doing: "create the folder of logs",
            path: dir.clone(),
            cause,
        })?;
        let queue = Arc::new(queue::Queue::default());
        let followers = Arc::new(follow::Followers::default());
        let writer = writer::Writer::new(dir.clone(), clock, queue.clone(), followers.clone());
        let thread = std::thread::Builder::new()
            .name("logs".into())
            .spawn(move || writer.run())
            .map_err(Error::Thread)?;
        Ok(Self { inner: Arc::new(Inner { dir, queue, followers, writer: Mutex::new(Some(thread)) }) })
    }

    /// Where the lines of one environment go.
    pub fn sink(&self, app: &AppName, function: &LambdaName, stream: &str) -> Arc<dyn LogSink> {
        Arc::new(sink::Sink::new(self.inner.queue.clone(), app.clone(), function.clone(), stream.into()))
    }

    /// The lines that fit `query`, in the order of time. Everything that was written before is seen.
    pub async fn read(&self, query: Query) -> Result<Vec<Entry>> {
        self.flush().await;
        let dir = self.inner.dir.clone();
        tokio::task::spawn_blocking(move || read::read(&dir, &query)).await.map_err(|_| Error::Closed)?
    }

    /// Every line of an app or a function from now on; with neither, every line.
    pub fn follow(&self, app: Option<AppName>, function: Option<LambdaName>) -> Follower {
        self.inner.followers.add(app, function)
    }

    /// Ready when every line that was written before is in its file.
    pub async fn flush(&self) {
        if let Some(done) = self.inner.queue.flush() {
            // A closed writer has nothing left to write.
            let _ = done.await;
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.close();
        let thread = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A writer that panicked has said so.
            let _ = thread.join();
        }
    }
}
