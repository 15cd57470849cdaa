//! Replays: what they are, and beginning, finding and cancelling them.

use serde::{Deserialize, Serialize};
use sonagi_backend::{Error, Transaction};
use sonagi_model::{Timestamp, limits};

use super::{Archive, ArchiveName, Bus, Buses, Page, Refusal, ReplayName, RuleName, layout, store};
use crate::{BusName, Result};

/// A replay, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    pub name: ReplayName,
    pub archive: ArchiveName,
    pub bus: BusName,
    /// Only these get its events, if there are any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Of the events' own times; the end is not in it.
    pub from: Timestamp,
    pub to: Timestamp,
    pub state: ReplayState,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The time of the event that was sent last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
    pub started: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// The key of the archived event that was sent last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) behind: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplayState {
    Starting,
    Running,
    Cancelling,
    Completed,
    Cancelled,
    Failed,
}

/// What `StartReplay` says of a replay.
#[derive(Debug, Clone)]
pub struct ReplayDraft {
    pub name: ReplayName,
    pub archive: ArchiveName,
    /// Where its events are sent: the archive's own bus.
    pub bus: BusName,
    pub rules: Vec<RuleName>,
    pub description: Option<String>,
    pub from: Timestamp,
    pub to: Timestamp,
}

impl ReplayState {
    pub(super) fn is_over(self) -> bool {
        match self {
            Self::Starting | Self::Running | Self::Cancelling => false,
            Self::Completed | Self::Cancelled | Self::Failed => true,
        }
    }
}

impl Replay {
    pub(super) fn find(
        t: &mut dyn Transaction,
        name: &ReplayName,
    ) -> std::result::Result<Option<Self>, Error> {
        store::get(t, &layout::replay(name), "a replay")
    }

    pub(super) fn store(&self, t: &mut dyn Transaction) -> std::result::Result<(), Error> {
        store::put(t, &layout::replay(&self.name), self, "a replay")
    }
}

impl Buses {
    /// Begins a replay; it goes on in the background.
    pub async fn start_replay(&self, draft: ReplayDraft) -> Result<Replay> {
        let now = self.events().clock().now();
        let replay = self
            .change(move |t| {
                let ReplayDraft { name, archive, bus, rules, description, from, to } = draft.clone();
                if Bus::find(t, &bus)?.is_none() {
                    return Ok(Err(Refusal::NoBus(bus)));
                }
                let Some(source) = Archive::find(t, &archive)? else {
                    return Ok(Err(Refusal::Parameter(format!(
                        "Parameter EventSourceArn is not valid. Reason: Archive {archive} does not exist."
                    ))));
                };
                if source.bus != bus {
                    return Ok(Err(Refusal::Parameter(
                        "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted."
                            .into(),
                    )));
                }
                if from >= to {
                    return Ok(Err(Refusal::Parameter(
                        "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime."
                            .into(),
                    )));
                }
                if Replay::find(t, &name)?.is_some() {
                    return Ok(Err(Refusal::ReplayExists(name)));
                }
                let mut under_way = 0;
                for record in store::all(t, layout::REPLAYS)? {
                    let replay: Replay = store::decode(&record.value, "a replay")?;
                    under_way += usize::from(!replay.state.is_over());
                }
                if under_way >= limits::REPLAYS {
                    return Ok(Err(Refusal::TooMany));
                }
                let replay = Replay {
                    name,
                    archive,
                    bus,
                    rules,
                    description,
                    from,
                    to,
                    state: ReplayState::Starting,
                    reason: None,
                    last: None,
                    started: now,
                    ended: None,
                    behind: Vec::new(),
                };
                replay.store(t)?;
                Ok(Ok(replay))
            })
            .await?;
        self.state().replays.notify_one();
        Ok(replay)
    }

    pub async fn cancel_replay(&self, name: &ReplayName) -> Result<Replay> {
        let name = name.clone();
        let replay = self
            .change(move |t| {
                let Some(mut replay) = Replay::find(t, &name)? else {
                    return Ok(Err(Refusal::NoReplay(name.clone())));
                };
                match replay.state {
                    ReplayState::Starting | ReplayState::Running => {}
                    ReplayState::Cancelling
                    | ReplayState::Completed
                    | ReplayState::Cancelled
                    | ReplayState::Failed => return Ok(Err(Refusal::ReplayOver(name.clone()))),
                }
                replay.state = ReplayState::Cancelling;
                replay.store(t)?;
                Ok(Ok(replay))
            })
            .await?;
        self.state().replays.notify_one();
        Ok(replay)
    }

    pub async fn find_replay(&self, name: &ReplayName) -> Result<Replay> {
        let record = self.events().records().snapshot().get(&layout::replay(name)).await?;
        let record = record.ok_or_else(|| Refusal::NoReplay(name.clone()))?;
        Ok(store::decode(&record, "a replay")?)
    }

    /// At most `most` replays that are `wanted`, in the order of their names.
    pub async fn list_replays(&self, most: usize, wanted: impl Fn(&Replay) -> bool) -> Result<Page<Replay>> {
        let records = store::all_of(&*self.events().records().snapshot(), layout::REPLAYS).await?;
        Ok(store::page(&records, "a replay", most, wanted)?)
    }
}
