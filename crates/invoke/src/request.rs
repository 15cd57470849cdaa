use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use sonagi_control::Target;
use sonagi_model::RequestId;
use sonagi_sandbox::{Answer, Input};
use tokio::sync::oneshot;

/// One invocation, as its caller asks for it.
#[derive(Debug, Clone)]
pub struct Request {
    pub target: Arc<Target>,
    pub request: RequestId,
    /// As it was invoked, qualifier included if one was given.
    pub arn: String,
    pub input: Input,
    /// The caller's `X-Amzn-Trace-Id`; a new one is made if there is none or it is malformed.
    pub trace: Option<String>,
    /// JSON.
    pub client_context: Option<String>,
    /// JSON.
    pub cognito_identity: Option<String>,
    pub tail: Tail,
    /// Less than the function's own time-out, which rules otherwise.
    pub timeout: Option<Duration>,
}

/// Lambda's `LogType`: with `Yes` the answer waits for the invocation's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Tail {
    #[default]
    No,
    Yes,
}

#[derive(Debug)]
pub struct Invoked {
    pub request: RequestId,
    /// `$LATEST` or a version's number: Lambda's `X-Amz-Executed-Version`.
    pub version: String,
    pub answer: Answer,
    /// The last [`LOG_TAIL_SIZE`](sonagi_model::limits::LOG_TAIL_SIZE) bytes of the invocation's log, if it was
    /// asked for and the answer is whole.
    pub tail: Option<Bytes>,
    /// The same for an answer that is a stream: it is there once the invocation is over.
    pub late_tail: Option<LateTail>,
}

/// The log's tail of an invocation that is not over.
#[derive(Debug)]
pub struct LateTail(oneshot::Receiver<Bytes>);

impl LateTail {
    pub(crate) fn new(tail: oneshot::Receiver<Bytes>) -> Self {
        Self(tail)
    }

    /// Ready when the invocation is over; none if the platform went down under it. Read the stream first: a
    /// function whose stream nobody reads does not end before its time.
    pub async fn get(self) -> Option<Bytes> {
        self.0.await.ok()
    }
}
