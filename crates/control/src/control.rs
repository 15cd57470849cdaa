//! [`Control`]: the handle to all of this crate.

use std::{path::PathBuf, sync::Arc};

use sonagi_backend::{Blobs, Records};
use sonagi_model::{
    AccountId, AppName, Clock, Entropy, Region, ReleaseNumber,
    release::{Release, ReleaseContent},
};

use crate::{Deployed, Live, Packages, ReleaseSummary, Result};

pub struct Config {
    pub account: AccountId,
    pub region: Region,
    /// Where packages are unpacked. A cache: it may be deleted while nothing runs.
    pub code_dir: PathBuf,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Control {
    inner: Arc<Inner>,
}

struct Inner {
    packages: Packages,
}

impl Control {
    /// Loads the catalog and follows the change feed from there.
    pub async fn open(
        config: Config,
        records: Arc<dyn Records>,
        blobs: Arc<dyn Blobs>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self> {
        let _ = (config, records, blobs, clock, entropy);
        unimplemented!()
    }

    /// What is live: a snapshot that costs one atomic load.
    pub fn live(&self) -> Arc<Live> {
        unimplemented!()
    }

    pub fn packages(&self) -> &Packages {
        &self.inner.packages
    }

    /// Makes `content` the app's newest release and activates it, in one transaction.
    pub async fn deploy(&self, app: &AppName, content: ReleaseContent) -> Result<Deployed> {
        let _ = (app, content);
        unimplemented!()
    }

    pub async fn activate(&self, app: &AppName, number: ReleaseNumber) -> Result<Arc<Release>> {
        let _ = (app, number);
        unimplemented!()
    }

    /// Activates `to`, or the release that was live before.
    pub async fn rollback(&self, app: &AppName, to: Option<ReleaseNumber>) -> Result<Arc<Release>> {
        let _ = (app, to);
        unimplemented!()
    }

    /// Newest first.
    pub async fn releases(&self, app: &AppName) -> Result<Vec<ReleaseSummary>> {
        let _ = app;
        unimplemented!()
    }

    pub async fn release(&self, app: &AppName, number: ReleaseNumber) -> Result<Arc<Release>> {
        let _ = (app, number);
        unimplemented!()
    }

    /// Removes the app with all its releases, versions, aliases and permissions.
    pub async fn remove(&self, app: &AppName) -> Result<()> {
        let _ = app;
        unimplemented!()
    }

    /// Returns once the catalog shows every commit that has returned.
    pub async fn settled(&self) {
        unimplemented!()
    }
}
