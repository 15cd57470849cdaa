use serde::{Deserialize, Serialize};

use crate::limits;

/// How asynchronous invocations of a function go on that fail, and where their ends are told (Lambda API,
/// `PutFunctionEventInvokeConfig`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asynchronous {
    /// Seconds, from [`limits::EVENT_AGE_MIN`] to [`limits::EVENT_AGE_MAX`].
    pub max_age: u32,
    /// Attempts after the first, from 0 to [`limits::EVENT_RETRIES_MAX`].
    pub retries: u32,
    /// The ARN of a function, a queue, a topic or an event bus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_success: Option<String>,
    /// The same for failures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<String>,
}

impl Default for Asynchronous {
    fn default() -> Self {
        Self {
            max_age: limits::EVENT_AGE_MAX,
            retries: limits::EVENT_RETRIES_MAX,
            on_success: None,
            on_failure: None,
        }
    }
}
