//! What one instance may have of memory, counted over all its linear memories and tables.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use wasmtime::{ResourceLimiter, Result};

/// Bytes of one table element in this process.
const ELEMENT: usize = size_of::<usize>();

#[derive(Debug)]
pub(crate) struct Memory {
    limit: usize,
    used: usize,
    /// Growth was refused once: what a guest then fails with is a lack of memory.
    exhausted: bool,
    /// Known even of an instance that is ended from outside.
    peak: Peak,
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
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, used: 0, exhausted: false, peak: Peak::default() }
    }

    pub(super) fn watched_by(&mut self, peak: &Peak) {
        self.peak = peak.clone();
    }

    /// Bytes. Memories only grow, so this is the most so far as well.
    pub(super) fn used(&self) -> usize {
        self.used
    }

    pub(super) fn exhausted(&self) -> bool {
        self.exhausted
    }

    fn grow(&mut self, bytes: usize) -> bool {
        match self.used.checked_add(bytes).filter(|&used| used <= self.limit) {
            Some(used) => {
                self.used = used;
                self.peak.0.fetch_max(used, Ordering::Relaxed);
                true
            }
            None => {
                self.exhausted = true;
                false
            }
        }
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
    use super::*;

    #[test]
    fn memories_and_tables_are_counted_together() {
        let mut memory = Memory::new(100_000);
        assert!(memory.memory_growing(0, 65_536, None).unwrap());
        assert!(memory.table_growing(0, 4_000, None).unwrap());
        assert!(!memory.exhausted());
        assert!(!memory.memory_growing(0, 65_536, None).unwrap());
        assert!(memory.exhausted());
        assert_eq!(memory.used(), 65_536 + 32_000);
        assert_eq!(memory.peak.bytes(), memory.used());
        assert!(!memory.table_growing(0, usize::MAX, None).unwrap());
    }
}
