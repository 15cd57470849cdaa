//! What callers are told of releases.

use std::sync::Arc;

use sonagi_model::{Digest, ReleaseNumber, Timestamp, release::Release};

/// What a deployment came to.
#[derive(Debug, Clone)]
pub enum Deployed {
    Activated(Arc<Release>),
    /// What is live is the same already.
    Unchanged(Arc<Release>),
}

impl Deployed {
    /// The release that is live now.
    pub fn release(&self) -> &Arc<Release> {
        match self {
            Self::Activated(release) | Self::Unchanged(release) => release,
        }
    }
}

/// One line of an app's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseSummary {
    pub number: ReleaseNumber,
    pub digest: Digest,
    pub created: Timestamp,
    pub live: Liveness,
    /// How many functions it has.
    pub functions: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Liveness {
    Live,
    Past,
}
