//! PutEvents, TestEventPattern.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sonagi_events::{
    BusName,
    bus::{Buses, Entry},
};
use sonagi_identity::policy::{Given, Policies};
use sonagi_model::limits;

use super::{Answer, Call, address, checks::Checks, error::Fault, operation, time};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EntryInput {
    time: Option<f64>,
    source: Option<String>,
    resources: Option<Vec<String>>,
    detail_type: Option<String>,
    detail: Option<String>,
    event_bus_name: Option<String>,
    trace_header: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutInput {
    entries: Option<Vec<EntryInput>>,
    endpoint_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PutOutput {
    failed_entry_count: usize,
    entries: Vec<EntryOutput>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum EntryOutput {
    #[serde(rename_all = "PascalCase")]
    Taken { event_id: String },
    #[serde(rename_all = "PascalCase")]
    Refused { error_code: &'static str, error_message: String },
}

pub(super) async fn put(call: &Call<'_>) -> Answer {
    let input: PutInput = call.read()?;
    if input.endpoint_id.is_some() {
        return Err(Fault::absent(operation::ENDPOINTS, "EndpointId"));
    }
    let mut checks = Checks::default();
    checks.there("entries", input.entries.is_some());
    let given = input.entries.unwrap_or_default();
    checks.count("entries", given.len(), 1..=limits::BUS_ENTRIES);
    for (index, entry) in given.iter().enumerate() {
        let at = format!("entries.{}.member.traceHeader", index + 1);
        checks.length(&at, entry.trace_header.as_deref(), 1..=limits::BUS_TRACE_SIZE);
    }
    checks.done()?;
    let mut policies = HashMap::<BusName, Option<Policies>>::new();
    let mut entries = Vec::with_capacity(given.len());
    for (index, entry) in given.into_iter().enumerate() {
        let at = format!("entries.{}.member.eventBusName", index + 1);
        let name = entry.event_bus_name.as_deref();
        if let Some(name) = name {
            address::check_bus(&at, name)?;
        }
        // An event for a bus that is not here is taken, and goes nowhere.
        let bus = address::bus(call.parts, &at, name).ok();
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (source, kind) = (text(&entry.source), text(&entry.detail_type));
        let context =
            [("events:source", Given::from(source.as_str())), ("events:detail-type", kind.as_str().into())];
        match &bus {
            Some(bus) => {
                if !policies.contains_key(bus) {
                    policies.insert(bus.clone(), call.policy_of(bus).await);
                }
                let policy = policies.get(bus).and_then(Option::as_ref);
                call.may_under(&call.buses.arn(bus), policy, &context)?;
            }
            None => call.may_under(name.unwrap_or("*"), None, &context)?,
        }
        entries.push(Entry {
            bus,
            source: entry.source,
            kind: entry.detail_type,
            detail: entry.detail,
            resources: entry.resources.unwrap_or_default(),
            time: entry.time.map(time).transpose()?,
            trace: entry.trace_header.or_else(|| call.trace.clone()),
        });
    }
    if entries.iter().map(Entry::size).sum::<usize>() > limits::BUS_EVENTS_SIZE {
        return Err(Fault::validation("Total size of the entries in the request is over the limit."));
    }
    let answers = call.buses.put(entries).await?;
    let entries = answers.into_iter().map(|answer| match answer {
        Ok(event_id) => EntryOutput::Taken { event_id },
        Err(refusal) => EntryOutput::Refused { error_code: refusal.code, error_message: refusal.text },
    });
    let entries: Vec<EntryOutput> = entries.collect();
    let failed = entries.iter().filter(|entry| matches!(entry, EntryOutput::Refused { .. })).count();
    call.answer(&PutOutput { failed_entry_count: failed, entries })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TestInput {
    event_pattern: Option<String>,
    event: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TestOutput {
    result: bool,
}

/// What an event must have to be tested (EventBridge API Reference, "TestEventPattern", `Event`).
const MEMBERS: [&str; 7] = ["id", "account", "source", "time", "region", "resources", "detail-type"];

pub(super) fn test(call: &Call<'_>) -> Answer {
    let input: TestInput = call.read()?;
    call.may("*")?;
    let mut checks = Checks::default();
    checks.there("eventPattern", input.event_pattern.is_some());
    checks.length("eventPattern", input.event_pattern.as_deref(), 0..=limits::BUS_PATTERN_TEXT);
    checks.there("event", input.event.is_some());
    checks.done()?;
    let event = input.event.unwrap_or_default();
    let found = Buses::test(&input.event_pattern.unwrap_or_default(), &event)?;
    let Some(result) = found else {
        return Err(Fault::parameter("Event", "It is not a JSON object."));
    };
    let event: serde_json::Value = serde_json::from_str(&event).unwrap_or_default();
    if let Some(member) = MEMBERS.into_iter().find(|member| event.get(member).is_none()) {
        return Err(Fault::parameter("Event", &format!("{member} is a required argument.")));
    }
    call.answer(&TestOutput { result })
}
