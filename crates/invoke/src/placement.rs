//! On which machine an invocation runs.

use sonagi_control::Target;

/// Chooses. There is one machine so far; when there are peers, they are chosen here and nowhere else.
#[derive(Debug, Default)]
pub(crate) struct Placement;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In this process's own pool.
    Local,
}

impl Placement {
    pub(crate) fn place(&self, _target: &Target) -> Place {
        Place::Local
    }
}
