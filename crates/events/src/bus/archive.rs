//! Archives: what they are, and making, finding, changing and removing them.

use serde::{Deserialize, Serialize};
use sonagi_backend::{Error, Transaction};
use sonagi_model::{AppName, Timestamp, limits};

use super::{
    ArchiveName, Bus, Buses, Page, Refusal,
    event::Event,
    layout::{self, Id},
    routes,
    rule::check_pattern,
    store,
};
use crate::{BusName, Result};

/// An archive, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    pub name: ArchiveName,
    pub(super) id: Id,
    pub bus: BusName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// None: all events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Days from an event's own time; 0: for ever.
    pub retention: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// The app that declares it, or none: then it was made through an API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppName>,
    pub created: Timestamp,
}

/// What `CreateArchive` says of an archive.
#[derive(Debug, Clone)]
pub struct ArchiveDraft {
    pub name: ArchiveName,
    pub bus: BusName,
    pub description: Option<String>,
    pub pattern: Option<String>,
    pub retention: u32,
    pub kms_key: Option<String>,
}

/// What `UpdateArchive` gives an archive: what is none stays as it is.
#[derive(Debug, Clone, Default)]
pub struct ArchiveChange {
    pub description: Option<String>,
    pub pattern: Option<String>,
    pub retention: Option<u32>,
    pub kms_key: Option<String>,
}

/// What an archive holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Held {
    pub events: u64,
    pub bytes: u64,
}

impl Held {
    pub(super) fn of(t: &mut dyn Transaction, id: Id) -> std::result::Result<Self, Error> {
        Ok(store::get(t, &layout::held(id), "what an archive holds")?.unwrap_or_default())
    }

    pub(super) fn store(&self, t: &mut dyn Transaction, id: Id) -> std::result::Result<(), Error> {
        store::put(t, &layout::held(id), self, "what an archive holds")
    }
}

impl Archive {
    pub(super) fn find(
        t: &mut dyn Transaction,
        name: &ArchiveName,
    ) -> std::result::Result<Option<Self>, Error> {
        store::get(t, &layout::archive(name), "an archive")
    }

    pub(super) fn store(&self, t: &mut dyn Transaction) -> std::result::Result<(), Error> {
        store::put(t, &layout::archive(&self.name), self, "an archive")?;
        self.touch(t)
    }

    /// Removes it with its events.
    pub(super) fn remove(&self, t: &mut dyn Transaction) -> std::result::Result<(), Error> {
        t.delete(&layout::archive(&self.name))?;
        if t.get(&layout::held(self.id))?.is_some() {
            t.delete(&layout::held(self.id))?;
        }
        t.put(&layout::gone(self.id), &[])?;
        self.touch(t)
    }

    /// A bus that is gone must not seem to be there.
    fn touch(&self, t: &mut dyn Transaction) -> std::result::Result<(), Error> {
        if Bus::find(t, &self.bus)?.is_some() { routes::touch(t, &self.bus) } else { Ok(()) }
    }

    /// What is older is not kept.
    pub(super) fn oldest(&self, now: Timestamp) -> Option<Timestamp> {
        let kept = u64::from(self.retention) * 86_400 * 1_000_000;
        (kept > 0).then(|| Timestamp(now.micros().saturating_sub(kept)))
    }
}

/// Puts an event into an archive; one that comes to it on several ways is there once.
pub(super) fn keep(t: &mut dyn Transaction, id: Id, event: &Event) -> std::result::Result<(), Error> {
    let key = layout::event(id, event.time, &event.id);
    if t.get(&key)?.is_some() {
        return Ok(());
    }
    t.put(&key, &event.text)?;
    let mut held = Held::of(t, id)?;
    held.events += 1;
    held.bytes += event.text.len() as u64;
    held.store(t, id)
}

impl Buses {
    pub async fn create_archive(&self, draft: ArchiveDraft) -> Result<Archive> {
        if let Some(pattern) = &draft.pattern {
            check_pattern(pattern)?;
        }
        let now = self.events().clock().now();
        self.change(move |t| {
            let ArchiveDraft { name, bus, description, pattern, retention, kms_key } = draft.clone();
            if Bus::find(t, &bus)?.is_none() {
                return Ok(Err(Refusal::NoBus(bus)));
            }
            if Archive::find(t, &name)?.is_some() {
                return Ok(Err(Refusal::ArchiveExists(name)));
            }
            if store::all(t, layout::ARCHIVES)?.len() >= limits::ARCHIVES {
                return Ok(Err(Refusal::TooMany));
            }
            let id = t.sequence().0;
            let archive =
                Archive { name, id, bus, description, pattern, retention, kms_key, app: None, created: now };
            archive.store(t)?;
            Ok(Ok(archive))
        })
        .await
    }

    pub async fn update_archive(&self, name: &ArchiveName, change: ArchiveChange) -> Result<Archive> {
        if let Some(pattern) = &change.pattern {
            check_pattern(pattern)?;
        }
        let name = name.clone();
        self.change(move |t| {
            let Some(mut archive) = Archive::find(t, &name)? else {
                return Ok(Err(Refusal::NoArchive(name.clone())));
            };
            let ArchiveChange { description, pattern, retention, kms_key } = change.clone();
            archive.description = description.or(archive.description);
            archive.pattern = pattern.or(archive.pattern);
            archive.retention = retention.unwrap_or(archive.retention);
            archive.kms_key = kms_key.or(archive.kms_key);
            archive.store(t)?;
            Ok(Ok(archive))
        })
        .await
    }

    /// Removes an archive with its events.
    pub async fn delete_archive(&self, name: &ArchiveName) -> Result<()> {
        let name = name.clone();
        self.change(move |t| {
            let Some(archive) = Archive::find(t, &name)? else {
                return Ok(Err(Refusal::NoArchive(name.clone())));
            };
            archive.remove(t).map(Ok)
        })
        .await
    }

    pub async fn find_archive(&self, name: &ArchiveName) -> Result<(Archive, Held)> {
        let snapshot = self.events().records().snapshot();
        let record = snapshot.get(&layout::archive(name)).await?;
        let record = record.ok_or_else(|| Refusal::NoArchive(name.clone()))?;
        let archive: Archive = store::decode(&record, "an archive")?;
        let held = snapshot.get(&layout::held(archive.id)).await?;
        let held = held.map(|record| store::decode(&record, "what an archive holds")).transpose()?;
        Ok((archive, held.unwrap_or_default()))
    }

    /// At most `most` archives that are `wanted`, in the order of their names.
    pub async fn list_archives(
        &self,
        most: usize,
        wanted: impl Fn(&Archive) -> bool,
    ) -> Result<Page<(Archive, Held)>> {
        let snapshot = self.events().records().snapshot();
        let records = store::all_of(&*snapshot, layout::ARCHIVES).await?;
        let page = store::page(&records, "an archive", most, wanted)?;
        let mut items = Vec::new();
        for archive in page.items {
            let held = snapshot.get(&layout::held(archive.id)).await?;
            let held = held.map(|record| store::decode(&record, "what an archive holds")).transpose()?;
            items.push((archive, held.unwrap_or_default()));
        }
        Ok(Page { items, more: page.more })
    }
}
