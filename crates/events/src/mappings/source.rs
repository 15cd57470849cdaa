//! The seam between pollers and where records are from.

use std::future::Future;

use bytes::Bytes;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::Result;

/// A record that was leased.
#[derive(Debug, Clone)]
pub(super) struct Record<T> {
    /// What a function names it by that says which records failed.
    pub(super) id: String,
    /// As it is in the event: JSON.
    pub(super) event: Bytes,
    /// The `X-Amzn-Trace-Id` that came with it.
    pub(super) trace: Option<String>,
    /// What it is settled by.
    pub(super) token: T,
}

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// It was worked on, or nobody wants it.
    Done,
    /// The function failed on it.
    Failed,
    /// Nobody looked at it.
    Back,
    /// It comes of itself again and again.
    Recursive,
}

/// Where records are from.
pub(super) trait Source: Send + Sync + 'static {
    type Token: Clone + Send + Sync + 'static;

    /// Whether records that are leased together must be worked on one after the other.
    fn in_order(&self) -> bool;

    /// Leases records, at most `most`. Waits for a first one for `wait` seconds, until `stop` at the longest. None: the
    /// source is gone.
    fn lease(
        &self,
        most: usize,
        wait: u32,
        stop: &CancellationToken,
    ) -> impl Future<Output = Result<Option<Vec<Record<Self::Token>>>>> + Send;

    /// What filters look at.
    fn seen(&self, record: &Record<Self::Token>) -> Value;

    /// Settles records, in one transaction.
    fn settle(&self, endings: Vec<(Self::Token, Ending)>) -> impl Future<Output = Result<()>> + Send;
}
