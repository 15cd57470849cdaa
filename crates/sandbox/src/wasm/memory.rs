//! What one instance may have of memory, counted over all its linear memories and tables.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use wasmtime::{ResourceLimiter, Result};

use super::budget::Share;

/// Bytes of one table element in this process.
const ELEMENT: usize = size_of::<usize>();

#[derive(Debug)]
pub(crate) struct Memory {
    limit: usize,
    used: usize,
    share: Share,
    /// Why growth was refused: what a guest then fails with is a lack of memory.
    lack: Option<Lack>,
    /// Known even of an instance that is ended from outside.
    peak: Peak,
}

/// What there is no more of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lack {
    /// The function's own memory: so many bytes.
    Function(usize),
    /// What the server has for all instances of the app.
    Server,
}

/// The most bytes that any of an environment's instances has had; its clones are the same one.
#[derive(Debug, Clone, Default)]
pub(super) struct Peak(Arc<AtomicUsize>);

impl Peak {
    pub(super) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Memory {
    pub(crate) fn new(limit: usize, share: Share) -> Self {
        Self { limit, used: 0, share, lack: None, peak: Peak::default() }
    }

    pub(super) fn watched_by(&mut self, peak: &Peak) {
        self.peak = peak.clone();
    }

    /// Bytes. Memories only grow, so this is the most so far as well.
    pub(super) fn used(&self) -> usize {
        self.used
    }

    pub(super) fn lack(&self) -> Option<Lack> {
        self.lack
    }

    fn grow(&mut self, bytes: usize) -> bool {
        let lack = match self.used.checked_add(bytes).filter(|&used| used <= self.limit) {
            Some(used) if self.share.take(bytes) => {
                self.used = used;
                self.peak.0.fetch_max(used, Ordering::Relaxed);
                return true;
            }
            Some(_) => Lack::Server,
            None => Lack::Function(self.limit),
        };
        self.lack = Some(lack);
        false
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.share.give_back(self.used);
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        Ok(self.grow(desired.saturating_sub(current)))
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        Ok(self.grow(desired.saturating_sub(current).saturating_mul(ELEMENT)))
    }
}

#[cfg(test)]
mod tests {
    use sonagi_model::AppName;

    use super::{super::budget::Budget, *};

    #[test]
    fn memories_and_tables_are_counted_together() {
        let mut memory = Memory::new(100_000, Share::unlimited());
        assert!(memory.memory_growing(0, 65_536, None).unwrap());
        assert!(memory.table_growing(0, 4_000, None).unwrap());
        assert_eq!(memory.lack(), None);
        assert!(!memory.memory_growing(0, 65_536, None).unwrap());
        assert_eq!(memory.lack(), Some(Lack::Function(100_000)));
        assert_eq!(memory.used(), 65_536 + 32_000);
        assert_eq!(memory.peak.bytes(), memory.used());
        assert!(!memory.table_growing(0, usize::MAX, None).unwrap());
    }

    #[test]
    fn what_an_instance_had_is_the_servers_again() {
        let budget = Budget::new(200_000);
        let share = budget.share(&AppName::new("app").unwrap());
        let mut memory = Memory::new(usize::MAX, share.clone());
        assert!(memory.memory_growing(0, 65_536, None).unwrap());
        assert!(!memory.memory_growing(65_536, 131_072, None).unwrap());
        assert_eq!(memory.lack(), Some(Lack::Server));
        assert!(!share.take(65_536));
        drop(memory);
        assert!(share.take(100_000));
    }
}
