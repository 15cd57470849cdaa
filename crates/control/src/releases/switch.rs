//! The flip: from the live release to another, with all Lambda names that follow it.

use std::{collections::BTreeSet, sync::Arc};

use sonagi_model::{
    AppName, LambdaName, Timestamp, UrlId,
    function::Function,
    limits,
    release::{Release, ReleaseContent},
};

use super::{
    change::Change,
    records::{AppRecord, FunctionRecord, Key, OwnerRecord, UrlTimes},
};
use crate::{Error, Result};

impl AppRecord {
    /// The Lambda names of all its functions, live and dormant.
    pub(super) fn functions(&self) -> BTreeSet<LambdaName> {
        lambda_names(&self.live.content).chain(&self.dormant).cloned().collect()
    }
}

fn lambda_names(content: &ReleaseContent) -> impl Iterator<Item = &LambdaName> {
    content.functions.values().map(|function| &function.lambda_name)
}

impl Change<'_> {
    /// Makes `release` the live one of the app that `record` describes.
    pub(crate) fn switch(&mut self, mut record: AppRecord, release: Release) -> Result<Arc<Release>> {
        let app = release.app.clone();
        let from = std::mem::replace(&mut record.live, release);
        let (from, to) = (&from.content, &record.live.content);
        self.switch_ids(&app, from, to)?;
        let before = self.claims()?;
        let mut claims = before.clone();
        claims.switch(from, to);
        for (name, function) in &to.functions {
            if from.functions.get(name) != Some(function) {
                let provisioned = self.switch_function(&record.live, function, from.functions.get(name))?;
                claims.provision(&function.lambda_name, provisioned);
            }
        }
        self.claim_concurrency(&before, &claims)?;
        self.services.apply(self.store.transaction(), &app, from, to)?;
        let now: BTreeSet<&LambdaName> = lambda_names(to).collect();
        let dormant = lambda_names(from).chain(&record.dormant);
        let mut dormant: BTreeSet<LambdaName> =
            dormant.filter(|&name| !now.contains(name)).cloned().collect();
        while dormant.len() > limits::FUNCTIONS_PER_APP {
            if let Some(name) = dormant.pop_first() {
                self.wipe(&name)?;
            }
        }
        record.dormant = dormant;
        self.store.put(&Key::App(app), &record)?;
        Ok(Arc::new(record.live))
    }

    /// Gives a function that is new or changed its revision, and its alias the version that it follows. Returns how
    /// much concurrency is provisioned for it.
    fn switch_function(&mut self, release: &Release, to: &Function, from: Option<&Function>) -> Result<u32> {
        let name = &to.lambda_name;
        let key = Key::Function(name.clone());
        let mut record = match self.store.get::<FunctionRecord>(&key)? {
            Some(record) if record.app == release.app => record,
            Some(other) => {
                if self.lookup(name)?.is_some() {
                    return Err(Error::Exists(format!(
                        "Function already exist: {name}. It belongs to the app {:?}: give one of the two another name.",
                        other.app.as_str()
                    )));
                }
                self.disown(&other.app, name)?;
                FunctionRecord::new(release.app.clone(), to, self.now)
            }
            None => FunctionRecord::new(release.app.clone(), to, self.now),
        };
        record.name = to.name.clone();
        record.revision = self.revisions.of(name, "$LATEST");
        record.modified = self.now;
        record.url = url_times(&record, from, to, self.now);
        if let Some(alias) = &to.publish_alias {
            self.follow(&mut record, release.number, to, alias)?;
        }
        self.declare_provisioned(&mut record, to)?;
        self.declare_asynchronous(&mut record, to);
        self.declare_mappings(&mut record, to);
        self.store.put(&key, &record)?;
        Ok(record.provisions())
    }

    /// Claims and gives up the ids of APIs and URLs, so that no app takes another's.
    fn switch_ids(&mut self, app: &AppName, from: &ReleaseContent, to: &ReleaseContent) -> Result<()> {
        let (old, new) = (ids(from), ids(to));
        for key in old.iter().filter(|&key| !new.contains(key)) {
            self.store.delete(key)?;
        }
        for key in new.into_iter().filter(|key| !old.contains(key)) {
            self.claim(app, &key)?;
        }
        Ok(())
    }

    pub(crate) fn claim(&mut self, app: &AppName, key: &Key) -> Result<()> {
        match self.store.get::<OwnerRecord>(key)? {
            Some(OwnerRecord(owner)) if owner != *app => Err(Error::Exists(format!(
                "an API or function URL of the app {:?} has the same id as one of the app {:?}",
                owner.as_str(),
                app.as_str()
            ))),
            Some(_) => Ok(()),
            None => self.store.put(key, &OwnerRecord(app.clone())),
        }
    }

    /// Takes down what the live release holds on the whole platform: ids, claims and what it declares.
    pub(super) fn retire(&mut self, record: &AppRecord) -> Result<()> {
        let nothing = ReleaseContent::default();
        self.switch_ids(&record.live.app, &record.live.content, &nothing)?;
        let before = self.claims()?;
        let mut claims = before.clone();
        claims.switch(&record.live.content, &nothing);
        self.claim_concurrency(&before, &claims)?;
        let live = &record.live;
        self.services.apply(self.store.transaction(), &live.app, &live.content, &nothing)
    }

    /// Takes a dormant function from the app that once had it.
    pub(crate) fn disown(&mut self, app: &AppName, name: &LambdaName) -> Result<()> {
        self.wipe(name)?;
        if let Some(mut record) = self.store.get::<AppRecord>(&Key::App(app.clone()))? {
            record.dormant.remove(name);
            self.store.put(&Key::App(app.clone()), &record)?;
        }
        Ok(())
    }

    /// Removes a Lambda name with its versions, aliases and policies.
    pub(crate) fn wipe(&mut self, name: &LambdaName) -> Result<()> {
        let key = Key::Function(name.clone());
        let Some(record) = self.store.get::<FunctionRecord>(&key)? else { return Ok(()) };
        for &version in record.versions.keys() {
            self.store.delete(&Key::Version(name.clone(), version))?;
        }
        for alias in record.aliases.values() {
            if let Some((url, _)) = &alias.url {
                self.store.delete(&url_key(&url.id))?;
            }
        }
        self.store.delete(&key)
    }
}

impl FunctionRecord {
    fn new(app: AppName, function: &Function, now: Timestamp) -> Self {
        Self {
            app,
            name: function.name.clone(),
            revision: String::new(),
            modified: now,
            last_version: 0,
            versions: Default::default(),
            aliases: Default::default(),
            policies: Default::default(),
            url: None,
            provisioned: Default::default(),
            asynchronous: Default::default(),
            mappings: Default::default(),
        }
    }
}

fn url_times(
    record: &FunctionRecord,
    from: Option<&Function>,
    to: &Function,
    now: Timestamp,
) -> Option<UrlTimes> {
    let url = to.url.as_ref()?;
    let old = from.and_then(|from| from.url.as_ref());
    Some(match (record.url, old) {
        (Some(times), Some(old)) if old == url => times,
        (Some(times), Some(_)) => UrlTimes { created: times.created, modified: now },
        (Some(_), None) | (None, _) => UrlTimes { created: now, modified: now },
    })
}

fn ids(content: &ReleaseContent) -> Vec<Key> {
    let apis = content.apis.iter().map(|api| Key::Api(api.id.0.clone()));
    let urls = content.functions.values().filter_map(|function| function.url.as_ref());
    apis.chain(urls.map(|url| url_key(&url.id))).collect()
}

pub(crate) fn url_key(id: &UrlId) -> Key {
    Key::Url(id.0.clone())
}
