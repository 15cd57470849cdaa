//! Which mappings run: those that are live.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sonagi_control::Live;
use sonagi_model::{LambdaName, function::Mapping};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{batches::Batches, queue::QueueSource};
use crate::{Destination, Events, poller::poll};

/// How a mapping is doing (Lambda API, `EventSourceMappingConfiguration`, `State`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MappingState {
    Enabled,
    /// What it had under way is not over.
    Disabling,
    Disabled,
}

/// How the last batch went (the same, `LastProcessingResult`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Processing {
    #[default]
    None,
    Ok,
    FunctionFailed,
    Throttled,
    NoFunction,
    NoSource,
}

impl Processing {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "No records processed",
            Self::Ok => "OK",
            Self::FunctionFailed => "PROBLEM: Function call failed",
            Self::Throttled => "PROBLEM: Function call was throttled",
            Self::NoFunction => "PROBLEM: Function not found",
            Self::NoSource => "PROBLEM: Event source not found",
        }
    }
}

/// All mappings that run.
#[derive(Default)]
pub(crate) struct Mappings {
    running: Mutex<BTreeMap<String, Running>>,
}

struct Running {
    function: LambdaName,
    mapping: Mapping,
    stop: CancellationToken,
    poller: JoinHandle<()>,
    processing: Arc<Mutex<Processing>>,
}

impl Mappings {
    fn running(&self) -> MutexGuard<'_, BTreeMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Events {
    /// How a mapping is doing, by its UUID, and how its last batch went.
    pub fn mapping(&self, id: &str) -> (MappingState, Processing) {
        match self.mappings().running().get(id) {
            Some(running) => {
                let state = match running.stop.is_cancelled() {
                    true => MappingState::Disabling,
                    false => MappingState::Enabled,
                };
                (state, *running.processing.lock().unwrap_or_else(PoisonError::into_inner))
            }
            None => (MappingState::Disabled, Processing::None),
        }
    }
}

/// Runs what is live, as long as it is; returns when all have stopped.
pub(crate) async fn follow(events: Events, stop: CancellationToken) {
    let mut news = events.control().news();
    let mut seen: Option<Arc<Live>> = None;
    loop {
        let live = events.control().live();
        if seen.as_ref().is_none_or(|seen| !Arc::ptr_eq(seen, &live)) {
            apply(&events, &live, &stop).await;
            seen = Some(live);
        }
        if stop.run_until_cancelled(news.next()).await.is_none() {
            break;
        }
    }
    let running = std::mem::take(&mut *events.mappings().running());
    for running in running.into_values() {
        drop(running.poller.await);
    }
}

/// Stops what is another now, then starts what is new: two pollers of one mapping never run at once.
async fn apply(events: &Events, live: &Live, stop: &CancellationToken) {
    let wanted = wanted(live);
    let stopping: Vec<_> = {
        let running = events.mappings().running();
        let same = |id: &String, running: &Running| {
            wanted.get(id).is_some_and(|(function, mapping)| {
                *function == running.function && *mapping == running.mapping && !running.poller.is_finished()
            })
        };
        let stale: Vec<String> =
            running.iter().filter(|(id, running)| !same(id, running)).map(|(id, _)| id.clone()).collect();
        for id in &stale {
            if let Some(running) = running.get(id) {
                running.stop.cancel();
            }
        }
        stale
    };
    for id in stopping {
        let poller = events
            .mappings()
            .running()
            .get_mut(&id)
            .map(|running| std::mem::replace(&mut running.poller, tokio::spawn(std::future::ready(()))));
        if let Some(poller) = poller {
            drop(poller.await);
        }
        events.mappings().running().remove(&id);
    }
    for (id, (function, mapping)) in wanted {
        let mut running = events.mappings().running();
        if running.contains_key(&id) {
            continue;
        }
        if let Some(started) = start(events, function, mapping, stop) {
            running.insert(id, started);
        }
    }
}

fn wanted(live: &Live) -> BTreeMap<String, (LambdaName, Mapping)> {
    let of = |function: &Arc<sonagi_control::LiveFunction>| {
        let name = function.lambda_name().clone();
        let mappings = function.mappings.values().map(|live| live.mapping.clone());
        let enabled: Vec<_> = mappings.filter(|mapping| mapping.enabled).collect();
        enabled.into_iter().map(move |mapping| (mapping.id.clone(), (name.clone(), mapping)))
    };
    live.functions().flat_map(of).collect()
}

fn start(
    events: &Events,
    function: LambdaName,
    mapping: Mapping,
    stop: &CancellationToken,
) -> Option<Running> {
    let place = events.config();
    let queue = match Destination::parse(&mapping.source, &place.account, &place.region) {
        Ok(Destination::Queue(queue)) => queue,
        Ok(Destination::Function { .. } | Destination::Topic(_) | Destination::Bus(_)) | Err(_) => {
            tracing::error!(source = mapping.source, %function, "a mapping's source is none");
            return None;
        }
    };
    let processing = Arc::new(Mutex::new(Processing::None));
    let stop = stop.child_token();
    let source = QueueSource { events: events.clone(), queue, arn: mapping.source.clone() };
    let work = Batches::new(
        events.clone(),
        function.clone(),
        mapping.clone(),
        source,
        "body",
        Arc::clone(&processing),
    );
    let poller = tokio::spawn(poll(Arc::new(work), Arc::clone(events.clock()), stop.clone()));
    Some(Running { function, mapping, stop, poller, processing })
}
