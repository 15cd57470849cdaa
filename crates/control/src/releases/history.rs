//! An app's past: going back, forgetting, removing.

use std::sync::Arc;

use sonagi_model::{
    AppName, ReleaseNumber, limits,
    release::{Release, ReleaseContent},
};

use super::{
    change::Change,
    records::{AppRecord, ContentRecord, Key, ReleaseRecord, releases_of},
};
use crate::{Error, Result};

/// Releases that one change forgets at most: the rest waits for the next.
const FORGOTTEN_AT_ONCE: usize = 16;
/// Releases that are read at once while an app is removed.
const PAGE: usize = 1_000;

impl AppRecord {
    /// Notes the live release as the one to go back to.
    pub(super) fn step_from_live(&mut self) {
        if self.live.number.0 == 0 {
            return;
        }
        self.before.push(self.live.number);
        if self.before.len() > limits::ROLLBACK_DEPTH {
            self.before.remove(0);
        }
    }

    /// The release that was live before the live one.
    pub(crate) fn before(&self, app: &AppName) -> Result<ReleaseNumber> {
        self.before.last().copied().ok_or_else(|| Error::NothingBefore { app: app.clone() })
    }
}

impl Change<'_> {
    pub(crate) fn app(&mut self, app: &AppName) -> Result<AppRecord> {
        self.store.get(&Key::App(app.clone()))?.ok_or_else(|| Error::NoApp(app.to_string()))
    }

    /// Makes a release live that is there. Going to one that was live before takes the steps since then back.
    pub(crate) fn activate(&mut self, app: &AppName, number: ReleaseNumber) -> Result<Arc<Release>> {
        let mut record = self.app(app)?;
        if record.live.number == number {
            return Ok(Arc::new(record.live));
        }
        let release = self.release(app, number)?;
        match record.before.iter().rposition(|&before| before == number) {
            Some(at) => record.before.truncate(at),
            None => record.step_from_live(),
        }
        self.switch(record, release)
    }

    /// Activates the release that was live before the live one, if that is still `expected`.
    pub(crate) fn step_back(&mut self, app: &AppName, expected: ReleaseNumber) -> Result<Arc<Release>> {
        if self.app(app)?.before(app)? != expected {
            return Err(Error::Conflict(format!(
                "the app {:?} was changed while its release {expected} was made ready: see `sonagi releases`, and \
                 try again",
                app.as_str()
            )));
        }
        self.activate(app, expected)
    }

    pub(crate) fn release(&mut self, app: &AppName, number: ReleaseNumber) -> Result<Release> {
        let unknown = || Error::NoRelease { app: app.clone(), number };
        let summary: ReleaseRecord =
            self.store.get(&Key::Release(app.clone(), number))?.ok_or_else(unknown)?;
        let ContentRecord(content) = self
            .store
            .get(&Key::Content(app.clone(), summary.digest))?
            .ok_or_else(|| Error::Damaged { what: format!("{number} of app {app} has no content") })?;
        let (digest, created) = (summary.digest, summary.created);
        Ok(Release { app: app.clone(), number, digest, created, content })
    }

    /// Forgets releases beyond those that are kept.
    pub(super) fn prune(&mut self, app: &AppName) -> Result<()> {
        let record = self.app(app)?;
        let Some(newest_gone) = record.last.0.checked_sub(limits::RELEASES_PER_APP).filter(|&n| n > 0) else {
            return Ok(());
        };
        let kept = |number: ReleaseNumber| {
            number.0 > newest_gone || number == record.live.number || record.before.contains(&number)
        };
        let page = limits::ROLLBACK_DEPTH + FORGOTTEN_AT_ONCE;
        let oldest = self.store.scan::<ReleaseRecord>(&releases_of(app), page)?;
        let mut gone = Vec::new();
        for (key, summary) in oldest {
            if let Key::Release(_, number) = key
                && !kept(number)
            {
                gone.push(summary.digest);
                self.store.delete(&Key::Release(app.clone(), number))?;
            }
        }
        if gone.is_empty() {
            return Ok(());
        }
        let rest =
            self.store.scan::<ReleaseRecord>(&releases_of(app), limits::RELEASES_PER_APP as usize + page)?;
        for digest in gone {
            if !rest.iter().any(|(_, summary)| summary.digest == digest) {
                self.store.delete(&Key::Content(app.clone(), digest))?;
            }
        }
        Ok(())
    }

    /// Removes an app with everything that is its own.
    pub(crate) fn remove(&mut self, app: &AppName) -> Result<()> {
        let record = self.app(app)?;
        self.retire(&record)?;
        self.drop_layers(&record.live.content, &ReleaseContent::default())?;
        for name in record.functions() {
            self.wipe(&name)?;
        }
        loop {
            let page = self.store.scan::<ReleaseRecord>(&releases_of(app), PAGE)?;
            if page.is_empty() {
                break;
            }
            for (key, summary) in page {
                self.store.delete(&key)?;
                self.store.delete(&Key::Content(app.clone(), summary.digest))?;
            }
        }
        self.store.delete(&Key::App(app.clone()))
    }
}
