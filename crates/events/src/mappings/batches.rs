//! A mapping's work: batches of records.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::{BufMut as _, Bytes, BytesMut};
use sonagi_control::Target;
use sonagi_invoke::{Request, Tail};
use sonagi_model::{LambdaName, clock::Tick, function::Mapping, limits};
use tokio_util::sync::CancellationToken;

use super::{
    answer,
    filter::Filters,
    runner::Processing,
    source::{Ending, Record, Source},
};
use crate::{
    Events, Result,
    attempt::{Attempt, attempt},
    lineage::Lineage,
    poller::{Verdict, Work},
};

/// Bytes of an event besides its records and the commas between them.
const FRAME: usize = br#"{"Records":[]}"#.len();

pub(super) struct Batches<S: Source> {
    events: Events,
    function: LambdaName,
    mapping: Mapping,
    filters: Filters,
    source: S,
    /// The field of a record that is its payload, for filters.
    payload: &'static str,
    processing: Arc<Mutex<Processing>>,
}

impl<S: Source> Batches<S> {
    pub(super) fn new(
        events: Events,
        function: LambdaName,
        mapping: Mapping,
        source: S,
        payload: &'static str,
        processing: Arc<Mutex<Processing>>,
    ) -> Self {
        let filters = Filters::of(&mapping.filters);
        Self { events, function, mapping, filters, source, payload, processing }
    }

    fn batch(&self) -> usize {
        self.mapping.batch.max(1) as usize
    }

    fn say(&self, processing: Processing) {
        *self.processing.lock().unwrap_or_else(PoisonError::into_inner) = processing;
    }

    /// Leases records and lets go of those that nobody wants.
    async fn wanted(
        &self,
        most: usize,
        wait: u32,
        stop: &CancellationToken,
    ) -> Result<Option<Vec<Record<S::Token>>>> {
        let Some(records) = self.source.lease(most, wait, stop).await? else { return Ok(None) };
        if self.filters.wants_all() {
            return Ok(Some(records));
        }
        let wanted = |record: &Record<S::Token>| self.filters.want(&self.source.seen(record), self.payload);
        let (wanted, unwanted): (Vec<_>, Vec<_>) = records.into_iter().partition(wanted);
        let unwanted: Vec<_> = unwanted.into_iter().map(|record| (record.token, Ending::Done)).collect();
        if !unwanted.is_empty() {
            self.source.settle(unwanted).await?;
        }
        Ok(Some(wanted))
    }

    /// Fills a batch until it is full or the time is over.
    async fn fill(
        &self,
        batch: &mut Vec<Record<S::Token>>,
        until: Tick,
        stop: &CancellationToken,
    ) -> Result<()> {
        let mut size = size_of(batch);
        while batch.len() < self.batch() && size < limits::PAYLOAD_SIZE && !stop.is_cancelled() {
            let left = until.since(self.events.clock().tick());
            if left.is_zero() {
                break;
            }
            let most = (self.batch() - batch.len()).min(limits::QUEUE_RECEIVE_MAX);
            // A wait has whole seconds; the last part of one is another look's.
            let wait =
                u32::try_from(left.as_secs()).unwrap_or(limits::QUEUE_WAIT_MAX).min(limits::QUEUE_WAIT_MAX);
            let found = self.wanted(most, wait, stop).await?;
            let Some(more) = found else { break };
            if more.is_empty() && wait == 0 {
                let pause = self.events.clock().sleep_until(until);
                let _ = stop.run_until_cancelled(pause).await;
            }
            size += size_of(&more);
            batch.extend(more);
        }
        Ok(())
    }

    async fn bring(&self, batch: Vec<Record<S::Token>>) -> Result<Went> {
        let live = self.events.control().live();
        let target = live.function(self.function.as_str()).and_then(|function| {
            function.resolve(self.mapping.qualifier.as_deref(), &**self.events.entropy()).ok()
        });
        let Some(target) = target else {
            self.say(Processing::NoFunction);
            self.source.settle(all(&batch, Ending::Back)).await?;
            return Ok(Went::Amiss(Verdict::Throttled));
        };
        let (batch, lineage) = self.without_recursion(batch, &target).await?;
        if batch.is_empty() {
            return Ok(Went::Well);
        }
        let now = self.events.clock().now();
        // Records that come of several traces begin one of their own.
        let root = batch.first().and_then(|record| record.trace.as_deref()).filter(|_| batch.len() == 1);
        let trace = lineage.header(root, now, &**self.events.entropy());
        let arn = match &self.mapping.qualifier {
            Some(qualifier) => format!("{}:{qualifier}", target.arn),
            None => target.arn.clone(),
        };
        let request = Request {
            target,
            request: self.events.new_request(),
            arn,
            input: event(&batch).into(),
            trace: Some(trace),
            client_context: None,
            cognito_identity: None,
            tail: Tail::No,
            timeout: None,
        };
        let (endings, processing, verdict): (Vec<_>, _, _) =
            match attempt(self.events.frontend(), request).await {
                Attempt::Answered(Ok(answer)) if self.mapping.partial => {
                    match answer::failed(&answer, batch.iter().map(|record| record.id.as_str())) {
                        Some(failed) => {
                            let ending = |record: &Record<S::Token>| match failed.contains(&record.id) {
                                true => (record.token.clone(), Ending::Failed),
                                false => (record.token.clone(), Ending::Done),
                            };
                            (batch.iter().map(ending).collect(), Processing::Ok, Verdict::Done)
                        }
                        None => (all(&batch, Ending::Failed), Processing::FunctionFailed, Verdict::Done),
                    }
                }
                Attempt::Answered(Ok(_)) => (all(&batch, Ending::Done), Processing::Ok, Verdict::Done),
                Attempt::Answered(Err(_)) => {
                    (all(&batch, Ending::Failed), Processing::FunctionFailed, Verdict::Done)
                }
                Attempt::Later => (all(&batch, Ending::Back), Processing::Throttled, Verdict::Throttled),
                Attempt::Stopping => (all(&batch, Ending::Back), Processing::None, Verdict::Done),
            };
        if processing != Processing::None {
            self.say(processing);
        }
        let well = endings.iter().all(|(_, ending)| *ending == Ending::Done);
        self.source.settle(endings).await?;
        Ok(if well { Went::Well } else { Went::Amiss(verdict) })
    }

    /// Takes out what the function has sent to itself too often.
    async fn without_recursion(
        &self,
        batch: Vec<Record<S::Token>>,
        target: &Arc<Target>,
    ) -> Result<(Vec<Record<S::Token>>, Lineage)> {
        let mut joined = Lineage::default();
        let allowed = self.events.may_wake_itself(target);
        let mut recursive = Vec::new();
        let mut rest = Vec::with_capacity(batch.len());
        for record in batch {
            let mut lineage = Lineage::of(record.trace.as_deref());
            if lineage.wake(&target.arn) > limits::WAKES_OF_ITSELF && !allowed {
                recursive.push((record.token, Ending::Recursive));
            } else {
                joined.join(lineage);
                rest.push(record);
            }
        }
        if !recursive.is_empty() {
            self.events.say_recursive(target);
            self.source.settle(recursive).await?;
        }
        Ok((rest, joined))
    }
}

impl<S: Source> Work for Batches<S> {
    /// Batches that are brought one after the other.
    type Job = Vec<Vec<Record<S::Token>>>;

    fn at_once(&self) -> usize {
        self.mapping.concurrency.map_or(limits::EVENTS_AT_ONCE, |most| most as usize)
    }

    async fn next(&self, most: usize, stop: &CancellationToken) -> Result<Option<Vec<Self::Job>>> {
        let window = Duration::from_secs(self.mapping.window.into());
        let jobs = if window.is_zero() && !self.source.in_order() { most } else { 1 };
        let lease = jobs.saturating_mul(self.batch()).min(limits::QUEUE_RECEIVE_MAX);
        let records = match self.wanted(lease, limits::QUEUE_WAIT_MAX, stop).await? {
            Some(records) => records,
            None => {
                // It may come back, and nobody would say so.
                self.say(Processing::NoSource);
                let pause = self.events.clock().sleep(limits::POLLER_PAUSE_MAX);
                let _ = stop.run_until_cancelled(pause).await;
                return Ok(Some(Vec::new()));
            }
        };
        let mut batches = cut(records, self.batch());
        if let (false, [batch]) = (window.is_zero(), batches.as_mut_slice()) {
            let until = self.events.clock().tick() + window;
            self.fill(batch, until, stop).await?;
            let records = std::mem::take(batch);
            batches = cut(records, self.batch());
        }
        if self.source.in_order() {
            return Ok(Some(if batches.is_empty() { Vec::new() } else { vec![batches] }));
        }
        Ok(Some(batches.into_iter().map(|batch| vec![batch]).collect()))
    }

    async fn run(&self, job: Self::Job) -> Verdict {
        let mut batches = job.into_iter();
        while let Some(batch) = batches.next() {
            let count = batch.len();
            let went = self.bring(batch).await.unwrap_or_else(|error| {
                // What they hold ends by itself, and they are brought again.
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    function = %self.function,
                    source = self.mapping.source,
                    count,
                    "records are put off"
                );
                Went::Amiss(Verdict::Done)
            });
            if let Went::Amiss(verdict) = went {
                // What is behind it must not overtake it.
                let rest: Vec<_> = batches.flat_map(|batch| all(&batch, Ending::Back)).collect();
                if let Err(error) = self.source.settle(rest).await {
                    tracing::error!(error = &error as &dyn std::error::Error, "records are put off");
                }
                return verdict;
            }
        }
        Verdict::Done
    }
}

/// How a batch went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Went {
    Well,
    /// Not all of it was done.
    Amiss(Verdict),
}

fn all<T: Clone>(batch: &[Record<T>], ending: Ending) -> Vec<(T, Ending)> {
    batch.iter().map(|record| (record.token.clone(), ending)).collect()
}

/// Bytes that records take of an event.
fn size_of<T>(records: &[Record<T>]) -> usize {
    records.iter().map(|record| record.event.len() + 1).sum()
}

/// Into batches of at most `most` records that fit into an event.
fn cut<T>(records: Vec<Record<T>>, most: usize) -> Vec<Vec<Record<T>>> {
    let mut batches: Vec<Vec<Record<T>>> = Vec::new();
    let mut size = 0;
    for record in records {
        let more = record.event.len() + 1;
        match batches.last_mut() {
            Some(batch) if batch.len() < most && size + more <= limits::PAYLOAD_SIZE => {
                size += more;
                batch.push(record);
            }
            Some(_) | None => {
                size = FRAME + more;
                batches.push(vec![record]);
            }
        }
    }
    batches
}

fn event<T>(records: &[Record<T>]) -> Bytes {
    let mut event = BytesMut::with_capacity(FRAME + size_of(records));
    event.put_slice(br#"{"Records":["#);
    for (at, record) in records.iter().enumerate() {
        if at > 0 {
            event.put_u8(b',');
        }
        event.put_slice(&record.event);
    }
    event.put_slice(b"]}");
    event.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: usize, size: usize) -> Record<usize> {
        let event = Bytes::from(format!("\"{}\"", "x".repeat(size)));
        Record { id: id.to_string(), event, trace: None, token: id }
    }

    #[test]
    fn records_are_cut_into_batches_that_fit() {
        let cut = |records: Vec<Record<usize>>, most| {
            cut(records, most)
                .iter()
                .map(|batch| batch.iter().map(|record| record.token).collect::<Vec<_>>())
                .collect::<Vec<_>>()
        };
        assert_eq!(cut((0..5).map(|id| record(id, 1)).collect(), 2), [vec![0, 1], vec![2, 3], vec![4]]);
        assert!(cut(Vec::new(), 2).is_empty());
        let third = limits::PAYLOAD_SIZE / 3;
        assert_eq!(cut((0..4).map(|id| record(id, third)).collect(), 10), [vec![0, 1], vec![2, 3]]);
        assert_eq!(cut(vec![record(0, limits::PAYLOAD_SIZE), record(1, 1)], 10), [vec![0], vec![1]]);
        assert_eq!(event(&[record(0, 1), record(1, 2)]), r#"{"Records":["x","xx"]}"#);
    }
}
