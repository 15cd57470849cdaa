//! A line of a function's log.

use bytes::Bytes;

use crate::{RequestId, Timestamp};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    pub at: Timestamp,
    /// The invocation it belongs to; none before the first one.
    pub request: Option<RequestId>,
    /// Without its line end. Usually, but not always, UTF-8: it is what the function wrote.
    pub text: Bytes,
}

/// Where a function's log lines go. Never waits: a log that cannot keep up drops lines and says how many.
pub trait LogSink: Send + Sync + 'static {
    fn line(&self, line: LogLine);
}
