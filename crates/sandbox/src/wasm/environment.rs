//! One environment: at most one instance at a time, and none while it is idle unless its function asked for reuse.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use sonagi_model::{Clock, Tick, clock, function::Reuse};
use tokio::{sync::oneshot, task::coop};

use super::{
    call::{self, Ended, Instance},
    engine::KEPT_LARGE,
    events,
    failure::Failed,
    lanes::{Lanes, Run, Spent},
    loaded::Loaded,
    memory::Peak,
    output::Output,
    serving::{Asked, Guest, Serving, Step},
};
use crate::{AnswerSender, Call, Environment, Finished, Input, Outcome, ending};

pub(super) struct WasmEnvironment {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) lanes: Arc<Lanes>,
    pub(super) loaded: Arc<Loaded>,
    pub(super) variables: Vec<(String, String)>,
    pub(super) out: Output,
    pub(super) err: Output,
    pub(super) reuse: Option<Reuse>,
    pub(super) kept: Option<Kept>,
    pub(super) memory_peak: Peak,
}

/// An instance that serves again.
pub(super) struct Kept {
    instance: Instance,
    made: Tick,
    served: u32,
}

/// Bytes beyond those that it began with, as far as its slot keeps them, up to which an instance's memory is given back
/// on the thread that served it.
const GIVEN_BACK_HERE: usize = 4 << 20;

/// For the log of a function that asked for reuse in vain.
const SERVES_ONCE: &str = "the component's instance served one request and failed at its second: from now on every \
    request gets a fresh one. Leave `reuse` out, or build the component so that an instance serves many\n";

impl WasmEnvironment {
    /// The instance that serves next, when it was made, and how many requests it has served.
    fn instance(&mut self, now: Tick) -> Kept {
        let kept = self.kept.take().filter(|kept| {
            self.reuse.is_some_and(|reuse| now.since(kept.made) < Duration::from_secs(reuse.age.into()))
        });
        kept.unwrap_or_else(|| Kept {
            instance: Instance::new(&self.loaded, &self.variables, &self.out, &self.err, &self.memory_peak),
            made: now,
            served: 0,
        })
    }

    /// Keeps an instance that has served well, if it may serve again, and gives it back if not.
    fn keep(&mut self, instance: Instance, made: Tick, served: u32) -> Option<Instance> {
        let Some(reuse) = self.reuse else { return Some(instance) };
        if served > 1 {
            self.loaded.served_again();
        }
        let within = self.loaded.serves_again()
            && served < reuse.requests
            && instance.memory() <= (reuse.memory as usize) << 20;
        if !within {
            return Some(instance);
        }
        self.kept = Some(Kept { instance, made, served });
        None
    }

    fn request(call: &Call, input: Input) -> (Asked, Request<Bytes>) {
        match input {
            Input::Http(request) => (Asked::Http, *request),
            Input::Event(payload) => (Asked::Event, events::request(call, payload)),
        }
    }
}

#[async_trait]
impl Environment for WasmEnvironment {
    async fn invoke(&mut self, mut call: Call, answer: AnswerSender) -> Finished {
        let started = self.clock.tick();
        self.out.tag(call.request);
        self.err.tag(call.request);
        let input = std::mem::replace(&mut call.input, Input::Event(Bytes::new()));
        let (asked, request) = Self::request(&call, input);
        let Kept { instance, made, served } = self.instance(started);
        let (responder, response) = oneshot::channel();
        let guest = Box::pin(call::serve(Arc::clone(&self.loaded), instance, request, responder));
        let spent = Spent::default();
        let run = self.lanes.run(guest, self.loaded.beginning(), &spent);
        let mut serving = Serving::new(asked, answer, response);
        let ended = {
            let both = both(run, &mut serving);
            clock::within(&*self.clock, call.deadline, both).await
        };
        let duration = self.clock.tick().since(started);
        let cpu = spent.so_far();
        self.loaded.used(cpu);
        let mut waste = None;
        let outcome = match ended {
            Some(Ended { instance, result }) => {
                let failed = match result {
                    Ok(()) => serving.failed(),
                    Err(error) => Some(instance.failed(error)),
                };
                waste = match failed {
                    None | Some(Failed::Answered(_)) => self.keep(instance, made, served + 1),
                    Some(_) => Some(instance),
                };
                match failed {
                    None => Outcome::Success,
                    Some(failed) => {
                        let outcome = self.fail(&failed, &call, &mut serving);
                        if served == 1 && !matches!(failed, Failed::Answered(_)) && self.loaded.failed_again()
                        {
                            self.err.push(SERVES_ONCE.as_bytes());
                        }
                        outcome
                    }
                }
            }
            None => {
                serving.give_up(ending::timed_out(&call.request, duration));
                Outcome::TimedOut
            }
        };
        self.out.flush();
        self.err.flush();
        // The caller has its answer. To give much memory back takes long, and would hold up whoever shares the thread.
        let here = self.loaded.memory().min(KEPT_LARGE) + GIVEN_BACK_HERE;
        if let Some(waste) = waste.filter(|instance| instance.memory() > here) {
            self.lanes.discard(waste).await;
        }
        let memory_peak = self.memory_peak.bytes() as u64;
        Finished { outcome, duration, cpu: Some(cpu), memory_peak, reusable: true }
    }

    /// Nothing of it can die while it is idle, but what it keeps has its time.
    async fn died(&mut self) {
        if let (Some(kept), Some(reuse)) = (&self.kept, self.reuse) {
            let age = Duration::from_secs(reuse.age.into());
            self.clock.sleep_until(kept.made + age).await;
            self.kept = None;
        }
        std::future::pending().await
    }
}

impl WasmEnvironment {
    fn fail(&self, failed: &Failed, call: &Call, serving: &mut Serving) -> Outcome {
        // What it printed comes before why it ended.
        self.out.flush();
        failed.tell(&self.err);
        let failure = failed.failure(&call.request);
        let outcome = failed.outcome(&failure);
        serving.give_up(failure);
        outcome
    }
}

/// Runs the guest and passes its answer on, until both are done or the guest has failed.
async fn both<G>(mut run: Run<G>, serving: &mut Serving) -> Ended
where
    G: Future<Output = Ended> + Send + 'static,
{
    let mut ended: Option<Ended> = None;
    poll_fn(|context| {
        loop {
            if ended.is_none()
                && let Poll::Ready(done) = Pin::new(&mut run).poll(context)
            {
                ended = Some(done);
            }
            let guest = match &ended {
                Some(Ended { result: Err(_), .. }) => break,
                Some(Ended { result: Ok(()), .. }) => Guest::Returned,
                None => Guest::Away,
            };
            // What a guest that has returned left is there, and none of it may be taken for missing because this
            // task has used up its turn.
            let step =
                pin!(coop::unconstrained(poll_fn(|context| Poll::Ready(serving.poll(context, guest)))));
            let Poll::Ready(step) = step.poll(context) else { return Poll::Pending };
            match step {
                Step::Done if guest == Guest::Returned => break,
                Step::Onward => {}
                // What the guest does behind its answer is its own affair, until its time is up.
                Step::Done | Step::Waits => return Poll::Pending,
            }
        }
        match ended.take() {
            Some(ended) => Poll::Ready(ended),
            None => Poll::Pending,
        }
    })
    .await
}
