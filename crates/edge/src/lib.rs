//! HTTP and wire formats: everything that a socket of Sonagi's says.
//!
//! ```text
//!   apps' traffic ──► serve ──► gateway ──► invoke::Frontend
//!   tools, SDKs   ──► serve ──► platform ──► { aws, api } ──► control, invoke, data
//! ```
//!
//! Start reading at [`serve::Server`], the listener loop that both doors share, then at [`gateway`] (port 8080, the
//! apps' own traffic) or [`platform`] (port 4566, the AWS protocols and our own API). Always true here: no other
//! crate knows HTTP; a caller never sees an internal error's text; [`fault`] alone turns kinds into statuses.

pub mod api;
pub mod aws;
pub mod fault;
pub mod gateway;
mod grants;
pub mod platform;
pub mod post;
pub mod serve;
mod uploads;
