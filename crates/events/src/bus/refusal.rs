use sonagi_expressions::{pattern::PatternError, schedule::ExpressionError};
use sonagi_model::FaultKind;

use super::{ArchiveName, ReplayName, RuleName};
use crate::BusName;

/// Why a bus did not do what it was asked: the caller's doing, in words for the caller. The texts are EventBridge's where
/// it has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("Event bus {0} does not exist.")]
    NoBus(BusName),
    #[error("Event bus {0} already exists.")]
    BusExists(BusName),
    #[error("Cannot delete event bus default.")]
    DefaultBus,
    #[error("EventBus can't be deleted since it has rules.")]
    HasRules,
    #[error("Rule {rule} does not exist on EventBus {bus}.")]
    NoRule { rule: RuleName, bus: BusName },
    #[error("Rule can't be deleted since it has targets.")]
    HasTargets,
    #[error("The requested resource exceeds the maximum number allowed.")]
    TooMany,
    #[error("Archive {0} does not exist.")]
    NoArchive(ArchiveName),
    #[error("Archive {0} already exists.")]
    ArchiveExists(ArchiveName),
    #[error("Replay {0} does not exist.")]
    NoReplay(ReplayName),
    #[error("Replay {0} already exists.")]
    ReplayExists(ReplayName),
    #[error("Replay {0} is not in a valid state for this operation.")]
    ReplayOver(ReplayName),
    #[error("Statement with the provided id does not exist.")]
    NoStatement,
    #[error("The policy of the event bus would have more than {limit} bytes.")]
    PolicyTooLong { limit: usize },
    #[error("{0}")]
    Pattern(PatternError),
    #[error("{0}")]
    Schedule(ExpressionError),
    #[error("{0}")]
    Parameter(String),
}

impl Refusal {
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::NoBus(_)
            | Self::NoRule { .. }
            | Self::NoArchive(_)
            | Self::NoReplay(_)
            | Self::NoStatement => FaultKind::NotFound,
            Self::BusExists(_) | Self::ArchiveExists(_) | Self::ReplayExists(_) => FaultKind::Exists,
            Self::HasRules | Self::HasTargets | Self::ReplayOver(_) => FaultKind::Conflict,
            Self::TooMany | Self::PolicyTooLong { .. } => FaultKind::TooLarge,
            Self::DefaultBus | Self::Pattern(_) | Self::Schedule(_) | Self::Parameter(_) => {
                FaultKind::Invalid
            }
        }
    }
}
