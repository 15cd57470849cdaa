//! Streamed answers: passed on as they come, or collected for a front that cannot stream.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Response, header};
use http_body::Frame;
use sonagi_model::{api::PayloadFormat, limits::PAYLOAD_SIZE};
use sonagi_sandbox::{StreamAnswer, StreamFailure};
use tokio::sync::mpsc::Receiver;

use super::{
    Front, Malformed, Reading,
    head::{Head, Raw},
    prelude::Prelude,
};
use crate::serve::{Aborted, ResponseBody};

/// Announces a prelude (Lambda developer guide, "Response streaming for Lambda functions").
const WITH_PRELUDE: &str = "application/vnd.awslambda.http-integration-response";

/// Waits for the answer's head, and leaves the body to come as the client takes it.
pub(in crate::gateway) async fn open(
    stream: StreamAnswer,
    front: Front,
) -> Result<Response<ResponseBody>, Malformed> {
    let (head, first, rest) = head(stream).await?;
    Ok(head.with(front, ResponseBody::boxed(Parts { first, rest })))
}

/// Waits for the whole answer, which must fit where one that is not streamed must.
pub(in crate::gateway) async fn collect(
    stream: StreamAnswer,
    reading: Reading<'_>,
) -> Result<Response<ResponseBody>, Malformed> {
    let (head, first, mut rest) = head(stream).await?;
    let mut whole = BytesMut::from(first);
    while let Some(part) = rest.recv().await {
        let part = part.map_err(|failure| Malformed::Broken(failure.error_type))?;
        if whole.len() + part.len() > PAYLOAD_SIZE {
            return Err(Malformed::StreamTooLarge { limit: PAYLOAD_SIZE });
        }
        whole.extend_from_slice(&part);
    }
    Ok(head.with(reading.front, ResponseBody::whole(whole.freeze())))
}

type Rest = Receiver<Result<Bytes, StreamFailure>>;

async fn head(stream: StreamAnswer) -> Result<(Head, Bytes, Rest), Malformed> {
    let mut body = stream.body;
    let media_type = stream.content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case(WITH_PRELUDE) {
        let mut headers = http::HeaderMap::new();
        if let Ok(kind) = HeaderValue::try_from(&stream.content_type)
            && !kind.is_empty()
        {
            headers.insert(header::CONTENT_TYPE, kind);
        }
        // The first part tells whether the function has failed before it answered anything.
        let first = match body.recv().await {
            None => Bytes::new(),
            Some(part) => part.map_err(|failure| Malformed::Broken(failure.error_type))?,
        };
        return Ok((Head { status: http::StatusCode::OK, headers }, first, body));
    }
    let mut prelude = Prelude::default();
    loop {
        let part = body.recv().await.ok_or(Malformed::PreludeCut)?;
        let part = part.map_err(|failure| Malformed::Broken(failure.error_type))?;
        if let Some(split) = prelude.take(&part)? {
            let raw: Raw<'_> = serde_json::from_slice(&split.metadata)
                .map_err(|error| Malformed::Prelude(error.to_string()))?;
            return Ok((Head::read(&raw, PayloadFormat::V2)?, split.rest, body));
        }
    }
}

/// The body of a streamed answer, at most `limits::STREAM_SIZE` bytes, which `invoke` sees to. Nothing is read ahead
/// of the client; dropped, the rest is never read.
struct Parts {
    first: Bytes,
    rest: Rest,
}

impl http_body::Body for Parts {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        let part = if self.first.is_empty() {
            match self.rest.poll_recv(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Ok(part))) => part,
                Poll::Ready(Some(Err(failure))) => {
                    tracing::debug!(error_type = %failure.error_type, "a streamed answer broke off");
                    return Poll::Ready(Some(Err(Aborted)));
                }
            }
        } else {
            std::mem::take(&mut self.first)
        };
        Poll::Ready(Some(Ok(Frame::data(part))))
    }
}
