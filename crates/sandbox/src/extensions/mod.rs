//! Lambda extensions: what the Extensions API and the Telemetry API promise them, whatever an environment lives in.
//!
//! ```text
//!  Started ──register──► Registered ──next──► Ready ──event──► Running ──next──► Ready …
//!                             └─init/error─► InitError    └────exit/error───► ExitError
//! ```
//!
//! Start reading at [`Registry`], which knows all extensions of one environment and what state each is in; `telemetry`
//! is the stream that they can subscribe to. The texts are those of the AWS Lambda Runtime Interface Emulator
//! (`rapi/handler`). Always true here:
//! - an extension registers while its environment initialises, and at no other time;
//! - nothing here waits for an extension: who asks for its next event out of turn is told so.

mod extension;
mod refusal;
mod registry;
pub(crate) mod replies;
pub(crate) mod telemetry;

pub(crate) use extension::{Events, Extension, ExtensionId, Kind, Standing};
pub(crate) use refusal::Refusal;
pub(crate) use registry::{Account, Registered, Registry};
