//! How long a commit waits for those who would share it.
//!
//! Callers that send one transaction after the other come back a moment after they were answered. A commit that begins
//! with the first of them makes all others wait for the next: half of them share each, and everybody waits for the disk
//! twice. A little patience, measured by what the disk takes, has them all in one.

use std::time::{Duration, Instant};

use sonagi_model::limits;

use super::queue::Gathering;

/// What the last commit was like.
#[derive(Debug, Default)]
pub(super) struct Pace {
    ended: Option<Instant>,
    /// What it took to become durable.
    took: Duration,
    /// Who was answered by it, and who waited behind it.
    callers: usize,
}

impl Pace {
    /// Commits for so many callers.
    pub(super) fn measure<T>(&mut self, callers: usize, commit: impl FnOnce() -> T) -> T {
        let began = now();
        let result = commit();
        let ended = now();
        *self = Self { ended: Some(ended), took: ended - began, callers };
        result
    }

    /// So many waited when it had ended.
    pub(super) fn waiting(&mut self, callers: usize) {
        self.callers += callers;
    }

    /// What to wait for with so many here.
    pub(super) fn gathering(&self, here: usize) -> Option<Gathering> {
        self.gathering_after(now() - self.ended?, here)
    }

    /// The same, so long after the commit.
    fn gathering_after(&self, passed: Duration, here: usize) -> Option<Gathering> {
        let patience = (self.took / limits::GATHERING_SHARE).min(limits::GATHERING);
        let wait = patience.checked_sub(passed).filter(|wait| !wait.is_zero())?;
        let jobs = self.callers.checked_sub(here).filter(|jobs| *jobs > 0)?;
        Some(Gathering { jobs, wait })
    }
}

#[expect(clippy::disallowed_methods, reason = "the time of the disk is measured, which nobody moves")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(took: u64, callers: usize) -> Pace {
        Pace { ended: None, took: Duration::from_millis(took), callers }
    }

    #[test]
    fn a_commit_waits_for_those_of_the_last_one_and_for_a_part_of_its_time() {
        let after = |passed| pace(4, 10).gathering_after(Duration::from_micros(passed), 3);
        assert_eq!(after(0), Some(Gathering { jobs: 7, wait: Duration::from_millis(1) }));
        assert_eq!(after(400), Some(Gathering { jobs: 7, wait: Duration::from_micros(600) }));
        assert_eq!(after(1_000), None);
        let slow = pace(1_000, 2).gathering_after(Duration::ZERO, 1);
        assert_eq!(slow, Some(Gathering { jobs: 1, wait: limits::GATHERING }));
    }

    #[test]
    fn nobody_waits_who_is_alone_or_first() {
        assert_eq!(pace(4, 1).gathering_after(Duration::ZERO, 1), None);
        assert_eq!(pace(4, 1).gathering_after(Duration::ZERO, 2), None);
        assert_eq!(Pace::default().gathering(0), None);
    }
}
