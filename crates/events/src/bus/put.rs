//! PutEvents.

use std::{collections::HashMap, sync::Arc};

use sonagi_model::{RequestId, Timestamp, limits};

use super::{
    Buses,
    dispatch::Journey,
    event::{Event, Parts},
    routes::{Plan, Routes},
};
use crate::{BusName, Result};

/// An event that is to be put on a bus.
#[derive(Debug, Clone)]
pub struct Entry {
    /// None: its name is that of no bus, and the event goes nowhere.
    pub bus: Option<BusName>,
    pub source: Option<String>,
    pub kind: Option<String>,
    pub detail: Option<String>,
    pub resources: Vec<String>,
    pub time: Option<Timestamp>,
    pub trace: Option<String>,
}

/// Why an event was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRefusal {
    pub code: &'static str,
    pub text: String,
}

/// One that was taken, with who wants it if nothing changes before it is put.
struct Taken {
    bus: BusName,
    event: Event,
    routes: Arc<Routes>,
    plan: Plan,
}

impl Entry {
    /// Bytes, as its size is counted (EventBridge User Guide, "Calculating PutEvents event entry size").
    pub fn size(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let time = if self.time.is_some() { limits::BUS_TIME_SIZE } else { 0 };
        let resources = self.resources.iter().map(String::len).sum::<usize>();
        time + text(&self.source) + text(&self.kind) + text(&self.detail) + resources
    }
}

impl EntryRefusal {
    fn argument(name: &str, reason: &str) -> Self {
        let text = format!("Parameter {name} is not valid. Reason: {reason}");
        Self { code: "InvalidArgument", text }
    }
}

/// An entry's text that must be there.
fn required<'a>(text: Option<&'a String>, name: &str) -> std::result::Result<&'a str, EntryRefusal> {
    text.filter(|text| !text.is_empty())
        .map(String::as_str)
        .ok_or_else(|| EntryRefusal::argument(name, &format!("{name} is a required argument.")))
}

impl Buses {
    /// Puts events on their buses, all in one transaction; each is refused by itself, or has an id.
    pub async fn put(&self, entries: Vec<Entry>) -> Result<Vec<std::result::Result<String, EntryRefusal>>> {
        let received = self.events().clock().now();
        let mut answers = Vec::with_capacity(entries.len());
        let mut taken = Vec::new();
        let mut known = HashMap::<BusName, Arc<Routes>>::new();
        for entry in entries {
            let event = match self.event(&entry, received) {
                Ok(event) => event,
                Err(refusal) => {
                    answers.push(Err(refusal));
                    continue;
                }
            };
            answers.push(Ok(event.id.clone()));
            let Some(bus) = entry.bus else { continue };
            let routes = match known.get(&bus) {
                Some(routes) => Arc::clone(routes),
                None => {
                    let routes = self.recall_routes(&bus).await?;
                    known.insert(bus.clone(), Arc::clone(&routes));
                    routes
                }
            };
            let plan = routes.plan(&event, &[]);
            taken.push(Taken { bus, event, routes, plan });
        }
        if taken.is_empty() {
            return Ok(answers);
        }
        let buses = self.clone();
        let put = move |outbox: &mut sonagi_data::queues::Outbox<'_>| {
            for Taken { bus, event, routes, plan } in &taken {
                let now = buses.routes(outbox.transaction(), bus)?;
                let mut journey = Journey::begins(1);
                if now.is(routes) {
                    buses.dispatch(outbox, event, plan, &mut journey)?;
                } else {
                    buses.dispatch(outbox, event, &now.plan(event, &[]), &mut journey)?;
                }
            }
            Ok(())
        };
        self.events().queues().transact(put).await?;
        Ok(answers)
    }

    fn event(&self, entry: &Entry, received: Timestamp) -> std::result::Result<Event, EntryRefusal> {
        let source = required(entry.source.as_ref(), "Source")?;
        let kind = required(entry.kind.as_ref(), "DetailType")?;
        let detail = required(entry.detail.as_ref(), "Detail")?;
        if kind.chars().count() > limits::BUS_DETAIL_TYPE_SIZE {
            let reason = format!("DetailType has more than {} characters.", limits::BUS_DETAIL_TYPE_SIZE);
            return Err(EntryRefusal::argument("DetailType", &reason));
        }
        // What comes of the cloud itself cannot be forged.
        if source.starts_with("aws.") {
            let text = "Not authorized for the source.".into();
            return Err(EntryRefusal { code: "NotAuthorizedForSourceException", text });
        }
        let parts = Parts {
            id: RequestId::random(&**self.events().entropy()).to_string(),
            source,
            kind,
            detail,
            resources: &entry.resources,
            time: entry.time.unwrap_or(received),
            received,
            trace: entry.trace.clone(),
        };
        Event::new(parts, self.events().config())
            .map_err(|_| EntryRefusal { code: "MalformedDetail", text: "Detail is malformed.".into() })
    }
}
