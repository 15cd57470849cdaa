//! What goes on in the background.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{Events, bus, invocations, mappings, schedules, timers::Timers};

impl Events {
    /// Begins to bring events to functions. With `stop` nothing new is begun; the handle is ready when all that was under
    /// way has come to its end, so the functions' environments must not be stopped before.
    pub fn start(&self, stop: &CancellationToken) -> JoinHandle<()> {
        let (events, stop) = (self.clone(), stop.clone());
        tokio::spawn(async move {
            let timers = stop.run_until_cancelled(events.timers().run());
            let replays = stop.run_until_cancelled(bus::go_on(events.clone()));
            let archives = stop.run_until_cancelled(bus::tidy(events.clone()));
            tokio::join!(
                invocations::follow(events.clone(), stop.clone()),
                mappings::follow(events.clone(), stop.clone()),
                timers,
                replays,
                archives,
            );
        })
    }

    /// The timers, with the handlers of all who own some.
    fn timers(&self) -> Timers {
        let (events, buses) = (self.clone(), self.buses());
        Timers::new(Arc::clone(self.records()), self.queues().clone(), Arc::clone(self.clock()))
            .with(schedules::TIMES, move |outbox, due| schedules::fire(&events, outbox, due))
            .with(schedules::CLEARING, schedules::clear)
            .with(bus::TIMERS, move |outbox, due| buses.fire(outbox, due))
    }
}
