use std::fmt;

/// What is told of a request that cannot be (Developer Guide, "Error handling with DynamoDB").
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// As `__type` ends.
    pub(crate) code: &'static str,
    /// Empty where DynamoDB says nothing: a body that is no JSON.
    pub(crate) message: String,
}

impl Fault {
    pub(crate) const VALIDATION: &'static str = "ValidationException";
    pub(crate) const SERIALIZATION: &'static str = "SerializationException";

    pub(crate) fn validation(message: impl fmt::Display) -> Self {
        Self { code: Self::VALIDATION, message: message.to_string() }
    }

    /// What most checks of meaning say first.
    pub(super) fn parameter(message: impl fmt::Display) -> Self {
        Self::validation(format_args!("One or more parameter values were invalid: {message}"))
    }

    pub(super) fn serialization(message: impl Into<String>) -> Self {
        Self { code: Self::SERIALIZATION, message: message.into() }
    }
}
