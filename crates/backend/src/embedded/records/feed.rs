//! The change feed: the newest commits in memory, the older ones in the database.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::Connection;
use sonagi_model::limits;
use tokio::sync::watch;

use super::{encoding, reader::Readers, schema};
use crate::{
    Error, Result, Sequence,
    records::{ChangeSet, ChangeStream},
};

/// The newest change sets, all of them durable.
pub(super) struct Tail {
    state: Mutex<State>,
}

struct State {
    sets: VecDeque<Arc<ChangeSet>>,
    size: usize,
    trimmed: Sequence,
}

impl Tail {
    pub(super) fn new(trimmed: Sequence) -> Self {
        Self { state: Mutex::new(State { sets: VecDeque::new(), size: 0, trimmed }) }
    }

    /// Takes in what was committed just now.
    pub(super) fn extend(&self, sets: impl IntoIterator<Item = Arc<ChangeSet>>) {
        let mut state = self.lock();
        for set in sets {
            state.size += size(&set);
            state.sets.push_back(set);
        }
        while state.sets.len() > limits::CHANGES_CACHED || state.size > limits::CHANGES_CACHED_SIZE {
            match state.sets.pop_front() {
                Some(set) => state.size -= size(&set),
                None => break,
            }
        }
    }

    /// Forgets everything: what comes next does not follow on what is here.
    pub(super) fn clear(&self) {
        let mut state = self.lock();
        state.sets.clear();
        state.size = 0;
    }

    pub(super) fn trim(&self, through: Sequence) {
        self.lock().trimmed = through;
    }

    /// The change set that follows `position`, if it is in memory.
    fn after(&self, position: Sequence) -> Result<Option<Arc<ChangeSet>>> {
        let state = self.lock();
        if position < state.trimmed {
            return Err(Error::Trimmed { from: position.0, oldest: state.trimmed.0 + 1 });
        }
        let Some(first) = state.sets.front() else { return Ok(None) };
        let index = (position.0 + 1).checked_sub(first.sequence.0);
        Ok(index.and_then(|index| state.sets.get(index as usize)).cloned())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn size(set: &ChangeSet) -> usize {
    // The set's own bookkeeping counts too, or many small commits would take far more than the limit says.
    let per_change = size_of::<crate::Change>();
    set.changes
        .iter()
        .map(|change| per_change + change.key.len() + change.value.as_ref().map_or(0, Bytes::len))
        .sum()
}

/// One reader's place in the feed.
pub(super) struct Follower {
    pub(super) tail: Arc<Tail>,
    pub(super) readers: Arc<Readers>,
    pub(super) newest: watch::Receiver<Sequence>,
    pub(super) position: Sequence,
    /// Fetched from the database and not handed out yet.
    pub(super) fetched: VecDeque<Arc<ChangeSet>>,
}

#[async_trait]
impl ChangeStream for Follower {
    // Nothing of `self` changes before the last await of a round, so that a dropped wait loses nothing.
    async fn next(&mut self) -> Result<Arc<ChangeSet>> {
        loop {
            if let Some(set) = self.fetched.pop_front() {
                self.position = set.sequence;
                return Ok(set);
            }
            if let Some(set) = self.tail.after(self.position)? {
                self.position = set.sequence;
                return Ok(set);
            }
            let position = self.position;
            let newest = *self.newest.borrow();
            if position < newest {
                let fetched =
                    self.readers.once(move |connection| read_after(connection, position, newest)).await?;
                // A trim may have come between; then the position itself is refused by the next round.
                let oldest = self.tail.lock().trimmed;
                if position >= oldest && fetched.front().is_none_or(|set| set.sequence.0 != position.0 + 1) {
                    return Err(Error::Damaged { what: format!("the change after {position} is missing") });
                }
                if position >= oldest {
                    self.fetched = fetched;
                }
            } else {
                self.newest.wait_for(|newest| *newest > position).await.map_err(|_| Error::Closed)?;
            }
        }
    }
}

/// Some change sets that follow `position`, none of them after `newest`, which alone are said to be published.
fn read_after(
    connection: &Connection,
    position: Sequence,
    newest: Sequence,
) -> Result<VecDeque<Arc<ChangeSet>>> {
    let doing = "read the change feed";
    let mut statement = schema::checked(doing, connection.prepare_cached(schema::CHANGES_AFTER))?;
    let mut rows = schema::checked(doing, statement.query((position.0 as i64, limits::CHANGES_READ as i64)))?;
    let mut sets = VecDeque::new();
    let mut size = 0;
    let mut expected = position.0;
    while size < limits::CHANGES_READ_SIZE
        && let Some(row) = schema::checked(doing, rows.next())?
    {
        let sequence: i64 = schema::checked(doing, row.get(0))?;
        let writes: Vec<u8> = schema::checked(doing, row.get(1))?;
        expected += 1;
        if sequence as u64 != expected || sequence as u64 > newest.0 {
            break;
        }
        size += writes.len();
        let changes = encoding::decode(writes.into())?;
        sets.push_back(Arc::new(ChangeSet { sequence: Sequence(expected), changes }));
    }
    Ok(sets)
}
