//! Clearing away: archived events that are too old or of archives that are gone, replays that are long over.

use sonagi_backend::{Error as BackendError, records::Direction};
use sonagi_model::limits;

use super::{
    Archive, Buses, Held, Replay,
    layout::{self, Id},
    store::{self, damaged},
};
use crate::{Events, Result};

/// Clears away now and then, for ever.
pub(crate) async fn tidy(events: Events) {
    let buses = events.buses();
    loop {
        match buses.sweep().await {
            Ok(()) => {}
            Err(crate::Error::Records(BackendError::Closed)) => return,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "old events are not cleared away");
            }
        }
        events.clock().sleep(limits::ARCHIVE_TIDY).await;
    }
}

impl Buses {
    async fn sweep(&self) -> Result<()> {
        let now = self.events().clock().now();
        let snapshot = self.events().records().snapshot();
        let archives = store::all_of(&*snapshot, layout::ARCHIVES).await?;
        let gone = store::all_of(&*snapshot, layout::GONE).await?;
        let replays = store::all_of(&*snapshot, layout::REPLAYS).await?;
        drop(snapshot);
        for record in archives {
            let archive: Archive = store::decode(&record.value, "an archive")?;
            if let Some(oldest) = archive.oldest(now) {
                let (from, _) = layout::events(archive.id);
                self.clear(archive.id, (from, layout::events_from(archive.id, oldest))).await?;
            }
        }
        for record in gone {
            let id = record.key.strip_prefix(layout::GONE).and_then(|id| <[u8; 8]>::try_from(id).ok());
            let id = id.map(u64::from_be_bytes).ok_or_else(|| damaged("an archive's id"))?;
            self.clear(id, layout::events(id)).await?;
            self.change(move |t| {
                // A transaction that began before the archive was gone is over by now.
                if t.get(&layout::held(id))?.is_some() {
                    t.delete(&layout::held(id))?;
                }
                t.delete(&record.key).map(Ok)
            })
            .await?;
        }
        for record in replays {
            let replay: Replay = store::decode(&record.value, "a replay")?;
            if replay.ended.is_some_and(|ended| now.since(ended) > limits::REPLAY_KEPT) {
                self.change(move |t| t.delete(&record.key).map(Ok)).await?;
            }
        }
        Ok(())
    }

    /// Removes the events of an archive in a range, some at a time.
    async fn clear(&self, id: Id, (from, to): (Vec<u8>, Vec<u8>)) -> Result<()> {
        // The usual case is that there is nothing, and then nobody's commit waits for this.
        while !self.events().records().snapshot().scan(&from..&to, Direction::Forward, 1).await?.is_empty() {
            let (from, to) = (from.clone(), to.clone());
            self.change(move |t| {
                let mut held = Held::of(t, id)?;
                for record in t.scan(&from..&to, Direction::Forward, limits::ARCHIVE_CLEARED_AT_ONCE)? {
                    t.delete(&record.key)?;
                    held.events = held.events.saturating_sub(1);
                    held.bytes = held.bytes.saturating_sub(record.value.len() as u64);
                }
                held.store(t, id).map(Ok)
            })
            .await?;
        }
        Ok(())
    }
}
