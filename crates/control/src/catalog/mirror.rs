//! [`Mirror`]: the records that the catalog is made of, and how a commit changes it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use sonagi_backend::{
    Snapshot,
    records::{Change, Direction, after},
};
use sonagi_model::{
    AliasName, AppName, Digest, FunctionName, LambdaName,
    function::{Asynchronous, Function},
    release::Release,
};

use super::{
    Alias, Live, LiveApp, LiveAsynchronous, LiveFunction, LiveMapping, LiveUrl, Provisioned, Target, Version,
    live::{ApiPlace, UrlPlace},
};
use crate::{
    Result,
    releases::{
        change::Arns,
        records::{
            APPS, AppRecord, FUNCTIONS, FunctionRecord, Key, MappingRecord, PREFIX, Record, VERSIONS,
            VersionRecord,
        },
    },
};

/// Records that one scan reads: an app's may have megabytes.
const PAGE: usize = 256;

type Targets = BTreeMap<u64, Arc<Target>>;

pub(super) struct Mirror {
    arns: Arns,
    releases: BTreeMap<AppName, Arc<Release>>,
    /// Live and dormant ones.
    functions: BTreeMap<LambdaName, FunctionRecord>,
    versions: BTreeMap<LambdaName, Targets>,
    live: Live,
}

/// What one commit touched.
#[derive(Default)]
struct Touched {
    /// With another release, or none.
    apps: BTreeSet<AppName>,
    functions: BTreeSet<LambdaName>,
}

impl Mirror {
    /// Reads everything at one commit.
    pub(super) async fn load(arns: Arns, snapshot: &dyn Snapshot) -> Result<Self> {
        let mut mirror = Self {
            arns,
            releases: BTreeMap::new(),
            functions: BTreeMap::new(),
            versions: BTreeMap::new(),
            live: Live::default(),
        };
        let mut touched = Touched::default();
        for prefix in [APPS, FUNCTIONS, VERSIONS] {
            let end = after(prefix.as_bytes());
            let mut from = prefix.as_bytes().to_vec();
            loop {
                let page = snapshot.scan(&from..&end, Direction::Forward, PAGE).await?;
                let Some(last) = page.last() else { break };
                from.clear();
                from.extend_from_slice(&last.key);
                from.push(0);
                let count = page.len();
                for record in page {
                    mirror.take(&record.key, Some(&record.value), &mut touched)?;
                }
                if count < PAGE {
                    break;
                }
            }
        }
        mirror.rebuild(touched);
        Ok(mirror)
    }

    pub(super) fn live(&self) -> Live {
        self.live.clone()
    }

    /// Takes one commit's changes. Says whether anything that is live may differ now.
    pub(super) fn apply(&mut self, changes: &[Change]) -> Result<Effect> {
        let mut touched = Touched::default();
        for change in changes.iter().filter(|change| change.key.starts_with(PREFIX)) {
            self.take(&change.key, change.value.as_deref(), &mut touched)?;
        }
        if touched.apps.is_empty() && touched.functions.is_empty() {
            return Ok(Effect::None);
        }
        self.rebuild(touched);
        Ok(Effect::Changed)
    }

    fn take(&mut self, key: &[u8], value: Option<&[u8]>, touched: &mut Touched) -> Result<()> {
        let Some(key) = Key::parse(key) else { return Ok(()) };
        match key {
            Key::App(app) => {
                match value {
                    Some(value) => {
                        let record = AppRecord::decode(value)?;
                        let known = self.releases.get(&app);
                        // A change of the way back alone leaves the release as it is.
                        if known.is_some_and(|known| **known == record.live) {
                            return Ok(());
                        }
                        self.releases.insert(app.clone(), Arc::new(record.live));
                    }
                    None => {
                        self.releases.remove(&app);
                    }
                }
                touched.apps.insert(app);
            }
            Key::Function(name) => {
                match value {
                    Some(value) => self.functions.insert(name.clone(), FunctionRecord::decode(value)?),
                    None => self.functions.remove(&name),
                };
                touched.functions.insert(name);
            }
            Key::Version(name, number) => {
                let targets = self.versions.entry(name.clone()).or_default();
                match value {
                    Some(value) => {
                        let target = version(&self.arns, number, VersionRecord::decode(value)?);
                        targets.insert(number, Arc::new(target));
                    }
                    None => {
                        targets.remove(&number);
                    }
                }
                if targets.is_empty() {
                    self.versions.remove(&name);
                }
                touched.functions.insert(name);
            }
            // Nothing of these is shown.
            Key::Release(..)
            | Key::Content(..)
            | Key::Api(_)
            | Key::Url(_)
            | Key::Layer(_)
            | Key::LayerVersion(..)
            | Key::Reserved
            | Key::Provisions => {}
        }
        Ok(())
    }

    fn rebuild(&mut self, touched: Touched) {
        let mut apps = touched.apps;
        // A function that is touched alone is rebuilt within its app's present release.
        let owners = touched.functions.iter().filter_map(|name| self.functions.get(name));
        let partly: BTreeSet<AppName> =
            owners.map(|record| record.app.clone()).filter(|app| !apps.contains(app)).collect();
        for app in &partly {
            self.rebuild_app(app, &Extent::Functions(&touched.functions));
        }
        while let Some(app) = apps.pop_first() {
            self.rebuild_app(&app, &Extent::All);
        }
    }

    fn rebuild_app(&mut self, app: &AppName, extent: &Extent<'_>) {
        let old = self.live.apps.remove(app);
        if let Some(old) = &old {
            for api in &old.release.content.apis {
                self.live.apis.remove(&api.id);
            }
            for function in old.functions.values() {
                // Another app may have taken the name within the same commit.
                let name = function.lambda_name();
                if self.live.functions.get(name).is_some_and(|found| found.app == *app) {
                    self.live.functions.remove(name);
                }
                for url in function.urls.values() {
                    self.live.urls.remove(&url.url.id);
                }
                for id in function.mappings.keys() {
                    // Another function may have got it within the same commit.
                    if self.live.mappings.get(id) == Some(name) {
                        self.live.mappings.remove(id);
                    }
                }
            }
        }
        let Some(release) = self.releases.get(app).map(Arc::clone) else { return };
        let mut functions: BTreeMap<FunctionName, Arc<LiveFunction>> = BTreeMap::new();
        for (name, function) in &release.content.functions {
            let known = old.as_ref().and_then(|old| old.functions.get(name));
            let built = match (extent, known) {
                (Extent::Functions(touched), Some(known)) if !touched.contains(&function.lambda_name) => {
                    Arc::clone(known)
                }
                (Extent::Functions(_) | Extent::All, known) => {
                    let Some(record) = self.functions.get(&function.lambda_name) else { continue };
                    let versions = self.versions.get(&function.lambda_name);
                    Arc::new(self.function(&release, function, record, versions, known))
                }
            };
            for (qualifier, url) in &built.urls {
                let place = UrlPlace { function: function.lambda_name.clone(), qualifier: qualifier.clone() };
                self.live.urls.insert(url.url.id.clone(), place);
            }
            for id in built.mappings.keys() {
                self.live.mappings.insert(id.clone(), function.lambda_name.clone());
            }
            self.live.functions.insert(function.lambda_name.clone(), Arc::clone(&built));
            functions.insert(name.clone(), built);
        }
        for (index, api) in release.content.apis.iter().enumerate() {
            self.live.apis.insert(api.id.clone(), ApiPlace { app: app.clone(), index });
        }
        self.live.apps.insert(app.clone(), Arc::new(LiveApp { release, functions }));
    }

    fn function(
        &self,
        release: &Release,
        function: &Function,
        record: &FunctionRecord,
        versions: Option<&Targets>,
        known: Option<&Arc<LiveFunction>>,
    ) -> LiveFunction {
        let environment = match known {
            Some(known) if known.latest.function == *function => known.latest.environment,
            Some(_) | None => environment(&release.app, Version::Latest, function),
        };
        let arn = self.arns.function(function.lambda_name.as_str());
        let latest = Target {
            app: release.app.clone(),
            release: release.number,
            version: Version::Latest,
            function: function.clone(),
            arn: arn.clone(),
            environment,
            revision_id: record.revision.clone(),
            last_modified: record.modified,
        };
        let aliases = record.aliases.iter().map(|(name, alias)| {
            let alias = Alias {
                name: name.clone(),
                version: alias.version,
                description: alias.description.clone(),
                weights: alias.weights.clone(),
                revision_id: alias.revision.clone(),
                arn: format!("{arn}:{name}"),
            };
            (name.clone(), alias)
        });
        let policies = record.policies.iter().map(|(qualifier, statements)| {
            ((!qualifier.is_empty()).then(|| qualifier.clone()), statements.clone())
        });
        let provisioned = record.provisioned.iter().map(|(qualifier, config)| {
            let config = Provisioned { executions: config.executions, modified: config.modified };
            (qualifier.clone(), config)
        });
        LiveFunction {
            app: release.app.clone(),
            provisioned: provisioned.collect(),
            asynchronous: asynchronous(record),
            mappings: mappings(record),
            versions: versions.cloned().unwrap_or_default(),
            aliases: aliases.collect(),
            urls: urls(function, record),
            policies: policies.collect(),
            revision_id: record.revision.clone(),
            last_modified: record.modified,
            latest: Arc::new(latest),
        }
    }
}

/// How much of an app a commit touched.
enum Extent<'a> {
    All,
    Functions(&'a BTreeSet<LambdaName>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    None,
    Changed,
}

fn urls(function: &Function, record: &FunctionRecord) -> BTreeMap<Option<AliasName>, LiveUrl> {
    let mut urls = BTreeMap::new();
    for (name, alias) in &record.aliases {
        if let Some((url, times)) = &alias.url {
            let url = LiveUrl { url: url.clone(), created: times.created, modified: times.modified };
            urls.insert(Some(name.clone()), url);
        }
    }
    if let Some(url) = &function.url {
        let (created, modified) = match &record.url {
            Some(times) => (times.created, times.modified),
            None => (record.modified, record.modified),
        };
        urls.insert(url.qualifier.clone(), LiveUrl { url: url.clone(), created, modified });
    }
    urls
}

fn asynchronous(record: &FunctionRecord) -> BTreeMap<String, LiveAsynchronous> {
    let shown = record.asynchronous.iter().map(|(qualifier, set)| {
        let usual = Asynchronous::default();
        let config = Asynchronous {
            max_age: set.max_age.unwrap_or(usual.max_age),
            retries: set.retries.unwrap_or(usual.retries),
            on_success: set.on_success.clone(),
            on_failure: set.on_failure.clone(),
        };
        let live =
            LiveAsynchronous { config, max_age: set.max_age, retries: set.retries, modified: set.modified };
        (qualifier.clone(), live)
    });
    shown.collect()
}

fn mappings(record: &FunctionRecord) -> BTreeMap<String, LiveMapping> {
    let shown = record.mappings.iter().map(|(id, made)| {
        let MappingRecord { mapping, tags, modified, .. } = made.clone();
        (id.clone(), LiveMapping { mapping, tags, modified })
    });
    shown.collect()
}

pub(super) fn version(arns: &Arns, number: u64, record: VersionRecord) -> Target {
    let version = Version::Number(number);
    Target {
        environment: environment(&record.app, version, &record.function),
        arn: arns.function(record.function.lambda_name.as_str()),
        app: record.app,
        release: record.release,
        version,
        function: record.function,
        revision_id: record.revision,
        last_modified: record.created,
    }
}

/// Names everything that an environment of the function is made from, and nothing else.
pub(super) fn environment(app: &AppName, version: Version, function: &Function) -> Digest {
    let parts = (
        (app, &function.name, &function.lambda_name, version, &function.role),
        (function.package.digest, function.runtime, &function.handler, function.architecture),
        (function.memory, function.timeout, function.ephemeral_storage, &function.variables),
        (function.log_format, function.log_level, function.tracing, &function.wasm, &function.network),
        (function.snap_start, function.driver, function.layer_packages()),
    );
    // Tuples of strings, numbers and an ordered map always serialise.
    Digest::of(&serde_json::to_vec(&parts).unwrap_or_default())
}
