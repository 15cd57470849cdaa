//! What the gateway promises, over real sockets, a real frontend and a real catalog; only the environments are made up.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod answers;
mod cross_origin;
mod direct;
mod direct_answers;
mod events;
mod failures;
mod routing;
mod streams;
mod world;
