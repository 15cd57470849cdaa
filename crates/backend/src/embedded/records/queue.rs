//! What waits for the writer.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
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
    /// The writer is woken once so many wait.
    wanted: usize,
    open: bool,
}

/// Whom the writer waits for before it begins a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gathering {
    /// As many jobs as are expected.
    pub(super) jobs: usize,
    /// No longer than this, once there is one.
    pub(super) wait: Duration,
}

/// Whether the writer has other work to do when nobody waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    ForJobs,
    Never,
}

impl Queue {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            state: Mutex::new(State { jobs: VecDeque::new(), wanted: 1, open: true }),
            ready: Condvar::new(),
            limit,
        }
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
        let enough = state.jobs.len() == state.wanted;
        drop(state);
        if enough {
            self.ready.notify_one();
        }
        Ok(())
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.lock().jobs.len()
    }

    /// Waits until as many jobs are here as `gathering` says.
    pub(super) fn gather(&self, gathering: Gathering) {
        let mut state = self.lock();
        state.wanted = gathering.jobs.max(1);
        let is_short = |state: &mut State| state.jobs.len() < state.wanted && state.open;
        let waited = self.ready.wait_timeout_while(state, gathering.wait, is_short);
        waited.unwrap_or_else(PoisonError::into_inner).0.wanted = 1;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn push(queue: &Queue) {
        queue.push(Job::Trim { through: Sequence(0), answer: oneshot::channel().0 }).unwrap();
    }

    #[test]
    fn gathering_ends_when_all_are_there_and_otherwise_with_its_time() {
        let queue = Arc::new(Queue::new(10));
        push(&queue);
        push(&queue);
        queue.gather(Gathering { jobs: 2, wait: Duration::MAX });
        queue.gather(Gathering { jobs: 3, wait: Duration::from_millis(1) });
        assert_eq!(queue.len(), 2);
        let third = std::thread::spawn({
            let queue = Arc::clone(&queue);
            move || push(&queue)
        });
        queue.gather(Gathering { jobs: 3, wait: Duration::from_secs(600) });
        assert_eq!(queue.len(), 3);
        third.join().unwrap();
        queue.close();
        queue.gather(Gathering { jobs: 4, wait: Duration::from_secs(600) });
    }
}
