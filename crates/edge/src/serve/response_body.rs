//! An answer's body: whole bytes without a box, parts from a channel, or any other body in a box.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::mpsc;

use super::registry::UnderWay;

/// What a handler answers with.
pub struct ResponseBody(Kind);

enum Kind {
    Whole(Bytes),
    Stream(mpsc::Receiver<Result<Bytes, Aborted>>),
    Boxed(Pin<Box<dyn http_body::Body<Data = Bytes, Error = Aborted> + Send>>),
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Whole(bytes) => f.debug_tuple("Whole").field(bytes).finish(),
            Kind::Stream(_) => f.write_str("Stream"),
            Kind::Boxed(_) => f.write_str("Boxed"),
        }
    }
}

/// The answer had begun and cannot be ended well: its connection (or HTTP/2 stream) is cut, so that the client sees
/// an error and not a shorter answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer broke off")]
pub struct Aborted;

/// The sending half of [`ResponseBody::stream`]. `send` waits while the client is slow, and fails once it is gone.
pub type StreamSender = mpsc::Sender<Result<Bytes, Aborted>>;

impl ResponseBody {
    pub const fn empty() -> Self {
        Self(Kind::Whole(Bytes::new()))
    }

    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        Self(Kind::Whole(bytes.into()))
    }

    /// A body in parts, of which at most `parts` wait for a slow client. It ends when the sender is dropped.
    pub fn stream(parts: usize) -> (StreamSender, Self) {
        let (sender, receiver) = mpsc::channel(parts.max(1));
        (sender, Self(Kind::Stream(receiver)))
    }

    /// Any other body.
    pub fn boxed(body: impl http_body::Body<Data = Bytes, Error = Aborted> + Send + 'static) -> Self {
        Self(Kind::Boxed(Box::pin(body)))
    }

    /// The bytes, unless they come in parts.
    pub fn as_whole(&self) -> Option<&Bytes> {
        match &self.0 {
            Kind::Whole(bytes) => Some(bytes),
            Kind::Stream(_) | Kind::Boxed(_) => None,
        }
    }
}

impl From<Bytes> for ResponseBody {
    fn from(bytes: Bytes) -> Self {
        Self::whole(bytes)
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        match &mut self.0 {
            Kind::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Kind::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Kind::Stream(parts) => {
                parts.poll_recv(context).map(|part| part.map(|part| part.map(Frame::data)))
            }
            Kind::Boxed(body) => body.as_mut().poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(bytes) => bytes.is_empty(),
            Kind::Stream(_) => false,
            Kind::Boxed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Stream(_) => SizeHint::default(),
            Kind::Boxed(body) => body.size_hint(),
        }
    }
}

/// A body that keeps its connection from being idle until it was handed over.
pub(super) struct Tracked {
    body: ResponseBody,
    _under_way: UnderWay,
}

impl Tracked {
    pub(super) fn new(body: ResponseBody, under_way: UnderWay) -> Self {
        Self { body, _under_way: under_way }
    }
}

impl http_body::Body for Tracked {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
