//! One environment: its process or its virtual machine, its Runtime API and its output, driven by whoever holds it.
//!
//! Nothing runs in the background but the reading of request heads on connections that the runtime does not ask on:
//! an invocation writes the event and reads the answer in the caller's own task, which is what keeps a warm one
//! cheap.
//!
//! ```text
//! start: Initialising ──next──► Idle ──event──► Running ──response, error──► Answered ──next──► Idle …
//! ```

use std::{future::Future, sync::Arc};

use async_trait::async_trait;
use sonagi_model::{Clock, Entropy, RequestId, Tick, clock, limits};

use super::{
    crew::Crew, hints::Hints, invocation, isolation::Opened, life::Life, output::Output, templates::Template,
};
use crate::{
    AnswerSender, Call, Environment, EnvironmentSpec, Finished,
    ending::Exit,
    extensions::{replies::ShutdownReason, telemetry::Motion},
    runtime_api::{Arrival, Connection, Doorway, Head, Route, replies},
};

pub(crate) struct ProcessEnvironment {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) spec: Arc<EnvironmentSpec>,
    pub(crate) process: Life,
    pub(crate) output: Output,
    pub(crate) api: Doorway,
    /// The connection on which the runtime asked last, followed without a detour.
    pub(crate) focus: Option<Connection>,
    pub(crate) state: State,
    pub(crate) awaits: Awaits,
    pub(crate) hints: Hints,
    /// Its extensions, if it has some.
    pub(crate) crew: Option<Box<Crew>>,
    /// Reused for the head of each event.
    pub(crate) head: Vec<u8>,
    /// The AWS endpoint, as it is seen inside.
    pub(crate) _endpoint: Option<Opened>,
    /// What it was copied from, which must outlive it.
    pub(crate) _template: Option<Arc<Template>>,
}

/// What a runtime may ask for while it initialises, once.
pub(crate) enum Awaits {
    Nothing,
    /// To be restored: its initialisation proper is done.
    Restore,
    /// Who it is: the answer.
    Assignment(Vec<u8>),
}

/// As the Runtime API names its states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Initialising,
    /// The focus waits for an event.
    Idle,
    Running(RequestId),
    /// The answer was given; the runtime has not asked for more.
    Answered,
    /// Killed, or left in the middle of an invocation.
    Over,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Initialising => "Started",
            Self::Idle => "Ready",
            Self::Running(_) => "Running",
            Self::Answered => "ResponseSent",
            Self::Over => "Exited",
        }
    }
}

/// What a runtime did.
#[expect(
    clippy::large_enum_variant,
    reason = "it lives for a moment, and a box would cost every request one"
)]
pub(super) enum Event {
    Request(Arrival),
    /// It has ended, or must be ended.
    Ended,
}

/// What a request that was routed leaves to do.
pub(super) enum Routed {
    /// The runtime waits for an event.
    Next,
    Response(Arrival),
    Error(Arrival),
    InitError(Arrival),
    /// It is initialised and asks to be restored.
    Restore(Arrival),
    /// It was an extension's, and was answered, or will be.
    Extension,
    /// It was answered already.
    Refused,
}

impl ProcessEnvironment {
    /// What the runtime does next. Log lines are passed on meanwhile. Safe to drop.
    pub(super) async fn event(&mut self) -> Event {
        loop {
            let request = tokio::select! {
                biased;
                head = head_of(&mut self.focus) => head,
                arrival = self.api.arrival() => return Event::Request(arrival),
                () = self.process.ended() => return Event::Ended,
                never = self.output.pass_on() => match never {},
            };
            let Some(connection) = self.focus.take() else { continue };
            match request {
                Ok(head) => return Event::Request(Arrival { connection, head }),
                Err(ended) => {
                    if self.state == State::Idle {
                        // What waited for an event is gone; it will ask again.
                        self.state = State::Answered;
                    }
                    crate::runtime_api::refuse(connection, ended).await;
                }
            }
        }
    }

    /// What the runtime had sent before it ended.
    pub(super) async fn last_request(&mut self) -> Option<Arrival> {
        if let Some(mut connection) = self.focus.take()
            // All its processes are dead, so this ends: with a head or with the connection's end.
            && let Ok(head) = connection.head().await
        {
            return Some(Arrival { connection, head });
        }
        self.api.arrived()
    }

    /// Decides what a request is in the present state. Those that are out of place are answered here.
    pub(super) async fn route(&mut self, mut arrival: Arrival) -> Routed {
        let refusal = match (arrival.head.route, self.state) {
            (Route::Extension(route), _) => {
                // In a box of its own: most environments never need the room for it.
                Box::pin(self.extension(route, arrival)).await;
                return Routed::Extension;
            }
            (Route::Next, State::Initialising | State::Answered) => {
                self.follow(arrival.connection);
                self.state = State::Idle;
                return Routed::Next;
            }
            (Route::Next, State::Idle) if !self.focus.as_ref().is_some_and(Connection::waits) => {
                self.follow(arrival.connection);
                return Routed::Next;
            }
            (Route::Next, state @ (State::Idle | State::Running(_) | State::Over)) => {
                replies::wrong_state(state.name(), "Ready")
            }
            (Route::Response(Some(id)), State::Running(current)) if id == current => {
                return Routed::Response(arrival);
            }
            (Route::Error(Some(id)), State::Running(current)) if id == current => {
                return Routed::Error(arrival);
            }
            (Route::InitError | Route::RestoreError, State::Initialising) => {
                return Routed::InitError(arrival);
            }
            (Route::Restore, State::Initialising) if matches!(self.awaits, Awaits::Restore) => {
                self.awaits = Awaits::Nothing;
                return Routed::Restore(arrival);
            }
            (Route::Assignment, State::Initialising) if matches!(self.awaits, Awaits::Assignment(_)) => {
                match std::mem::replace(&mut self.awaits, Awaits::Nothing) {
                    Awaits::Assignment(reply) => reply,
                    Awaits::Nothing | Awaits::Restore => replies::unknown(),
                }
            }
            (Route::InitError, state) => replies::wrong_state(state.name(), "InitError"),
            (Route::Response(_) | Route::Error(_), _) => replies::wrong_request_id(),
            // It was told long ago, and never may a function ask.
            (Route::Assignment | Route::Restore | Route::RestoreError | Route::Unknown, _) => {
                replies::unknown()
            }
        };
        let reply = self.refuse(&mut arrival.connection, &arrival.head, refusal);
        // A client that neither reads its answers nor ends is cut off.
        let deadline = self.clock.tick() + limits::RUNTIME_REFUSAL;
        if clock::within(&*self.clock, deadline, reply).await == Some(true) {
            self.keep(arrival.connection);
        }
        Routed::Refused
    }

    /// Reads the body that nobody wants and answers; false if the connection is of no more use.
    async fn refuse(&self, connection: &mut Connection, head: &Head, reply: Vec<u8>) -> bool {
        connection.discard(head).await.is_ok() && connection.send(&reply).await.is_ok()
    }

    /// Makes it the connection that is followed.
    pub(super) fn follow(&mut self, connection: Connection) {
        if let Some(before) = self.focus.replace(connection) {
            self.api.hand_back(before);
        }
    }

    /// Takes a connection back after a request that was not `next`.
    pub(super) fn keep(&mut self, connection: Connection) {
        if !connection.persists() {
            return;
        }
        match self.state {
            State::Idle => self.api.hand_back(connection),
            State::Initialising | State::Running(_) | State::Answered | State::Over => {
                self.follow(connection)
            }
        }
    }

    /// Runs `work` with log lines being passed on, until `deadline`.
    pub(super) async fn drive<T>(
        output: &mut Output,
        clock: &dyn Clock,
        deadline: Tick,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let both = async {
            tokio::select! {
                biased;
                done = work => done,
                never = output.pass_on() => match never {},
            }
        };
        clock::within(clock, deadline, both).await
    }

    /// What is left of it when it serves nobody: all that it was connected to is closed.
    pub(super) fn into_parts(self) -> (Life, Output) {
        (self.process, self.output)
    }

    /// Ends an environment that cannot go on: extensions are told why first. How the runtime had ended, if it had on its
    /// own.
    pub(crate) async fn fail(&mut self, reason: ShutdownReason) -> Option<Exit> {
        self.shut_down_crew(reason).await;
        self.end().await
    }

    /// Kills everything; how the process had ended, if it had on its own.
    pub(crate) async fn end(&mut self) -> Option<Exit> {
        self.state = State::Over;
        let exit = self.process.kill().await;
        self.output.drain();
        exit
    }
}

/// The next request's head on the focus; never ready without one.
async fn head_of(focus: &mut Option<Connection>) -> Result<Head, crate::runtime_api::Ended> {
    match focus {
        Some(connection) => connection.head().await,
        None => std::future::pending().await,
    }
}

#[async_trait]
impl Environment for ProcessEnvironment {
    async fn invoke(&mut self, call: Call, answer: AnswerSender) -> Finished {
        self.process.resume();
        self.tell_motion(Motion::Runs);
        invocation::run(self, call, answer).await
    }

    async fn died(&mut self) {
        if self.state == State::Over {
            return;
        }
        let clock = Arc::clone(&self.clock);
        let mut hold_at = Some(clock.tick() + limits::IDLE_RUN);
        loop {
            let event = match hold_at {
                Some(at) => clock::within(&*clock, at, self.event()).await,
                None => Some(self.event().await),
            };
            match event {
                // What still runs has had its time: like on Lambda, it goes on with the next invocation.
                None => {
                    hold_at = None;
                    self.tell_motion(Motion::Held);
                    self.process.hold();
                }
                Some(Event::Ended) => {
                    self.ends_because(ShutdownReason::Failure);
                    return;
                }
                Some(Event::Request(arrival)) => {
                    // Whatever it is, there is no invocation that it could be for.
                    let _ = self.route(arrival).await;
                }
            }
        }
    }

    async fn shut_down(&mut self) {
        if let Some(crew) = &self.crew {
            let reason = crew.reason;
            self.fail(reason).await;
        }
    }

    fn report(&self, record: &dyn Fn() -> serde_json::Value) {
        if let Some(crew) = &self.crew
            && crew.telemetry.is_heard()
        {
            crew.telemetry.platform("platform.report", &record());
        }
    }
}
