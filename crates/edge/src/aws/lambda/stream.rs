//! InvokeWithResponseStream: the answer as events, as it comes.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use sonagi_invoke::LateTail;
use sonagi_sandbox::{Answer as Outcome, HttpBody};

use super::{
    Answer, Call,
    error::invalid_parameter,
    invoke::{InvocationType, describe, invocation_type, log_result, request},
};
use crate::{
    aws::{empty, eventstream::event},
    platform::Parts,
    serve::{ResponseBody, StreamSender},
};

/// Events that wait for a slow reader.
const PARTS: usize = 4;
/// Bytes of one event's payload; a larger part becomes several events.
const CHUNK_SIZE: usize = 256 << 10;

pub(super) async fn invoke(parts: &Parts, call: Call) -> Answer {
    let kind = invocation_type(&call)?;
    let request = request(parts, call)?;
    match kind {
        InvocationType::RequestResponse => {}
        InvocationType::DryRun => return Ok(empty(StatusCode::NO_CONTENT)),
        // Its type has no such value (API Reference, "ResponseStreamingInvocationType").
        InvocationType::Event => {
            return Err(invalid_parameter("An asynchronous invocation has no answer to stream: use Invoke."));
        }
    }
    let invoked = parts.frontend.invoke(request).await?;
    let (sender, body) = ResponseBody::stream(PARTS);
    tokio::spawn(events(sender, invoked.answer, invoked.tail, invoked.late_tail));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers
        .insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/vnd.amazon.eventstream"));
    describe(headers, &invoked.version);
    Ok(response)
}

/// Sends the answer. Once its reader is gone the rest is let go: the frontend reads the function to its end.
async fn events(sender: StreamSender, answer: Outcome, tail: Option<Bytes>, late: Option<LateTail>) {
    let (whole, parts, mut failure) = match answer {
        Outcome::Success(payload) => (payload, None, None),
        Outcome::Failure(failure) => (Bytes::new(), None, Some(failure.payload)),
        Outcome::Stream(stream) => (Bytes::new(), Some(stream.body), None),
        Outcome::Http(answer) => match answer.body {
            HttpBody::Whole(body) => (body, None, None),
            HttpBody::Parts(parts) => (Bytes::new(), Some(parts), None),
        },
    };
    if !chunks(&sender, whole).await {
        return;
    }
    if let Some(mut parts) = parts {
        while let Some(part) = parts.recv().await {
            match part {
                Ok(part) => {
                    if !chunks(&sender, part).await {
                        return;
                    }
                }
                Err(broken) => {
                    failure = Some(broken.payload);
                    break;
                }
            }
        }
    }
    let tail = match late {
        Some(late) => late.get().await,
        None => tail,
    };
    let log = tail.as_deref().map(log_result);
    sender.send(Ok(complete(failure.as_deref(), log))).await.ok();
}

/// False once the reader is gone.
async fn chunks(sender: &StreamSender, mut payload: Bytes) -> bool {
    while !payload.is_empty() {
        let chunk = payload.split_to(payload.len().min(CHUNK_SIZE));
        if sender.send(Ok(event("PayloadChunk", "application/octet-stream", &chunk))).await.is_err() {
            return false;
        }
    }
    true
}

fn complete(failure: Option<&[u8]>, log: Option<String>) -> Bytes {
    let mut body = serde_json::Map::new();
    if let Some(payload) = failure {
        body.insert("ErrorCode".into(), "Unhandled".into());
        body.insert("ErrorDetails".into(), String::from_utf8_lossy(payload).into());
    }
    if let Some(log) = log {
        body.insert("LogResult".into(), log.into());
    }
    event("InvokeComplete", "application/json", serde_json::Value::Object(body).to_string().as_bytes())
}
