/// Some of the ways through a pattern's `$or`s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ways<const WORDS: usize>([u64; WORDS]);

impl<const WORDS: usize> Default for Ways<WORDS> {
    fn default() -> Self {
        Self([0; WORDS])
    }
}

impl<const WORDS: usize> Ways<WORDS> {
    pub(super) fn add(&mut self, way: usize) {
        self.0[way / u64::BITS as usize] |= 1 << (way % u64::BITS as usize);
    }

    pub(super) fn is_empty(self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(super) fn or(self, other: Self) -> Self {
        self.with(other, |one, other| one | other)
    }

    pub(super) fn and(self, other: Self) -> Self {
        self.with(other, |one, other| one & other)
    }

    pub(super) fn but(self, other: Self) -> Self {
        self.with(other, |one, other| one & !other)
    }

    fn with(self, other: Self, each: impl Fn(u64, u64) -> u64) -> Self {
        Self(std::array::from_fn(|at| each(self.0[at], other.0[at])))
    }
}
