//! [`Records`] on SQLite.
//!
//! ```text
//!   transact ──► Queue ──► Writer ──► write-ahead log ──► (Checkpoints) ──► database
//!                            │ published once durable          ▲
//!   changes  ◄── Follower ◄──┴── Tail                          │
//!   snapshot ──► Readers: a read transaction on its own connection
//!   get      ──► Lookups: a read transaction for all who ask at once
//! ```
//!
//! Start reading at [`writer`]. Always true here:
//! - one thread writes, and one commit with one fsync is shared by all transactions that wait for it;
//! - nothing is answered, published or readable before it survives a crash;
//! - readers and the writer never wait for each other (but for [`checkpoint`], for a moment);
//! - no database file is touched on a thread that drives tasks.

mod checkpoint;
mod encoding;
mod feed;
mod gathering;
mod lookup;
mod overlay;
mod queue;
mod reader;
mod schema;
mod writer;

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use async_trait::async_trait;
use bytes::Bytes;
use sonagi_model::limits;
use tokio::sync::{oneshot, watch};

use self::{
    checkpoint::{Checkpoints, Thresholds},
    feed::{Follower, Tail},
    gathering::Pace,
    lookup::Lookups,
    queue::{Job, Queue},
    reader::Readers,
    writer::{Purge, Writer},
};
use super::lock::{FolderLock, sync_folder};
use crate::{
    Error, Result,
    records::{Body, ChangeStream, Commit, Records, Sequence, Snapshot},
};

/// Where [`SqliteRecords`] live and how much they may take; [`RecordsConfig::new`] fills in the limits.
#[derive(Debug, Clone)]
pub struct RecordsConfig {
    /// The folder that holds the database; made if it is not there.
    pub folder: PathBuf,
    /// Bytes that the database may take, without its log; none: what the disk has.
    pub capacity: Option<u64>,
    /// Transactions that wait for the writer before further ones are [`Error::Busy`].
    pub queue: usize,
    /// Transactions in one commit.
    pub group: usize,
    /// Snapshots that are read at once; a further one waits.
    pub snapshots: usize,
    /// Bytes of the write-ahead log after which it is copied into the database in the background.
    pub wal_checkpoint: usize,
    /// Bytes of the write-ahead log after which the writer begins it anew.
    pub wal_restart: usize,
    /// Bytes of the write-ahead log after which snapshots that keep it from beginning anew are ended.
    pub wal_size: usize,
}

impl RecordsConfig {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            capacity: None,
            queue: limits::WRITER_QUEUE,
            group: limits::GROUP_COMMIT,
            snapshots: limits::SNAPSHOTS,
            wal_checkpoint: limits::WAL_CHECKPOINT_SIZE,
            wal_restart: limits::WAL_RESTART_SIZE,
            wal_size: limits::WAL_SIZE,
        }
    }
}

/// [`Records`] on SQLite, in one folder, for one process at a time.
///
/// Dropping it commits what waits and ends the writer, and blocks for that; [`SqliteRecords::close`] does so
/// without blocking.
pub struct SqliteRecords {
    queue: Arc<Queue>,
    tail: Arc<Tail>,
    readers: Arc<Readers>,
    lookups: Lookups,
    newest: watch::Receiver<Sequence>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl SqliteRecords {
    /// Opens the records in the folder, or makes them. Blocks: for start-up.
    pub fn open(config: RecordsConfig) -> Result<Self> {
        let lock = FolderLock::take(&config.folder)?;
        let mut connection =
            schema::open_writer(&config.folder, config.capacity).map_err(|failure| Error::from(&failure))?;
        sync_folder(&config.folder)?;
        if let Some(parent) = config.folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_folder(parent)?;
        }
        let (last, trimmed) = schema::checked("read the sequence", schema::position(&connection))?;

        let readers = Arc::new(Readers::new(config.folder.clone(), config.snapshots));
        let page = schema::checked("read the size of its pages", schema::page_size(&connection))?;
        let pages = |size: usize| (size / page).max(1);
        let thresholds = Thresholds {
            checkpoint: pages(config.wal_checkpoint),
            restart: pages(config.wal_restart),
            most: pages(config.wal_size),
        };
        let checkpoints = Checkpoints::start(config.folder.clone(), thresholds, Arc::clone(&readers))?;
        schema::checked("watch the log", checkpoints.watch(&mut connection))?;

        let lookups = Lookups::start(&config.folder)?;
        let queue = Arc::new(Queue::new(config.queue));
        let tail = Arc::new(Tail::new(Sequence(trimmed)));
        let (sender, newest) = watch::channel(Sequence(last));
        let writer = Writer {
            folder: config.folder,
            connection: Some(connection),
            capacity: config.capacity,
            checkpoints,
            queue: Arc::clone(&queue),
            tail: Arc::clone(&tail),
            newest: sender,
            last: Sequence(last),
            trimmed: Sequence(trimmed),
            // A crash may have come between a trim and the removal of what it trimmed.
            purge: Purge::Wanted,
            group: config.group.max(1),
            pace: Pace::default(),
        };
        let writer = std::thread::Builder::new()
            .name("records-writer".to_owned())
            .spawn(move || {
                writer.run();
                drop(lock);
            })
            .map_err(|cause| Error::io("start the writer thread", cause))?;
        Ok(Self { queue, tail, readers, lookups, newest, writer: Mutex::new(Some(writer)) })
    }

    /// Commits what waits and ends the writer; later transactions are refused with [`Error::Closed`].
    pub async fn close(&self) {
        self.queue.close();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // A panic of the writer was printed; the callers in its hands were told that it is closed.
            drop(tokio::task::spawn_blocking(move || writer.join()).await);
        }
    }
}

impl Drop for SqliteRecords {
    fn drop(&mut self) {
        self.queue.close();
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        // The last handle may be held by a body, and so be dropped by the writer itself.
        if let Some(writer) = writer.filter(|writer| writer.thread().id() != std::thread::current().id()) {
            drop(writer.join());
        }
    }
}

#[async_trait]
impl Records for SqliteRecords {
    async fn transact_dyn(&self, body: Body) -> Result<Commit> {
        let (answer, committed) = oneshot::channel();
        self.queue.push(Job::Transact { body, answer })?;
        committed.await.map_err(|_| Error::Closed)?
    }

    async fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        self.lookups.get(key).await
    }

    fn snapshot(&self) -> Arc<dyn Snapshot> {
        self.readers.snapshot()
    }

    fn changes(&self, from: Sequence) -> Box<dyn ChangeStream> {
        Box::new(Follower {
            tail: Arc::clone(&self.tail),
            readers: Arc::clone(&self.readers),
            newest: self.newest.clone(),
            position: from,
            fetched: VecDeque::new(),
        })
    }

    fn sequence(&self) -> Sequence {
        *self.newest.borrow()
    }

    async fn trim(&self, through: Sequence) -> Result<()> {
        let (answer, trimmed) = oneshot::channel();
        self.queue.push(Job::Trim { through, answer })?;
        trimmed.await.map_err(|_| Error::Closed)?
    }
}
