//! What works in the background.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{Events, timers::Timers};

impl Events {
    /// Begins all of it; it ends with `stop`. Must be called within a Tokio runtime.
    pub fn start(&self, stop: &CancellationToken) -> JoinHandle<()> {
        let stop = stop.clone();
        let timers = Timers::new(Arc::clone(self.records()), self.queues().clone(), Arc::clone(self.clock()));
        tokio::spawn(async move {
            stop.run_until_cancelled_owned(timers.run()).await;
        })
    }
}
