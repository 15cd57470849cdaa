//! What waits for the writer.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use crate::{
    Error, Result,
    records::{Body, Commit, Sequence},
};

/// One caller's request to the writer.
pub(super) enum Job {
    Transact { body: Body, answer: oneshot::Sender<Result<Commit>> },
    Trim { through: Sequence, answer: oneshot::Sender<Result<()>> },
}

impl Job {
    /// Whether the caller has gone away, so that nobody would learn what became of it.
    pub(super) fn is_abandoned(&self) -> bool {
        match self {
            Self::Transact { answer, .. } => answer.is_closed(),
            Self::Trim { answer, .. } => answer.is_closed(),
        }
    }

    pub(super) fn refuse(self, error: Error) {
        match self {
            Self::Transact { answer, .. } => drop(answer.send(Err(error))),
            Self::Trim { answer, .. } => drop(answer.send(Err(error))),
        }
    }
}

/// A bounded queue of jobs, in the order they came, from many callers to the one writer.
pub(super) struct Queue {
    state: Mutex<State>,
    ready: Condvar,
    limit: usize,
}

struct State {
    jobs: VecDeque<Job>,
    open: bool,
}

/// Whether the writer has other work to do when nobody waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    ForJobs,
    Never,
}

impl Queue {
    pub(super) fn new(limit: usize) -> Self {
        Self { state: Mutex::new(State { jobs: VecDeque::new(), open: true }), ready: Condvar::new(), limit }
    }

    /// Never waits: a full queue is [`Error::Busy`].
    pub(super) fn push(&self, job: Job) -> Result<()> {
        let mut state = self.lock();
        if !state.open {
            return Err(Error::Closed);
        }
        if state.jobs.len() >= self.limit {
            return Err(Error::Busy);
        }
        state.jobs.push_back(job);
        let first = state.jobs.len() == 1;
        drop(state);
        if first {
            self.ready.notify_one();
        }
        Ok(())
    }

    /// Moves waiting jobs to the end of `jobs` until there are `most`; false once the queue is closed and empty.
    pub(super) fn take(&self, jobs: &mut VecDeque<Job>, most: usize, wait: Wait) -> bool {
        let mut state = self.lock();
        while wait == Wait::ForJobs && jobs.is_empty() && state.jobs.is_empty() && state.open {
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let count = most.saturating_sub(jobs.len()).min(state.jobs.len());
        jobs.extend(state.jobs.drain(..count));
        state.open || !jobs.is_empty()
    }

    /// Refuses further jobs; those that wait are still done.
    pub(super) fn close(&self) {
        self.lock().open = false;
        self.ready.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
