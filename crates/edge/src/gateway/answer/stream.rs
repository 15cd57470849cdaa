//! Streamed answers: passed on as they come, or collected for a front that cannot stream.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Response, header};
use http_body::{Frame, SizeHint};
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
    Ok(head.with(front, ResponseBody::boxed(Parts::new(first, rest))))
}

/// Waits for the whole answer, which must fit where one that is not streamed must.
pub(in crate::gateway) async fn collect(
    stream: StreamAnswer,
    reading: Reading<'_>,
) -> Result<Response<ResponseBody>, Malformed> {
    let (head, first, rest) = head(stream).await?;
    Ok(head.with(reading.front, ResponseBody::whole(gather(first, rest).await?)))
}

/// The whole of a body, whose `first` part is here. A body of one part is not copied.
pub(super) async fn gather(first: Bytes, mut rest: Rest) -> Result<Bytes, Malformed> {
    let (mut only, mut whole) = (first, BytesMut::new());
    while let Some(part) = rest.recv().await {
        let part = part.map_err(|failure| Malformed::Broken(failure.error_type))?;
        let so_far = only.len() + whole.len();
        if so_far + part.len() > PAYLOAD_SIZE {
            return Err(Malformed::TooLarge { limit: PAYLOAD_SIZE as u64 });
        }
        if so_far == 0 {
            only = part;
        } else {
            whole.extend_from_slice(&std::mem::take(&mut only));
            whole.extend_from_slice(&part);
        }
    }
    Ok(if whole.is_empty() { only } else { whole.freeze() })
}

pub(super) type Rest = Receiver<Result<Bytes, StreamFailure>>;

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
pub(super) struct Parts {
    first: Bytes,
    rest: Rest,
    /// Bytes that are still to come, if the answer announced how many.
    left: Option<u64>,
}

impl Parts {
    pub(super) fn new(first: Bytes, rest: Rest) -> Self {
        Self { first, rest, left: None }
    }

    /// One that must have so many bytes.
    pub(super) fn announced(first: Bytes, rest: Rest, size: u64) -> Self {
        Self { first, rest, left: Some(size) }
    }

    /// Counts a part, or the end; a body of another size than announced is cut, so that its reader sees it.
    fn count(&mut self, part: Option<Bytes>) -> Option<Result<Frame<Bytes>, Aborted>> {
        let size = part.as_ref().map_or(0, |part| part.len() as u64);
        match (part, &mut self.left) {
            (None, None | Some(0)) => None,
            (Some(part), None) => Some(Ok(Frame::data(part))),
            (Some(part), Some(left)) if size <= *left => {
                *left -= size;
                Some(Ok(Frame::data(part)))
            }
            (None | Some(_), Some(_)) => {
                tracing::debug!("a streamed answer was not as long as it had announced");
                Some(Err(Aborted))
            }
        }
    }
}

impl http_body::Body for Parts {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        if !self.first.is_empty() {
            let first = std::mem::take(&mut self.first);
            return Poll::Ready(self.count(Some(first)));
        }
        match self.rest.poll_recv(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => Poll::Ready(self.count(None)),
            Poll::Ready(Some(Ok(part))) => Poll::Ready(self.count(Some(part))),
            Poll::Ready(Some(Err(failure))) => {
                tracing::debug!(error_type = %failure.error_type, "a streamed answer broke off");
                Poll::Ready(Some(Err(Aborted)))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
