//! The task that owns one environment.

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use sonagi_model::{Tick, invocation::ColdStart, limits::ENVIRONMENT_AGE};
use sonagi_sandbox::{Answer, Environment, Finished, HttpAnswer, HttpBody};
use tokio::sync::oneshot;

use super::{
    Grace, Job, Next, Pool, Reply, Stage, Withdrawn,
    room::Place,
    run::{Run, Used},
    seat::{Order, Seat},
};
use crate::{
    Error, Result, Tail, activity::Active, admission::Permit, frontend::Engine, report::Journal,
    request::LateTail, stream,
};

/// Serves in one environment until it is stopped or dies. Dropping it ends the environment, and only then leaves
/// the pool: the order of the fields says so.
pub(super) struct Worker {
    environment: Box<dyn Environment>,
    journal: Journal,
    /// Of the start, until an invocation has reported it.
    cold: Option<ColdStart>,
    member: Membership,
}

/// An environment's place in its pool and on this machine.
pub(super) struct Membership {
    engine: Arc<Engine>,
    pool: Arc<Pool>,
    seat: Arc<Seat>,
    stage: Stage,
    _place: Place,
}

/// What an invocation holds until its environment is free, or gone.
struct Held {
    _permit: Permit,
    _active: Active,
}

impl Worker {
    pub(super) fn new(
        environment: Box<dyn Environment>,
        journal: Journal,
        cold: Option<ColdStart>,
        member: Membership,
    ) -> Self {
        Self { environment, journal, cold, member }
    }

    /// Serves from the end of a start on, which `count` is the pool's count of.
    pub(super) async fn serve<C>(mut self, count: C, active: Active) {
        let now = self.member.engine.clock.tick();
        let next = self.member.next(now);
        drop(count);
        drop(active);
        self.serve_on(next).await;
    }

    /// Serves the invocation that was begun already, then goes on.
    pub(super) async fn serve_begun(mut self, job: Job, run: Run) {
        let (next, held) = self.run(job, run).await;
        self.go_on(next, held).await;
    }

    async fn go_on(self, next: Next, held: Held) {
        match next {
            Next::Stop => self.stop(held).await,
            Next::Run(_) | Next::Wait => {
                drop(held);
                self.serve_on(next).await;
            }
        }
    }

    async fn serve_on(mut self, mut next: Next) {
        loop {
            let mut job = match next {
                Next::Run(job) => job,
                Next::Wait => match self.wait().await {
                    Some(job) => job,
                    None => return self.environment.shut_down().await,
                },
                Next::Stop => return self.environment.shut_down().await,
            };
            let mut run = Run::begin(&self.member.engine, &self.member.pool, &mut job.request);
            if let Some(cold) = self.cold.take() {
                run.started_cold(cold);
            }
            let held;
            (next, held) = self.run(job, run).await;
            if matches!(next, Next::Stop) {
                return self.stop(held).await;
            }
        }
    }

    async fn stop(mut self, held: Held) {
        self.environment.shut_down().await;
        // The environment goes first: who waits for it to be over finds it gone.
        drop(self);
        drop(held);
    }

    /// The next job of an idle environment; none if it is to stop, or has died.
    async fn wait(&mut self) -> Option<Job> {
        let seat = self.member.seat.clone();
        let order = tokio::select! {
            biased;
            order = seat.order() => Some(order),
            () = self.environment.died() => None,
        };
        match order {
            Some(Order::Run(job)) => Some(job),
            Some(Order::Stop) => None,
            None => {
                match self.member.pool.withdraw(&seat) {
                    Withdrawn::Gone => {}
                    // Somebody took it at the same moment and has an order for it.
                    Withdrawn::Ordered => match seat.order().await {
                        Order::Run(job) => self.member.pool.give_back(&self.member.engine, job),
                        Order::Stop => {}
                    },
                }
                None
            }
        }
    }

    async fn run(&mut self, job: Job, run: Run) -> (Next, Held) {
        let Job { request, reply, permit, active } = job;
        let id = request.request;
        let facts = &self.member.seat.facts;
        facts.invocations.fetch_add(1, Ordering::Relaxed);
        if request.tail == Tail::Yes {
            self.journal.sink().keep();
        }
        self.journal.start(self.member.engine.clock.now(), id);
        let mut replying = Replying::new(reply, request.tail, self.member.engine.config.stream_size);
        let spent = run.spent();
        let (sender, mut answered) = oneshot::channel();
        let mut answering = Answering::Waiting;
        let finished = {
            let mut running = self.environment.invoke(run.call(request), sender);
            loop {
                tokio::select! {
                    biased;
                    finished = &mut running => break finished,
                    answer = &mut answered, if answering == Answering::Waiting => {
                        answering = Answering::Done;
                        if let Ok(answer) = answer {
                            self.member.finishing();
                            replying.answer(answer);
                        }
                    }
                }
            }
        };
        if answering == Answering::Waiting
            && let Ok(answer) = answered.try_recv()
        {
            self.member.finishing();
            replying.answer(answer);
        }
        self.member.seat.facts.memory_peak.store(finished.memory_peak, Ordering::Relaxed);
        let Finished { outcome, duration, cpu, memory_peak, reusable } = finished;
        let used = Used { duration: spent + duration, cpu, memory_peak };
        run.end(&self.journal, Some(&*self.environment), outcome, used);
        replying.end(|| self.journal.sink().take());
        let now = self.member.engine.clock.tick();
        let next = if reusable && now.since(self.member.seat.born) < ENVIRONMENT_AGE {
            self.member.next(now)
        } else {
            Next::Stop
        };
        (next, Held { _permit: permit, _active: active })
    }
}

#[derive(PartialEq, Eq)]
enum Answering {
    Waiting,
    Done,
}

/// The caller's side of a run.
enum Replying {
    /// The answer is sent as soon as it is there.
    AtOnce {
        reply: oneshot::Sender<Result<Reply>>,
        limit: u64,
    },
    /// It waits for the log's tail; a stream does not, and its tail comes after it.
    WithTail {
        reply: oneshot::Sender<Result<Reply>>,
        limit: u64,
    },
    Held {
        reply: oneshot::Sender<Result<Reply>>,
        answer: Answer,
    },
    Streaming {
        tail: oneshot::Sender<Bytes>,
    },
    Done,
}

impl Replying {
    fn new(reply: oneshot::Sender<Result<Reply>>, tail: Tail, limit: u64) -> Self {
        match tail {
            Tail::No => Self::AtOnce { reply, limit },
            Tail::Yes => Self::WithTail { reply, limit },
        }
    }

    // Whoever asked may have left: what `send` gives back is dropped.
    fn answer(&mut self, answer: Answer) {
        *self = match (std::mem::replace(self, Self::Done), answer) {
            (Self::AtOnce { reply, limit }, answer) => {
                let _ = reply.send(Ok(Reply { answer: limited(answer, limit), tail: None, late: None }));
                Self::Done
            }
            (Self::WithTail { reply, limit }, Answer::Stream(stream)) => {
                let (tail, late) = oneshot::channel();
                let answer = Answer::Stream(stream::limited(stream, limit));
                let _ = reply.send(Ok(Reply { answer, tail: None, late: Some(LateTail::new(late)) }));
                Self::Streaming { tail }
            }
            (
                Self::WithTail { reply, limit },
                Answer::Http(HttpAnswer { status, headers, body: HttpBody::Parts(parts) }),
            ) => {
                let (tail, late) = oneshot::channel();
                let body = HttpBody::Parts(stream::limited_parts(parts, limit));
                let answer = Answer::Http(HttpAnswer { status, headers, body });
                let _ = reply.send(Ok(Reply { answer, tail: None, late: Some(LateTail::new(late)) }));
                Self::Streaming { tail }
            }
            (
                Self::WithTail { reply, .. },
                answer @ (Answer::Success(_) | Answer::Failure(_) | Answer::Http(_)),
            ) => Self::Held { reply, answer },
            (other @ (Self::Held { .. } | Self::Streaming { .. } | Self::Done), _) => other,
        };
    }

    fn end(self, tail: impl FnOnce() -> Bytes) {
        match self {
            Self::Done => {}
            Self::Held { reply, answer } => {
                let _ = reply.send(Ok(Reply { answer, tail: Some(tail()), late: None }));
            }
            Self::Streaming { tail: late } => {
                let _ = late.send(tail());
            }
            Self::AtOnce { reply, .. } | Self::WithTail { reply, .. } => {
                let _ = reply.send(Err(Error::Lost));
            }
        }
    }
}

fn limited(answer: Answer, limit: u64) -> Answer {
    match answer {
        Answer::Success(payload) => Answer::Success(payload),
        Answer::Failure(failure) => Answer::Failure(failure),
        Answer::Stream(stream) => Answer::Stream(stream::limited(stream, limit)),
        Answer::Http(answer) => Answer::Http(stream::limited_http(answer, limit)),
    }
}

impl Membership {
    pub(super) fn new(engine: Arc<Engine>, pool: Arc<Pool>, seat: Arc<Seat>, place: Place) -> Self {
        let mut state = pool.lock();
        state.environments.push(seat.clone());
        state.joined(&seat);
        drop(state);
        Self { engine, pool, seat, stage: Stage::Serving, _place: place }
    }

    /// The environment has answered and only has to come to an end.
    fn finishing(&mut self) {
        self.pool.lock().finishing += 1;
        self.stage = Stage::Finishing;
    }

    fn next(&mut self, now: Tick) -> Next {
        let stage = std::mem::replace(&mut self.stage, Stage::Serving);
        self.pool.next(&self.engine, &self.seat, stage, now)
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        state.environments.retain(|seat| !Arc::ptr_eq(seat, &self.seat));
        drop(state.take_idle(&self.seat));
        state.left(&self.engine, &self.seat);
        if self.stage == Stage::Finishing {
            state.finishing -= 1;
        }
        state.rest(self.engine.clock.tick());
        self.pool.start_missing(&self.engine, state, Grace::Running);
        self.engine.pools.forget_empty(&self.engine, &self.pool);
    }
}
