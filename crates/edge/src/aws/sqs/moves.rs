//! StartMessageMoveTask, CancelMessageMoveTask, ListMessageMoveTasks.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use sonagi_data::queues::{BadArn, MoveState, MoveTask, QueueName, Refusal};
use sonagi_model::limits;

use super::{
    Answer, Call, address,
    error::{Code, Fault},
    text::Text,
};
use crate::platform::Parts;

/// What a task's handle is, in base64; to clients it is opaque.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaskHandle {
    task_id: String,
    source_arn: String,
}

impl TaskHandle {
    fn text(parts: &Parts, id: &str, source: &QueueName) -> Result<String, Fault> {
        let handle = Self { task_id: id.to_owned(), source_arn: address::arn(parts, source) };
        Ok(STANDARD.encode(serde_json::to_vec(&handle).map_err(|error| Fault::internal(&error))?))
    }

    fn read(text: &str) -> Result<Self, Fault> {
        let decoded = STANDARD.decode(text).ok();
        decoded
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .ok_or_else(|| Fault::parameter("Value for parameter TaskHandle is invalid."))
    }
}

/// The queue that a parameter's ARN names.
fn named(parts: &Parts, parameter: &str, arn: &str) -> Result<QueueName, Fault> {
    address::of_arn(parts, arn).map_err(|error| match error {
        BadArn::Format => Fault::parameter(format!(
            "You must use this format to specify the {parameter}: \
             arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
        )),
        BadArn::Elsewhere => gone(parameter),
    })
}

fn gone(parameter: &str) -> Fault {
    Fault::new(
        Code::NO_RESOURCE,
        format!("The resource that you specified for the {parameter} parameter doesn't exist."),
    )
}

/// Asserts that a queue is there.
async fn found(parts: &Parts, parameter: &str, name: &QueueName) -> Result<(), Fault> {
    match parts.queues.find(name).await {
        Ok(_) => Ok(()),
        Err(sonagi_data::Error::Queue(Refusal::NoQueue)) => Err(gone(parameter)),
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StartInput<'a> {
    #[serde(borrow)]
    source_arn: Option<Text<'a>>,
    #[serde(borrow)]
    destination_arn: Option<Text<'a>>,
    max_number_of_messages_per_second: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StartOutput {
    task_handle: String,
}

pub(super) async fn start(parts: &Parts, call: &Call) -> Answer {
    let input: StartInput<'_> = call.read()?;
    let source = input.source_arn.ok_or_else(|| Fault::missing("SourceArn"))?;
    let source = named(parts, "SourceArn", &source)?;
    call.may(parts, &source).await?;
    // It takes messages from one queue and gives them to the other (Developer Guide, "Configuring queue permissions").
    for action in ["sqs:ReceiveMessage", "sqs:DeleteMessage"] {
        call.may_do(parts, action, &source).await?;
    }
    let destination = input.destination_arn.filter(|arn| !arn.is_empty());
    let destination = destination.map(|arn| named(parts, "DestinationArn", &arn)).transpose()?;
    if let Some(destination) = &destination {
        call.may_do(parts, "sqs:SendMessage", destination).await?;
    }
    let rate = input.max_number_of_messages_per_second.map(|rate| {
        let rate = u32::try_from(rate).ok().filter(|rate| (1..=limits::QUEUE_MOVE_RATE).contains(rate));
        rate.ok_or_else(|| {
            Fault::parameter(format!(
                "Value for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: You must enter a number that's \
                 between 1 and {}.",
                limits::QUEUE_MOVE_RATE
            ))
        })
    });
    let rate = rate.transpose()?;
    found(parts, "SourceArn", &source).await?;
    if let Some(destination) = &destination {
        if *destination == source {
            return Err(Fault::parameter("Source queue arn and destination queue arn cannot be the same."));
        }
        found(parts, "DestinationArn", destination).await?;
        if destination.is_fifo() != source.is_fifo() {
            return Err(Fault::parameter(
                "The source queue and destination queue must be of the same queue type.",
            ));
        }
    } else {
        // Each message goes back to where it came from.
        for origin in parts.queues.sources_of(&source).await? {
            call.may_do(parts, "sqs:SendMessage", &origin).await?;
        }
    }
    let id = parts.queues.start_move(&source, destination, rate).await?;
    call.answer(&StartOutput { task_handle: TaskHandle::text(parts, &id, &source)? })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CancelInput<'a> {
    #[serde(borrow)]
    task_handle: Option<Text<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CancelOutput {
    approximate_number_of_messages_moved: u64,
}

pub(super) async fn cancel(parts: &Parts, call: &Call) -> Answer {
    let input: CancelInput<'_> = call.read()?;
    let text = input.task_handle.filter(|text| !text.is_empty());
    let TaskHandle { task_id, source_arn } =
        TaskHandle::read(&text.ok_or_else(|| Fault::missing("TaskHandle"))?)?;
    let source = named(parts, "SourceArn", &source_arn)?;
    call.may(parts, &source).await?;
    found(parts, "SourceArn", &source).await?;
    let moved = parts.queues.cancel_move(&source, &task_id).await?;
    call.answer(&CancelOutput { approximate_number_of_messages_moved: moved })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListInput<'a> {
    #[serde(borrow)]
    source_arn: Option<Text<'a>>,
    max_results: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListOutput {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    results: Vec<TaskOutput>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TaskOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    task_handle: Option<String>,
    status: &'static str,
    source_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_number_of_messages_per_second: Option<u32>,
    approximate_number_of_messages_moved: u64,
    approximate_number_of_messages_to_move: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<String>,
    /// Milliseconds.
    started_timestamp: u64,
}

pub(super) async fn list(parts: &Parts, call: &Call) -> Answer {
    let input: ListInput<'_> = call.read()?;
    let source = input.source_arn.ok_or_else(|| Fault::missing("SourceArn"))?;
    let source = named(parts, "SourceArn", &source)?;
    call.may(parts, &source).await?;
    let limit = limits::QUEUE_MOVES_KEPT;
    let most = match input.max_results {
        None => 1,
        Some(most) => {
            usize::try_from(most).ok().filter(|most| (1..=limit).contains(most)).ok_or_else(|| {
                Fault::parameter(format!(
                    "Value for parameter MaxResults is invalid. Reason: MaxResults must be an integer between 1 and {limit}."
                ))
            })?
        }
    };
    found(parts, "SourceArn", &source).await?;
    let tasks = parts.queues.moves(&source, most).await?;
    let results = tasks.into_iter().map(|task| output(parts, task)).collect::<Result<_, _>>()?;
    call.answer(&ListOutput { results })
}

/// A task has a handle as long as it can be cancelled.
fn output(parts: &Parts, task: MoveTask) -> Result<TaskOutput, Fault> {
    let task_handle = match task.state {
        MoveState::Running => Some(TaskHandle::text(parts, &task.id, &task.source)?),
        MoveState::Cancelling | MoveState::Cancelled | MoveState::Completed | MoveState::Failed => None,
    };
    Ok(TaskOutput {
        task_handle,
        status: task.state.as_str(),
        source_arn: address::arn(parts, &task.source),
        destination_arn: task.destination.map(|name| address::arn(parts, &name)),
        max_number_of_messages_per_second: task.rate,
        approximate_number_of_messages_moved: task.moved,
        approximate_number_of_messages_to_move: task.to_move,
        failure_reason: task.failure,
        started_timestamp: task.started.millis(),
    })
}
