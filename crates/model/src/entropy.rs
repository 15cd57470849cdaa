//! Randomness comes in from outside, so that tests can repeat a run.

use std::fmt;

/// Where every part of the platform gets random bytes. The real one lives in `server` and asks the kernel.
pub trait Entropy: Send + Sync + fmt::Debug + 'static {
    fn fill(&self, bytes: &mut [u8]);
}

impl dyn Entropy {
    /// An array of random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}
