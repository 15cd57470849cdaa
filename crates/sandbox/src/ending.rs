//! How the platform says that an environment ended: Lambda's error types and texts.
//!
//! The texts are those of the AWS Lambda Runtime Interface Emulator (`rapid`) and of the Lambda Developer Guide
//! ("Troubleshoot invocation issues in Lambda").

use std::{fmt, time::Duration};

use bytes::Bytes;
use serde_json::{Map, Value, json};
use sonagi_model::{
    RequestId,
    invocation::{FailureOrigin, FunctionFailure},
    limits,
};

use crate::StartFailure;

/// How a process ended; prints as Lambda (and Go's `os.ProcessState`) says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Status(i32),
    Signal(i32),
    /// Killed for having used more memory than it may.
    OutOfMemory,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(0) => f.write_str("Runtime exited without providing a reason"),
            Self::Status(status) => write!(f, "Runtime exited with error: exit status {status}"),
            Self::Signal(signal) => {
                write!(f, "Runtime exited with error: signal: {}", signal_name(*signal))
            }
            Self::OutOfMemory => f.write_str("Runtime exited with error: signal: killed"),
        }
    }
}

impl Exit {
    /// The same of a process that is not the runtime.
    pub(crate) fn plain(self) -> String {
        match self {
            Self::Status(0) => "exit code 0".into(),
            Self::Status(status) => format!("exit status {status}"),
            Self::Signal(signal) => format!("signal: {}", signal_name(signal)),
            Self::OutOfMemory => "signal: killed".into(),
        }
    }

    pub(crate) const fn error_type(self) -> &'static str {
        match self {
            Self::Status(_) | Self::Signal(_) => "Runtime.ExitError",
            Self::OutOfMemory => "Runtime.OutOfMemory",
        }
    }

    pub(crate) fn failure(self, request: &RequestId) -> FunctionFailure {
        platform(self.error_type(), &format!("RequestId: {request} Error: {self}"))
    }

    /// The same before there is an invocation; see [`StartFailure::for_request`].
    pub(crate) fn init_failure(self) -> FunctionFailure {
        init(self.error_type(), &self.to_string())
    }
}

/// A failure of the initialisation that the platform noticed, without the request id that its text begins with.
pub(crate) fn init(error_type: &str, message: &str) -> FunctionFailure {
    named(error_type, &format!("{NAMELESS}{message}"), FailureOrigin::Init)
}

const NAMELESS: &str = "Error: ";

impl StartFailure {
    /// The failure as the caller of `request` is told it: what the platform noticed (an exit, a bad bootstrap) begins
    /// with the request's id, which nobody knows when an environment starts.
    pub fn for_request(mut self, request: &RequestId) -> Self {
        if let Self::Init { failure, .. } = &mut self
            && matches!(
                failure.error_type.as_str(),
                "Runtime.ExitError"
                    | "Runtime.OutOfMemory"
                    | "Runtime.InvalidEntrypoint"
                    | "Extension.Crash"
                    | "Extension.ExitError"
                    | "Extension.InitError"
                    | "Extension.LaunchError"
            )
            && let Ok(mut payload) = serde_json::from_slice::<Map<String, Value>>(&failure.payload)
            && let Some(Value::String(message)) = payload.get_mut("errorMessage")
            && message.starts_with(NAMELESS)
        {
            *message = format!("RequestId: {request} {message}");
            failure.payload = Value::Object(payload).to_string().into();
        }
        self
    }
}

pub(crate) fn timed_out(request: &RequestId, after: Duration) -> FunctionFailure {
    let seconds = after.as_secs_f64();
    platform(
        "Sandbox.Timedout",
        &format!("RequestId: {request} Error: Task timed out after {seconds:.2} seconds"),
    )
}

pub(crate) fn too_large() -> FunctionFailure {
    platform(
        "Function.ResponseSizeTooLarge",
        &format!(
            "Response payload size exceeded maximum allowed payload size ({} bytes).",
            limits::ANSWER_SIZE
        ),
    )
}

/// What ended for a reason of its own.
pub(crate) fn exited(request: &RequestId, reason: &str) -> FunctionFailure {
    platform("Runtime.ExitError", &format!("RequestId: {request} Error: Runtime exited with error: {reason}"))
}

/// A process takes events alone.
pub(crate) fn not_an_event() -> FunctionFailure {
    platform("Runtime.InvalidInput", "This runtime takes events; it was given an HTTP request.")
}

pub(crate) fn truncated() -> FunctionFailure {
    platform("Runtime.TruncatedResponse", "The runtime's response ended before it was complete.")
}

/// What a runtime reports of its handler or its initialisation, passed through as it is.
pub(crate) fn reported(header: Option<String>, payload: Bytes, origin: FailureOrigin) -> FunctionFailure {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Payload {
        error_type: String,
    }
    let said = || serde_json::from_slice::<Payload>(&payload).ok().map(|payload| payload.error_type);
    let error_type = header.filter(|header| !header.is_empty()).or_else(said).filter(|said| !said.is_empty());
    FunctionFailure { error_type: error_type.unwrap_or_else(|| "Runtime.Unknown".into()), payload, origin }
}

fn platform(error_type: &str, message: &str) -> FunctionFailure {
    named(error_type, message, FailureOrigin::Platform)
}

pub(crate) fn named(error_type: &str, message: &str, origin: FailureOrigin) -> FunctionFailure {
    let payload = json!({ "errorType": error_type, "errorMessage": message }).to_string();
    FunctionFailure { error_type: error_type.into(), payload: payload.into(), origin }
}

/// The names that Go's `syscall` gives to signals on Linux.
fn signal_name(signal: i32) -> String {
    let name = match signal {
        libc::SIGHUP => "hangup",
        libc::SIGINT => "interrupt",
        libc::SIGQUIT => "quit",
        libc::SIGILL => "illegal instruction",
        libc::SIGTRAP => "trace/breakpoint trap",
        libc::SIGABRT => "aborted",
        libc::SIGBUS => "bus error",
        libc::SIGFPE => "floating point exception",
        libc::SIGKILL => "killed",
        libc::SIGUSR1 => "user defined signal 1",
        libc::SIGSEGV => "segmentation fault",
        libc::SIGUSR2 => "user defined signal 2",
        libc::SIGPIPE => "broken pipe",
        libc::SIGALRM => "alarm clock",
        libc::SIGTERM => "terminated",
        other => return format!("signal {other}"),
    };
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_told_as_lambda_tells_them() {
        let request: RequestId = "8476a536-e9f4-11e8-9739-2dfe598c3fcd".parse().unwrap();
        let text = |failure: FunctionFailure| String::from_utf8(failure.payload.to_vec()).unwrap();
        assert_eq!(
            text(timed_out(&request, Duration::from_secs(3))),
            r#"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: 8476a536-e9f4-11e8-9739-2dfe598c3fcd Error: Task timed out after 3.00 seconds"}"#
        );
        assert_eq!(
            text(Exit::Signal(9).failure(&request)),
            r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: 8476a536-e9f4-11e8-9739-2dfe598c3fcd Error: Runtime exited with error: signal: killed"}"#
        );
        let StartFailure::Init { failure, .. } = (StartFailure::Init {
            failure: Exit::Status(0).init_failure(),
            create: Duration::ZERO,
            init: Duration::ZERO,
        })
        .for_request(&request) else {
            panic!("another failure");
        };
        assert_eq!(
            text(failure),
            r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: 8476a536-e9f4-11e8-9739-2dfe598c3fcd Error: Runtime exited without providing a reason"}"#
        );
    }

    #[test]
    fn an_error_type_comes_from_the_header_or_else_the_payload() {
        let kind = |header: Option<&str>, payload: &'static str| {
            reported(header.map(Into::into), Bytes::from_static(payload.as_bytes()), FailureOrigin::Handler)
                .error_type
        };
        assert_eq!(kind(Some("A"), r#"{"errorType":"B"}"#), "A");
        assert_eq!(kind(None, r#"{"errorType":"B","x":[1]}"#), "B");
        assert_eq!(kind(None, "garbage"), "Runtime.Unknown");
    }
}
