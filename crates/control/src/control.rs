//! [`Control`]: the handle to all of this crate.

use std::{collections::HashSet, path::PathBuf, sync::Arc};

use sonagi_backend::{
    Blobs, Records,
    records::{Direction, after},
};
use sonagi_model::{
    AccountId, AppName, Clock, Digest, Entropy, Region, ReleaseNumber,
    function::{Function, Package},
    limits,
    release::{Release, ReleaseContent},
};

use crate::{
    Deployed, Error, Live, Liveness, News, Packages, Preparation, ReleaseSummary, Resources, Result,
    catalog::Catalog,
    layers,
    packages::layers_digest,
    preparation::Preparations,
    releases::{
        Change, Changes,
        change::Arns,
        check_content,
        records::{AppRecord, ContentRecord, Key, Origin, Record, ReleaseRecord, releases_of},
    },
    resources::Services,
};

pub struct Config {
    pub account: AccountId,
    pub region: Region,
    /// Invocations that may run at once on the whole account.
    pub concurrency: u32,
    /// Where packages are unpacked. A cache: it may be deleted while nothing runs.
    pub code_dir: PathBuf,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Control {
    inner: Arc<Inner>,
    preparations: Preparations,
    services: Services,
}

struct Inner {
    changes: Changes,
    catalog: Catalog,
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
        let arns = Arns { account: config.account, region: config.region };
        let catalog = Catalog::open(Arc::clone(&records), arns.clone(), Arc::clone(&clock)).await?;
        let live = catalog.shared();
        let in_use = Box::new(move || used_packages(&live.load()));
        let packages = Packages::open(blobs, config.code_dir, Arc::clone(&clock), in_use).await?;
        let changes = Changes { records, clock, entropy, arns, concurrency: config.concurrency };
        let inner = Arc::new(Inner { changes, catalog, packages });
        Ok(Self { inner, preparations: Preparations::default(), services: Services::default() })
    }

    /// The same control, whose changes make functions ready with `preparation` before they go live. Those of a
    /// control without one, and of clones made before, go live as they are.
    #[must_use]
    pub fn prepared_by(self, preparation: Arc<dyn Preparation>) -> Self {
        Self { preparations: Preparations(Some(preparation)), ..self }
    }

    /// The same control, whose releases declare resources of these services. Those of a control without any, and of
    /// clones made before, cannot declare any.
    #[must_use]
    pub fn with_resources(self, services: Arc<dyn Resources>) -> Self {
        Self { services: Services(Some(services)), ..self }
    }

    /// What is live: a snapshot that costs one atomic load.
    pub fn live(&self) -> Arc<Live> {
        self.inner.catalog.live()
    }

    /// Tells from now on when what is live changes.
    pub fn news(&self) -> News {
        self.inner.catalog.news()
    }

    pub fn packages(&self) -> &Packages {
        &self.inner.packages
    }

    /// Makes `content` the app's newest release and activates it, in one transaction, once its functions are
    /// ready. The packages must be stored already.
    pub async fn deploy(&self, app: &AppName, content: ReleaseContent) -> Result<Deployed> {
        check_content(&content)?;
        self.services.check(app, &content)?;
        self.check_packages(app, &content).await?;
        let content = self.with_layers(app, content).await?;
        self.preparations.all(self.packages(), &content).await?;
        let app = app.clone();
        self.change(move |change| {
            let mut content = content.clone();
            change.publish_layers(&mut content)?;
            change.deploy(&app, content, Origin::Manifest)
        })
        .await
    }

    /// Makes a release live that is there, once its functions are ready.
    pub async fn activate(&self, app: &AppName, number: ReleaseNumber) -> Result<Arc<Release>> {
        let release = self.release(app, number).await?;
        self.services.check(app, &release.content)?;
        self.preparations.all(self.packages(), &release.content).await?;
        let app = app.clone();
        self.change(move |change| change.activate(&app, number)).await
    }

    /// Activates `to`, or the release that was live before; called again, the one before that.
    pub async fn rollback(&self, app: &AppName, to: Option<ReleaseNumber>) -> Result<Arc<Release>> {
        if let Some(number) = to {
            return self.activate(app, number).await;
        }
        let before = self.before(app).await?;
        let release = self.release(app, before).await?;
        self.services.check(app, &release.content)?;
        self.preparations.all(self.packages(), &release.content).await?;
        let app = app.clone();
        self.change(move |change| change.step_back(&app, before)).await
    }

    /// Newest first.
    pub async fn releases(&self, app: &AppName) -> Result<Vec<ReleaseSummary>> {
        let live = self.live();
        let live = live.app(app.as_str()).ok_or_else(|| Error::NoApp(app.to_string()))?;
        let prefix = releases_of(app).into_bytes();
        let most = limits::RELEASES_PER_APP as usize + limits::ROLLBACK_DEPTH + 1;
        let snapshot = self.inner.changes.records.snapshot();
        let found = snapshot.scan(&prefix..&after(&prefix), Direction::Reverse, most).await?;
        let mut summaries = Vec::with_capacity(found.len());
        for record in found {
            let Some(Key::Release(_, number)) = Key::parse(&record.key) else { continue };
            let ReleaseRecord { digest, created, functions } = ReleaseRecord::decode(&record.value)?;
            let live = if number == live.release.number { Liveness::Live } else { Liveness::Past };
            summaries.push(ReleaseSummary { number, digest, created, live, functions });
        }
        Ok(summaries)
    }

    pub async fn release(&self, app: &AppName, number: ReleaseNumber) -> Result<Arc<Release>> {
        let live = self.live();
        let live = live.app(app.as_str()).ok_or_else(|| Error::NoApp(app.to_string()))?;
        if live.release.number == number {
            return Ok(Arc::clone(&live.release));
        }
        let unknown = || Error::NoRelease { app: app.clone(), number };
        let snapshot = self.inner.changes.records.snapshot();
        let found = snapshot.get(&Key::Release(app.clone(), number).bytes()).await?.ok_or_else(unknown)?;
        let ReleaseRecord { digest, created, .. } = ReleaseRecord::decode(&found)?;
        let content = snapshot.get(&Key::Content(app.clone(), digest).bytes()).await?.ok_or_else(unknown)?;
        let ContentRecord(content) = ContentRecord::decode(&content)?;
        Ok(Arc::new(Release { app: app.clone(), number, digest, created, content }))
    }

    /// The release that was live before the live one.
    async fn before(&self, app: &AppName) -> Result<ReleaseNumber> {
        let snapshot = self.inner.changes.records.snapshot();
        let found = snapshot.get(&Key::App(app.clone()).bytes()).await?;
        AppRecord::decode(&found.ok_or_else(|| Error::NoApp(app.to_string()))?)?.before(app)
    }

    /// Removes the app with all its releases, versions, aliases and permissions.
    pub async fn remove(&self, app: &AppName) -> Result<()> {
        let app = app.clone();
        self.change(move |change| change.remove(&app)).await
    }

    /// Returns once the catalog shows every commit that has returned.
    pub async fn settled(&self) {
        let newest = self.inner.changes.records.sequence();
        // Closed: nothing more will be shown, so there is nothing to wait for.
        drop(self.inner.catalog.shows(newest).await);
    }

    /// Runs a change and returns once the catalog shows it.
    pub(crate) async fn change<T, F>(&self, body: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Change<'_>) -> Result<T> + Send + 'static,
    {
        let (value, sequence) = self.inner.changes.run(&self.services, body).await?;
        self.inner.catalog.shows(sequence).await?;
        Ok(value)
    }

    /// One record, as it is now.
    pub(crate) async fn read<T: Record>(&self, key: &Key) -> Result<Option<T>> {
        let found = self.inner.changes.records.snapshot().get(&key.bytes()).await?;
        found.map(|record| T::decode(&record)).transpose()
    }

    /// Makes a function ready that is about to go live.
    pub(crate) async fn prepare(&self, function: &Function) -> Result<()> {
        self.preparations.one(self.packages(), function).await
    }

    pub(crate) fn records(&self) -> &dyn Records {
        &*self.inner.changes.records
    }

    pub(crate) fn arns(&self) -> &Arns {
        &self.inner.changes.arns
    }

    /// Only what the live release does not use already is looked up.
    async fn check_packages(&self, app: &AppName, content: &ReleaseContent) -> Result<()> {
        let live = self.live();
        let known: HashSet<Package> = live
            .app(app.as_str())
            .map(|app| {
                let content = &app.release.content;
                let functions = content.functions.values().map(|function| function.package);
                functions.chain(layers::packages(content)).collect()
            })
            .unwrap_or_default();
        let wanted: HashSet<Package> = content
            .functions
            .values()
            .map(|function| function.package)
            .chain(layers::packages(content))
            .filter(|p| !known.contains(p))
            .collect();
        for package in wanted {
            match self.inner.packages.size(&package.digest).await? {
                Some(size) if size == package.size => {}
                Some(size) => {
                    return Err(Error::Invalid(format!(
                        "the package {} has {size} bytes, not {}",
                        package.digest, package.size
                    )));
                }
                None => return Err(Error::NoPackage { digest: package.digest }),
            }
        }
        Ok(())
    }
}

/// The packages of everything that can be invoked, and what its layers are together.
fn used_packages(live: &Live) -> HashSet<Digest> {
    let targets = live
        .functions()
        .flat_map(|function| std::iter::once(&function.latest).chain(function.versions.values()));
    targets
        .flat_map(|target| {
            let function = &target.function;
            layers_digest(&function.layer_packages()).into_iter().chain([function.package.digest])
        })
        .collect()
}
