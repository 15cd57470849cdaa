//! The one writer.
//!
//! ```text
//!   queue ──► take all that wait ──► run each body over the batch's writes so far ──► one SQLite transaction
//!                                                                                            │ one fsync
//!   answers ◄── feed and sequence published ◄────────────────────────────────────────────────┘
//! ```
//!
//! Always true here: nobody is answered before the batch is durable, not even with an error (a body may have
//! decided by what an earlier one in the batch wrote); when the commit fails, everybody gets that failure.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::Arc,
};

use rusqlite::Connection;
use sonagi_model::limits;
use tokio::sync::{oneshot, watch};

use super::{
    checkpoint::Checkpoints,
    encoding,
    feed::Tail,
    gathering::Pace,
    overlay::{Overlay, Reads, Running},
    queue::{Job, Queue, Wait},
    schema::{self, OpenFailure},
};
use crate::{
    Error, Result, Sequence,
    records::{Body, ChangeSet, Commit},
};

pub(super) struct Writer {
    pub(super) folder: PathBuf,
    /// None after a failure that left its state unknown; opened anew for the next batch.
    pub(super) connection: Option<Connection>,
    pub(super) capacity: Option<u64>,
    pub(super) checkpoints: Checkpoints,
    pub(super) queue: Arc<Queue>,
    pub(super) tail: Arc<Tail>,
    pub(super) newest: watch::Sender<Sequence>,
    pub(super) last: Sequence,
    pub(super) trimmed: Sequence,
    /// Whether trimmed changes may still be on the disk.
    pub(super) purge: Purge,
    pub(super) group: usize,
    pub(super) pace: Pace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purge {
    Wanted,
    Done,
}

/// What a job comes to if the batch commits.
enum Outcome {
    Transacted { answer: oneshot::Sender<Result<Commit>>, result: Result<Commit> },
    Trimmed { answer: oneshot::Sender<Result<()>> },
}

impl Outcome {
    fn send(self) {
        // A caller that has gone away does not want to know.
        match self {
            Self::Transacted { answer, result } => drop(answer.send(result)),
            Self::Trimmed { answer } => drop(answer.send(Ok(()))),
        }
    }

    fn fail(self, error: Error) {
        match self {
            Self::Transacted { answer, .. } => drop(answer.send(Err(error))),
            Self::Trimmed { answer } => drop(answer.send(Err(error))),
        }
    }
}

/// What one commit will hold.
#[derive(Default)]
struct Batch {
    writes: Overlay,
    reads: Reads,
    sets: Vec<Arc<ChangeSet>>,
    /// Bytes of all transactions' writes, also of those that hide each other.
    size: usize,
    trim: Option<Sequence>,
    /// Whether trimmed changes are left once this has committed, if any were removed.
    purge: Option<Purge>,
    outcomes: Vec<Outcome>,
}

impl Writer {
    /// Works until the queue is closed and empty.
    pub(super) fn run(mut self) {
        // However this ends, nobody may wait for a writer that is gone.
        let _closer = Closer(Arc::clone(&self.queue));
        let mut jobs = VecDeque::new();
        loop {
            let wait = match self.purge {
                Purge::Wanted => Wait::Never,
                Purge::Done => Wait::ForJobs,
            };
            if !self.queue.take(&mut jobs, self.group, wait) {
                return;
            }
            if let Some(gathering) = self.pace.gathering(jobs.len()) {
                self.queue.gather(gathering);
                self.queue.take(&mut jobs, self.group, Wait::Never);
            }
            self.round(&mut jobs);
        }
    }

    /// One commit, and the answers to those whose jobs are in it.
    fn round(&mut self, jobs: &mut VecDeque<Job>) {
        let connection = match self.connection.take().map_or_else(|| self.reopen(), Ok) {
            Ok(connection) => connection,
            Err(cause) => {
                self.purge = Purge::Done;
                jobs.drain(..).for_each(|job| job.refuse(Error::from(&cause)));
                return;
            }
        };
        let mut batch = Batch::default();
        let Err(cause) = self.commit(&connection, jobs, &mut batch) else {
            self.publish(batch);
            self.checkpoints.after_commit(&connection);
            self.connection = Some(connection);
            return;
        };
        match recover(&connection) {
            // It did commit, and only what came after that failed.
            Ok(newest) if newest > self.last.0 && newest == self.last.0 + batch.sets.len() as u64 => {
                self.publish(batch);
                self.connection = Some(connection);
            }
            Ok(newest) if newest == self.last.0 => {
                self.fail(batch, &cause);
                self.connection = Some(connection);
            }
            // What is in the database is found out by opening it anew.
            Ok(_) | Err(_) => self.fail(batch, &cause),
        }
    }

    /// Runs what waits, up to the limits of one commit, and commits it. `batch` says what was done so far also
    /// when this fails.
    fn commit(
        &mut self,
        connection: &Connection,
        jobs: &mut VecDeque<Job>,
        batch: &mut Batch,
    ) -> rusqlite::Result<()> {
        // Jobs are taken before anything can fail, so that a failure is told to them and not repeated for ever.
        let begun = connection.prepare_cached("BEGIN IMMEDIATE").and_then(|mut begin| begin.execute([]));
        while batch.size < limits::GROUP_COMMIT_SIZE
            && let Some(job) = jobs.pop_front()
        {
            match job {
                job if job.is_abandoned() => drop(job),
                Job::Trim { through, answer } => {
                    let newest = Sequence(self.last.0 + batch.sets.len() as u64);
                    batch.trim = batch.trim.max(Some(through.min(newest)));
                    batch.outcomes.push(Outcome::Trimmed { answer });
                }
                Job::Transact { body, answer } => {
                    let result = match &begun {
                        Ok(_) => run(connection, body, self.last, batch),
                        Err(_) => Err(Error::Aborted),
                    };
                    batch.outcomes.push(Outcome::Transacted { answer, result });
                }
            }
        }
        begun?;
        self.write(connection, batch)?;
        let mut commit = connection.prepare_cached("COMMIT")?;
        self.pace.measure(batch.outcomes.len(), || commit.execute([]))?;
        self.pace.waiting(jobs.len() + self.queue.len());
        Ok(())
    }

    fn write(&self, connection: &Connection, batch: &mut Batch) -> rusqlite::Result<()> {
        if !batch.writes.is_empty() {
            let mut put = connection.prepare_cached(schema::PUT)?;
            let mut delete = connection.prepare_cached(schema::DELETE)?;
            // In the order of the keys, so that neighbours in the b-tree are written one after the other.
            for (key, value) in batch.writes.iter() {
                match value {
                    Some(value) => put.execute((&key[..], &value[..]))?,
                    None => delete.execute([&key[..]])?,
                };
            }
            let mut append = connection.prepare_cached(schema::APPEND_CHANGE)?;
            for set in &batch.sets {
                append.execute((set.sequence.0 as i64, encoding::encode(&set.changes)))?;
            }
        }
        if let Some(through) = batch.trim.filter(|through| *through > self.trimmed) {
            connection.prepare_cached(schema::TRIM)?.execute([through.0 as i64])?;
        }
        let trimmed = batch.trim.unwrap_or_default().max(self.trimmed);
        if batch.trim.is_some() || self.purge == Purge::Wanted {
            batch.purge = Some(remove_changes(connection, trimmed)?);
        }
        Ok(())
    }

    /// Shows what is durable now to everybody, then answers.
    fn publish(&mut self, batch: Batch) {
        if let Some(through) = batch.trim.filter(|through| *through > self.trimmed) {
            self.trimmed = through;
            self.tail.trim(through);
        }
        if let Some(purge) = batch.purge {
            self.purge = purge;
        }
        if let Some(newest) = batch.sets.last().map(|set| set.sequence) {
            self.last = newest;
            self.tail.extend(batch.sets);
            self.newest.send_replace(newest);
        }
        batch.outcomes.into_iter().for_each(Outcome::send);
    }

    fn fail(&mut self, batch: Batch, cause: &rusqlite::Error) {
        if batch.outcomes.is_empty() {
            tracing::warn!(%cause, "remove trimmed changes");
        }
        // Not again at once: the next trim, or the next start, goes on with it.
        self.purge = Purge::Done;
        for outcome in batch.outcomes {
            outcome.fail(Error::storage("commit transactions", cause));
        }
    }

    fn reopen(&mut self) -> Result<Connection, OpenFailure> {
        let mut connection = schema::open_writer(&self.folder, self.capacity)?;
        self.checkpoints.watch(&mut connection)?;
        let (last, trimmed) = schema::position(&connection)?;
        if last != self.last.0 || trimmed != self.trimmed.0 {
            // A commit whose success could not be told did succeed.
            self.last = Sequence(last);
            self.trimmed = Sequence(trimmed);
            self.tail.clear();
            self.tail.trim(self.trimmed);
            self.newest.send_replace(self.last);
        }
        Ok(connection)
    }
}

/// Closes the queue, and refuses what is left in it.
struct Closer(Arc<Queue>);

impl Drop for Closer {
    fn drop(&mut self) {
        self.0.close();
        let mut left = VecDeque::new();
        self.0.take(&mut left, usize::MAX, Wait::Never);
        left.into_iter().for_each(|job| job.refuse(Error::Closed));
    }
}

/// Runs one body, and lays its writes over the batch's if it went well.
fn run(connection: &Connection, mut body: Body, last: Sequence, batch: &mut Batch) -> Result<Commit> {
    let seen = Sequence(last.0 + batch.sets.len() as u64);
    let next = Sequence(seen.0 + 1);
    let mut running = Running::new(connection, &batch.writes, &mut batch.reads, next);
    // The body is dropped within, too: what it holds may panic as well.
    let result = catch_unwind(AssertUnwindSafe(|| {
        let result = body(&mut running);
        drop(body);
        result
    }));
    result.unwrap_or(Err(Error::Panicked))?;
    let writes = running.into_writes();
    if writes.is_empty() {
        return Ok(Commit { sequence: seen });
    }
    batch.size += writes.size();
    batch.sets.push(Arc::new(ChangeSet { sequence: next, changes: writes.changes() }));
    batch.writes.absorb(writes);
    Ok(Commit { sequence: next })
}

/// Removes some of the trimmed changes: a long feed must not hold up the commits behind it.
fn remove_changes(connection: &Connection, trimmed: Sequence) -> rusqlite::Result<Purge> {
    let mut through = None;
    let mut count = 0;
    let mut size = 0;
    {
        let mut statement = connection.prepare_cached(schema::TRIMMABLE)?;
        let mut rows = statement.query((trimmed.0 as i64, limits::TRIM_ROWS as i64))?;
        while size < limits::TRIM_SIZE
            && let Some(row) = rows.next()?
        {
            through = Some(row.get::<_, i64>(0)?);
            size += row.get::<_, i64>(1)? as usize;
            count += 1;
        }
    }
    if let Some(through) = through {
        connection.prepare_cached(schema::REMOVE_CHANGES)?.execute([through])?;
    }
    Ok(if count == limits::TRIM_ROWS || size >= limits::TRIM_SIZE { Purge::Wanted } else { Purge::Done })
}

/// Undoes what a failure left open, and says which commit is the newest now.
fn recover(connection: &Connection) -> rusqlite::Result<u64> {
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    schema::position(connection).map(|(newest, _)| newest)
}
