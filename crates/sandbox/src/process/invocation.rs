//! One invocation in an environment, to its very end.

use std::{future::Future, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use sonagi_model::{
    Tick,
    invocation::{FailureOrigin, FunctionFailure},
    limits,
};
use tokio::sync::mpsc;

use super::{
    environment::{Event, ProcessEnvironment, Routed, State},
    reports::Report,
};
use crate::{
    Answer, AnswerSender, Call, Finished, Input, Outcome, StreamAnswer, StreamFailure,
    ending::{self, Exit},
    extensions::replies::ShutdownReason,
    runtime_api::{Arrival, Body, Connection, Ended, Length, Part, ResponseMode, Trailers, replies},
};

/// Bytes of the buffer for events that an idle environment keeps.
const HEAD_KEPT: usize = 4 << 10;

/// How far an invocation has come.
struct Progress {
    call: Call,
    started: Tick,
    /// Taken when the answer is given.
    answer: Option<AnswerSender>,
    /// Known once the answer was given.
    given: Option<(Outcome, Duration)>,
    told: Told,
}

/// What extensions were told of its end.
#[derive(PartialEq, Eq)]
enum Told {
    Nothing,
    RuntimeDone,
}

/// Why it cannot go on.
enum Stop {
    TimedOut,
    Ended,
}

pub(super) async fn run(environment: &mut ProcessEnvironment, call: Call, answer: AnswerSender) -> Finished {
    let started = environment.clock.tick();
    let mut progress = Progress { call, started, answer: Some(answer), given: None, told: Told::Nothing };
    let stop = match environment.state {
        State::Idle | State::Answered => {
            let stop = progress.serve(environment).await.err();
            // An idle environment keeps a small buffer, not the largest that it ever needed.
            environment.head.clear();
            environment.head.shrink_to(HEAD_KEPT);
            stop
        }
        // An invocation that was dropped in the middle, or an environment that is known to be dead.
        State::Initialising | State::Running(_) | State::Over => Some(Stop::Ended),
    };
    match stop {
        None => environment.output.drain(),
        Some(Stop::TimedOut) => progress.time_out(environment).await,
        Some(Stop::Ended) => progress.bury(environment).await,
    }
    progress.tell_runtime_done(environment);
    let memory_peak = environment.process.memory_peak();
    let reusable = environment.state == State::Idle;
    let (outcome, duration) =
        progress.given.unwrap_or((Outcome::Fault("Runtime.Unknown".into()), Duration::ZERO));
    Finished { outcome, duration, cpu: None, memory_peak, reusable }
}

impl Progress {
    /// From the event to the runtime's asking for the next.
    async fn serve(&mut self, environment: &mut ProcessEnvironment) -> Result<(), Stop> {
        environment.output.tag(self.call.request);
        let Input::Event(payload) = &self.call.input else {
            self.give_failure(environment, ending::not_an_event());
            return Ok(());
        };
        let payload = payload.clone();
        self.wait_for_next(environment).await?;
        self.started = environment.clock.tick();
        self.hand_over(environment, &payload).await?;
        loop {
            match self.next_request(environment).await? {
                Routed::Response(arrival) => self.respond(environment, arrival).await?,
                Routed::Error(arrival) => self.fail(environment, arrival).await?,
                Routed::Next => {
                    self.tell_runtime_done(environment);
                    if environment.crew.as_ref().is_none_or(|crew| crew.is_idle()) {
                        return Ok(());
                    }
                }
                // The last of all who had something to do.
                Routed::Extension
                    if environment.state == State::Idle
                        && environment.crew.as_ref().is_none_or(|crew| crew.is_idle()) =>
                {
                    return Ok(());
                }
                Routed::InitError(_) | Routed::Restore(_) | Routed::Extension | Routed::Refused => {}
            }
        }
    }

    fn tell_runtime_done(&mut self, environment: &ProcessEnvironment) {
        if environment.has_extensions()
            && self.told == Told::Nothing
            && let Some((outcome, took)) = &self.given
        {
            environment.tell_runtime_done(&self.call, outcome, *took);
            self.told = Told::RuntimeDone;
        }
    }

    async fn next_request(&self, environment: &mut ProcessEnvironment) -> Result<Routed, Stop> {
        let (clock, deadline) = (Arc::clone(&environment.clock), self.call.deadline);
        let routed = async {
            match environment.event().await {
                Event::Request(arrival) => Some(environment.route(arrival).await),
                Event::Ended => None,
            }
        };
        let routed = sonagi_model::clock::within(&*clock, deadline, routed).await;
        routed.ok_or(Stop::TimedOut)?.ok_or(Stop::Ended)
    }

    /// An idle runtime waits on its connection already, unless that has broken since.
    async fn wait_for_next(&self, environment: &mut ProcessEnvironment) -> Result<(), Stop> {
        loop {
            if environment.state == State::Idle && environment.focus.as_ref().is_some_and(Connection::waits) {
                return Ok(());
            }
            match self.next_request(environment).await? {
                Routed::Next
                | Routed::Refused
                | Routed::Response(_)
                | Routed::Error(_)
                | Routed::InitError(_)
                | Routed::Restore(_)
                | Routed::Extension => {}
            }
        }
    }

    async fn hand_over(&self, environment: &mut ProcessEnvironment, payload: &Bytes) -> Result<(), Stop> {
        if environment.has_extensions() {
            Box::pin(environment.tell_invoke(&self.call)).await;
        }
        let ProcessEnvironment { head, focus, output, clock, process, .. } = environment;
        replies::event(head, &self.call, payload.len());
        environment.state = State::Running(self.call.request);
        let Some(connection) = focus else { return Err(Stop::Ended) };
        let send = async {
            tokio::select! {
                biased;
                sent = connection.send_both(head, payload) => Ok(sent),
                // It will never read the rest.
                () = process.ended() => Err(Stop::Ended),
            }
        };
        // A connection that breaks while it gets the event is as one that breaks just after: the runtime may still
        // have read it all, so that it cannot be given the event again.
        let _ = ProcessEnvironment::drive(output, &**clock, self.call.deadline, send)
            .await
            .ok_or(Stop::TimedOut)??;
        if !connection.persists() {
            *focus = None;
        }
        Ok(())
    }

    /// Gives the answer, once; later ones have nobody to go to.
    fn give(&mut self, environment: &ProcessEnvironment, answer: Answer, outcome: Outcome) {
        if let Some(sender) = self.answer.take() {
            // The caller may have gone; the invocation counts all the same.
            let _ = sender.send(answer);
        }
        if self.given.is_none() {
            self.given = Some((outcome, environment.clock.tick().since(self.started)));
        }
    }

    fn give_failure(&mut self, environment: &ProcessEnvironment, failure: FunctionFailure) {
        let outcome = match failure.origin {
            FailureOrigin::Handler => {
                environment.hints.of(Some(self.call.request), &failure);
                Outcome::Error(failure.error_type.clone())
            }
            FailureOrigin::Init | FailureOrigin::Platform => Outcome::Fault(failure.error_type.clone()),
        };
        self.give(environment, Answer::Failure(failure), outcome);
    }

    /// `POST …/response`
    async fn respond(
        &mut self,
        environment: &mut ProcessEnvironment,
        mut arrival: Arrival,
    ) -> Result<(), Stop> {
        match arrival.head.mode {
            ResponseMode::Buffered => {}
            ResponseMode::Streaming => return self.stream(environment, arrival).await,
            ResponseMode::Invalid => {
                let payload = Bytes::from_static(br#"{"errorType":"Runtime.InvalidResponseModeHeader"}"#);
                let failure = ending::reported(None, payload, FailureOrigin::Handler);
                self.give_failure(environment, failure);
                let _ = self.drive(environment, arrival.connection.discard(&arrival.head)).await?;
                return self.reply(environment, arrival.connection, &replies::wrong_response_mode()).await;
            }
        }
        match self.body(environment, &mut arrival, limits::ANSWER_SIZE).await? {
            Ok(Whole::Body(payload)) => {
                self.give(environment, Answer::Success(payload), Outcome::Success);
                self.reply(environment, arrival.connection, replies::ACCEPTED).await
            }
            Ok(Whole::TooLarge(mut body)) => {
                self.give_failure(environment, ending::too_large());
                // A client writes all of its request before it reads the answer.
                let _ = self.drive(environment, arrival.connection.discard_rest(&mut body)).await?;
                self.reply(environment, arrival.connection, &replies::too_large()).await
            }
            // The runtime may say it again on another connection.
            Err(_) => Ok(()),
        }
    }

    /// `POST …/error`
    async fn fail(&mut self, environment: &mut ProcessEnvironment, mut arrival: Arrival) -> Result<(), Stop> {
        match self.body(environment, &mut arrival, limits::RUNTIME_ERROR_SIZE).await? {
            Ok(Whole::Body(payload)) => {
                let failure =
                    ending::reported(arrival.head.error_type.take(), payload, FailureOrigin::Handler);
                self.give_failure(environment, failure);
                self.reply(environment, arrival.connection, replies::ACCEPTED).await
            }
            Ok(Whole::TooLarge(mut body)) => {
                self.give_failure(environment, ending::too_large());
                let _ = self.drive(environment, arrival.connection.discard_rest(&mut body)).await?;
                self.reply(environment, arrival.connection, &replies::too_large()).await
            }
            Err(_) => Ok(()),
        }
    }

    async fn body(
        &self,
        environment: &mut ProcessEnvironment,
        arrival: &mut Arrival,
        most: usize,
    ) -> Result<Result<Whole, Ended>, Stop> {
        self.drive(environment, whole(arrival, most)).await
    }

    async fn drive<T>(
        &self,
        environment: &mut ProcessEnvironment,
        work: impl Future<Output = T>,
    ) -> Result<T, Stop> {
        let ProcessEnvironment { output, clock, .. } = environment;
        let done = ProcessEnvironment::drive(output, &**clock, self.call.deadline, work).await;
        done.ok_or(Stop::TimedOut)
    }

    async fn reply(
        &self,
        environment: &mut ProcessEnvironment,
        mut connection: Connection,
        reply: &[u8],
    ) -> Result<(), Stop> {
        environment.state = State::Answered;
        if self.drive(environment, connection.send_soon(reply)).await?.is_ok() {
            environment.keep(connection);
        }
        Ok(())
    }

    /// `POST …/response` with `Lambda-Runtime-Function-Response-Mode: streaming`
    async fn stream(
        &mut self,
        environment: &mut ProcessEnvironment,
        mut arrival: Arrival,
    ) -> Result<(), Stop> {
        let (parts, body) = mpsc::channel(limits::STREAM_BACKLOG);
        // Somebody who does not read must not hold the environment, and must not take a stream that was cut off for
        // a whole one either: there is always a place for its failure.
        let last = parts.clone().reserve_owned().await.ok();
        let content_type =
            arrival.head.content_type.take().unwrap_or_else(|| "application/octet-stream".into());
        if let Some(sender) = self.answer.take() {
            let _ = sender.send(Answer::Stream(StreamAnswer { content_type, body }));
        }
        let ended = self.drive(environment, forward(&mut arrival, &parts)).await;
        if let Ok(Forwarded::Broken) = ended {
            // A process that ends closes its connections before it is seen to have ended.
            let grace = environment.clock.tick() + limits::RUNTIME_LAST_BREATH;
            let _ =
                sonagi_model::clock::within(&*environment.clock, grace, environment.process.ended()).await;
        }
        let failure = match &ended {
            Ok(Forwarded::Whole) => None,
            Ok(Forwarded::Failed(failure)) => Some(failure.clone()),
            Ok(Forwarded::TooLarge(_)) => Some(ending::too_large()),
            // Why it broke off is known when the process is known to have ended, or goes on.
            Ok(Forwarded::Broken) if environment.process.has_ended() => {
                Some(self.exit_failure(environment, Exit::Status(0)).await)
            }
            Ok(Forwarded::Broken) => Some(ending::truncated()),
            Err(Stop::TimedOut) => Some(self.time_out_failure()),
            Err(Stop::Ended) => None,
        };
        let outcome = match (&failure, &ended) {
            (None, _) => Outcome::Success,
            (Some(_), Err(_)) => Outcome::TimedOut,
            (Some(failure), Ok(_)) if failure.origin == FailureOrigin::Handler => {
                Outcome::Error(failure.error_type.clone())
            }
            (Some(failure), Ok(_)) => Outcome::Fault(failure.error_type.clone()),
        };
        self.given = Some((outcome, environment.clock.tick().since(self.started)));
        if let (Some(FunctionFailure { error_type, payload, .. }), Some(last)) = (failure, last) {
            last.send(Err(StreamFailure { error_type, payload }));
        }
        drop(parts);
        match ended? {
            Forwarded::Whole | Forwarded::Failed(_) => {
                self.reply(environment, arrival.connection, replies::ACCEPTED).await
            }
            Forwarded::TooLarge(mut body) => {
                let _ = self.drive(environment, arrival.connection.discard_rest(&mut body)).await?;
                self.reply(environment, arrival.connection, &replies::too_large()).await
            }
            Forwarded::Broken if environment.state == State::Over => Err(Stop::Ended),
            Forwarded::Broken => {
                environment.state = State::Answered;
                Ok(())
            }
        }
    }

    fn time_out_failure(&self) -> FunctionFailure {
        ending::timed_out(&self.call.request, self.call.deadline.since(self.started))
    }

    /// The deadline has come.
    async fn time_out(&mut self, environment: &mut ProcessEnvironment) {
        let failure = self.time_out_failure();
        self.give(environment, Answer::Failure(failure), Outcome::TimedOut);
        if !environment.ends_because(ShutdownReason::Timeout) {
            environment.end().await;
        }
    }

    /// Why it has ended. With extensions all else of it goes on, until they have been told.
    async fn exit_failure(&self, environment: &mut ProcessEnvironment, unknown: Exit) -> FunctionFailure {
        let failure = environment.crew_failure();
        let exit = match environment.process.reports() {
            [] => environment.end().await,
            reports => reports.iter().find_map(Report::of_runtime),
        };
        environment.ends_because(ShutdownReason::Failure);
        match failure {
            Some(failure) => failure.of_invocation(&self.call),
            None => exit.unwrap_or(unknown).failure(&self.call.request),
        }
    }

    /// The process has ended, or has to be.
    async fn bury(&mut self, environment: &mut ProcessEnvironment) {
        let failure = self.exit_failure(environment, Exit::Signal(libc::SIGKILL)).await;
        // It may have answered with its last breath.
        if self.given.is_none() && environment.focus.is_some() {
            let (clock, grace) =
                (Arc::clone(&environment.clock), environment.clock.tick() + limits::RUNTIME_LAST_BREATH);
            let last = async {
                if let Some(mut arrival) = environment.last_request().await {
                    self.last_words(environment, &mut arrival).await;
                }
            };
            // What runs on beside the runtime may hold its connection open.
            let _ = sonagi_model::clock::within(&*clock, grace, last).await;
        }
        self.give_failure(environment, failure);
    }

    async fn last_words(&mut self, environment: &ProcessEnvironment, arrival: &mut Arrival) {
        use crate::runtime_api::Route;
        let (ours, mode) = (Some(self.call.request), arrival.head.mode);
        match arrival.head.route {
            Route::Response(id) if id == ours && mode == ResponseMode::Buffered => {
                if let Ok(Whole::Body(payload)) = whole(arrival, limits::ANSWER_SIZE).await {
                    self.give(environment, Answer::Success(payload), Outcome::Success);
                }
            }
            Route::Error(id) if id == ours => {
                if let Ok(Whole::Body(payload)) = whole(arrival, limits::RUNTIME_ERROR_SIZE).await {
                    let header = arrival.head.error_type.take();
                    let failure = ending::reported(header, payload, FailureOrigin::Handler);
                    self.give_failure(environment, failure);
                }
            }
            Route::Response(_)
            | Route::Error(_)
            | Route::Restore
            | Route::RestoreError
            | Route::Next
            | Route::InitError
            | Route::Assignment
            | Route::Extension(_)
            | Route::Unknown => {}
        }
    }
}

pub(super) enum Whole {
    Body(Bytes),
    /// It is larger than it may be; this is where in it we are.
    TooLarge(Body),
}

/// A body in one piece, of `most` bytes at the most.
pub(super) async fn whole(arrival: &mut Arrival, most: usize) -> Result<Whole, Ended> {
    let Arrival { connection, head } = arrival;
    let mut body = Body::new(head.length);
    if let Length::Sized(size) = head.length {
        return match usize::try_from(size) {
            Ok(size) if size <= most => {
                connection.invite(head).await.map_err(|_| Ended::Closed)?;
                connection.whole(size).await.map(Whole::Body)
            }
            Ok(_) | Err(_) => {
                connection.invite(head).await.map_err(|_| Ended::Closed)?;
                Ok(Whole::TooLarge(body))
            }
        };
    }
    connection.invite(head).await.map_err(|_| Ended::Closed)?;
    let mut all = BytesMut::new();
    loop {
        match connection.part(&mut body).await? {
            Part::Data(part) if all.len() + part.len() > most => return Ok(Whole::TooLarge(body)),
            Part::Data(part) => all.extend_from_slice(&part),
            Part::Starved => {}
            Part::End(_) => return Ok(Whole::Body(all.freeze())),
        }
    }
}

enum Forwarded {
    Whole,
    /// The trailers tell of an error.
    Failed(FunctionFailure),
    TooLarge(Body),
    /// The connection ended before the stream did.
    Broken,
}

async fn forward(arrival: &mut Arrival, parts: &mpsc::Sender<Result<Bytes, StreamFailure>>) -> Forwarded {
    let Arrival { connection, head } = arrival;
    if connection.invite(head).await.is_err() {
        return Forwarded::Broken;
    }
    let mut body = Body::new(head.length);
    let mut size = 0_u64;
    loop {
        match connection.part(&mut body).await {
            Ok(Part::Data(part)) => {
                size += part.len() as u64;
                if size > limits::STREAM_SIZE {
                    return Forwarded::TooLarge(body);
                }
                // A reader that has gone does not stop the function, as on Lambda.
                let _ = parts.send(Ok(part)).await;
            }
            Ok(Part::Starved) => {}
            Ok(Part::End(trailers)) => return failed(trailers).map_or(Forwarded::Whole, Forwarded::Failed),
            Err(_) => return Forwarded::Broken,
        }
    }
}

fn failed(trailers: Trailers) -> Option<FunctionFailure> {
    let error_type = trailers.error_type.filter(|error_type| !error_type.is_empty())?;
    let payload = trailers.error_body.and_then(|body| STANDARD.decode(body).ok()).unwrap_or_else(|| {
        serde_json::json!({ "errorType": error_type, "errorMessage": "" }).to_string().into_bytes()
    });
    Some(ending::reported(Some(error_type), payload.into(), FailureOrigin::Handler))
}
