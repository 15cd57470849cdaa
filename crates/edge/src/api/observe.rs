//! What the platform is doing: logs, usage, environments.

use std::time::Duration;

use http::{HeaderValue, Response, StatusCode};
use serde_json::json as value;
use sonagi_data::logs::{Entry, Followed, Query};
use sonagi_model::{AppName, LambdaName, Timestamp, limits};

use super::{ApiError, Call, json};
use crate::{platform::Parts, serve::ResponseBody};

/// Parts of a followed log that wait for a slow reader; the log's own backlog comes on top.
const PARTS: usize = 16;
/// How far apart the times of a line may be for those who read it and those who follow.
const OVERLAP: Duration = Duration::from_secs(10);

/// `?app=&function=&since=<ms>&limit=&follow=1`: one JSON object a line, in the order of time.
pub(super) async fn logs(parts: &Parts, call: &Call) -> Result<Response<ResponseBody>, ApiError> {
    let text = |name: &str| call.query.get(name).filter(|text| !text.is_empty());
    let invalid = |error: sonagi_model::NameError| ApiError::invalid(error.to_string());
    let app = text("app").map(AppName::new).transpose().map_err(invalid)?;
    let function = text("function").map(LambdaName::new).transpose().map_err(invalid)?;
    let since = match text("since") {
        None => None,
        Some(text) => Some(
            text.parse()
                .map(Timestamp::from_millis)
                .map_err(|_| ApiError::invalid("since wants milliseconds since 1970-01-01T00:00:00Z"))?,
        ),
    };
    let limit = match text("limit") {
        None => limits::LOG_READ_LINES,
        Some(text) => {
            text.parse().ok().filter(|limit| (0..=limits::LOG_READ_LINES).contains(limit)).ok_or_else(
                || ApiError::invalid(format!("limit wants a number up to {}", limits::LOG_READ_LINES)),
            )?
        }
    };
    let follow = matches!(text("follow"), Some(wanted) if wanted != "0");
    let began = parts.clock.now();
    // Following begins before reading, so that no line falls in between.
    let follower = follow.then(|| parts.logs.follow(app.clone(), function.clone()));
    let query = Query { app, function, since, limit };
    let entries = parts.logs.read(query).await.map_err(|error| ApiError::from(&error))?;
    let mut past = Vec::with_capacity(entries.len() * 128);
    entries.iter().for_each(|entry| write(&mut past, entry));
    let Some(mut follower) = follower else { return Ok(ndjson(ResponseBody::whole(past))) };
    let (sender, body) = ResponseBody::stream(PARTS);
    tokio::spawn(async move {
        if !past.is_empty() && sender.send(Ok(past.into())).await.is_err() {
            return;
        }
        // What both the reading and the follower have seen: lines from about the moment when both began.
        let mut twice: Vec<Entry> =
            entries.into_iter().filter(|entry| entry.line.at + OVERLAP >= began).collect();
        loop {
            let followed = tokio::select! {
                followed = follower.next() => followed,
                () = sender.closed() => return,
            };
            let mut part = Vec::with_capacity(256);
            match followed {
                None => return,
                Some(Followed::Lost(count)) => {
                    part.extend_from_slice(value!({ "lost": count }).to_string().as_bytes());
                    part.push(b'\n');
                }
                Some(Followed::Entry(entry)) => {
                    if let Some(at) = twice.iter().position(|seen| *seen == entry) {
                        twice.swap_remove(at);
                        continue;
                    }
                    if entry.line.at > began + OVERLAP {
                        twice = Vec::new();
                    }
                    write(&mut part, &entry);
                }
            }
            if sender.send(Ok(part.into())).await.is_err() {
                return;
            }
        }
    });
    Ok(ndjson(body))
}

fn ndjson(body: ResponseBody) -> Response<ResponseBody> {
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    response
}

fn write(out: &mut Vec<u8>, entry: &Entry) {
    let line = value!({
        "at": entry.line.at.to_string(),
        "app": entry.app,
        "function": entry.function,
        "stream": &*entry.stream,
        "request": entry.line.request.map(|request| request.to_string()),
        "text": String::from_utf8_lossy(&entry.line.text),
    });
    out.extend_from_slice(line.to_string().as_bytes());
    out.push(b'\n');
}

/// What a client needs to know before it builds an app.
pub(super) fn platform(parts: &Parts) -> Result<Response<ResponseBody>, ApiError> {
    let config = &parts.config;
    json(
        StatusCode::OK,
        &value!({
            "account": config.account,
            "region": config.region,
            "gateway": config.gateway,
            "endpoint": config.endpoint,
            "version": config.version,
        }),
    )
}

pub(super) fn usage(parts: &Parts) -> Result<Response<ResponseBody>, ApiError> {
    let functions: Vec<_> = parts
        .frontend
        .usage()
        .into_iter()
        .map(|usage| {
            let totals = usage.totals;
            value!({
                "app": usage.app,
                "function": usage.function,
                "invocations": totals.invocations,
                "errors": totals.errors,
                "timeouts": totals.timeouts,
                "throttles": totals.throttles,
                "cold_starts": totals.cold_starts,
                "billed_ms": totals.billed_ms,
                "memory_mib_ms": totals.memory_time,
                "cpu_us": u64::try_from(totals.cpu.as_micros()).unwrap_or(u64::MAX),
            })
        })
        .collect();
    json(StatusCode::OK, &value!({ "functions": functions }))
}

pub(super) fn environments(parts: &Parts) -> Result<Response<ResponseBody>, ApiError> {
    use sonagi_invoke::EnvironmentState;
    let environments: Vec<_> = parts
        .frontend
        .environments()
        .into_iter()
        .map(|info| {
            value!({
                "app": info.app,
                "function": info.function,
                "version": info.version.to_string(),
                "state": match info.state {
                    EnvironmentState::Idle => "idle",
                    EnvironmentState::Busy => "busy",
                },
                "started": info.started.to_string(),
                "invocations": info.invocations,
                "memory_mib": info.memory,
                "memory_peak_bytes": info.memory_peak,
                "log_stream": info.log_stream,
            })
        })
        .collect();
    json(StatusCode::OK, &value!({ "environments": environments }))
}
