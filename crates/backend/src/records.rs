//! [`Records`]: an ordered key-value space.
//!
//! ```text
//!   transact(body) ──► the one writer: bodies in turn, one commit, one fsync ──► Commit { sequence }
//!   snapshot()     ──► a consistent view at one sequence number
//!   changes(from)  ──► every commit after it, once, in order
//! ```
//!
//! Keys and values are bytes; keys sort bytewise. A layer above owns a prefix of the key space.

use std::{fmt, ops::Range, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;

use crate::Result;

/// A durable, ordered key-value space; `conformance::records` says what every implementation must keep.
#[async_trait]
pub trait Records: Send + Sync + 'static {
    /// Runs `body` as one serialisable transaction and returns once its writes survive a crash. An error from
    /// `body` gives the transaction up: nothing is written and the error comes back.
    ///
    /// `body` may run more than once, on another thread: it must have no effect but through its transaction,
    /// and must not wait for anything: it holds up everybody behind it. A transaction that writes nothing gets no
    /// sequence number of its own.
    ///
    /// A caller that goes away leaves open whether the transaction runs. [`Busy`](crate::Error::Busy): too many wait
    /// already. [`DiskFull`](crate::Error::DiskFull): nothing was written. Another failure of the commit itself
    /// (`Io`, `Storage`) leaves open whether it is there after a crash.
    async fn transact_dyn(&self, body: Body) -> Result<Commit>;

    /// A record of the newest commit, of those that had returned before it was asked for at the least; for a single one it
    /// costs less than a snapshot. [`Busy`](crate::Error::Busy): too many wait already.
    async fn get(&self, key: &[u8]) -> Result<Option<Bytes>>;

    /// A consistent view that includes every commit that has returned; costs nothing until it is read. Let it go
    /// soon: one that is held while very much is written may be ended, and then reads as
    /// [`SnapshotEnded`](crate::Error::SnapshotEnded).
    fn snapshot(&self) -> Arc<dyn Snapshot>;

    /// Every commit after `from`, once, in order, without gaps; waits for new ones at the end.
    fn changes(&self, from: Sequence) -> Box<dyn ChangeStream>;

    /// The newest commit's number; 0 before the first.
    fn sequence(&self) -> Sequence;

    /// Forgets the changes up to and including `through`; the records themselves stay.
    async fn trim(&self, through: Sequence) -> Result<()>;
}

pub type Body = Box<dyn FnMut(&mut dyn Transaction) -> Result<()> + Send>;

impl dyn Records {
    /// [`Records::transact_dyn`] with a result: what `body` returned the last time it ran.
    pub async fn transact<T, F>(&self, mut body: F) -> Result<(T, Commit)>
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Transaction) -> Result<T> + Send + 'static,
    {
        let slot = Arc::new(std::sync::Mutex::new(None));
        let filled = Arc::clone(&slot);
        let commit = self
            .transact_dyn(Box::new(move |transaction| {
                let value = body(transaction)?;
                *filled.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(value);
                Ok(())
            }))
            .await?;
        let value = slot.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        value.map(|value| (value, commit)).ok_or(crate::Error::Aborted)
    }

    /// [`Records::transact_dyn`] with a body that may refuse: then nothing is written, and why is the answer.
    pub async fn attempt<T, R, F>(&self, mut body: F) -> Result<Result<T, R>>
    where
        T: Send + 'static,
        R: Send + 'static,
        F: FnMut(&mut dyn Transaction) -> Result<Result<T, R>> + Send + 'static,
    {
        let refused = Arc::new(std::sync::Mutex::new(None));
        let slot = Arc::clone(&refused);
        let done = self
            .transact(move |transaction| match body(transaction)? {
                Ok(value) => Ok(value),
                Err(refusal) => {
                    *slot.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(refusal);
                    Err(crate::Error::Aborted)
                }
            })
            .await;
        let refusal = refused.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        match (done, refusal) {
            (Ok((value, _)), _) => Ok(Ok(value)),
            (Err(crate::Error::Aborted), Some(refusal)) => Ok(Err(refusal)),
            (Err(error), _) => Err(error),
        }
    }

    /// Removes all records of a range, so many in one transaction.
    pub async fn remove(&self, range: Range<Vec<u8>>, at_once: usize) -> Result<()> {
        // The usual case is that there is nothing, and then nobody's commit waits for this.
        while !self.snapshot().scan(&range.start..&range.end, Direction::Forward, 1).await?.is_empty() {
            let range = range.clone();
            self.transact(move |t| {
                let found = t.scan(&range.start..&range.end, Direction::Forward, at_once)?;
                found.iter().try_for_each(|record| t.delete(&record.key))
            })
            .await?;
        }
        Ok(())
    }
}

/// Reads and writes within a transaction. Reads see the transaction's own writes.
pub trait Transaction {
    fn get(&mut self, key: &[u8]) -> Result<Option<Bytes>>;
    /// At most `limit` records (and never more than [`SCAN_ROWS`](sonagi_model::limits::SCAN_ROWS)) with keys in
    /// `range`, in the order of `direction`.
    fn scan(&mut self, range: Range<&[u8]>, direction: Direction, limit: usize) -> Result<Vec<Record>>;
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()>;
    fn delete(&mut self, key: &[u8]) -> Result<()>;
    /// The number that this transaction's commit will have if it writes.
    fn sequence(&self) -> Sequence;
}

/// A consistent view of the records at one commit.
#[async_trait]
pub trait Snapshot: Send + Sync {
    async fn get(&self, key: &[u8]) -> Result<Option<Bytes>>;
    /// The records of these keys, in their order.
    async fn get_all(&self, keys: Vec<Vec<u8>>) -> Result<Vec<Option<Bytes>>>;
    /// At most `limit` records (and never more than [`SCAN_ROWS`](sonagi_model::limits::SCAN_ROWS)) with keys in
    /// `range`, in the order of `direction`.
    async fn scan(&self, range: Range<&[u8]>, direction: Direction, limit: usize) -> Result<Vec<Record>>;
    /// The commit that is viewed.
    async fn sequence(&self) -> Result<Sequence>;
}

/// A position in, and the rest of, the feed of commits.
#[async_trait]
pub trait ChangeStream: Send {
    /// The next commit; waits for it. Safe to drop while it waits.
    async fn next(&mut self) -> Result<Arc<ChangeSet>>;
}

/// One commit's writes, in the order of their keys; the last write to a key counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeSet {
    pub sequence: Sequence,
    pub changes: Vec<Change>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub key: Bytes,
    /// None: deleted.
    pub value: Option<Bytes>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub key: Bytes,
    pub value: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Forward,
    Reverse,
}

/// What a transaction that returned has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit {
    /// Its place in the order of all commits; of the newest commit that it saw, if it wrote nothing.
    pub sequence: Sequence,
}

/// The number of a commit: 1, 2, 3, … without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence(pub u64);

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sequence_{}", self.0)
    }
}

/// The end of the range of all keys that begin with `prefix`: `prefix..after(prefix)`.
pub fn after(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            return end;
        }
    }
    // Nothing sorts after a prefix of 0xff alone but longer keys of it; no layer owns such a prefix.
    vec![0xff; sonagi_model::limits::RECORD_KEY_SIZE]
}
