//! Queues that a function's events come from or go to.

use std::sync::Arc;

use sonagi_data::{
    Error,
    queues::{Queue, QueueName, Refusal},
};
use sonagi_events::Destination;

use super::error::{invalid_parameter, ours};
use crate::{aws::error::AwsError, platform::Parts};

/// Refuses the ARN of a queue of this platform that is not there. All else is checked where it is kept; `what` names the
/// ARN for the caller.
pub(super) async fn check(parts: &Parts, what: &str, arn: Option<&str>) -> Result<(), AwsError> {
    let Some(arn) = arn else { return Ok(()) };
    let read = Destination::parse(arn, &parts.config.account, &parts.config.region);
    let Ok(Destination::Queue(name)) = read else { return Ok(()) };
    match queue(parts, &name).await? {
        Some(_) => Ok(()),
        None => Err(invalid_parameter(format!("The {what} ARN {arn} is invalid."))),
    }
}

pub(super) async fn queue(parts: &Parts, name: &QueueName) -> Result<Option<Arc<Queue>>, AwsError> {
    match parts.queues.find(name).await {
        Ok(queue) => Ok(Some(queue)),
        Err(Error::Queue(Refusal::NoQueue)) => Ok(None),
        Err(error) => Err(ours(&error)),
    }
}
