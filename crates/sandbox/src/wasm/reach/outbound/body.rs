//! An answer's body, which may not pause for too long.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use sonagi_model::Clock;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime_wasi_http::Error;

use super::{failure, pool::Slot};

/// Counts as a request under way until it has ended or is dropped.
pub(super) struct AnswerBody {
    incoming: Incoming,
    clock: Arc<dyn Clock>,
    pause: Duration,
    /// While nothing comes.
    pausing: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// None: it has ended.
    counted: Option<(Slot, OwnedSemaphorePermit)>,
}

impl AnswerBody {
    pub(super) fn new(
        incoming: Incoming,
        clock: Arc<dyn Clock>,
        pause: Duration,
        counted: (Slot, OwnedSemaphorePermit),
    ) -> Self {
        Self { incoming, clock, pause, pausing: None, counted: Some(counted) }
    }

    fn end(&mut self) {
        self.counted = None;
        self.pausing = None;
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        if this.counted.is_none() {
            return Poll::Ready(None);
        }
        match Pin::new(&mut this.incoming).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                this.pausing = None;
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                this.end();
                Poll::Ready(Some(Err(failure::receiving(&error))))
            }
            Poll::Ready(None) => {
                this.end();
                Poll::Ready(None)
            }
            Poll::Pending => {
                let (clock, pause) = (&this.clock, this.pause);
                let pausing = this.pausing.get_or_insert_with(|| clock.sleep(pause));
                if pausing.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                this.end();
                Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.counted.is_none() || self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
