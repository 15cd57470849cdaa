//! How a guest failed, as its caller and its log are told.

use sonagi_model::{
    RequestId,
    invocation::{FailureOrigin, FunctionFailure},
};
use wasmtime::{Error, Trap};
use wasmtime_wasi::I32Exit;

use super::{memory::Lack, output::Output};
use crate::{
    Outcome,
    ending::{self, Exit},
};

/// How a call ended that gave no answer, or not all of it.
#[derive(Debug)]
pub(super) enum Failed {
    /// It trapped, or the runtime gave up on it.
    Trapped(Error),
    /// The same, after it was refused more memory.
    OutOfMemory { error: Error, lack: Lack },
    /// It returned without an answer, or with one that has no end.
    Unfinished(&'static str),
    /// It answered with an error: the name that `wasi:http` gives it, and a text.
    Declined { name: String, message: String },
    /// It answered an event with a failure, which its caller has already.
    Answered(String),
}

impl Failed {
    pub(super) fn of(error: Error, lack: Option<Lack>) -> Self {
        match lack {
            Some(lack) => Self::OutOfMemory { error, lack },
            None => Self::Trapped(error),
        }
    }

    /// Tells the operator of the function all there is to know; the caller gets a sentence.
    pub(super) fn tell(&self, err: &Output) {
        let text = match self {
            Self::Trapped(error) => format!("{error:?}"),
            Self::OutOfMemory { error, lack: Lack::Function(limit) } => {
                format!("the function has used up its {} MB of memory\n{error:?}", limit >> 20)
            }
            Self::OutOfMemory { error, lack: Lack::Server } => format!(
                "the app's instances have used up the memory that the server has for them: fewer at once, or less \
                 in each, would fit\n{error:?}"
            ),
            Self::Unfinished(what) => (*what).to_owned(),
            Self::Declined { name, message } => format!("{name}: {message}"),
            // It said what it had to say.
            Self::Answered(_) => return,
        };
        err.flush();
        err.push(text.trim_end().as_bytes());
        err.flush();
    }

    /// For the record.
    pub(super) fn outcome(&self, failure: &FunctionFailure) -> Outcome {
        match (self, failure.origin) {
            (Self::Answered(error_type), _) => Outcome::Error(error_type.clone()),
            (_, FailureOrigin::Handler) => Outcome::Error(failure.error_type.clone()),
            (_, FailureOrigin::Init | FailureOrigin::Platform) => Outcome::Fault(failure.error_type.clone()),
        }
    }

    pub(super) fn failure(&self, request: &RequestId) -> FunctionFailure {
        match self {
            Self::Trapped(error) => match error.downcast_ref::<I32Exit>() {
                Some(exit) => Exit::Status(exit.0).failure(request),
                None => ending::exited(request, &reason(error)),
            },
            Self::OutOfMemory { .. } => Exit::OutOfMemory.failure(request),
            Self::Unfinished(what) => ending::exited(request, what),
            Self::Answered(name) => FunctionFailure {
                error_type: name.clone(),
                payload: Default::default(),
                origin: FailureOrigin::Handler,
            },
            Self::Declined { name, message } => {
                let payload = serde_json::json!({ "errorType": name, "errorMessage": message });
                FunctionFailure {
                    error_type: name.clone(),
                    payload: payload.to_string().into(),
                    origin: FailureOrigin::Handler,
                }
            }
        }
    }
}

/// A trap's own words, without the backtrace.
fn reason(error: &Error) -> String {
    match error.downcast_ref::<Trap>() {
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    }
}
