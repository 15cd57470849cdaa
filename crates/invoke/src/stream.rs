//! Answers that come in parts.

use bytes::{Bytes, BytesMut};
use sonagi_model::{
    invocation::{FailureOrigin, FunctionFailure},
    limits::{ANSWER_SIZE, PAYLOAD_SIZE},
};
use sonagi_sandbox::{Answer, HttpAnswer, HttpBody, StreamAnswer, StreamFailure};
use tokio::sync::mpsc;

const TOO_LARGE: &str = "Function.ResponseSizeTooLarge";

/// Parts of a stream that wait for its reader.
const PARTS: usize = 4;

/// Passes a stream on until it is over `limit` bytes; then it ends with a failure. The function is read to its
/// end even if the reader goes away: an invocation that was admitted runs to its end.
pub(crate) fn limited(stream: StreamAnswer, limit: u64) -> StreamAnswer {
    let StreamAnswer { content_type, body } = stream;
    StreamAnswer { content_type, body: limited_parts(body, limit) }
}

/// The same for HTTP.
pub(crate) fn limited_http(answer: HttpAnswer, limit: u64) -> HttpAnswer {
    let HttpAnswer { status, headers, body } = answer;
    let body = match body {
        HttpBody::Whole(bytes) => HttpBody::Whole(bytes),
        HttpBody::Parts(parts) => HttpBody::Parts(limited_parts(parts, limit)),
    };
    HttpAnswer { status, headers, body }
}

type Parts = mpsc::Receiver<Result<Bytes, StreamFailure>>;

pub(crate) fn limited_parts(mut body: Parts, limit: u64) -> Parts {
    let (sender, limited) = mpsc::channel(PARTS);
    tokio::spawn(async move {
        let mut reader = Some(sender);
        let mut size = 0_u64;
        while let Some(part) = body.recv().await {
            let Some(sender) = &reader else { continue };
            size += part.as_ref().map_or(0, |part| part.len() as u64);
            let (part, last) = if size > limit { (Err(too_large(limit)), true) } else { (part, false) };
            if sender.send(part).await.is_err() || last {
                reader = None;
            }
        }
    });
    limited
}

/// The whole of an answer, for callers that do not stream. Over the limit of a buffered answer it becomes the failure
/// that Lambda gives.
pub async fn collect(answer: Answer) -> Result<Bytes, FunctionFailure> {
    let mut parts = match answer {
        Answer::Success(payload) => return Ok(payload),
        Answer::Failure(failure) => return Err(failure),
        Answer::Stream(stream) => stream.body,
        Answer::Http(HttpAnswer { body: HttpBody::Whole(bytes), .. }) => return Ok(bytes),
        Answer::Http(HttpAnswer { body: HttpBody::Parts(parts), .. }) => parts,
    };
    let mut whole = BytesMut::new();
    let mut failed = None;
    // The rest of a stream that failed is read all the same, so that the function is not held up.
    while let Some(part) = parts.recv().await {
        match part {
            Ok(_) if failed.is_some() => {}
            Ok(part) if whole.len() + part.len() > PAYLOAD_SIZE => {
                failed = Some(too_large(ANSWER_SIZE as u64))
            }
            Ok(part) => whole.extend_from_slice(&part),
            Err(failure) => failed = failed.or(Some(failure)),
        }
    }
    match failed {
        None => Ok(whole.freeze()),
        Some(StreamFailure { error_type, payload }) => {
            let origin =
                if error_type == TOO_LARGE { FailureOrigin::Platform } else { FailureOrigin::Handler };
            Err(FunctionFailure { error_type, payload, origin })
        }
    }
}

fn too_large(limit: u64) -> StreamFailure {
    let payload = serde_json::json!({
        "errorMessage": format!("Response payload size exceeded maximum allowed payload size ({limit} bytes)."),
        "errorType": TOO_LARGE,
    });
    StreamFailure { error_type: TOO_LARGE.into(), payload: Bytes::from(payload.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(parts: Vec<Result<Bytes, StreamFailure>>) -> StreamAnswer {
        let (sender, body) = mpsc::channel(parts.len().max(1));
        for part in parts {
            sender.try_send(part).unwrap();
        }
        StreamAnswer { content_type: "text/plain".into(), body }
    }

    #[tokio::test]
    async fn a_stream_over_its_limit_ends_with_a_failure() {
        let parts = vec![Ok(Bytes::from_static(b"abc")), Ok(Bytes::from_static(b"de")), Ok(Bytes::new())];
        let mut limited = limited(stream(parts), 4);
        assert_eq!(limited.body.recv().await, Some(Ok(Bytes::from_static(b"abc"))));
        assert_eq!(limited.body.recv().await.unwrap().unwrap_err().error_type, TOO_LARGE);
        assert_eq!(limited.body.recv().await, None);
    }

    #[tokio::test]
    async fn a_stream_is_read_to_its_end_when_its_reader_is_gone() {
        let (sender, body) = mpsc::channel(1);
        drop(limited(StreamAnswer { content_type: String::new(), body }, 10));
        for _ in 0..20 {
            sender.send(Ok(Bytes::from_static(b"abc"))).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_collected_stream_is_whole_or_a_failure() {
        let parts = vec![Ok(Bytes::from_static(b"abc")), Ok(Bytes::from_static(b"de"))];
        let whole = collect(Answer::Stream(stream(parts))).await;
        assert_eq!(whole.unwrap(), "abcde");

        let broken = StreamFailure { error_type: "Boom".into(), payload: Bytes::from_static(b"{}") };
        let parts = vec![Ok(Bytes::from_static(b"abc")), Err(broken)];
        let failed = collect(Answer::Stream(stream(parts))).await;
        assert_eq!(failed.unwrap_err().error_type, "Boom");

        let parts = vec![Ok(Bytes::from(vec![0; PAYLOAD_SIZE])), Ok(Bytes::from_static(b"x"))];
        let failed = collect(Answer::Stream(stream(parts))).await;
        assert_eq!(failed.unwrap_err().error_type, TOO_LARGE);
    }
}
