//! From names to addresses.

use std::{io, net::IpAddr};

use async_trait::async_trait;

/// Turns a name into addresses. What it gives is checked before anything connects there, and what was checked is what
/// is connected to: nothing is resolved twice for one request.
#[async_trait]
pub trait Resolver: Send + Sync + 'static {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The machine's own: `/etc/hosts`, then its DNS servers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}
