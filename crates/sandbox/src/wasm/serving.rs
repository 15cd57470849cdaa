//! From what a guest answers to what its caller gets.

use std::{
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Response, StatusCode, header};
use http_body::Body as _;
use sonagi_model::{
    invocation::FunctionFailure,
    limits::{STREAM_BACKLOG, WASM_FAILURE_SIZE, WASM_GATHER_SIZE},
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::PollSender;
use wasmtime_wasi_http::WasiBody;

use super::{events, failure::Failed};
use crate::{Answer, AnswerSender, HttpAnswer, HttpBody, StreamAnswer, StreamFailure};

/// What was asked, which is what the answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Http,
    Event,
}

/// The caller's side of a call. It is polled along with the guest until both are done.
pub(super) struct Serving {
    asked: Asked,
    answer: Option<AnswerSender>,
    /// Of a stream there is always a place for the last word, so that nobody takes a part for the whole.
    last: Option<mpsc::OwnedPermit<Result<Bytes, StreamFailure>>>,
    state: State,
}

enum State {
    Waiting(oneshot::Receiver<Result<Response<WasiBody>, Failed>>),
    /// The head is there; the body is gathered as long as more of it is there at once.
    Gathering(Box<Gathering>),
    Streaming(Box<Streaming>),
    /// Done, or it failed: then the failure is still to be given.
    Over(Result<(), Failed>),
}

struct Gathering {
    head: http::response::Parts,
    body: WasiBody,
    /// Most answers are of one part, which is not copied.
    first: Bytes,
    more: BytesMut,
}

struct Streaming {
    body: WasiBody,
    /// None once nobody reads: the guest is read to its end all the same.
    parts: Option<PollSender<Result<Bytes, StreamFailure>>>,
    next: Option<Bytes>,
}

/// How far a poll came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Something was taken from the guest, which may go on now.
    Onward,
    Waits,
    Done,
}

/// How the guest is while its answer is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guest {
    /// It waits for something, or computes elsewhere.
    Away,
    Returned,
}

impl Serving {
    pub(super) fn new(
        asked: Asked,
        answer: AnswerSender,
        response: oneshot::Receiver<Result<Response<WasiBody>, Failed>>,
    ) -> Self {
        Self { asked, answer: Some(answer), last: None, state: State::Waiting(response) }
    }

    /// How it ended, once it is [`Step::Done`].
    pub(super) fn failed(&mut self) -> Option<Failed> {
        match mem::replace(&mut self.state, State::Over(Ok(()))) {
            State::Over(Err(failed)) => Some(failed),
            State::Over(Ok(())) => None,
            State::Waiting(_) | State::Gathering(_) | State::Streaming(_) => {
                Some(Failed::Unfinished("the component did not end its answer"))
            }
        }
    }

    /// Gives the failure to the caller, in place of the answer or as the end of one that was begun.
    pub(super) fn give_up(&mut self, failure: FunctionFailure) {
        if let Some(answer) = self.answer.take() {
            // The caller may have gone; the invocation counts all the same.
            let _ = answer.send(Answer::Failure(failure));
            return;
        }
        if let Some(last) = self.last.take() {
            let FunctionFailure { error_type, payload, .. } = failure;
            last.send(Err(StreamFailure { error_type, payload }));
        }
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>, guest: Guest) -> Step {
        match &mut self.state {
            State::Waiting(response) => match Pin::new(response).poll(context) {
                Poll::Ready(Ok(Ok(response))) => {
                    let (head, body) = response.into_parts();
                    let (first, more) = (Bytes::new(), BytesMut::new());
                    self.state = State::Gathering(Box::new(Gathering { head, body, first, more }));
                    Step::Onward
                }
                Poll::Ready(Ok(Err(failed))) => self.over(Err(failed)),
                Poll::Ready(Err(_)) => {
                    self.over(Err(Failed::Unfinished("the component returned without an answer")))
                }
                Poll::Pending if guest == Guest::Returned => {
                    self.over(Err(Failed::Unfinished("the component returned without an answer")))
                }
                Poll::Pending => Step::Waits,
            },
            State::Gathering(_) => self.gather(context, guest),
            State::Streaming(streaming) => match streaming.poll(context, guest) {
                Streamed::Onward => Step::Onward,
                Streamed::Waits => Step::Waits,
                Streamed::Whole => {
                    // The end is the last word; what the guest still does behind it is no part of its answer.
                    self.last = None;
                    self.over(Ok(()))
                }
                Streamed::Broken(failed) => self.over(Err(failed)),
            },
            State::Over(_) => Step::Done,
        }
    }

    fn over(&mut self, result: Result<(), Failed>) -> Step {
        self.state = State::Over(result);
        Step::Done
    }

    fn gather(&mut self, context: &mut Context<'_>, guest: Guest) -> Step {
        let State::Gathering(gathering) = &mut self.state else { return Step::Done };
        let failing = self.asked == Asked::Event && !events::succeeded(gathering.head.status);
        let limit = if failing { WASM_FAILURE_SIZE } else { WASM_GATHER_SIZE };
        let mut onward = false;
        while gathering.size() < limit {
            match Pin::new(&mut gathering.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    onward = true;
                    // Trailers have nobody to go to.
                    if let Ok(data) = frame.into_data() {
                        gathering.push(data);
                    }
                }
                Poll::Ready(Some(Err(_))) => return self.over(Err(Failed::Unfinished(BROKE))),
                Poll::Ready(None) => return self.give_whole(),
                Poll::Pending if onward => return Step::Onward,
                Poll::Pending => match guest {
                    Guest::Returned => return self.over(Err(Failed::Unfinished(ENDLESS))),
                    // How it failed is told at once or not at all.
                    Guest::Away if failing => return Step::Waits,
                    Guest::Away => break,
                },
            }
        }
        if failing { self.give_whole() } else { self.give_parts() }
    }

    fn give_whole(&mut self) -> Step {
        let State::Gathering(gathering) = mem::replace(&mut self.state, State::Over(Ok(()))) else {
            return Step::Done;
        };
        let (head, body) = (gathering.head, joined(gathering.first, gathering.more));
        let answer = match self.asked {
            Asked::Http => http_answer(head.status, head.headers, HttpBody::Whole(body)),
            Asked::Event if events::succeeded(head.status) => Answer::Success(body),
            Asked::Event => {
                let failure = events::failure(head.status, &head.headers, &body);
                self.state = State::Over(Err(Failed::Answered(failure.error_type.clone())));
                Answer::Failure(failure)
            }
        };
        self.give(answer);
        Step::Done
    }

    fn give_parts(&mut self) -> Step {
        let State::Gathering(gathering) = mem::replace(&mut self.state, State::Over(Ok(()))) else {
            return Step::Done;
        };
        let Gathering { head, body, first, more } = *gathering;
        let (parts, receiver) = mpsc::channel(STREAM_BACKLOG + 1);
        self.last = parts.clone().try_reserve_owned().ok();
        let answer = match self.asked {
            Asked::Http => http_answer(head.status, head.headers, HttpBody::Parts(receiver)),
            Asked::Event => {
                let content_type = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
                let content_type = content_type.unwrap_or("application/octet-stream").to_owned();
                Answer::Stream(StreamAnswer { content_type, body: receiver })
            }
        };
        self.give(answer);
        let next = Some(joined(first, more)).filter(|part| !part.is_empty());
        let parts = Some(PollSender::new(parts));
        self.state = State::Streaming(Box::new(Streaming { body, parts, next }));
        Step::Onward
    }

    fn give(&mut self, answer: Answer) {
        if let Some(sender) = self.answer.take() {
            // The caller may have gone; the invocation counts all the same.
            let _ = sender.send(answer);
        }
    }
}

const BROKE: &str = "the component broke its answer off";
const ENDLESS: &str = "the component returned without ending its answer";

impl Gathering {
    fn size(&self) -> usize {
        if self.more.is_empty() { self.first.len() } else { self.more.len() }
    }

    fn push(&mut self, data: Bytes) {
        if self.first.is_empty() {
            self.first = data;
            return;
        }
        if self.more.is_empty() {
            self.more.extend_from_slice(&self.first);
        }
        self.more.extend_from_slice(&data);
    }
}

/// What was gathered: the first part, or all of them, the first included.
fn joined(first: Bytes, more: BytesMut) -> Bytes {
    if more.is_empty() { first } else { more.freeze() }
}

fn http_answer(status: StatusCode, headers: HeaderMap, body: HttpBody) -> Answer {
    Answer::Http(HttpAnswer { status, headers, body })
}

enum Streamed {
    Onward,
    Waits,
    Whole,
    Broken(Failed),
}

impl Streaming {
    fn poll(&mut self, context: &mut Context<'_>, guest: Guest) -> Streamed {
        let mut onward = false;
        loop {
            if self.next.is_some() {
                match self.parts.as_mut().map(|parts| parts.poll_reserve(context)) {
                    Some(Poll::Pending) => return if onward { Streamed::Onward } else { Streamed::Waits },
                    Some(Poll::Ready(Ok(()))) => {
                        if let (Some(parts), Some(next)) = (&mut self.parts, self.next.take())
                            && parts.send_item(Ok(next)).is_err()
                        {
                            self.parts = None;
                        }
                    }
                    // Nobody reads it any more.
                    Some(Poll::Ready(Err(_))) => self.parts = None,
                    None => self.next = None,
                }
                onward = true;
                continue;
            }
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    onward = true;
                    self.next = frame.into_data().ok().filter(|data| !data.is_empty());
                }
                Poll::Ready(Some(Err(_))) => {
                    return Streamed::Broken(Failed::Unfinished(BROKE));
                }
                Poll::Ready(None) => return Streamed::Whole,
                Poll::Pending if onward => return Streamed::Onward,
                Poll::Pending if guest == Guest::Returned => {
                    return Streamed::Broken(Failed::Unfinished(ENDLESS));
                }
                Poll::Pending => return Streamed::Waits,
            }
        }
    }
}
