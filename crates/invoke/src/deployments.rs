//! What this crate needs of `control`: the seam that tests stand in for.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use sonagi_control::{Control, Live, LiveFunction, Share, Target};
use sonagi_model::{Digest, LambdaName, function::Package};

use crate::pool::is_copied;

/// What is deployed, and its code.
#[async_trait]
pub trait Deployments: Send + Sync + 'static {
    /// What is live now: the same `Arc` until something changes.
    fn live(&self) -> Arc<dyn Snapshot>;

    /// The folder with the package's files, unpacked.
    async fn unpacked(&self, package: &Package) -> sonagi_control::Result<PathBuf>;

    /// The folder with all that is in `layers`, one over the other, and what names it; none if there are none.
    async fn merged(&self, layers: &[Package]) -> sonagi_control::Result<Option<(Digest, PathBuf)>>;
}

/// What is live, at one moment.
pub trait Snapshot: Send + Sync {
    /// Whether a live version of `function` runs in such environments.
    fn uses(&self, function: &LambdaName, environment: &Digest) -> bool;
    /// Every reserved concurrency: that of `$LATEST` counts for all versions, as on Lambda.
    fn reservations(&self) -> Vec<(LambdaName, u32)>;
    /// Every target that environments are to be kept ready for, and how many.
    fn provisioned(&self) -> Vec<Share>;
    /// Every target whose environments are copies of one that was initialised.
    fn copied(&self) -> Vec<Copied>;
}

/// A target whose environments are copies of one that was initialised.
#[derive(Debug, Clone)]
pub struct Copied {
    pub target: Arc<Target>,
    pub reached: Reached,
}

/// Which requests lead to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// Those that name no version too: it is `$LATEST`, or an alias names it.
    ByAll,
    ByNumber,
}

#[async_trait]
impl Deployments for Control {
    fn live(&self) -> Arc<dyn Snapshot> {
        Self::live(self)
    }

    async fn unpacked(&self, package: &Package) -> sonagi_control::Result<PathBuf> {
        self.packages().unpacked(package).await
    }

    async fn merged(&self, layers: &[Package]) -> sonagi_control::Result<Option<(Digest, PathBuf)>> {
        self.packages().merged(layers).await
    }
}

impl Snapshot for Live {
    fn uses(&self, function: &LambdaName, environment: &Digest) -> bool {
        let fits = |target: &Arc<Target>| target.environment == *environment;
        self.function(function.as_str())
            .is_some_and(|function| fits(&function.latest) || function.versions.values().any(fits))
    }

    fn reservations(&self) -> Vec<(LambdaName, u32)> {
        let reserved = |target: &Target| {
            Some((target.function.lambda_name.clone(), target.function.reserved_concurrency?))
        };
        self.functions().filter_map(|function| reserved(&function.latest)).collect()
    }

    fn provisioned(&self) -> Vec<Share> {
        let named = |function: &'_ Arc<LiveFunction>| {
            let names = function.provisioned.keys();
            names.flat_map(|name| function.shares(name)).collect::<Vec<_>>()
        };
        self.functions().flat_map(named).collect()
    }

    fn copied(&self) -> Vec<Copied> {
        let mut all = Vec::new();
        for function in self.functions() {
            let targets = std::iter::once(&function.latest).chain(function.versions.values());
            let copied: Vec<_> = targets.filter(|target| is_copied(target)).collect();
            if copied.is_empty() {
                continue;
            }
            let served = function.served();
            all.extend(copied.into_iter().map(|target| Copied {
                target: Arc::clone(target),
                reached: match served.iter().any(|served| Arc::ptr_eq(served, target)) {
                    true => Reached::ByAll,
                    false => Reached::ByNumber,
                },
            }));
        }
        all
    }
}
