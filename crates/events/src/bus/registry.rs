//! All event buses: making, finding, changing and removing them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use sonagi_backend::{Error as BackendError, Transaction, records::Direction};
use sonagi_model::limits;
use tokio::sync::Notify;

use super::{
    ArchiveName, Bus, BusChange, Page, Refusal, ReplayName, RuleName, layout,
    routes::{self, Routes},
    store,
};
use crate::{BusName, Destination, Events, Result};

/// What buses have in memory.
#[derive(Default)]
pub(crate) struct State {
    pub(super) routes: Mutex<HashMap<BusName, Arc<Routes>>>,
    /// A replay was begun or cancelled.
    pub(super) replays: Notify,
}

/// All event buses. Cheap to clone.
#[derive(Clone)]
pub struct Buses {
    events: Events,
}

impl Events {
    pub fn buses(&self) -> Buses {
        Buses { events: self.clone() }
    }
}

pub(super) type Outcome<T> = std::result::Result<std::result::Result<T, Refusal>, BackendError>;

impl Buses {
    pub(super) fn events(&self) -> &Events {
        &self.events
    }

    pub(super) fn state(&self) -> &State {
        self.events.bus_state()
    }

    fn place(&self, what: &str) -> String {
        let config = self.events.config();
        format!("arn:aws:events:{}:{}:{what}", config.region, config.account)
    }

    pub fn arn(&self, bus: &BusName) -> String {
        let config = self.events.config();
        Destination::Bus(bus.clone()).arn(&config.account, &config.region)
    }

    pub fn rule_arn(&self, bus: &BusName, rule: &RuleName) -> String {
        if bus.is_default() {
            self.place(&format!("rule/{rule}"))
        } else {
            self.place(&format!("rule/{bus}/{rule}"))
        }
    }

    pub fn archive_arn(&self, archive: &ArchiveName) -> String {
        self.place(&format!("archive/{archive}"))
    }

    pub fn replay_arn(&self, replay: &ReplayName) -> String {
        self.place(&format!("replay/{replay}"))
    }

    /// Makes a bus.
    pub async fn create(
        &self,
        name: &BusName,
        change: BusChange,
        tags: BTreeMap<String, String>,
    ) -> Result<Bus> {
        let (name, now) = (name.clone(), self.events.clock().now());
        self.change(move |t| {
            if Bus::find(t, &name)?.is_some() {
                return Ok(Err(Refusal::BusExists(name.clone())));
            }
            // The default one need not be among them.
            if store::all(t, layout::BUSES)?.len() + 1 >= limits::BUSES {
                return Ok(Err(Refusal::TooMany));
            }
            let mut bus = Bus::new(name.clone());
            bus.change(change.clone());
            bus.tags = tags.clone();
            (bus.created, bus.modified) = (Some(now), Some(now));
            bus.store(t)?;
            routes::touch(t, &name)?;
            Ok(Ok(bus))
        })
        .await
    }

    pub async fn update(&self, name: &BusName, change: BusChange) -> Result<Bus> {
        self.alter(name, move |bus| {
            bus.change(change.clone());
            Ok(())
        })
        .await
    }

    /// Removes a bus. One that is not there is no failure.
    pub async fn delete(&self, name: &BusName) -> Result<()> {
        if name.is_default() {
            return Err(Refusal::DefaultBus.into());
        }
        let name = name.clone();
        self.change(move |t| {
            if Bus::find(t, &name)?.is_none() {
                return Ok(Ok(()));
            }
            let rules = layout::rules(&name);
            if !t.scan(&rules..&sonagi_backend::records::after(&rules), Direction::Forward, 1)?.is_empty() {
                return Ok(Err(Refusal::HasRules));
            }
            t.delete(&layout::bus(&name))?;
            t.delete(&layout::version(&name))?;
            Ok(Ok(()))
        })
        .await
    }

    pub async fn find(&self, name: &BusName) -> Result<Bus> {
        let record = self.events.records().snapshot().get(&layout::bus(name)).await?;
        match record {
            Some(record) => Ok(store::decode(&record, "an event bus")?),
            None if name.is_default() => Ok(Bus::new(name.clone())),
            None => Err(Refusal::NoBus(name.clone()).into()),
        }
    }

    /// At most `most` buses whose names begin with `prefix`, behind `last`.
    pub async fn list(&self, prefix: &str, last: Option<&str>, most: usize) -> Result<Page<Bus>> {
        let records = store::all_of(&*self.events.records().snapshot(), layout::BUSES).await?;
        let mut buses = records
            .iter()
            .map(|record| store::decode(&record.value, "an event bus"))
            .collect::<std::result::Result<Vec<Bus>, _>>()?;
        if !buses.iter().any(|bus| bus.name.is_default()) {
            buses.push(Bus::new(BusName::default_bus()));
            buses.sort_by(|one, other| one.name.cmp(&other.name));
        }
        buses.retain(|bus| {
            let name = bus.name.as_str();
            name.starts_with(prefix) && last.is_none_or(|last| name > last)
        });
        let more = buses.len() > most;
        buses.truncate(most);
        Ok(Page { items: buses, more })
    }

    /// Changes a bus.
    pub(super) async fn alter<F>(&self, name: &BusName, with: F) -> Result<Bus>
    where
        F: Fn(&mut Bus) -> std::result::Result<(), Refusal> + Send + 'static,
    {
        let (name, now) = (name.clone(), self.events.clock().now());
        self.change(move |t| {
            let Some(mut bus) = Bus::find(t, &name)? else { return Ok(Err(Refusal::NoBus(name.clone()))) };
            if let Err(refusal) = with(&mut bus) {
                return Ok(Err(refusal));
            }
            bus.created.get_or_insert(now);
            bus.modified = Some(now);
            bus.store(t)?;
            Ok(Ok(bus))
        })
        .await
    }

    /// Runs `body` as one transaction; what it refuses is not written.
    pub(super) async fn change<T, F>(&self, body: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Transaction) -> Outcome<T> + Send + 'static,
    {
        Ok(self.events.records().attempt(body).await.map_err(sonagi_data::Error::from)??)
    }
}

impl Bus {
    /// The default one is always there.
    pub(super) fn find(
        t: &mut dyn Transaction,
        name: &BusName,
    ) -> std::result::Result<Option<Self>, BackendError> {
        let found = store::get(t, &layout::bus(name), "an event bus")?;
        Ok(found.or_else(|| name.is_default().then(|| Self::new(name.clone()))))
    }

    pub(super) fn store(&self, t: &mut dyn Transaction) -> std::result::Result<(), BackendError> {
        store::put(t, &layout::bus(&self.name), self, "an event bus")
    }
}
