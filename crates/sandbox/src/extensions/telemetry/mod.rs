//! The Telemetry API, and the Logs API which it has replaced: what happens in an environment, told to the extensions
//! that have subscribed to it (Lambda Developer Guide, "Accessing real-time telemetry data for extensions using the
//! Telemetry API").
//!
//! ```text
//!  the runtime's lines ─────┐
//!  the extensions' lines ───┼──► Telemetry ──► a Backlog for each subscriber ──► deliver ──► sandbox.localdomain:PORT
//!  the platform's records ──┘        └── what was said before a subscription, until subscribing ends
//! ```
//!
//! Start reading at [`Telemetry`]. Always true here:
//! - whoever tells something never waits: a backlog that is full drops what comes, and says how much that was;
//! - a batch is sent again until it is acknowledged, and what is dropped is dropped by the backlog alone;
//! - nothing is sent to an environment that is held, and no time runs for it.

mod backlog;
mod delivery;
pub(crate) mod records;
mod stream;
mod subscription;

pub(crate) use delivery::Motion;
pub(crate) use stream::Telemetry;
pub(crate) use subscription::{Api, Category, Subscription};

/// What leads to a listener inside an environment.
pub(crate) type Line = Box<dyn Duplex>;

pub(crate) trait Duplex: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin {}

impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin> Duplex for T {}

/// Connects to a port of an environment's loopback interface.
#[async_trait::async_trait]
pub(crate) trait Dial: Send + Sync {
    async fn dial(&self, port: u16) -> std::io::Result<Line>;
}
