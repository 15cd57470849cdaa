//! HTTP from guests to other servers.
//!
//! ```text
//! hooks ──► exchange: rules (scheme, host, port) ──► pool: an idle connection whose address passes ──► answer
//!                                                └─► connect: resolver ──► addresses ──► tls ──────┘
//! ```
//!
//! Start reading at `Inner::send` in [`exchange`]. Always true here:
//! - nothing is resolved for a request that no rule lets go;
//! - a connection leads to an address that was checked as it is: names are resolved once, by us, and the address that
//!   passed is the one that is connected to, so a name that changes its address in between gains nothing;
//! - a connection is used by one app alone, and its address is checked again for each request;
//! - redirects are answers like others: it is the guest that follows them, with a new request and a new check.

mod addresses;
mod body;
mod connect;
mod exchange;
mod failure;
mod hooks;
mod pool;
mod resolver;
mod rules;
#[cfg(test)]
mod tests;
mod tls;
mod waits;

use std::{fmt, sync::Arc};

use sonagi_model::Clock;

pub(crate) use hooks::OutboundHooks;
pub use resolver::{Resolver, SystemResolver};
pub use tls::Roots;

/// The HTTP client of all guests of a driver. Cheap to clone.
#[derive(Clone)]
pub struct Outbound(Arc<Inner>);

pub struct OutboundConfig {
    pub resolver: Arc<dyn Resolver>,
    /// Who vouches for `https` servers.
    pub roots: Roots,
    pub clock: Arc<dyn Clock>,
    /// Where connections live: they outlast the guests that use them.
    pub runtime: tokio::runtime::Handle,
}

struct Inner {
    config: OutboundConfig,
    pool: Arc<pool::Pool>,
    tls: tls::Tls,
}

impl Outbound {
    pub fn new(config: OutboundConfig) -> Self {
        let pool = pool::Pool::new(Arc::clone(&config.clock), config.runtime.clone());
        let tls = tls::Tls::new(config.roots.clone());
        Self(Arc::new(Inner { config, pool, tls }))
    }

    fn inner(&self) -> Arc<Inner> {
        Arc::clone(&self.0)
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").finish_non_exhaustive()
    }
}
