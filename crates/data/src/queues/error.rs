use sonagi_model::{AppName, FaultKind, limits};

use super::QueueName;

/// Why a queue did not do what it was asked: the caller's doing, in words for the caller. The texts are SQS's where it
/// has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(
        "Can only include alphanumeric characters, hyphens, or underscores. 1 to {} in length",
        limits::QUEUE_NAME_SIZE
    )]
    Name,
    #[error("The specified queue does not exist.")]
    NoQueue,
    #[error("A queue already exists with the same name and a different value for attribute {attribute}")]
    Exists { attribute: &'static str },
    #[error("the app {:?} declares a queue of this name: give one of the two another name", app.as_str())]
    Owned { app: AppName },
    #[error("Invalid value for the parameter {name}.")]
    Attribute { name: &'static str },
    #[error("Value for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.")]
    NoDeadLetters,
    #[error(
        "Value for parameter RedrivePolicy is invalid. Reason: Dead-letter queue must be same type of queue as the source."
    )]
    OtherDeadLetters,
    #[error(
        "Value for parameter RedrivePolicy is invalid. Reason: Source queue {source_queue} is not allowed to use the \
         dead-letter queue."
    )]
    DeadLettersForbidden { source_queue: QueueName },
    #[error("One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes.")]
    TooLong { limit: u32 },
    /// Of all of a batch's messages together.
    #[error("Batch requests cannot be longer than {limit} bytes. You have sent {size} bytes.")]
    BatchTooLong { size: usize, limit: usize },
    #[error("The request must contain the parameter {name}.")]
    Missing { name: &'static str },
    #[error("{0}")]
    Parameter(String),
    #[error(
        "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | \
         #x10000 to #x10FFFF"
    )]
    Characters,
    #[error(
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
    )]
    NoDeduplicationId,
    #[error("The input receipt handle \"{0}\" is not a valid receipt handle.")]
    Handle(String),
    #[error("Value {0} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.")]
    HandleExpired(String),
    #[error(
        "Value {0} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for \
         visibility timeout change."
    )]
    NotInFlight(String),
    #[error(
        "Value {seconds} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is \
         beyond the limit [{} seconds]",
        limits::QUEUE_VISIBILITY_MAX
    )]
    VisibilityTooLong { seconds: u32 },
    #[error("Too many messages of the queue are in flight: delete what was received, and try again.")]
    TooManyInFlight,
    #[error("Only one PurgeQueue operation on {queue} is allowed every {} seconds.", limits::QUEUE_PURGE_PAUSE.as_secs())]
    Purging { queue: QueueName },
    #[error("Too many tags: {} are the most.", limits::TAGS)]
    TooManyTags,
    #[error("Too many queues: {} are the most.", limits::QUEUES)]
    TooManyQueues,
    #[error("Source queue must be configured as a Dead Letter Queue.")]
    NotDeadLetters,
    #[error(
        "There is already a task running. Only one active task is allowed for a source queue arn at a given time."
    )]
    Moving,
    #[error("Task does not exist.")]
    NoTask,
    #[error("Only active tasks can be cancelled.")]
    TaskOver,
}

impl Refusal {
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::NoQueue | Self::NoTask => FaultKind::NotFound,
            Self::Exists { .. } | Self::Owned { .. } => FaultKind::Exists,
            Self::TooLong { .. } | Self::BatchTooLong { .. } | Self::TooManyTags | Self::TooManyQueues => {
                FaultKind::TooLarge
            }
            Self::TooManyInFlight | Self::Purging { .. } => FaultKind::Throttled,
            Self::Moving | Self::TaskOver => FaultKind::Conflict,
            Self::DeadLettersForbidden { .. } => FaultKind::Forbidden,
            Self::Name
            | Self::Attribute { .. }
            | Self::NoDeadLetters
            | Self::OtherDeadLetters
            | Self::Missing { .. }
            | Self::Parameter(_)
            | Self::Characters
            | Self::NoDeduplicationId
            | Self::Handle(_)
            | Self::HandleExpired(_)
            | Self::NotInFlight(_)
            | Self::VisibilityTooLong { .. }
            | Self::NotDeadLetters => FaultKind::Invalid,
        }
    }
}
