use sonagi_model::{FaultKind, limits};

use super::ScheduleName;

/// Why something cannot be done to a schedule or a group, in the words of EventBridge Scheduler.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("Schedule {0} does not exist.")]
    NoSchedule(ScheduleName),
    #[error("Schedule group {0} does not exist.")]
    NoGroup(ScheduleName),
    #[error("Schedule {0} already exists.")]
    Exists(ScheduleName),
    #[error("Schedule group {0} already exists.")]
    GroupExists(ScheduleName),
    #[error("Schedule group {0} is being deleted. Try again when it is gone.")]
    Deleting(ScheduleName),
    #[error("The default schedule group cannot be deleted.")]
    Default,
    #[error("Tags on one schedule group: {} are the most.", limits::TAGS)]
    TooManyTags,
    #[error("Schedules on this account: {} are the most.", limits::SCHEDULES)]
    TooMany,
    #[error("Schedule groups on this account: {} are the most.", limits::SCHEDULE_GROUPS)]
    TooManyGroups,
    #[error("{0}")]
    Invalid(String),
}

impl Refusal {
    pub(crate) fn kind(&self) -> FaultKind {
        match self {
            Self::NoSchedule(_) | Self::NoGroup(_) => FaultKind::NotFound,
            Self::Exists(_) | Self::GroupExists(_) => FaultKind::Exists,
            Self::Deleting(_) => FaultKind::Conflict,
            Self::TooManyTags | Self::TooMany | Self::TooManyGroups => FaultKind::TooLarge,
            Self::Default | Self::Invalid(_) => FaultKind::Invalid,
        }
    }
}
