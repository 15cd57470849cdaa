//! How asynchronous invocations go on.

use sonagi_model::{Timestamp, function::Asynchronous};

/// What is set for asynchronous invocations under one name of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveAsynchronous {
    /// With Lambda's defaults where nothing was said.
    pub config: Asynchronous,
    /// As they were said, and as they are shown.
    pub max_age: Option<u32>,
    pub retries: Option<u32>,
    pub modified: Timestamp,
}
