//! DeleteMessage, ChangeMessageVisibility, and the same in batches.

use serde::Deserialize;
use sonagi_data::queues::{ChangeVisibility, Handle, Refusal};
use sonagi_model::limits;

use super::{
    Answer, Call,
    batch::{self, Done, Outcome},
    error::Fault,
    text::Text,
};
use crate::platform::Parts;

/// A handle, alone or in a batch, and perhaps a time.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HandleInput<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    receipt_handle: Option<Text<'a>>,
    visibility_timeout: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BatchInput<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    entries: Option<Vec<HandleInput<'a>>>,
}

impl HandleInput<'_> {
    fn handle(&self) -> Result<Handle, Fault> {
        let text = self.receipt_handle.as_deref().filter(|text| !text.is_empty());
        Ok(text.ok_or_else(|| Fault::missing("ReceiptHandle"))?.parse::<Handle>()?)
    }

    /// What is to change; `name` is that of the time in the error, if there is none.
    fn change(&self, name: &str) -> Result<ChangeVisibility, Fault> {
        let handle = self.handle()?;
        let seconds = self.visibility_timeout.ok_or_else(|| Fault::missing(name))?;
        let most = limits::QUEUE_VISIBILITY_MAX;
        match u32::try_from(seconds).ok().filter(|seconds| *seconds <= most) {
            Some(seconds) => Ok(ChangeVisibility { handle, seconds }),
            None => Err(Fault::parameter(format!(
                "Value {seconds} for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must be an \
                 integer between 0 and {most}."
            ))),
        }
    }
}

pub(super) async fn delete(parts: &Parts, call: &Call) -> Answer {
    let input: HandleInput<'_> = call.read()?;
    let name = call.queue(parts, input.queue_url.as_deref()).await?;
    let handle = input.handle()?;
    only(parts.queues.acknowledge(&name, vec![handle]).await?)?;
    call.done()
}

pub(super) async fn change(parts: &Parts, call: &Call) -> Answer {
    let input: HandleInput<'_> = call.read()?;
    let name = call.queue(parts, input.queue_url.as_deref()).await?;
    let change = input.change("VisibilityTimeout")?;
    only(parts.queues.change_visibility(&name, vec![change]).await?)?;
    call.done()
}

fn only(mut done: Vec<Result<(), Refusal>>) -> Result<(), Refusal> {
    done.pop().unwrap_or(Ok(()))
}

pub(super) async fn delete_batch(parts: &Parts, call: &Call) -> Answer {
    let input: BatchInput<'_> = call.read()?;
    let name = call.queue(parts, input.queue_url.as_deref()).await?;
    let Batch { outcome, ids, wanted } = Batch::of(call, input, |entry, _| entry.handle())?;
    // Also with none that can be done: whether the queue is there must be said.
    let done = parts.queues.acknowledge(&name, wanted).await?;
    finish(call, outcome, ids, done)
}

pub(super) async fn change_batch(parts: &Parts, call: &Call) -> Answer {
    let input: BatchInput<'_> = call.read()?;
    let name = call.queue(parts, input.queue_url.as_deref()).await?;
    let Batch { outcome, ids, wanted } = Batch::of(call, input, |entry, number| {
        entry.change(&format!("ChangeMessageVisibilityBatchRequestEntry.{number}.VisibilityTimeout"))
    })?;
    let done = parts.queues.change_visibility(&name, wanted).await?;
    finish(call, outcome, ids, done)
}

/// What is to be done for which entries, and those that have failed already.
struct Batch<T> {
    outcome: Outcome<Done>,
    ids: Vec<String>,
    wanted: Vec<T>,
}

impl<T> Batch<T> {
    fn of(
        call: &Call,
        input: BatchInput<'_>,
        read: impl Fn(&HandleInput<'_>, usize) -> Result<T, Fault>,
    ) -> Result<Self, Fault> {
        let entries = input.entries.unwrap_or_default();
        let all = batch::ids(call.operation, &entries, |entry| entry.id.as_deref())?;
        let mut outcome = Outcome::new();
        let (mut ids, mut wanted) = (Vec::new(), Vec::new());
        for ((index, id), entry) in all.into_iter().enumerate().zip(&entries) {
            match read(entry, index + 1) {
                Ok(read) => {
                    wanted.push(read);
                    ids.push(id);
                }
                Err(fault) => outcome.fail(id, fault),
            }
        }
        Ok(Self { outcome, ids, wanted })
    }
}

fn finish(
    call: &Call,
    mut outcome: Outcome<Done>,
    ids: Vec<String>,
    done: Vec<Result<(), Refusal>>,
) -> Answer {
    for (id, done) in ids.into_iter().zip(done) {
        match done {
            Ok(()) => outcome.successful.push(Done { id }),
            Err(refusal) => outcome.fail(id, refusal.into()),
        }
    }
    call.answer(&outcome)
}
