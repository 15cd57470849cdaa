//! Runs a function's code in an environment of its own.
//!
//! Start reading at [`Driver`]: it starts an [`Environment`], which serves one function of one tenant, one
//! invocation at a time, for its whole life. [`process`] is the driver whose environments are processes,
//! [`launcher`] what each of them is before it becomes the runtime, and [`microvm`] the driver whose environments are
//! virtual machines. Nothing here knows routes or data services.

mod driver;
mod drivers;
mod ending;
mod extensions;
pub mod launcher;
pub mod layers;
mod lines;
pub mod microvm;
pub mod process;
mod runtime_api;
pub mod wasm;

pub use driver::{
    Answer, AnswerSender, Call, Credentials, Driver, Environment, EnvironmentSpec, Finished, Footprint,
    GivenUp, HttpAnswer, HttpBody, Initialised, Initialization, Input, Opt, Outcome, StartFailure, Started,
    StreamAnswer, StreamFailure,
};
pub use drivers::{Drivers, Microvms, Whose};
pub use sonagi_model::invocation::Origin;
