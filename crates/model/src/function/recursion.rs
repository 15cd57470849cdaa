use serde::{Deserialize, Serialize};

/// What becomes of a function that wakes itself again and again (Lambda API, `RecursiveLoop`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
pub enum RecursiveLoop {
    Allow,
    /// After [`WAKES_OF_ITSELF`](crate::limits::WAKES_OF_ITSELF) it is not woken any more.
    #[default]
    Terminate,
}

impl RecursiveLoop {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Terminate => "Terminate",
        }
    }

    pub(super) const fn is_usual(&self) -> bool {
        matches!(self, Self::Terminate)
    }
}
