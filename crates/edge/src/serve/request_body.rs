//! A request's body: bounded, and never waited for without end.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use sonagi_model::{Fault, FaultKind, limits};
use tokio::time::Instant;

/// A request's body. Read it whole with [`Body::read`], or in parts as an [`http_body::Body`].
pub struct Body {
    source: Source,
    pace: Pace,
    /// When it was first waited for.
    began: Option<Instant>,
    /// Bytes so far.
    came: u64,
    unwanted: Unwanted,
    /// Set while the client is silent.
    silence: Option<Pin<Box<tokio::time::Sleep>>>,
}

/// What becomes of the rest of a body that is too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unwanted {
    /// It is read and thrown away, since the client sends it without asking, and one whose connection is closed
    /// meanwhile would not see its answer (RFC 9112 §9.6).
    Discarded,
    /// It never comes: the client waits for `100 Continue`, or it is here already.
    Unsent,
}

/// How slowly a body may come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// How long nothing may come.
    pub(super) idle: Duration,
    /// Bytes a second, on average, once `idle` has passed.
    pub(super) bytes: u64,
}

impl Pace {
    /// When a client that falls silent now has been waited for long enough.
    fn end(self, now: Instant, began: Instant, came: u64) -> Instant {
        let earned = Duration::from_millis(came.saturating_mul(1_000) / self.bytes.max(1));
        (now + self.idle).min(began + self.idle + earned)
    }
}

enum Source {
    Incoming(Incoming),
    Whole(Bytes),
}

/// Why a body could not be read. A client that is still there should be told; its connection is then closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("the request's body is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the request's body did not come: the client was silent, or too slow, for too long")]
    Silent,
    #[error("the request's body broke off")]
    Broken,
}

impl Fault for BodyError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::TooLarge { .. } => FaultKind::TooLarge,
            Self::Silent => FaultKind::TimedOut,
            Self::Broken => FaultKind::Invalid,
        }
    }
}

impl BodyError {
    /// 413, 408 or 400. A silent client is not a gateway's time-out, so this differs from its kind's status.
    pub const fn status(&self) -> http::StatusCode {
        match self {
            Self::TooLarge { .. } => http::StatusCode::PAYLOAD_TOO_LARGE,
            Self::Silent => http::StatusCode::REQUEST_TIMEOUT,
            Self::Broken => http::StatusCode::BAD_REQUEST,
        }
    }
}

impl Body {
    pub(super) fn incoming(body: Incoming, pace: Pace, unwanted: Unwanted) -> Self {
        Self { source: Source::Incoming(body), pace, began: None, came: 0, unwanted, silence: None }
    }

    /// A body that is already here.
    pub fn whole(bytes: Bytes) -> Self {
        let pace = Pace { idle: Duration::ZERO, bytes: 0 };
        let unwanted = Unwanted::Unsent;
        Self { source: Source::Whole(bytes), pace, began: None, came: 0, unwanted, silence: None }
    }

    /// The bytes that it announces, `limit` if it announces none or more.
    pub fn announced(&self, limit: usize) -> usize {
        self.size_hint()
            .exact()
            .and_then(|size| usize::try_from(size).ok())
            .map_or(limit, |size| size.min(limit))
    }

    /// The whole body, if it is at most `limit` bytes. One that announces more is refused before it is read (and
    /// before a client that waits for `100 Continue` sends it); a body of one part is not copied.
    pub async fn read(mut self, limit: usize) -> Result<Bytes, BodyError> {
        let announced = self.size_hint().lower();
        if announced > limit as u64 {
            self.discard();
            return Err(BodyError::TooLarge { limit });
        }
        let mut first = Bytes::new();
        let mut rest = BytesMut::new();
        while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut self).poll_frame(context)).await
        {
            // Trailers mean nothing to a function.
            let Ok(part) = frame?.into_data() else { continue };
            let so_far = first.len() + rest.len();
            if so_far + part.len() > limit {
                self.discard();
                return Err(BodyError::TooLarge { limit });
            }
            if so_far == 0 {
                first = part;
            } else {
                if rest.is_empty() {
                    rest.reserve((announced as usize).max(first.len() + part.len()));
                    rest.extend_from_slice(&std::mem::take(&mut first));
                }
                rest.extend_from_slice(&part);
            }
        }
        Ok(if rest.is_empty() { first } else { rest.freeze() })
    }

    /// Goes on reading while the answer is on its way, within the pace that every body must keep.
    fn discard(mut self) {
        if self.unwanted == Unwanted::Unsent {
            return;
        }
        tokio::spawn(async move {
            let mut next =
                async || std::future::poll_fn(|context| Pin::new(&mut self).poll_frame(context)).await;
            let mut came = 0;
            while let Some(Ok(frame)) = next().await
                && came < limits::BODY_DISCARD_SIZE
            {
                came += frame.data_ref().map_or(0, Bytes::len);
            }
        });
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let incoming = match &mut this.source {
            Source::Incoming(incoming) => incoming,
            Source::Whole(bytes) if bytes.is_empty() => return Poll::Ready(None),
            Source::Whole(bytes) => {
                return Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes)))));
            }
        };
        match Pin::new(incoming).poll_frame(context) {
            Poll::Ready(frame) => {
                this.silence = None;
                if let Some(Ok(data)) = frame.as_ref().map(|frame| frame.as_ref().map(Frame::data_ref)) {
                    this.came += data.map_or(0, |data| data.len() as u64);
                }
                Poll::Ready(frame.map(|frame| frame.map_err(|_| BodyError::Broken)))
            }
            Poll::Pending => {
                let (pace, came, began) = (this.pace, this.came, &mut this.began);
                let silence = this.silence.get_or_insert_with(|| {
                    #[expect(clippy::disallowed_methods, reason = "a socket's waits are real time")]
                    let now = Instant::now();
                    let end = pace.end(now, *began.get_or_insert(now), came);
                    Box::pin(tokio::time::sleep_until(end))
                });
                ready!(silence.as_mut().poll(context));
                Poll::Ready(Some(Err(BodyError::Silent)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Incoming(incoming) => incoming.is_end_stream(),
            Source::Whole(bytes) => bytes.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Incoming(incoming) => incoming.size_hint(),
            Source::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
        }
    }
}
