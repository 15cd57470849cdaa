//! Snapshots, each on a connection of its own while it is read.
//!
//! A snapshot is one read transaction of SQLite. It neither waits for the writer nor makes it wait; but the
//! write-ahead log cannot begin anew while an old one is held, so [`Readers::end_older`] ends those that are held
//! for too long.

use std::{
    collections::HashMap,
    ops::Range,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::Connection;
use sonagi_model::limits;
use tokio::sync::{Mutex as AsyncMutex, OwnedSemaphorePermit, Semaphore};

use super::{super::blocking, overlay, schema};
use crate::{
    Error, Result, Sequence, Snapshot,
    records::{Direction, Record},
};

/// The connections for reading, and who holds them.
pub(super) struct Readers {
    folder: PathBuf,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
    held: Mutex<HashMap<u64, Weak<Held>>>,
    next_id: AtomicU64,
    /// Counts the writer's attempts to begin the log anew, as the age of snapshots.
    age: AtomicU64,
}

impl Readers {
    pub(super) fn new(folder: PathBuf, most: usize) -> Self {
        Self {
            folder,
            permits: Arc::new(Semaphore::new(most)),
            idle: Mutex::default(),
            held: Mutex::default(),
            next_id: AtomicU64::new(0),
            age: AtomicU64::new(0),
        }
    }

    pub(super) fn snapshot(self: &Arc<Self>) -> Arc<dyn Snapshot> {
        Arc::new(SqliteSnapshot {
            held: Arc::new(Held {
                readers: Arc::clone(self),
                id: self.next_id.fetch_add(1, Ordering::Relaxed),
                reading: Arc::default(),
                ended: AtomicBool::new(false),
                born: AtomicU64::new(u64::MAX),
            }),
        })
    }

    /// Runs `work` on a connection outside of any snapshot.
    pub(super) async fn once<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Error::Closed)?;
        let readers = Arc::clone(self);
        blocking(move || {
            let reading = Reading::begin(readers, permit)?;
            work(reading.connection()?)
        })
        .await
    }

    /// Says that the log could not begin anew because of the snapshots that are held now.
    pub(super) fn grow_older(&self) {
        self.age.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends the snapshots that were there before the last [`Readers::grow_older`]; one that is being read right
    /// now ends after that read. Returns how many.
    pub(super) fn end_older(&self) -> usize {
        let age = self.age.load(Ordering::Relaxed);
        let held: Vec<_> = lock(&self.held).values().filter_map(Weak::upgrade).collect();
        let old = held.iter().filter(|held| held.born.load(Ordering::Relaxed) < age);
        old.filter(|held| {
            held.ended.store(true, Ordering::Relaxed);
            held.reading.try_lock().is_ok_and(|mut reading| reading.take().is_some())
        })
        .count()
    }

    fn connect(&self) -> Result<Connection> {
        match lock(&self.idle).pop() {
            Some(connection) => Ok(connection),
            None => schema::checked("open a reader", schema::open_beside(&self.folder)),
        }
    }
}

/// What a snapshot holds, as the writer sees it.
struct Held {
    readers: Arc<Readers>,
    id: u64,
    reading: Arc<AsyncMutex<Option<Reading>>>,
    ended: AtomicBool,
    /// [`Readers::age`] at the first read.
    born: AtomicU64,
}

impl Drop for Held {
    fn drop(&mut self) {
        lock(&self.readers.held).remove(&self.id);
    }
}

/// A read transaction on a connection that goes back to the pool.
struct Reading {
    readers: Arc<Readers>,
    connection: Option<Connection>,
    _permit: OwnedSemaphorePermit,
}

impl Reading {
    fn begin(readers: Arc<Readers>, permit: OwnedSemaphorePermit) -> Result<Self> {
        let connection = readers.connect()?;
        schema::checked("begin a snapshot", run(&connection, "BEGIN"))?;
        Ok(Self { readers, connection: Some(connection), _permit: permit })
    }

    fn connection(&self) -> Result<&Connection> {
        self.connection.as_ref().ok_or(Error::Closed)
    }
}

impl Drop for Reading {
    // Ending a read transaction gives back a lock in shared memory: no I/O.
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take()
            && run(&connection, "COMMIT").is_ok()
        {
            let mut idle = lock(&self.readers.idle);
            if idle.len() < limits::IDLE_READERS {
                idle.push(connection);
            }
        }
    }
}

struct SqliteSnapshot {
    held: Arc<Held>,
}

impl SqliteSnapshot {
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let mut reading = Arc::clone(&self.held.reading).lock_owned().await;
        if self.held.ended.load(Ordering::Relaxed) {
            return Err(Error::SnapshotEnded);
        }
        let permit = match &*reading {
            Some(_) => None,
            None => {
                let permits = Arc::clone(&self.held.readers.permits);
                Some(permits.acquire_owned().await.map_err(|_| Error::Closed)?)
            }
        };
        let held = Arc::clone(&self.held);
        blocking(move || {
            if let Some(permit) = permit {
                let readers = &held.readers;
                *reading = Some(Reading::begin(Arc::clone(readers), permit)?);
                held.born.store(readers.age.load(Ordering::Relaxed), Ordering::Relaxed);
                lock(&readers.held).insert(held.id, Arc::downgrade(&held));
            }
            let Some(current) = reading.as_ref() else { return Err(Error::SnapshotEnded) };
            let result = work(current.connection()?);
            if held.ended.load(Ordering::Relaxed) {
                *reading = None;
            }
            result
        })
        .await
    }
}

#[async_trait]
impl Snapshot for SqliteSnapshot {
    async fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        let key = key.to_vec();
        self.read(move |connection| schema::checked("read a record", overlay::get(connection, &key))).await
    }

    async fn get_all(&self, keys: Vec<Vec<u8>>) -> Result<Vec<Option<Bytes>>> {
        self.read(move |connection| {
            let found = keys.iter().map(|key| overlay::get(connection, key));
            schema::checked("read records", found.collect())
        })
        .await
    }

    async fn scan(&self, range: Range<&[u8]>, direction: Direction, limit: usize) -> Result<Vec<Record>> {
        let limit = limit.min(limits::SCAN_ROWS);
        if range.start >= range.end || limit == 0 {
            return Ok(Vec::new());
        }
        let (start, end) = (range.start.to_vec(), range.end.to_vec());
        self.read(move |connection| {
            schema::checked("scan records", overlay::scan(connection, &(&*start..&*end), direction, limit))
        })
        .await
    }

    async fn sequence(&self) -> Result<Sequence> {
        self.read(|connection| {
            let (newest, _) = schema::checked("read the sequence", schema::position(connection))?;
            Ok(Sequence(newest))
        })
        .await
    }
}

fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
