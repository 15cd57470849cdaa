//! One try to have a function run.

use bytes::Bytes;
use sonagi_invoke::{Error, Frontend, Request, collect};
use sonagi_model::invocation::FunctionFailure;

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attempt {
    Answered(Result<Bytes, FunctionFailure>),
    /// The function did not get to see it: it is throttled, or the platform cannot run it now.
    Later,
    /// The platform is going down.
    Stopping,
}

pub(crate) async fn attempt(frontend: &Frontend, request: Request) -> Attempt {
    let function = request.target.function.lambda_name.clone();
    match frontend.invoke(request).await {
        Ok(invoked) => Attempt::Answered(collect(invoked.answer).await),
        Err(Error::Draining | Error::Lost) => Attempt::Stopping,
        Err(Error::Throttled { .. } | Error::NotYet(_)) => Attempt::Later,
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                %function,
                "a function cannot be run; its events wait"
            );
            Attempt::Later
        }
    }
}
