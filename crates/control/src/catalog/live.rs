//! [`Live`]: an immutable snapshot of all that is live.

use std::{collections::BTreeMap, sync::Arc};

use sonagi_model::{
    AliasName, ApiId, AppName, Entropy, FunctionName, LambdaName, Timestamp, UrlId, api::Api,
    function::FunctionUrl, release::Release,
};

use super::{Alias, LiveAsynchronous, LiveMapping, Provisioned, Statement, Target, Version};
use crate::{Error, Result};

/// Everything that is live, at one commit. It never changes; the next commit makes another.
#[derive(Debug, Clone, Default)]
pub struct Live {
    pub(super) apps: BTreeMap<AppName, Arc<LiveApp>>,
    pub(super) functions: BTreeMap<LambdaName, Arc<LiveFunction>>,
    pub(super) apis: BTreeMap<ApiId, ApiPlace>,
    pub(super) urls: BTreeMap<UrlId, UrlPlace>,
    /// The functions of event source mappings, by UUID.
    pub(super) mappings: BTreeMap<String, LambdaName>,
}

/// The app of an API, and the API's place in its release.
#[derive(Debug, Clone)]
pub(super) struct ApiPlace {
    pub(super) app: AppName,
    pub(super) index: usize,
}

/// The function of a URL, and the alias it points to.
#[derive(Debug, Clone)]
pub(super) struct UrlPlace {
    pub(super) function: LambdaName,
    pub(super) qualifier: Option<AliasName>,
}

impl Live {
    /// Sorted by name.
    pub fn apps(&self) -> impl Iterator<Item = &Arc<LiveApp>> {
        self.apps.values()
    }

    pub fn app(&self, name: &str) -> Option<&Arc<LiveApp>> {
        self.apps.get(name)
    }

    /// The one app that has APIs, if there is exactly one.
    pub fn only_app_with_apis(&self) -> Option<&Arc<LiveApp>> {
        let mut found = self.apps.values().filter(|app| !app.release.content.apis.is_empty());
        match (found.next(), found.next()) {
            (Some(only), None) => Some(only),
            (None, _) | (Some(_), Some(_)) => None,
        }
    }

    pub fn function(&self, lambda_name: &str) -> Option<&Arc<LiveFunction>> {
        self.functions.get(lambda_name)
    }

    /// Sorted by Lambda name.
    pub fn functions(&self) -> impl Iterator<Item = &Arc<LiveFunction>> {
        self.functions.values()
    }

    /// The functions whose Lambda names sort after `marker`: a page of a listing starts here.
    pub fn functions_after(&self, marker: &str) -> impl Iterator<Item = &Arc<LiveFunction>> {
        use std::ops::Bound;
        self.functions
            .range::<str, _>((Bound::Excluded(marker), Bound::Unbounded))
            .map(|(_, function)| function)
    }

    pub fn api(&self, id: &str) -> Option<(&Arc<LiveApp>, &Api)> {
        let place = self.apis.get(&ApiId(id.to_owned()))?;
        let app = self.apps.get(&place.app)?;
        Some((app, app.release.content.apis.get(place.index)?))
    }

    pub fn url(&self, id: &str) -> Option<(&Arc<LiveFunction>, &FunctionUrl)> {
        let place = self.urls.get(&UrlId(id.to_owned()))?;
        let function = self.functions.get(&place.function)?;
        Some((function, &function.urls.get(&place.qualifier)?.url))
    }

    /// By its UUID.
    pub fn mapping(&self, id: &str) -> Option<(&Arc<LiveFunction>, &LiveMapping)> {
        let function = self.functions.get(self.mappings.get(id)?)?;
        Some((function, function.mappings.get(id)?))
    }

    /// The event source mappings whose UUIDs sort after `marker`: a page of a listing starts here.
    pub fn mappings_after(&self, marker: &str) -> impl Iterator<Item = (&Arc<LiveFunction>, &LiveMapping)> {
        use std::ops::Bound;
        self.mappings
            .range::<str, _>((Bound::Excluded(marker), Bound::Unbounded))
            .filter_map(|(id, _)| self.mapping(id))
    }
}

/// An app and its live release.
#[derive(Debug, Clone)]
pub struct LiveApp {
    pub release: Arc<Release>,
    pub(super) functions: BTreeMap<FunctionName, Arc<LiveFunction>>,
}

impl LiveApp {
    pub fn name(&self) -> &AppName {
        &self.release.app
    }

    /// By its name in the manifest, as a route names it.
    pub fn function(&self, name: &FunctionName) -> Option<&Arc<LiveFunction>> {
        self.functions.get(name)
    }

    /// Sorted by their names in the manifest.
    pub fn functions(&self) -> impl Iterator<Item = &Arc<LiveFunction>> {
        self.functions.values()
    }
}

/// A function with all its Lambda names.
#[derive(Debug, Clone)]
pub struct LiveFunction {
    pub app: AppName,
    /// `$LATEST`: the function as the app's live release has it.
    pub latest: Arc<Target>,
    pub versions: BTreeMap<u64, Arc<Target>>,
    pub aliases: BTreeMap<AliasName, Alias>,
    /// Its addresses, by the alias that each points to; none is `$LATEST`.
    pub urls: BTreeMap<Option<AliasName>, LiveUrl>,
    /// Resource policy statements by qualifier; none is the unqualified function's.
    pub policies: BTreeMap<Option<String>, Vec<Statement>>,
    /// Provisioned concurrency by qualifier.
    pub provisioned: BTreeMap<String, Provisioned>,
    /// What is set for asynchronous invocations, by qualifier.
    pub asynchronous: BTreeMap<String, LiveAsynchronous>,
    /// Event source mappings by UUID.
    pub mappings: BTreeMap<String, LiveMapping>,
    /// Of `$LATEST`.
    pub revision_id: String,
    /// Of `$LATEST`.
    pub last_modified: Timestamp,
}

/// A function URL and when it was made and changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveUrl {
    pub url: FunctionUrl,
    pub created: Timestamp,
    pub modified: Timestamp,
}

impl LiveFunction {
    pub fn lambda_name(&self) -> &LambdaName {
        &self.latest.function.lambda_name
    }

    /// Without a qualifier.
    pub fn arn(&self) -> &str {
        &self.latest.arn
    }

    /// `$LATEST`, a number, or an alias, which chooses by its weights. None is `$LATEST`.
    pub fn resolve(&self, qualifier: Option<&str>, entropy: &dyn Entropy) -> Result<Arc<Target>> {
        let Some(qualifier) = qualifier else { return Ok(Arc::clone(&self.latest)) };
        let unknown = || Error::NoQualifier { arn: self.latest.arn.clone(), qualifier: qualifier.to_owned() };
        let version = match self.aliases.get(qualifier) {
            Some(alias) => alias.choose(entropy),
            None => qualifier.parse().map_err(|_| unknown())?,
        };
        self.version(version).map(Arc::clone).ok_or_else(unknown)
    }

    /// What requests may lead to: `$LATEST`, and the versions that aliases name. Others are there, and asked for by
    /// number alone.
    pub fn served(&self) -> Vec<&Arc<Target>> {
        let aliased = self.aliases.values().flat_map(|alias| {
            let weighted = alias.weights.keys().map(|&number| Version::Number(number));
            std::iter::once(alias.version).chain(weighted)
        });
        let mut versions: Vec<Version> = aliased.chain([Version::Latest]).collect();
        versions.sort_unstable();
        versions.dedup();
        versions.into_iter().filter_map(|version| self.version(version)).collect()
    }

    pub fn version(&self, version: Version) -> Option<&Arc<Target>> {
        match version {
            Version::Latest => Some(&self.latest),
            Version::Number(number) => self.versions.get(&number),
        }
    }
}

impl Alias {
    /// The version that one invocation goes to.
    fn choose(&self, entropy: &dyn Entropy) -> Version {
        if self.weights.is_empty() {
            return self.version;
        }
        // 53 random bits fill a float's mantissa: a point in [0, 1).
        let mut point = (u64::from_le_bytes(entropy.bytes()) >> 11) as f64 / (1_u64 << 53) as f64;
        for (&version, &weight) in &self.weights {
            if point < weight {
                return Version::Number(version);
            }
            point -= weight;
        }
        self.version
    }
}
