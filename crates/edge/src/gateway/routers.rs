//! The compiled routes of the live APIs.

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;
use sonagi_control::Live;
use sonagi_model::{ApiId, Digest, release::Release};

use super::routes::Router;

/// A router per API, made when the API is first asked after a release. Reading takes no lock.
#[derive(Default)]
pub(super) struct Routers {
    compiled: ArcSwap<HashMap<ApiId, Compiled>>,
}

#[derive(Clone)]
struct Compiled {
    release: Digest,
    router: Arc<Router>,
}

impl Routers {
    /// The router of the API at `index` of `release`.
    pub(super) fn get(&self, release: &Release, index: usize, live: &Live) -> Arc<Router> {
        let api = &release.content.apis[index];
        if let Some(compiled) = self.compiled.load().get(&api.id)
            && compiled.release == release.digest
        {
            return Arc::clone(&compiled.router);
        }
        let router = Arc::new(Router::new(api));
        self.compiled.rcu(|old| {
            let mut new: HashMap<_, _> = old
                .iter()
                // What is no longer live goes, so that the map never outgrows the catalog.
                .filter(|(id, _)| live.api(&id.0).is_some())
                .map(|(id, compiled)| (id.clone(), compiled.clone()))
                .collect();
            new.insert(api.id.clone(), Compiled { release: release.digest, router: Arc::clone(&router) });
            new
        });
        router
    }
}
