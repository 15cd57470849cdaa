//! What kind of failure an error is, so that one file in `edge` can turn every crate's errors into statuses.

/// Every crate's `Error` says which kind it is. Its `Display` is for the caller when the kind is the caller's
/// fault, and for the operator alone when it is [`FaultKind::Internal`].
pub trait Fault: std::error::Error {
    fn kind(&self) -> FaultKind;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The request does not make sense, whenever it is sent.
    Invalid,
    /// No credentials, or credentials that do not check out.
    Unauthenticated,
    /// Known, and not allowed.
    Forbidden,
    /// The thing named does not exist.
    NotFound,
    /// The thing to create is there already.
    Exists,
    /// The thing changed, or is in a state that forbids this.
    Conflict,
    /// Larger than a named limit.
    TooLarge,
    /// Too much at once; the same request may pass later.
    Throttled,
    /// A deadline passed.
    TimedOut,
    /// Sonagi does not do this (yet).
    Unsupported,
    /// Something that the platform needs is not to be had now.
    Unavailable,
    /// A defect, or the machine's: the text is for the operator.
    Internal,
}

impl FaultKind {
    /// Whether the same request may go well in a moment, nobody having done anything about it.
    pub const fn passes(self) -> bool {
        match self {
            Self::Throttled | Self::TimedOut | Self::Unavailable => true,
            Self::Invalid
            | Self::Unauthenticated
            | Self::Forbidden
            | Self::NotFound
            | Self::Exists
            | Self::Conflict
            | Self::TooLarge
            | Self::Unsupported
            | Self::Internal => false,
        }
    }
}
