//! [`Bus`]: ephemeral messages. Nothing durable may depend on it: any message may be lost.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::Result;

/// Publish and subscribe, request and reply, and who is alive; `conformance::bus` says what every
/// implementation must keep. A subject is words joined by `.`; in a subscription the last word may be `>`
/// (one or more words) and any word `*` (exactly one).
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// To everyone who is subscribed now, at most once each. Never waits for a subscriber.
    async fn publish(&self, subject: &str, payload: Bytes) -> Result<()>;
    /// What is published from now on, in the order of each publisher. A subscriber that lags loses the oldest.
    async fn subscribe(&self, subject: &str) -> Result<Box<dyn Subscription>>;
    /// Asks one of those who serve `subject` and waits for the answer; if nobody does,
    /// [`NoResponder`](crate::Error::NoResponder) at once.
    async fn request(&self, subject: &str, payload: Bytes, wait: Duration) -> Result<Bytes>;
    /// Serves `subject`, which has no wildcards: each request goes to one of its servers.
    async fn serve(&self, subject: &str) -> Result<Box<dyn Service>>;
    /// Shows `member` as alive in `group` until the guard is dropped (or this process dies).
    async fn join(&self, group: &str, member: &str) -> Result<Box<dyn Membership>>;
    /// Who is alive in `group`, sorted.
    async fn members(&self, group: &str) -> Result<Vec<String>>;
}

#[async_trait]
pub trait Subscription: Send {
    async fn next(&mut self) -> Result<Message>;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub subject: String,
    pub payload: Bytes,
}

#[async_trait]
pub trait Service: Send {
    async fn next(&mut self) -> Result<Request>;
}

pub struct Request {
    pub payload: Bytes,
    pub reply: tokio::sync::oneshot::Sender<Bytes>,
}

pub trait Membership: Send + Sync {}
