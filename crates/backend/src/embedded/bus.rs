use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use sonagi_model::Clock;

use crate::{
    Error, Result,
    bus::{Bus, Membership, Service, Subscription},
};

/// A [`Bus`] within one process.
pub struct LocalBus {}

impl LocalBus {
    pub fn new(_clock: Arc<dyn Clock>) -> Self {
        Self {}
    }
}

#[async_trait]
impl Bus for LocalBus {
    async fn publish(&self, _subject: &str, _payload: Bytes) -> Result<()> {
        Err(Error::Closed)
    }
    async fn subscribe(&self, _subject: &str) -> Result<Box<dyn Subscription>> {
        Err(Error::Closed)
    }
    async fn request(&self, _subject: &str, _payload: Bytes, _wait: Duration) -> Result<Bytes> {
        Err(Error::Closed)
    }
    async fn serve(&self, _subject: &str) -> Result<Box<dyn Service>> {
        Err(Error::Closed)
    }
    async fn join(&self, _group: &str, _member: &str) -> Result<Box<dyn Membership>> {
        Err(Error::Closed)
    }
    async fn members(&self, _group: &str) -> Result<Vec<String>> {
        Err(Error::Closed)
    }
}
