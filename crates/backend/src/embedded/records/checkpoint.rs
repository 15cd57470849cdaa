//! Keeps the write-ahead log short.
//!
//! Commits go to the end of the log; a checkpoint copies them into the database, after which the log begins anew
//! from its start. Three thresholds, from [`limits`](sonagi_model::limits):
//!
//! 1. every `WAL_CHECKPOINT_SIZE`, a thread of its own copies what it can. It stops neither the writer nor
//!    readers, and if everything was copied and nobody reads the log, the next commit begins it anew;
//! 2. under a load that never pauses it is never quite copied, so at `WAL_RESTART_SIZE` the writer copies the
//!    rest itself between two commits, and waits a moment for readers to leave the log;
//! 3. a snapshot that is held may keep it from that; at `WAL_SIZE` such snapshots are ended.

use std::{
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use rusqlite::Connection;

use super::{reader::Readers, schema};
use crate::{Error, Result};

/// How long the writer waits for readers to leave the log.
const RESTART_WAIT: Duration = Duration::from_millis(20);

/// The thresholds, in pages of the database.
#[derive(Debug, Clone, Copy)]
pub(super) struct Thresholds {
    pub(super) checkpoint: usize,
    pub(super) restart: usize,
    pub(super) most: usize,
}

/// The writer's side: decides after each commit.
pub(super) struct Checkpoints {
    thresholds: Thresholds,
    /// Pages in the log after the last commit, as SQLite says in its hook.
    pages: Arc<AtomicUsize>,
    seen: usize,
    next_checkpoint: usize,
    next_restart: usize,
    readers: Arc<Readers>,
    helper: Arc<Helper>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    pub(super) fn start(folder: PathBuf, thresholds: Thresholds, readers: Arc<Readers>) -> Result<Self> {
        let helper = Arc::new(Helper::default());
        let theirs = Arc::clone(&helper);
        let thread = std::thread::Builder::new()
            .name("records-checkpoint".to_owned())
            .spawn(move || theirs.run(&folder))
            .map_err(|cause| Error::io("start the checkpoint thread", cause))?;
        Ok(Self {
            thresholds,
            pages: Arc::default(),
            seen: 0,
            next_checkpoint: thresholds.checkpoint,
            next_restart: thresholds.restart,
            readers,
            helper,
            thread: Some(thread),
        })
    }

    /// Listens on the writer's connection; this also turns SQLite's own automatic checkpoints off.
    pub(super) fn watch(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let pages = Arc::clone(&self.pages);
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, now: std::ffi::c_int| {
            pages.store(now.max(0) as usize, Ordering::Relaxed);
            Ok(())
        }))
    }

    /// What there is to do after a commit.
    pub(super) fn after_commit(&mut self, connection: &Connection) {
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.seen {
            // The log has begun anew.
            self.next_checkpoint = self.thresholds.checkpoint;
            self.next_restart = self.thresholds.restart;
        }
        self.seen = pages;
        if pages >= self.next_restart {
            self.restart(connection, pages);
        } else if pages >= self.next_checkpoint {
            self.next_checkpoint = pages + self.thresholds.checkpoint;
            self.helper.wake();
        }
    }

    fn restart(&mut self, connection: &Connection, pages: usize) {
        // Not while the helper copies: it would be waited for as if it were a reader.
        let _quiet = self.helper.working();
        self.next_restart = pages + self.thresholds.restart;
        self.next_checkpoint = pages + self.thresholds.checkpoint;
        if checkpoint(connection, Mode::Restart) == Outcome::Done {
            return;
        }
        if pages >= self.thresholds.most {
            let ended = self.readers.end_older();
            if ended > 0 {
                tracing::warn!(
                    ended,
                    pages,
                    "ended snapshots that kept the write-ahead log from beginning anew"
                );
            }
            if checkpoint(connection, Mode::Restart) == Outcome::Done {
                return;
            }
        }
        self.readers.grow_older();
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.helper.stop();
        if let Some(thread) = self.thread.take() {
            // A panic there was printed; there is nothing to clean up after it.
            drop(thread.join());
        }
    }
}

/// The thread that copies the log in the background.
#[derive(Default)]
struct Helper {
    state: Mutex<State>,
    ready: Condvar,
    working: Mutex<()>,
}

#[derive(Default)]
struct State {
    wanted: bool,
    stopped: bool,
}

impl Helper {
    fn wake(&self) {
        self.lock().wanted = true;
        self.ready.notify_one();
    }

    fn stop(&self) {
        self.lock().stopped = true;
        self.ready.notify_one();
    }

    /// Held while a checkpoint runs.
    fn working(&self) -> MutexGuard<'_, ()> {
        self.working.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, folder: &std::path::Path) {
        let mut connection = None;
        while self.wait() {
            if connection.is_none() {
                connection = schema::open_beside(folder)
                    .inspect_err(|cause| tracing::warn!(%cause, "open the records for a checkpoint"))
                    .ok();
            }
            if let Some(connection) = &connection {
                let _working = self.working();
                checkpoint(connection, Mode::Passive);
            }
        }
    }

    /// Waits for work; false when there will be no more.
    fn wait(&self) -> bool {
        let mut state = self.lock();
        while !state.wanted && !state.stopped {
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.wanted = false;
        !state.stopped
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Clone, Copy)]
enum Mode {
    Passive,
    Restart,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    /// Readers are in the way, or it failed; the log only stays longer.
    Later,
}

fn checkpoint(connection: &Connection, mode: Mode) -> Outcome {
    let result = match mode {
        Mode::Passive => run(connection, "PRAGMA wal_checkpoint(PASSIVE)"),
        Mode::Restart => connection
            .busy_timeout(RESTART_WAIT)
            .and_then(|()| run(connection, "PRAGMA wal_checkpoint(RESTART)"))
            .and_then(|busy| connection.busy_timeout(schema::BUSY_WAIT).map(|()| busy)),
    };
    match result {
        Ok(0) => Outcome::Done,
        Ok(_) => Outcome::Later,
        Err(cause) => {
            tracing::warn!(%cause, ?mode, "copy the write-ahead log into the database");
            Outcome::Later
        }
    }
}

fn run(connection: &Connection, sql: &str) -> rusqlite::Result<i64> {
    connection.query_row(sql, [], |row| row.get(0))
}
