//! The lines themselves.

use std::{fmt::Write as _, time::Duration};

use serde_json::json;
use sonagi_control::Version;
use sonagi_model::{RequestId, Timestamp};
use sonagi_sandbox::Outcome;

use super::{Beginning, InitEnd, InitPhase, Report};
use crate::trace::Trace;

// Writing to a string cannot fail, so what `write!` returns here is dropped.

pub(super) fn start(request: &RequestId, version: Version) -> String {
    let mut line = String::with_capacity(80);
    line.push_str("START RequestId: ");
    push_id(&mut line, request);
    let _ = write!(line, " Version: {version}");
    line
}

pub(super) fn end(request: &RequestId) -> String {
    let mut line = String::with_capacity(52);
    line.push_str("END RequestId: ");
    push_id(&mut line, request);
    line
}

pub(super) fn report(request: &RequestId, report: &Report<'_>) -> String {
    let mut line = String::with_capacity(220);
    line.push_str("REPORT RequestId: ");
    push_id(&mut line, request);
    line.push_str("\tDuration: ");
    push_millis(&mut line, report.duration);
    let _ = write!(
        line,
        " ms\tBilled Duration: {} ms\tMemory Size: {} MB\tMax Memory Used: {} MB",
        report.billed, report.memory, report.memory_peak
    );
    match report.beginning {
        Beginning::None => {}
        Beginning::Init(init) => {
            line.push_str("\tInit Duration: ");
            push_millis(&mut line, init);
            line.push_str(" ms");
        }
        Beginning::Restore { whole, runtime } => {
            line.push_str("\tRestore Duration: ");
            push_millis(&mut line, whole);
            let _ = write!(line, " ms\tBilled Restore Duration: {} ms", whole_millis(runtime));
        }
    }
    match report.outcome {
        // What a handler reports itself is no failure of the environment's, and Lambda's line does not tell it.
        Outcome::Success | Outcome::Error(_) => {}
        Outcome::Fault(error_type) => {
            let _ = write!(line, "\tStatus: error\tError Type: {error_type}");
        }
        Outcome::TimedOut => line.push_str("\tStatus: timeout"),
    }
    line
}

pub(super) fn timed_out(at: Timestamp, request: &RequestId, duration: Duration) -> String {
    format!("{at} {request} Task timed out after {:.2} seconds", duration.as_secs_f64())
}

pub(super) fn init_report(took: Duration, phase: InitPhase, end: &InitEnd<'_>) -> String {
    let mut line = String::from("INIT_REPORT Init Duration: ");
    push_millis(&mut line, took);
    let _ = write!(line, " ms\tPhase: {}\tStatus: ", phase_name(phase));
    match end {
        InitEnd::Error(error_type) => {
            let _ = write!(line, "error\tError Type: {error_type}");
        }
        InitEnd::TimedOut => line.push_str("timeout"),
    }
    line
}

pub(super) fn start_json(at: Timestamp, request: &RequestId, version: Version) -> String {
    record(at, "platform.start", json!({ "requestId": request.to_string(), "version": version.to_string() }))
}

pub(super) fn runtime_done_json(at: Timestamp, request: &RequestId, report: &Report<'_>) -> String {
    let mut body = json!({
        "requestId": request.to_string(),
        "status": status(report.outcome),
        "metrics": { "durationMs": millis(report.duration) },
    });
    if let Some(error_type) = error_type(report.outcome) {
        body["errorType"] = error_type.into();
    }
    record(at, "platform.runtimeDone", body)
}

pub(super) fn report_json(
    at: Timestamp,
    request: &RequestId,
    trace: Option<&Trace>,
    report: &Report<'_>,
) -> String {
    record(at, "platform.report", report_record(request, trace, report))
}

pub(super) fn report_record(
    request: &RequestId,
    trace: Option<&Trace>,
    report: &Report<'_>,
) -> serde_json::Value {
    let mut body = json!({
        "requestId": request.to_string(),
        "metrics": {
            "durationMs": millis(report.duration),
            "billedDurationMs": report.billed,
            "memorySizeMB": report.memory,
            "maxMemoryUsedMB": report.memory_peak,
        },
    });
    match report.beginning {
        Beginning::None => {}
        Beginning::Init(init) => body["metrics"]["initDurationMs"] = millis(init).into(),
        Beginning::Restore { whole, runtime } => {
            body["metrics"]["restoreDurationMs"] = millis(whole).into();
            body["metrics"]["billedRestoreDurationMs"] = whole_millis(runtime).into();
        }
    }
    if let Some(trace) = trace {
        body["tracing"] = json!({ "type": "X-Amzn-Trace-Id", "value": trace.header });
    }
    body["status"] = status(report.outcome).into();
    if let Some(error_type) = error_type(report.outcome) {
        body["errorType"] = error_type.into();
    }
    body
}

pub(super) fn init_report_json(at: Timestamp, took: Duration, phase: InitPhase, end: &InitEnd<'_>) -> String {
    let mut body = json!({ "initializationType": "on-demand", "phase": phase_name(phase) });
    match end {
        InitEnd::Error(error_type) => {
            body["status"] = "error".into();
            body["errorType"] = (*error_type).into();
        }
        InitEnd::TimedOut => body["status"] = "timeout".into(),
    }
    body["metrics"] = json!({ "durationMs": millis(took) });
    record(at, "platform.initReport", body)
}

fn record(at: Timestamp, kind: &str, body: serde_json::Value) -> String {
    json!({ "time": at.to_string(), "type": kind, "record": body }).to_string()
}

fn status(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "success",
        Outcome::Error(_) | Outcome::Fault(_) => "error",
        Outcome::TimedOut => "timeout",
    }
}

fn error_type(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Success | Outcome::TimedOut => None,
        Outcome::Error(error_type) | Outcome::Fault(error_type) => Some(error_type),
    }
}

fn phase_name(phase: InitPhase) -> &'static str {
    match phase {
        InitPhase::Init => "init",
        InitPhase::Invoke => "invoke",
    }
}

fn push_id(line: &mut String, request: &RequestId) {
    line.push_str(std::str::from_utf8(&request.text()).unwrap_or_default());
}

/// Milliseconds with two decimals, rounded to the nearest.
fn push_millis(line: &mut String, duration: Duration) {
    let hundredths = (duration.as_nanos() + 5_000) / 10_000;
    let _ = write!(line, "{}.{:02}", hundredths / 100, hundredths % 100);
}

/// Milliseconds as they are billed: each that was begun.
pub(crate) fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// Milliseconds with three decimals, as the JSON records have them.
fn millis(duration: Duration) -> f64 {
    ((duration.as_nanos() + 500) / 1_000) as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "6f4a3c1e-0b0e-4c5e-9d55-0d8f0c6f2a11";

    fn facts(outcome: &Outcome, beginning: Beginning) -> Report<'_> {
        Report {
            duration: Duration::from_nanos(1_234_999),
            billed: 87,
            memory: 128,
            memory_peak: 30,
            beginning,
            outcome,
        }
    }

    #[test]
    fn text_lines_are_lambdas() {
        let id = ID.parse().unwrap();
        assert_eq!(start(&id, Version::Latest), format!("START RequestId: {ID} Version: $LATEST"));
        assert_eq!(end(&id), format!("END RequestId: {ID}"));
        assert_eq!(
            report(&id, &facts(&Outcome::Success, Beginning::Init(Duration::from_micros(85_120)))),
            format!(
                "REPORT RequestId: {ID}\tDuration: 1.23 ms\tBilled Duration: 87 ms\tMemory Size: 128 MB\t\
                 Max Memory Used: 30 MB\tInit Duration: 85.12 ms"
            )
        );
        let restore =
            Beginning::Restore { whole: Duration::from_micros(6_789), runtime: Duration::from_micros(1_001) };
        assert!(
            report(&id, &facts(&Outcome::Success, restore))
                .ends_with("30 MB\tRestore Duration: 6.79 ms\tBilled Restore Duration: 2 ms")
        );
        let json = report_json(Timestamp::from_millis(0), &id, None, &facts(&Outcome::Success, restore));
        assert!(json.contains(r#""restoreDurationMs":6.789,"billedRestoreDurationMs":2"#), "{json}");
        let fault = Outcome::Fault("Runtime.ExitError".into());
        assert!(
            report(&id, &facts(&fault, Beginning::None))
                .ends_with("30 MB\tStatus: error\tError Type: Runtime.ExitError")
        );
        assert!(report(&id, &facts(&Outcome::TimedOut, Beginning::None)).ends_with("30 MB\tStatus: timeout"));
        assert_eq!(
            timed_out(Timestamp::from_millis(1_709_210_096_789), &id, Duration::from_secs(3)),
            format!("2024-02-29T12:34:56.789Z {ID} Task timed out after 3.00 seconds")
        );
        assert_eq!(
            init_report(
                Duration::from_millis(139),
                InitPhase::Invoke,
                &InitEnd::Error("Runtime.ImportModuleError")
            ),
            "INIT_REPORT Init Duration: 139.00 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.ImportModuleError"
        );
    }

    #[test]
    fn json_records_are_lambdas() {
        let (id, at) = (ID.parse().unwrap(), Timestamp::from_millis(1_709_210_096_789));
        assert_eq!(
            start_json(at, &id, Version::Number(3)),
            format!(
                r#"{{"time":"2024-02-29T12:34:56.789Z","type":"platform.start","record":{{"requestId":"{ID}","version":"3"}}}}"#
            )
        );
        assert_eq!(
            report_json(
                at,
                &id,
                None,
                &facts(&Outcome::TimedOut, Beginning::Init(Duration::from_millis(85)))
            ),
            format!(
                r#"{{"time":"2024-02-29T12:34:56.789Z","type":"platform.report","record":{{"requestId":"{ID}","metrics":{{"durationMs":1.235,"billedDurationMs":87,"memorySizeMB":128,"maxMemoryUsedMB":30,"initDurationMs":85.0}},"status":"timeout"}}}}"#
            )
        );
    }
}
