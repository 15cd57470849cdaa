use sonagi_model::{FaultKind, limits};

/// Why a topic did not do what it was asked: the caller's doing, in words for the caller. The texts are SNS's where it has
/// one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("Topic does not exist")]
    NoTopic,
    #[error("Subscription does not exist")]
    NoSubscription,
    #[error("Invalid parameter: {0}")]
    Parameter(String),
    /// Of a message attribute.
    #[error("{0}")]
    Value(String),
    #[error("Too many topics: {} are the most.", limits::TOPICS)]
    TooManyTopics,
    #[error("Too many subscriptions: {limit} are the most that this topic can have.")]
    TooManySubscriptions { limit: usize },
    #[error("Could not complete request: tag quota of per resource exceeded")]
    TooManyTags,
    /// Who confirmed the subscription has asked that nobody cancels it without saying who he is.
    #[error("Not authorized: this subscription is cancelled by a signed request alone")]
    Unsigned,
}

impl Refusal {
    pub fn parameter(text: impl Into<String>) -> Self {
        Self::Parameter(text.into())
    }

    pub fn kind(&self) -> FaultKind {
        match self {
            Self::NoTopic | Self::NoSubscription => FaultKind::NotFound,
            Self::Parameter(_) | Self::Value(_) => FaultKind::Invalid,
            Self::TooManyTopics | Self::TooManySubscriptions { .. } | Self::TooManyTags => {
                FaultKind::TooLarge
            }
            Self::Unsigned => FaultKind::Forbidden,
        }
    }
}
