//! From an event on a bus to all that comes of it, within a transaction.

use bytes::Bytes;
use sonagi_backend::Error as BackendError;
use sonagi_data::queues::{Attribute, AttributeValue, Outbox};
use sonagi_model::{RequestId, limits};

use super::{
    Buses, archive,
    event::{Event, Parts},
    routes::{Delivery, Plan},
};
use crate::{BusName, Destination, Parcel, Undeliverable, delivery::Detail};

/// Who sends what comes from a bus, as SQS says it.
const SENDER: &str = "events.amazonaws.com";

/// How far an event has come.
#[derive(Debug)]
pub(super) struct Journey {
    /// Buses that it went through.
    pub(super) depth: u32,
    /// How often it was passed on, on all its ways together.
    passes: usize,
}

impl Journey {
    pub(super) fn begins(depth: u32) -> Self {
        Self { depth, passes: 0 }
    }
}

impl Buses {
    /// An event for a bus from elsewhere, with what `deliver` was given.
    pub(crate) fn take(
        &self,
        outbox: &mut Outbox<'_>,
        bus: &BusName,
        parcel: &Parcel,
    ) -> Result<Result<(), Undeliverable>, BackendError> {
        let Detail { source, kind, resources } = parcel.detail.clone().unwrap_or_default();
        let now = self.events().clock().now();
        let detail = std::str::from_utf8(&parcel.body).unwrap_or_default();
        let parts = Parts {
            id: RequestId::random(&**self.events().entropy()).to_string(),
            source: &source,
            kind: &kind,
            detail,
            resources: &resources,
            time: now,
            received: now,
            trace: parcel.trace.clone(),
        };
        match Event::new(parts, self.events().config()) {
            Ok(event) => self.pass(outbox, bus, &event, &mut Journey::begins(parcel.depth)),
            Err(_) => {
                let text = "The event's detail is not a JSON object.".to_owned();
                Ok(Err(Undeliverable { code: "INVALID_JSON", text }))
            }
        }
    }

    /// An event goes on to a bus.
    fn pass(
        &self,
        outbox: &mut Outbox<'_>,
        bus: &BusName,
        event: &Event,
        journey: &mut Journey,
    ) -> Result<Result<(), Undeliverable>, BackendError> {
        journey.passes += 1;
        if journey.depth >= limits::DELIVERY_DEPTH || journey.passes > limits::BUS_PASSES {
            let text = format!(
                "The event went through {} event buses and topics, or was passed on {} times: these are the most.",
                limits::DELIVERY_DEPTH,
                limits::BUS_PASSES
            );
            return Ok(Err(Undeliverable { code: "RESOURCE_LIMIT_EXCEEDED", text }));
        }
        let routes = self.routes(outbox.transaction(), bus)?;
        if !routes.exists {
            return Ok(Err(Undeliverable::absent(&Destination::Bus(bus.clone()), self.events())));
        }
        journey.depth += 1;
        self.dispatch(outbox, event, &routes.plan(event, &[]), journey)?;
        journey.depth -= 1;
        Ok(Ok(()))
    }

    /// An event goes where it is to go.
    pub(super) fn dispatch(
        &self,
        outbox: &mut Outbox<'_>,
        event: &Event,
        plan: &Plan,
        journey: &mut Journey,
    ) -> Result<(), BackendError> {
        for archive in &plan.archives {
            archive::keep(outbox.transaction(), *archive, event)?;
        }
        for delivery in &plan.deliveries {
            let done = match &delivery.input {
                Ok(input) => self.deliver(outbox, event, delivery, input, journey)?,
                Err(why) => Err(why.clone()),
            };
            if let Err(why) = done {
                self.bury(outbox, event, delivery, why)?;
            }
        }
        Ok(())
    }

    fn deliver(
        &self,
        outbox: &mut Outbox<'_>,
        event: &Event,
        delivery: &Delivery,
        input: &Bytes,
        journey: &mut Journey,
    ) -> Result<Result<(), Undeliverable>, BackendError> {
        let (rule, place) = (&delivery.route.rule, delivery.target);
        match &delivery.route.targets[place].destination {
            Destination::Bus(bus) => self.pass(outbox, bus, event, journey),
            destination => {
                let parcel = Parcel {
                    body: input.clone(),
                    group: rule.targets[place].group.clone(),
                    trace: event.trace.clone(),
                    sender: SENDER.into(),
                    depth: journey.depth,
                    ..Parcel::default()
                };
                self.events().deliver(outbox, destination, &parcel)
            }
        }
    }

    /// What cannot be delivered goes to the target's dead-letter queue, or is dropped (EventBridge User Guide, "Using
    /// dead-letter queues to process undelivered events").
    fn bury(
        &self,
        outbox: &mut Outbox<'_>,
        event: &Event,
        delivery: &Delivery,
        why: Undeliverable,
    ) -> Result<(), BackendError> {
        let route = &delivery.route;
        let target = &route.rule.targets[delivery.target];
        let code = match why.code {
            "RESOURCE_NOT_FOUND" => "NO_RESOURCE",
            code => code,
        };
        let Some(queue) = &route.targets[delivery.target].dead_letters else {
            tracing::info!(
                rule = route.arn,
                target = target.arn,
                event = event.id,
                "an event is dropped: {why}"
            );
            return Ok(());
        };
        let attribute = |(name, value): (&str, &str)| {
            let value = AttributeValue::Text(value.to_owned());
            (name.to_owned(), Attribute { kind: "String".into(), value })
        };
        let attributes = [
            ("ERROR_CODE", code),
            ("ERROR_MESSAGE", &why.text),
            ("RETRY_ATTEMPTS", "0"),
            ("RULE_ARN", &route.arn),
            ("TARGET_ARN", &target.arn),
        ];
        let parcel = Parcel {
            body: event.text.clone(),
            attributes: attributes.into_iter().map(attribute).collect(),
            trace: event.trace.clone(),
            sender: SENDER.into(),
            ..Parcel::default()
        };
        if let Err(lost) = self.events().deliver(outbox, &Destination::Queue(queue.clone()), &parcel)? {
            tracing::info!(
                rule = route.arn,
                target = target.arn,
                event = event.id,
                "an event is dropped: {why}; its dead-letter queue does not take it: {lost}"
            );
        }
        Ok(())
    }
}
