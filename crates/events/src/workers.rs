//! What goes on in the background.

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{Events, invocations, mappings};

impl Events {
    /// Begins to bring events to functions. With `stop` nothing new is begun; the handle is ready when all that was under
    /// way has come to its end, so the functions' environments must not be stopped before.
    pub fn start(&self, stop: &CancellationToken) -> JoinHandle<()> {
        let (events, stop) = (self.clone(), stop.clone());
        tokio::spawn(async move {
            tokio::join!(invocations::follow(events.clone(), stop.clone()), mappings::follow(events, stop));
        })
    }
}
