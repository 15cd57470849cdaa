//! The shapes of what is told (Lambda Developer Guide, "Lambda Telemetry API Event schema reference").

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use sonagi_model::Timestamp;

use super::{Category, backlog::Dropped};
use crate::{Call, EnvironmentSpec, Outcome, extensions::Extension};

pub(crate) fn event(at: Timestamp, kind: &str, record: &Value) -> Bytes {
    json!({ "time": at.to_string(), "type": kind, "record": record }).to_string().into()
}

pub(crate) fn init_start(spec: &EnvironmentSpec) -> Value {
    json!({
        "initializationType": spec.initialization.as_str(),
        "phase": "init",
        "functionName": spec.function_name,
        "functionVersion": spec.version,
        "instanceId": spec.log_stream,
        "instanceMaxMemory": u64::from(spec.memory) << 20,
    })
}

/// How an initialisation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InitEnd<'a> {
    Success,
    Error(&'a str),
    Timeout,
}

impl InitEnd<'_> {
    fn add_to(self, mut record: Value) -> Value {
        let status = match self {
            Self::Success => "success",
            Self::Error(error_type) => {
                record["errorType"] = error_type.into();
                "error"
            }
            Self::Timeout => "timeout",
        };
        record["status"] = status.into();
        record
    }
}

pub(crate) fn init_runtime_done(spec: &EnvironmentSpec, end: InitEnd<'_>) -> Value {
    end.add_to(json!({ "initializationType": spec.initialization.as_str(), "phase": "init" }))
}

pub(crate) fn init_report(spec: &EnvironmentSpec, end: InitEnd<'_>, took: Duration) -> Value {
    end.add_to(json!({
        "initializationType": spec.initialization.as_str(),
        "phase": "init",
        "metrics": { "durationMs": millis(took) },
    }))
}

pub(crate) fn start(call: &Call, spec: &EnvironmentSpec) -> Value {
    let mut record = json!({ "requestId": call.request.to_string(), "version": spec.version });
    if !call.trace.is_empty() {
        record["tracing"] = json!({ "type": "X-Amzn-Trace-Id", "value": call.trace });
    }
    record
}

pub(crate) fn runtime_done(call: &Call, outcome: &Outcome, took: Duration) -> Value {
    let mut record = json!({
        "requestId": call.request.to_string(),
        "metrics": { "durationMs": millis(took) },
    });
    let (status, error_type) = match outcome {
        Outcome::Success => ("success", None),
        Outcome::Error(error_type) | Outcome::Fault(error_type) => ("error", Some(error_type)),
        Outcome::TimedOut => ("timeout", None),
    };
    record["status"] = status.into();
    if let Some(error_type) = error_type {
        record["errorType"] = error_type.as_str().into();
    }
    if !call.trace.is_empty() {
        record["tracing"] = json!({ "type": "X-Amzn-Trace-Id", "value": call.trace });
    }
    record
}

pub(crate) fn end(call: &Call) -> Value {
    json!({ "requestId": call.request.to_string() })
}

pub(crate) fn extension(extension: &Extension) -> Value {
    let events: Vec<_> = extension.events.names().collect();
    let mut record = json!({ "name": extension.name, "state": extension.standing.name(), "events": events });
    if let Some(error_type) = &extension.error_type {
        record["errorType"] = error_type.as_str().into();
    }
    record
}

pub(crate) fn subscription(name: &str, types: &[Category]) -> Value {
    let types: Vec<_> = types.iter().map(|category| category.name()).collect();
    json!({ "name": name, "state": "Subscribed", "types": types })
}

pub(super) fn logs_dropped(dropped: Dropped) -> Value {
    json!({
        "droppedBytes": dropped.bytes,
        "droppedRecords": dropped.records,
        "reason": "Some logs were dropped because the downstream consumer is slower than the logs production rate",
    })
}

/// Milliseconds with three decimals.
fn millis(duration: Duration) -> f64 {
    ((duration.as_nanos() + 500) / 1_000) as f64 / 1_000.0
}
