//! What every broker under measurement can do.

use anyhow::Result;

/// Where messages go through.
pub(super) trait Broker: Clone + Send + Sync + 'static {
    type Sender: Sender;
    type Receiver: Receiver;

    /// Makes an empty queue.
    fn create(&self, queue: &str) -> impl Future<Output = Result<()>> + Send;
    fn delete(&self, queue: &str) -> impl Future<Output = Result<()>> + Send;
    /// On a connection of its own, like a receiver.
    fn sender(&self, queue: &str) -> impl Future<Output = Result<Self::Sender>> + Send;
    fn receiver(&self, queue: &str) -> impl Future<Output = Result<Self::Receiver>> + Send;
}

pub(super) trait Sender: Send + 'static {
    /// Sends messages at once and returns when all are acknowledged.
    fn send(&mut self, bodies: &[String]) -> impl Future<Output = Result<()>> + Send;
}

pub(super) trait Receiver: Send + 'static {
    /// Waits for messages and takes `most` at most; gives their bodies, or none if there was nothing for a while.
    fn receive(&mut self, most: usize) -> impl Future<Output = Result<Vec<String>>> + Send;
    /// Deletes all that was received last.
    fn delete(&mut self) -> impl Future<Output = Result<()>> + Send;
}
