//! HTTP from guests to other servers.
//!
//! ```text
//!   hooks ──► rules (scheme, host, port) ──► pool ──► a connection whose address passes ──► exchange
//!                                             └─► resolver ──► addresses ──► connect ──► tls ──┘
//! ```

mod hooks;
mod resolver;
mod tls;

use std::sync::Arc;

use sonagi_model::Clock;

pub(crate) use hooks::OutboundHooks;
pub use resolver::{Resolver, SystemResolver};
pub use tls::Roots;

/// The HTTP client of all guests of a driver. Cheap to clone.
#[derive(Clone)]
pub struct Outbound(Arc<Inner>);

struct Inner {
    config: OutboundConfig,
}

pub struct OutboundConfig {
    pub resolver: Arc<dyn Resolver>,
    /// Who vouches for `https` servers.
    pub roots: Roots,
    pub clock: Arc<dyn Clock>,
    /// Where connections live: they outlast the guests that use them.
    pub runtime: tokio::runtime::Handle,
}

impl Outbound {
    pub fn new(config: OutboundConfig) -> Self {
        Self(Arc::new(Inner { config }))
    }
}
