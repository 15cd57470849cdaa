//! A time of a schedule's is due.

use serde_json::json;
use sonagi_backend::Error as BackendError;
use sonagi_data::queues::{Draft, Outbox};
use sonagi_model::{Timestamp, limits};

use super::{
    Completion, Schedule, TIMES,
    dead_letters::{self, Failure},
    registry,
    target::{Action, Outgoing},
    timing::{Reached, Timing},
};
use crate::{
    Destination, Events, Undeliverable,
    timers::{self, Due},
};

/// One run of a schedule.
pub(super) struct Run<'a> {
    pub(super) schedule: &'a Schedule,
    pub(super) arn: String,
    /// The time of the schedule's.
    time: Timestamp,
    pub(super) execution: String,
}

/// Sends what a schedule sends, or tells why not, and sets its next time, in the transaction that takes its timer.
pub(crate) fn fire(events: &Events, outbox: &mut Outbox<'_>, due: &Due) -> Result<(), BackendError> {
    let Some(mut schedule) = Schedule::find(outbox.transaction(), &due.key)? else { return Ok(()) };
    let Some(time) = schedule.next else { return Ok(()) };
    let timing = match Timing::of(&schedule) {
        Ok(timing) => timing,
        Err(refusal) => {
            tracing::error!(schedule = due.key, %refusal, "a schedule cannot be read: it does not run any more");
            return Ok(());
        }
    };
    let reached = timing.reached(time, due.now);
    send(events, outbox, &schedule, &reached, due.now)?;
    schedule.next = reached.next;
    match reached.next {
        Some(next) => timers::set(outbox.transaction(), TIMES, &due.key, timing.runs(next))?,
        None if schedule.settings.completion == Completion::Delete => {
            return registry::remove(outbox.transaction(), &schedule);
        }
        None => {}
    }
    schedule.store(outbox.transaction())
}

fn send(
    events: &Events,
    outbox: &mut Outbox<'_>,
    schedule: &Schedule,
    reached: &Reached,
    now: Timestamp,
) -> Result<(), BackendError> {
    let config = events.config();
    let execution = events.entropy().bytes::<8>().iter().map(|byte| format!("{byte:02x}")).collect();
    let arn = schedule.arn(&config.account, &config.region);
    let run = Run { schedule, arn, time: reached.time, execution };
    let target = &schedule.settings.target;
    let Some(action) = target.action(&config.account, &config.region) else {
        tracing::error!(schedule = run.arn, target = target.arn, "a schedule's target cannot be read");
        return Ok(());
    };
    let input = run.input(events, &action);
    if now.since(reached.runs).as_secs() > u64::from(target.retry.age) {
        let text = format!("The server was not there to run this within {} seconds.", target.retry.age);
        let exhausted = Some("MaximumEventAgeInSeconds");
        let failure = Failure { code: "MaximumEventAgeInSecondsExceeded", text, exhausted };
        return dead_letters::tell(events, outbox, &run, &input, &failure);
    }
    let parcels = match action.parcels(target, &input, (&config.account, &config.region)) {
        Ok(parcels) => parcels,
        Err(text) => {
            let failure = Failure { code: "ValidationException", text, exhausted: None };
            return dead_letters::tell(events, outbox, &run, &input, &failure);
        }
    };
    for outgoing in &parcels {
        if let Err(why) = deliver(events, outbox, outgoing)? {
            let failure = Failure { code: code(&outgoing.to, &why), text: why.text, exhausted: None };
            return dead_letters::tell(events, outbox, &run, &input, &failure);
        }
    }
    Ok(())
}

fn deliver(
    events: &Events,
    outbox: &mut Outbox<'_>,
    Outgoing { to, parcel, delay }: &Outgoing,
) -> Result<Result<(), Undeliverable>, BackendError> {
    let (Destination::Queue(name), Some(delay)) = (to, delay) else {
        return events.deliver(outbox, to, parcel);
    };
    let draft = Draft {
        body: parcel.body.clone(),
        attributes: parcel.attributes.clone(),
        delay: Some(*delay),
        group: parcel.group.clone(),
        deduplication: parcel.deduplication.clone(),
        sender: parcel.sender.clone(),
        ..Draft::default()
    };
    let sent = match events.queues().prepare(draft) {
        Ok(message) => outbox.send_to(name, &message)?,
        Err(refusal) => Err(refusal),
    };
    Ok(match sent {
        Ok(_) => Ok(()),
        Err(sonagi_data::queues::Refusal::NoQueue) => Err(Undeliverable::absent(to, events)),
        Err(refusal) => Err(Undeliverable::invalid(refusal.to_string())),
    })
}

/// The code by which the target's own service says it.
fn code(to: &Destination, why: &Undeliverable) -> &'static str {
    match (why.code, to) {
        ("RESOURCE_NOT_FOUND", Destination::Queue(_)) => "AWS.SimpleQueueService.NonExistentQueue",
        ("RESOURCE_NOT_FOUND", Destination::Topic(_)) => "NotFoundException",
        ("RESOURCE_NOT_FOUND", Destination::Function { .. } | Destination::Bus(_)) => {
            "ResourceNotFoundException"
        }
        (code, _) => code,
    }
}

impl Run<'_> {
    pub(super) fn scheduled(&self) -> String {
        let text = self.time.to_string();
        // RFC 3339 without its milliseconds.
        text.split('.').next().map(|text| format!("{text}Z")).unwrap_or_default()
    }

    /// The schedule's input with the context attributes in it replaced, or the notification that stands for none.
    fn input(&self, events: &Events, action: &Action) -> String {
        let Some(input) = &self.schedule.settings.target.input else {
            return match action {
                Action::Send(Destination::Bus(_)) => "{}".into(),
                Action::Send(
                    Destination::Function { .. } | Destination::Queue(_) | Destination::Topic(_),
                )
                | Action::Invoke
                | Action::SendMessage
                | Action::Publish
                | Action::PutEvents => self.notification(events),
            };
        };
        if !input.contains("<aws.scheduler.") {
            return input.clone();
        }
        input
            .replace("<aws.scheduler.schedule-arn>", &self.arn)
            .replace("<aws.scheduler.scheduled-time>", &self.scheduled())
            .replace("<aws.scheduler.execution-id>", &self.execution)
            .replace("<aws.scheduler.attempt-number>", "1")
    }

    /// What EventBridge Scheduler sends where nothing is said.
    fn notification(&self, events: &Events) -> String {
        let config = events.config();
        json!({
            "version": "0",
            "id": events.new_request().to_string(),
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": config.account.as_str(),
            "time": self.scheduled(),
            "region": config.region.as_str(),
            "resources": [self.arn],
            "detail": "{}",
        })
        .to_string()
    }
}

/// What is wrong with a target and its input when a schedule is made: all that does not depend on what is there when it
/// runs.
pub(super) fn check(config: &crate::Config, target: &super::Target) -> Result<(), super::Refusal> {
    let wrong = |text: String| Err(super::Refusal::Invalid(text));
    let action = match Action::parse(&target.arn, &config.account, &config.region) {
        Ok(action) => action,
        Err(bad) => return wrong(bad.to_string()),
    };
    if target.input.as_ref().is_some_and(|input| input.len() > limits::SCHEDULE_INPUT_SIZE) {
        return wrong(format!("Input has more than {} bytes.", limits::SCHEDULE_INPUT_SIZE));
    }
    let is_json = |input: &String| serde_json::from_str::<serde::de::IgnoredAny>(input).is_ok();
    let json = target.input.as_ref().map(is_json);
    let (wants_json, is_bus, is_fifo, is_queue) = match &action {
        Action::Send(Destination::Function { .. }) => (true, false, false, false),
        Action::Send(Destination::Bus(_)) => (true, true, false, false),
        Action::Send(Destination::Queue(name)) => (false, false, name.is_fifo(), true),
        Action::Send(Destination::Topic(name)) => {
            if name.is_fifo() {
                let text = "A FIFO topic wants a message group: use arn:aws:scheduler:::aws-sdk:sns:publish with \
                            MessageGroupId.";
                return wrong(text.into());
            }
            (false, false, false, false)
        }
        Action::Invoke | Action::SendMessage | Action::Publish | Action::PutEvents => {
            if target.input.is_none() {
                return wrong("You must provide an input to set this target for your schedule.".into());
            }
            (true, false, false, false)
        }
    };
    if wants_json && json == Some(false) {
        return wrong("Invalid JSON in Input: this target wants well-formed JSON.".into());
    }
    if is_bus != target.event.is_some() {
        let text = if is_bus {
            "EventBridgeParameters is required where the target is an event bus."
        } else {
            "EventBridgeParameters is for targets that are event buses."
        };
        return wrong(text.into());
    }
    if is_fifo && target.message_group.is_none() {
        return wrong("SqsParameters.MessageGroupId is required where the target is a FIFO queue.".into());
    }
    if target.message_group.is_some() && !is_queue {
        return wrong("SqsParameters is for targets that are queues.".into());
    }
    if json == Some(true) && !matches!(action, Action::Send(_)) {
        // With the attributes as they stand: what they become has no meaning for a request's shape.
        let input = target.input.as_deref().unwrap_or_default();
        if let Err(text) = action.parcels(target, input, (&config.account, &config.region)) {
            return wrong(text);
        }
    }
    if let Some(arn) = &target.dead_letters {
        match Destination::parse(arn, &config.account, &config.region) {
            Ok(Destination::Queue(name)) if !name.is_fifo() => {}
            Ok(_) => return wrong("DeadLetterConfig.Arn wants the ARN of a standard queue.".into()),
            Err(error) => return wrong(format!("DeadLetterConfig.Arn: {error}")),
        }
    }
    Ok(())
}
