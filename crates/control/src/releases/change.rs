//! One change: a transaction with the names, the time and the ids that it needs.

use std::sync::{Arc, Mutex, PoisonError};

use sonagi_backend::{Records, Sequence};
use sonagi_model::{
    AccountId, AppName, Clock, Digest, Entropy, LambdaName, Region, Timestamp,
    function::Function,
    limits,
    release::{Release, ReleaseContent},
};

use super::{
    records::{AppRecord, ContentRecord, FunctionRecord, Key, Origin, ReleaseRecord},
    revision::Revisions,
    store::Store,
    summary::Deployed,
};
use crate::{Error, Result, resources::Services};

/// Runs changes.
pub(crate) struct Changes {
    pub(crate) records: Arc<dyn Records>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) arns: Arns,
    /// Of the whole account.
    pub(crate) concurrency: u32,
}

/// Makes ARNs.
#[derive(Debug, Clone)]
pub(crate) struct Arns {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
}

impl Arns {
    /// Without a qualifier.
    pub(crate) fn function(&self, name: &str) -> String {
        format!("arn:aws:lambda:{}:{}:function:{name}", self.region, self.account)
    }

    pub(crate) fn no_function(&self, name: &str) -> Error {
        Error::NoFunction { arn: self.function(name) }
    }
}

impl Changes {
    /// Runs `body` as one transaction. It may run more than once, so it must have no effect but through the change.
    pub(crate) async fn run<T, F>(&self, services: &Services, mut body: F) -> Result<(T, Sequence)>
    where
        T: Send + 'static,
        F: FnMut(&mut Change<'_>) -> Result<T> + Send + 'static,
    {
        let (now, arns, concurrency) = (self.clock.now(), self.arns.clone(), self.concurrency);
        let revisions = Revisions::new(&*self.entropy);
        let services = services.clone();
        let outcome = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&outcome);
        let commit = self
            .records
            .transact_dyn(Box::new(move |transaction| {
                let store = Store::new(transaction);
                let mut change = Change {
                    store,
                    now,
                    arns: arns.clone(),
                    concurrency,
                    revisions: revisions.clone(),
                    services: services.clone(),
                };
                let result = body(&mut change);
                let verdict = match &result {
                    Ok(_) => Ok(()),
                    Err(_) => Err(sonagi_backend::Error::Aborted),
                };
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
                verdict
            }))
            .await;
        let outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (commit, outcome) {
            (Ok(commit), Some(Ok(value))) => Ok((value, commit.sequence)),
            (_, Some(Err(refused))) => Err(refused),
            (Err(failed), Some(Ok(_)) | None) => Err(failed.into()),
            (Ok(_), None) => Err(Error::Closed),
        }
    }
}

/// A change under way.
pub(crate) struct Change<'a> {
    pub(crate) store: Store<'a>,
    pub(crate) now: Timestamp,
    pub(crate) arns: Arns,
    /// Of the whole account.
    pub(crate) concurrency: u32,
    pub(crate) revisions: Revisions,
    pub(crate) services: Services,
}

/// A live function, as a change finds it.
pub(crate) struct Found {
    pub(crate) app: AppRecord,
    pub(crate) record: FunctionRecord,
    pub(crate) function: Function,
}

impl Change<'_> {
    /// Makes `content` the newest release of `app` and activates it.
    pub(crate) fn deploy(
        &mut self,
        app: &AppName,
        content: ReleaseContent,
        origin: Origin,
    ) -> Result<Deployed> {
        let found: Option<AppRecord> = self.store.get(&Key::App(app.clone()))?;
        let digest = content.digest();
        let mut record = match found {
            Some(record) if record.live.digest == digest => {
                return Ok(Deployed::Unchanged(Arc::new(record.live)));
            }
            Some(record) => record,
            None => AppRecord::nothing(app, self.now, origin),
        };
        self.drop_layers(&record.live.content, &content)?;
        let number = record.last.next();
        let live = Release { app: app.clone(), number, digest, created: self.now, content };
        self.store_release(&live)?;
        record.step_from_live();
        record.last = number;
        if origin == Origin::Manifest {
            record.origin = origin;
        }
        let release = self.switch(record, live)?;
        if number.0 > limits::RELEASES_PER_APP {
            self.prune(app)?;
        }
        Ok(Deployed::Activated(release))
    }

    fn store_release(&mut self, release: &Release) -> Result<()> {
        let content = Key::Content(release.app.clone(), release.digest);
        // Present if an earlier release did the same.
        if !self.store.contains(&content)? {
            self.store.put(&content, &ContentRecord(release.content.clone()))?;
        }
        let summary = ReleaseRecord {
            digest: release.digest,
            created: release.created,
            functions: release.content.functions.len(),
        };
        self.store.put(&Key::Release(release.app.clone(), release.number), &summary)
    }

    /// The live function of that Lambda name.
    pub(crate) fn find(&mut self, name: &LambdaName) -> Result<Found> {
        let found = self.lookup(name)?;
        found.ok_or_else(|| self.arns.no_function(name.as_str()))
    }

    pub(crate) fn lookup(&mut self, name: &LambdaName) -> Result<Option<Found>> {
        let Some(record) = self.store.get::<FunctionRecord>(&Key::Function(name.clone()))? else {
            return Ok(None);
        };
        let Some(app) = self.store.get::<AppRecord>(&Key::App(record.app.clone()))? else { return Ok(None) };
        let function =
            app.live.content.functions.get(&record.name).filter(|found| found.lambda_name == *name);
        let function = function.cloned();
        Ok(function.map(|function| Found { app, record, function }))
    }

    /// Replaces a live function by `function` in a new release. A function that stays as it was gets a new revision
    /// nevertheless, as at Lambda.
    pub(crate) fn replace(&mut self, found: Found, function: Function) -> Result<()> {
        let name = function.lambda_name.clone();
        let app = found.app.live.app.clone();
        let mut content = found.app.live.content;
        content.functions.insert(function.name.clone(), function);
        match self.deploy(&app, content, found.app.origin)? {
            Deployed::Activated(_) => Ok(()),
            Deployed::Unchanged(_) => self.touch(&name, found.record),
        }
    }

    /// Renews a function's revision.
    pub(crate) fn touch(&mut self, name: &LambdaName, mut record: FunctionRecord) -> Result<()> {
        record.revision = self.revisions.of(name, "$LATEST");
        record.modified = self.now;
        self.store.put(&Key::Function(name.clone()), &record)
    }
}

impl AppRecord {
    fn nothing(app: &AppName, now: Timestamp, origin: Origin) -> Self {
        let number = sonagi_model::ReleaseNumber(0);
        let content = ReleaseContent::default();
        let live = Release { app: app.clone(), number, digest: Digest::of(b""), created: now, content };
        Self { live, last: number, before: Vec::new(), dormant: Default::default(), origin }
    }
}
