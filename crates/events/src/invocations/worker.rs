//! Bringing what was accepted to functions.

use std::{sync::Arc, time::Duration};

use sonagi_control::Target;
use sonagi_data::queues::{QueueName, Receive, Received, Return};
use sonagi_invoke::{Request, Tail};
use sonagi_model::{Timestamp, function::Asynchronous as Config, limits};
use tokio_util::sync::CancellationToken;

use super::{
    KIND,
    note::Note,
    record::{self, End, Facts},
};
use crate::{
    Destination, Detail, Events, Parcel, Result,
    attempt::{Attempt, attempt},
    lineage::Lineage,
    own_queues,
    poller::{Verdict, Work},
};

/// Brings what is in functions' own queues; returns when all of it has stopped.
pub(crate) async fn follow(events: Events, stop: CancellationToken) {
    let at = |name| OwnQueue { events: events.clone(), name };
    own_queues::follow(&events, KIND, at, &stop).await;
}

/// A function's own queue.
struct OwnQueue {
    events: Events,
    name: QueueName,
}

impl Work for OwnQueue {
    type Job = Received;

    fn at_once(&self) -> usize {
        limits::EVENTS_AT_ONCE
    }

    async fn next(&self, most: usize, stop: &CancellationToken) -> Result<Option<Vec<Received>>> {
        let ask = Receive {
            most,
            visibility: Some(limits::EVENT_LEASE),
            wait: Some(limits::POLLER_IDLE),
            attempt: None,
        };
        let function = self.name.whose(KIND).unwrap_or_default();
        let is_live = || self.events.control().live().function(function).is_some();
        own_queues::next(&self.events, &self.name, &ask, is_live, stop).await
    }

    async fn run(&self, job: Received) -> Verdict {
        match self.bring(&job).await {
            Ok(verdict) => verdict,
            Err(error) => {
                // Its lease ends by itself, and it is brought again.
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    queue = %self.name,
                    "an asynchronous invocation is put off"
                );
                Verdict::Done
            }
        }
    }
}

/// One message, read.
struct Event<'a> {
    received: &'a Received,
    note: Note,
    config: Config,
    /// What is told of it: the lineage with this function.
    trace: String,
}

impl OwnQueue {
    async fn bring(&self, received: &Received) -> Result<Verdict> {
        let head = &received.message.head;
        let note: Option<Note> = head.note.as_deref().and_then(|note| serde_json::from_str(note).ok());
        let Some(note) = note else {
            return Err(sonagi_backend::Error::Damaged { what: "an invocation's note".into() }.into());
        };
        let now = self.events.clock().now();
        let target =
            self.events.control().target(&note.app, note.release, &note.function, note.version).await?;
        let Some(target) = target else {
            let arn = self.events.arn_of(&note.function);
            let why = format!("Function not found: {arn}: what it was when the event came is gone.");
            tracing::warn!(function = %note.function, request = note.request, "{why}");
            let event = Event { received, note, config: Config::default(), trace: String::new() };
            return self.over(&event, None, End::Refused { status: 404, why }, 0).await;
        };
        let mut lineage = Lineage::of(head.trace.as_deref());
        let wakes = lineage.wake(&target.arn);
        let trace = lineage.header(head.trace.as_deref(), now, &**self.events.entropy());
        let config = self.events.asynchronous_of(&target, note.qualifier.as_deref());
        let event = Event { received, note, config, trace };
        let count = event.note.failed;
        if wakes > limits::WAKES_OF_ITSELF && !self.events.may_wake_itself(&target) {
            self.events.say_recursive(&target);
            return self.over(&event, Some(&target), End::Recursive, count).await;
        }
        if self.events.takes_nothing(&target) {
            let why = "The function's reserved concurrency is 0.".to_owned();
            return self.over(&event, Some(&target), End::Refused { status: 429, why }, count).await;
        }
        let age = now.since(head.sent);
        if age >= Duration::from_secs(event.config.max_age.into()) {
            let why = "The event is older than the function's maximum event age.".to_owned();
            return self.over(&event, Some(&target), End::TooOld { status: 429, why }, count).await;
        }
        let arn = match &event.note.qualifier {
            Some(qualifier) => format!("{}:{qualifier}", target.arn),
            None => target.arn.clone(),
        };
        let request = Request {
            target: Arc::clone(&target),
            request: event.note.request.parse().unwrap_or_else(|_| self.events.new_request()),
            arn,
            input: received.message.body.clone().into(),
            trace: Some(event.trace.clone()),
            client_context: event.note.client_context.clone(),
            cognito_identity: None,
            tail: Tail::No,
            timeout: None,
        };
        match self.attempt(received, request).await {
            Attempt::Answered(Ok(answer)) => {
                self.over(&event, Some(&target), End::Succeeded(answer), count + 1).await
            }
            Attempt::Answered(Err(failure)) if count >= event.config.retries => {
                self.over(&event, Some(&target), End::Failed(failure), count + 1).await
            }
            Attempt::Answered(Err(_)) => {
                let wait =
                    limits::EVENT_RETRY_WAITS[(count as usize).min(limits::EVENT_RETRY_WAITS.len() - 1)];
                self.again(&event, wait, Note { failed: count + 1, ..event.note.clone() }).await?;
                Ok(Verdict::Done)
            }
            Attempt::Later => {
                self.again(&event, put_off(head.sent, now), event.note.clone()).await?;
                Ok(Verdict::Throttled)
            }
            Attempt::Stopping => {
                self.again(&event, Duration::ZERO, event.note.clone()).await?;
                Ok(Verdict::Done)
            }
        }
    }

    /// One run of the function, under a lease that is renewed.
    async fn attempt(&self, received: &Received, request: Request) -> Attempt {
        let run = attempt(self.events.frontend(), request);
        tokio::pin!(run);
        loop {
            let renew = self.events.clock().sleep(Duration::from_secs(u64::from(limits::EVENT_LEASE) / 3));
            tokio::select! {
                attempt = &mut run => return attempt,
                () = renew => {
                    let more = sonagi_data::queues::ChangeVisibility {
                        handle: received.handle.clone(),
                        seconds: limits::EVENT_LEASE,
                    };
                    // If it cannot be had the event may be brought twice, which nobody is promised it is not.
                    drop(self.events.queues().change_visibility(&self.name, vec![more]).await);
                }
            }
        }
    }

    /// It goes back to its queue.
    async fn again(&self, event: &Event<'_>, wait: Duration, note: Note) -> Result<()> {
        let name = self.name.clone();
        let back = Return {
            handle: event.received.handle.clone(),
            seconds: u32::try_from(wait.as_secs()).unwrap_or(limits::QUEUE_VISIBILITY_MAX),
            counts: true,
        };
        let changed = note != event.note;
        let note = serde_json::to_string(&note)
            .map_err(|_| sonagi_backend::Error::Damaged { what: "an invocation's note".into() })?;
        let body = move |outbox: &mut sonagi_data::queues::Outbox<'_>| match changed {
            true => outbox.amend(&name, &back, &note),
            false => outbox.give_back(&name, &back),
        };
        Ok(self.events.queues().transact(body).await?)
    }

    /// It is over: the message goes, and whoever is to be told is, in one transaction.
    async fn over(
        &self,
        event: &Event<'_>,
        target: Option<&Arc<Target>>,
        end: End,
        count: u32,
    ) -> Result<Verdict> {
        let name = self.name.clone();
        let handle = event.received.handle.clone();
        let parcels = target.map(|target| self.parcels(event, target, &end, count)).unwrap_or_default();
        let events = self.events.clone();
        let undelivered = self
            .events
            .queues()
            .transact(move |outbox| {
                // A standard queue's message goes by any of its handles.
                let _ = outbox.acknowledge(&name, &handle)?;
                let mut undelivered = Vec::new();
                for (to, parcel) in &parcels {
                    if let Err(why) = events.deliver(outbox, to, parcel)? {
                        undelivered.push((to.clone(), why));
                    }
                }
                Ok(undelivered)
            })
            .await?;
        for (to, why) in undelivered {
            let arn = to.arn(&self.events.config().account, &self.events.config().region);
            tracing::warn!(function = %event.note.function, destination = arn, "{why}");
            if let Some(target) = target {
                self.events.log(
                    target,
                    &format!("The result of {} could not be delivered to {arn}: {why}", event.note.request),
                );
            }
        }
        Ok(Verdict::Done)
    }

    /// Whoever is to be told, and what.
    fn parcels(
        &self,
        event: &Event<'_>,
        target: &Arc<Target>,
        end: &End,
        count: u32,
    ) -> Vec<(Destination, Parcel)> {
        let Event { received, note, config, trace } = event;
        let failed = !matches!(end, End::Succeeded(_));
        let trace = Some(trace.clone());
        let mut parcels = Vec::new();
        if let Some(letters) = target.function.dead_letters.as_deref().filter(|_| failed) {
            let parcel = Parcel {
                body: received.message.body.clone(),
                attributes: record::letter(&note.request, end),
                trace: trace.clone(),
                sender: target.arn.clone(),
                ..Parcel::default()
            };
            parcels.push((letters, parcel));
        }
        let told = if failed { &config.on_failure } else { &config.on_success };
        if let Some(told) = told {
            let qualifier = note.qualifier.clone().unwrap_or_else(|| "$LATEST".into());
            let arn = format!("{}:{qualifier}", target.arn);
            let facts = Facts {
                at: self.events.clock().now(),
                request: &note.request,
                function: &arn,
                version: &target.version.to_string(),
                count,
                payload: &received.message.body,
            };
            let detail = Detail {
                source: "lambda".into(),
                kind: format!(
                    "Lambda Function Invocation Result - {}",
                    if failed { "Failure" } else { "Success" }
                ),
                resources: vec![told.clone(), arn.clone()],
            };
            let parcel = Parcel {
                body: record::record(&facts, end),
                trace,
                sender: target.arn.clone(),
                detail: Some(detail),
                ..Parcel::default()
            };
            parcels.push((told, parcel));
        }
        let place = self.events.config();
        let read =
            |(arn, parcel): (&str, Parcel)| match Destination::parse(arn, &place.account, &place.region) {
                Ok(to) => Some((to, parcel)),
                Err(why) => {
                    tracing::warn!(function = %note.function, "an event's end is told nobody: {why}");
                    self.events.log(
                        target,
                        &format!("The result of {} could not be delivered: {why}", note.request),
                    );
                    None
                }
            };
        parcels.into_iter().filter_map(read).collect()
    }
}

/// As long again as it has waited already: the waits double without a count of them.
fn put_off(sent: Timestamp, now: Timestamp) -> Duration {
    now.since(sent).clamp(limits::EVENT_BACKOFF_MIN, limits::EVENT_BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_off_waits_for_as_long_again_within_bounds() {
        let at = |seconds: u64| Timestamp::from_millis(seconds * 1_000);
        let waits = [0, 1, 2, 4, 250, 10_000].map(|age| put_off(at(1_000), at(1_000 + age)).as_secs());
        assert_eq!(waits, [1, 1, 2, 4, 250, 300]);
        assert_eq!(put_off(at(1_000), at(0)), limits::EVENT_BACKOFF_MIN);
    }
}
