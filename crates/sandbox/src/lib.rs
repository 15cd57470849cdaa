//! Runs a function's code in an environment of its own.
//!
//! Start reading at [`Driver`]: it starts an [`Environment`], which serves one function of one tenant, one
//! invocation at a time, for its whole life. Nothing here knows HTTP requests, routes or data services.

mod driver;

pub use driver::{
    Answer, AnswerSender, Call, Credentials, Driver, Environment, EnvironmentSpec, Finished, Outcome,
    StartFailure, Started, StreamAnswer, StreamFailure,
};
