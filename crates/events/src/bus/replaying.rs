//! Replays in the background: some events a transaction, which says how far it has come.

use std::error::Error as _;

use sonagi_backend::{Error as BackendError, records::Direction};
use sonagi_data::queues::Outbox;
use sonagi_model::{Timestamp, limits};

use super::{
    Archive, Buses, Replay, ReplayName, ReplayState, dispatch::Journey, event::Event, layout, store::damaged,
};
use crate::{Events, Result};

/// Goes on with all replays that are under way, for ever.
pub(crate) async fn go_on(events: Events) {
    let buses = events.buses();
    loop {
        match buses.step_all().await {
            Ok(true) => {}
            Ok(false) => buses.state().replays.notified().await,
            Err(crate::Error::Records(BackendError::Closed)) => return,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "replays do not go on: {:?}",
                    error.source()
                );
                events.clock().sleep(limits::REPLAY_RETRY).await;
            }
        }
    }
}

impl Buses {
    /// Whether something was done.
    async fn step_all(&self) -> Result<bool> {
        let under_way = self.list_replays(limits::SCAN_ROWS, |replay| !replay.state.is_over()).await?.items;
        for replay in &under_way {
            let (buses, name, now) = (self.clone(), replay.name.clone(), self.events().clock().now());
            let step = move |outbox: &mut Outbox<'_>| buses.step(outbox, &name, now);
            self.events().queues().transact(step).await?;
        }
        Ok(!under_way.is_empty())
    }

    fn step(
        &self,
        outbox: &mut Outbox<'_>,
        name: &ReplayName,
        now: Timestamp,
    ) -> std::result::Result<(), BackendError> {
        let t = outbox.transaction();
        let Some(mut replay) = Replay::find(t, name)? else { return Ok(()) };
        match replay.state {
            ReplayState::Starting | ReplayState::Running => {}
            ReplayState::Cancelling => return replay.end(outbox, ReplayState::Cancelled, now),
            ReplayState::Completed | ReplayState::Cancelled | ReplayState::Failed => return Ok(()),
        }
        let routes = self.routes(t, &replay.bus)?;
        let Some(archive) = Archive::find(t, &replay.archive)?.filter(|_| routes.exists) else {
            replay.reason = Some("The archive or its event bus was deleted.".into());
            return replay.end(outbox, ReplayState::Failed, now);
        };
        let mut from =
            layout::events_from(archive.id, replay.from.max(archive.oldest(now).unwrap_or_default()));
        if !replay.behind.is_empty() {
            from = [replay.behind.as_slice(), &[0]].concat();
        }
        let to = layout::events_from(archive.id, replay.to);
        let found = if from < to {
            t.scan(&from..&to, Direction::Forward, limits::REPLAYED_AT_ONCE)?
        } else {
            Vec::new()
        };
        for record in &found {
            let time = layout::time_of(&record.key).ok_or_else(|| damaged("an archived event"))?;
            let event = Event::replayed(&record.value, time, name, now)?;
            let plan = routes.plan(&event, &replay.rules);
            self.dispatch(outbox, &event, &plan, &mut Journey::begins(1))?;
            replay.last = Some(time);
            replay.behind = record.key.to_vec();
        }
        if found.len() < limits::REPLAYED_AT_ONCE {
            return replay.end(outbox, ReplayState::Completed, now);
        }
        replay.state = ReplayState::Running;
        replay.store(outbox.transaction())
    }
}

impl Replay {
    fn end(
        mut self,
        outbox: &mut Outbox<'_>,
        state: ReplayState,
        now: Timestamp,
    ) -> std::result::Result<(), BackendError> {
        self.state = state;
        self.ended = Some(now);
        self.behind = Vec::new();
        self.store(outbox.transaction())
    }
}
