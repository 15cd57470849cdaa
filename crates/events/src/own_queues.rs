//! Work at the platform's own queues: each has a poller while it is needed.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use sonagi_data::queues::{QueueName, Receive, Received, Refusal};
use sonagi_model::limits;
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Events, Result,
    poller::{Work, poll},
};

/// Sees to it that each queue of a kind has a poller, with the work that `at` gives it; returns when all have stopped.
pub(crate) async fn follow<W: Work>(
    events: &Events,
    kind: &'static str,
    at: impl Fn(QueueName) -> W,
    stop: &CancellationToken,
) {
    let running: Arc<Mutex<HashSet<QueueName>>> = Arc::default();
    let pollers = TaskTracker::new();
    let ended = Arc::new(Notify::new());
    let mut made = events.queues().own_made();
    loop {
        made.mark_unchanged();
        match events.queues().own(kind).await {
            Ok(names) => {
                for name in names {
                    if !running.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone()) {
                        continue;
                    }
                    let (running, ended) = (Arc::clone(&running), Arc::clone(&ended));
                    let poller = poll(Arc::new(at(name.clone())), Arc::clone(events.clock()), stop.clone());
                    pollers.spawn(async move {
                        poller.await;
                        running.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
                        ended.notify_one();
                    });
                }
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    kind,
                    "the platform's own queues cannot be found"
                );
                if stop.run_until_cancelled(events.clock().sleep(limits::POLLER_PAUSE_MAX)).await.is_some() {
                    continue;
                }
            }
        }
        // A queue may have been made again while its poller was ending.
        let news = async {
            tokio::select! {
                changed = made.changed() => changed.is_ok(),
                () = ended.notified() => true,
            }
        };
        // Closed: the queues are, and this stops in a moment.
        match stop.run_until_cancelled(news).await {
            Some(true) => {}
            Some(false) | None => break,
        }
    }
    pollers.close();
    pollers.wait().await;
}

/// The next messages of such a queue. None: it is gone, or `stop`; one that stays empty goes, unless `is_needed`.
pub(crate) async fn next(
    events: &Events,
    name: &QueueName,
    ask: &Receive,
    is_needed: impl Fn() -> bool,
    stop: &CancellationToken,
) -> Result<Option<Vec<Received>>> {
    loop {
        if stop.is_cancelled() {
            return Ok(None);
        }
        match events.queues().receive_until(name, ask.clone(), stop).await {
            Ok(received) if !received.is_empty() => return Ok(Some(received)),
            Ok(_) => {
                if !stop.is_cancelled() && !is_needed() && events.queues().drop_if_empty(name).await? {
                    return Ok(None);
                }
            }
            Err(sonagi_data::Error::Queue(Refusal::NoQueue)) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}
