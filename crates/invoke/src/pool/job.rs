use bytes::Bytes;
use sonagi_sandbox::Answer;
use tokio::sync::oneshot;

use crate::{Request, Result, activity::Active, admission::Permit, request::LateTail};

/// An admitted invocation. It is under way, and counts as running, for as long as this lives.
pub(crate) struct Job {
    pub(crate) request: Request,
    pub(crate) reply: oneshot::Sender<Result<Reply>>,
    pub(crate) permit: Permit,
    pub(crate) active: Active,
}

/// What the caller gets.
pub(crate) struct Reply {
    pub(crate) answer: Answer,
    pub(crate) tail: Option<Bytes>,
    pub(crate) late: Option<LateTail>,
}
