//! The Lambda Runtime API, as one environment's runtime sees it, and at the same address the Extensions API and the
//! Telemetry API: HTTP/1.1 on a loopback listener of its own.
//!
//! Start reading at [`Doorway`]: it accepts connections and reads a request's head from each in the background. The
//! environment takes them from there, and follows the connection on which its runtime last asked itself, so that a
//! warm invocation passes through no other task. The few requests that exist need no general server; what parses
//! them is tested against arbitrary splits and garbage.
//!
//! Always true here: what a runtime sends is bounded in size (heads, trailers, answers) and number (connections),
//! and nothing it sends can do more than end its own connection.

mod body;
mod connection;
mod doorway;
mod head;
pub(crate) mod replies;

pub(crate) use body::{Body, Part, Trailers};
pub(crate) use connection::{Connection, Ended};
pub(crate) use doorway::{Arrival, Doorway, refuse};
pub(crate) use head::{ExtensionHeaders, ExtensionRoute, Head, Length, ResponseMode, Route};
