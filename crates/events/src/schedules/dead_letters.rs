//! What could not be sent, and why (EventBridge Scheduler User Guide, "Configuring a dead-letter queue").

use sonagi_backend::Error as BackendError;
use sonagi_data::queues::{Attribute, AttributeValue, Outbox};

use super::firing::Run;
use crate::{Destination, Events, Parcel};

/// Why a run was not sent.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) code: &'static str,
    pub(super) text: String,
    /// Which end of the retry policy it came to.
    pub(super) exhausted: Option<&'static str>,
}

/// Tells the schedule's dead-letter queue, if it has one.
pub(super) fn tell(
    events: &Events,
    outbox: &mut Outbox<'_>,
    run: &Run<'_>,
    input: &str,
    failure: &Failure,
) -> Result<(), BackendError> {
    let target = &run.schedule.settings.target;
    let config = events.config();
    let Some(arn) = &target.dead_letters else {
        tracing::info!(
            schedule = run.arn,
            code = failure.code,
            text = failure.text,
            "a schedule's event is dropped"
        );
        return Ok(());
    };
    let mut attributes = vec![
        ("ERROR_CODE", failure.code.to_owned()),
        ("ERROR_MESSAGE", failure.text.clone()),
        ("EXECUTION_ID", run.execution.clone()),
        ("IS_PAYLOAD_TRUNCATED", "false".to_owned()),
        ("RETRY_ATTEMPTS", "0".to_owned()),
        ("SCHEDULED_TIME", run.scheduled()),
        ("SCHEDULE_ARN", run.arn.clone()),
        ("TARGET_ARN", target.arn.clone()),
    ];
    attributes.extend(failure.exhausted.map(|exhausted| ("EXHAUSTED_RETRY_CONDITION", exhausted.to_owned())));
    attributes.sort_unstable();
    let text = |value| Attribute { kind: "String".into(), value: AttributeValue::Text(value) };
    let parcel = Parcel {
        body: input.to_owned().into(),
        attributes: attributes.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect(),
        sender: "scheduler.amazonaws.com".into(),
        ..Parcel::default()
    };
    let told = match Destination::parse(arn, &config.account, &config.region) {
        Ok(queue) => events.deliver(outbox, &queue, &parcel)?.map_err(|why| why.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(why) = told {
        tracing::warn!(
            schedule = run.arn,
            why,
            "a schedule's dead-letter queue takes nothing: its event is dropped"
        );
    }
    Ok(())
}
