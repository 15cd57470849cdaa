//! What the platform writes into a function's log (Lambda Developer Guide, "Lambda function logs" and "Configuring
//! advanced logging controls"; Telemetry API schema reference for the JSON records).
//!
//! Start reading at [`Journal`]. JSON records are those of the system log level INFO, Lambda's default.

mod lines;
mod tail;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
pub(crate) use lines::whole_millis;
use sonagi_control::Version;
use sonagi_model::{
    RequestId, Timestamp,
    function::LogFormat,
    invocation::{ColdStart, Origin},
    logs::{LogLine, LogSink},
};
use sonagi_sandbox::Outcome;
pub(crate) use tail::TailSink;

use crate::trace::Trace;

/// The platform's hand in one environment's log.
pub(crate) struct Journal {
    sink: Arc<TailSink>,
    format: LogFormat,
    version: Version,
}

/// The facts of a REPORT line.
pub(crate) struct Report<'a> {
    pub(crate) duration: Duration,
    /// Milliseconds.
    pub(crate) billed: u64,
    /// MiB.
    pub(crate) memory: u32,
    /// MiB.
    pub(crate) memory_peak: u32,
    pub(crate) beginning: Beginning,
    pub(crate) outcome: &'a Outcome,
}

impl Report<'_> {
    /// As a record of the Telemetry API has them.
    pub(crate) fn record(&self, request: &RequestId, trace: Option<&Trace>) -> serde_json::Value {
        lines::report_record(request, trace, self)
    }
}

/// What came before an invocation for which an environment was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// The environment was there.
    None,
    Init(Duration),
    /// SnapStart: it was copied. All of it, and of that what its runtime did.
    Restore {
        whole: Duration,
        runtime: Duration,
    },
}

impl Beginning {
    pub(crate) fn of(cold: &ColdStart) -> Self {
        match cold.origin {
            Origin::Initialised => Self::Init(cold.init),
            Origin::Copied => Self::Restore { whole: cold.create + cold.init, runtime: cold.init },
        }
    }

    /// What is billed on top of the invocation: the runtime's part (since August 2025 that of an initialisation too).
    pub(crate) fn billed(self) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Init(init) => init,
            Self::Restore { runtime, .. } => runtime,
        }
    }
}

/// In which phase an initialisation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InitPhase {
    /// Before the invocation.
    Init,
    /// Within it, the second time.
    Invoke,
}

/// How an initialisation failed.
pub(crate) enum InitEnd<'a> {
    Error(&'a str),
    TimedOut,
}

impl Journal {
    pub(crate) fn new(sink: Arc<TailSink>, format: LogFormat, version: Version) -> Self {
        Self { sink, format, version }
    }

    pub(crate) fn sink(&self) -> &Arc<TailSink> {
        &self.sink
    }

    pub(crate) fn init_failed(
        &self,
        at: Timestamp,
        request: Option<RequestId>,
        took: Duration,
        phase: InitPhase,
        end: &InitEnd<'_>,
    ) {
        let text = match self.format {
            LogFormat::Text => lines::init_report(took, phase, end),
            LogFormat::Json => lines::init_report_json(at, took, phase, end),
        };
        self.sink.line(LogLine { at, request, text: text.into() });
    }

    pub(crate) fn start(&self, at: Timestamp, request: RequestId) {
        let text = match self.format {
            LogFormat::Text => lines::start(&request, self.version),
            LogFormat::Json => lines::start_json(at, &request, self.version),
        };
        self.line(at, request, text);
    }

    /// All that is said when an invocation is over.
    pub(crate) fn end(&self, at: Timestamp, request: RequestId, trace: Option<&Trace>, report: &Report<'_>) {
        match self.format {
            LogFormat::Text => {
                if *report.outcome == Outcome::TimedOut {
                    self.line(at, request, lines::timed_out(at, &request, report.duration));
                }
                self.line(at, request, lines::end(&request));
                self.line(at, request, lines::report(&request, report));
                if let Some(line) = trace.and_then(Trace::report) {
                    self.line(at, request, line);
                }
            }
            LogFormat::Json => {
                if *report.outcome != Outcome::Success {
                    self.line(at, request, lines::runtime_done_json(at, &request, report));
                }
                self.line(at, request, lines::report_json(at, &request, trace, report));
            }
        }
    }

    fn line(&self, at: Timestamp, request: RequestId, text: impl Into<Bytes>) {
        self.sink.line(LogLine { at, request: Some(request), text: text.into() });
    }
}
