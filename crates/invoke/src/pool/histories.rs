//! What is remembered of functions that have no environment.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sonagi_control::Target;
use sonagi_model::{Digest, LambdaName, Tick};

use super::{Key, Life, history::History};
use crate::Snapshot;

/// The histories of pools that were forgotten, up to a limit, and when which of them expects a call.
pub(super) struct Histories {
    limit: usize,
    kept: Mutex<Kept>,
}

/// A call that is expected.
pub(super) struct Expected {
    /// When to start an environment for it.
    pub(super) start: Tick,
    /// When to give up.
    pub(super) stop: Tick,
    pub(super) target: Arc<Target>,
}

#[derive(Default)]
struct Kept {
    /// Side by side those of one function.
    histories: BTreeMap<Name, Entry>,
    /// By their numbers, so that the oldest is the first.
    ages: BTreeMap<u64, Name>,
    /// By when an environment is to be started.
    expected: BTreeMap<(Tick, u64), Name>,
    next: u64,
}

type Name = (LambdaName, Digest);

/// What every digest comes after.
const FIRST: Digest = Digest::from_bytes([0; 32]);

struct Entry {
    history: History,
    /// Later ones have higher numbers.
    number: u64,
    life: Life,
    expected: Option<Expected>,
}

impl Histories {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, kept: Mutex::default() }
    }

    /// Remembers the history of a pool that is forgotten, and drops the oldest if there are too many.
    pub(super) fn keep(&self, key: &Key, life: Life, history: History, expected: Option<Expected>) {
        let mut kept = self.lock();
        let name = (key.function().clone(), key.environment());
        kept.remove(&name);
        kept.next += 1;
        let number = kept.next;
        // What is not live expects nothing.
        let expected = expected.filter(|_| life == Life::Live);
        if let Some(Expected { start, .. }) = &expected {
            kept.expected.insert((*start, number), name.clone());
        }
        kept.ages.insert(number, name.clone());
        kept.histories.insert(name, Entry { history, number, life, expected });
        while kept.histories.len() > self.limit {
            let Some((_, oldest)) = kept.ages.pop_first() else { return };
            kept.remove(&oldest);
        }
    }

    /// The history for a new pool: what is remembered of it, or else of the release before it. A new one if there is
    /// neither.
    pub(super) fn take(&self, key: &Key, life: Life) -> History {
        let mut kept = self.lock();
        let name = (key.function().clone(), key.environment());
        if let Some(entry) = kept.remove(&name) {
            return entry.history;
        }
        let before = match life {
            Life::Live => kept.retired(key.function()),
            Life::Retired | Life::Closed => None,
        };
        before.and_then(|name| kept.remove(&name)).map_or_else(History::new, |entry| entry.history)
    }

    /// When an environment is to be started next.
    pub(super) fn next_expected(&self) -> Option<Tick> {
        self.lock().expected.first_key_value().map(|((start, _), _)| *start)
    }

    /// The call that is expected next, which is not expected any more from here on.
    pub(super) fn take_expected(&self) -> Option<Expected> {
        let mut kept = self.lock();
        let (_, name) = kept.expected.pop_first()?;
        kept.histories.get_mut(&name)?.expected.take()
    }

    /// Nothing is expected of what is not live.
    pub(super) fn retire(&self, live: &dyn Snapshot) {
        let mut kept = self.lock();
        let Kept { histories, expected, .. } = &mut *kept;
        for ((function, environment), entry) in histories {
            entry.life = if live.uses(function, environment) { Life::Live } else { Life::Retired };
            if entry.life == Life::Retired
                && let Some(Expected { start, .. }) = entry.expected.take()
            {
                expected.remove(&(start, entry.number));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn remove(&mut self, name: &Name) -> Option<Entry> {
        let entry = self.histories.remove(name)?;
        self.ages.remove(&entry.number);
        if let Some(Expected { start, .. }) = &entry.expected {
            self.expected.remove(&(*start, entry.number));
        }
        Some(entry)
    }

    /// The latest of this function that is not live any more.
    fn retired(&self, function: &LambdaName) -> Option<Name> {
        self.histories
            .range((function.clone(), FIRST)..)
            .take_while(|((name, _), _)| name == function)
            .filter(|(_, entry)| entry.life == Life::Retired)
            .max_by_key(|(_, entry)| entry.number)
            .map(|(name, _)| name.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn key(function: &str, environment: &str) -> Key {
        Key::new(Digest::of(environment.as_bytes()), LambdaName::new(function).unwrap())
    }

    /// One that can be told from others.
    fn history(number: u64) -> History {
        let mut history = History::new();
        history.rested(Tick(Duration::from_secs(number)));
        history
    }

    fn number(history: &History) -> Option<u64> {
        history.idle().map(|idle| idle.0.as_secs())
    }

    #[test]
    fn the_oldest_is_forgotten_when_there_are_too_many() {
        let histories = Histories::new(3);
        let keys = ["a", "b", "c", "d"].map(|function| key(function, "1"));
        for (index, key) in [0, 1, 2, 0, 3].map(|index| (index, &keys[index])) {
            histories.keep(key, Life::Live, history(index as u64), None);
        }
        let found = keys.each_ref().map(|key| number(&histories.take(key, Life::Live)));
        assert_eq!(found, [Some(0), None, Some(2), Some(3)]);
        let kept = histories.lock();
        assert!(kept.histories.is_empty() && kept.ages.is_empty() && kept.expected.is_empty());
    }

    #[test]
    fn as_many_are_kept_as_the_limit_says() {
        use sonagi_model::limits::HISTORIES;
        let histories = Histories::new(HISTORIES);
        for index in 0..=HISTORIES {
            histories.keep(&key(&format!("f{index}"), "1"), Life::Live, history(index as u64), None);
        }
        assert_eq!(histories.lock().histories.len(), HISTORIES);
        assert_eq!(number(&histories.take(&key("f0", "1"), Life::Live)), None);
        assert_eq!(number(&histories.take(&key("f1", "1"), Life::Live)), Some(1));
    }

    #[test]
    fn a_release_takes_over_from_the_one_before_and_from_no_other() {
        let histories = Histories::new(10);
        histories.keep(&key("f", "1"), Life::Retired, history(1), None);
        histories.keep(&key("f", "2"), Life::Retired, history(2), None);
        histories.keep(&key("f", "3"), Life::Live, history(3), None);
        histories.keep(&key("fg", "1"), Life::Retired, history(4), None);
        assert_eq!(number(&histories.take(&key("f", "5"), Life::Retired)), None);
        assert_eq!(number(&histories.take(&key("f", "4"), Life::Live)), Some(2));
        assert_eq!(number(&histories.take(&key("f", "4"), Life::Live)), Some(1));
        assert_eq!(number(&histories.take(&key("f", "4"), Life::Live)), None);
        assert_eq!(number(&histories.take(&key("f", "3"), Life::Live)), Some(3));
    }
}
