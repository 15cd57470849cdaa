//! What this crate needs of `control`: the seam that tests stand in for.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use sonagi_control::{Control, Live, LiveFunction, Share, Target};
use sonagi_model::{Digest, LambdaName, function::Package};

/// What is deployed, and its code.
#[async_trait]
pub trait Deployments: Send + Sync + 'static {
    /// What is live now: the same `Arc` until something changes.
    fn live(&self) -> Arc<dyn Snapshot>;

    /// The folder with the package's files, unpacked.
    async fn unpacked(&self, package: &Package) -> sonagi_control::Result<PathBuf>;
}

/// What is live, at one moment.
pub trait Snapshot: Send + Sync {
    /// Whether a live version of `function` runs in such environments.
    fn uses(&self, function: &LambdaName, environment: &Digest) -> bool;
    /// Every reserved concurrency: that of `$LATEST` counts for all versions, as on Lambda.
    fn reservations(&self) -> Vec<(LambdaName, u32)>;
    /// Every target that environments are to be kept ready for, and how many.
    fn provisioned(&self) -> Vec<Share>;
}

#[async_trait]
impl Deployments for Control {
    fn live(&self) -> Arc<dyn Snapshot> {
        Self::live(self)
    }

    async fn unpacked(&self, package: &Package) -> sonagi_control::Result<PathBuf> {
        self.packages().unpacked(package).await
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
}
