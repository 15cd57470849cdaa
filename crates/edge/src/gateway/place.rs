//! From a host and a path to the API or the function that they mean.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use sonagi_control::{Live, LiveApp, LiveFunction};
use sonagi_model::api::{Api, ApiKind};

use super::{
    hosts::{Site, site},
    routers::Routers,
    routes::{Routed, Router},
};

/// Where a request goes.
pub(super) enum Place {
    Api {
        app: Arc<LiveApp>,
        index: usize,
        router: Arc<Router>,
    },
    /// The URL is the one at `index` of the function's.
    Url {
        function: Arc<LiveFunction>,
        index: usize,
    },
}

/// Finds places in the catalog.
#[derive(Default)]
pub(super) struct Places {
    routers: Routers,
    /// The only app with APIs, kept with the snapshot that it was looked up in: a host that names nothing is the
    /// common case in development, and a look-up reads all apps.
    only: ArcSwapOption<Only>,
}

struct Only {
    live: Arc<Live>,
    app: Option<Arc<LiveApp>>,
}

impl Places {
    /// `host` is lower-case and has no port.
    pub(super) fn find(
        &self,
        live: &Arc<Live>,
        domains: &[String],
        host: &str,
        method: &str,
        path: &str,
    ) -> Option<Place> {
        match site(host, domains) {
            Site::Api { id } => {
                let (app, api) = live.api(id)?;
                let index = app.release.content.apis.iter().position(|known| known.id == api.id)?;
                Some(self.api(live, app, index))
            }
            Site::Url { id } => {
                let (function, url) = live.url(id)?;
                let index = function.urls.values().position(|known| known.url.id == url.id)?;
                Some(Place::Url { function: Arc::clone(function), index })
            }
            Site::AppApi { app, api } => {
                let app = live.app(app)?;
                let apis = &app.release.content.apis;
                let index = apis.iter().position(|known| known.name.eq_ignore_ascii_case(api))?;
                Some(self.api(live, app, index))
            }
            Site::App { app } => self.app(live, live.app(app)?, method, path),
            Site::Any => {
                let app = self.only(live)?;
                self.app(live, &app, method, path)
            }
        }
    }

    fn api(&self, live: &Live, app: &Arc<LiveApp>, index: usize) -> Place {
        let router = self.routers.get(&app.release, index, live);
        Place::Api { app: Arc::clone(app), index, router }
    }

    /// The app's API that knows the path, the first one if none does; without an API, its only function URL.
    fn app(&self, live: &Live, app: &Arc<LiveApp>, method: &str, path: &str) -> Option<Place> {
        let apis = &app.release.content.apis;
        match apis.len() {
            0 => {
                let mut urls = app
                    .functions()
                    .flat_map(|function| (0..function.urls.len()).map(move |index| (function, index)));
                match (urls.next(), urls.next()) {
                    (Some((function, index)), None) => {
                        Some(Place::Url { function: Arc::clone(function), index })
                    }
                    (None, _) | (Some(_), Some(_)) => None,
                }
            }
            1 => Some(self.api(live, app, 0)),
            count => {
                let index = (0..count).find(|&index| {
                    let router = self.routers.get(&app.release, index, live);
                    knows(&apis[index], &router, method, path)
                });
                Some(self.api(live, app, index.unwrap_or(0)))
            }
        }
    }

    fn only(&self, live: &Arc<Live>) -> Option<Arc<LiveApp>> {
        if let Some(only) = self.only.load().as_ref()
            && Arc::ptr_eq(&only.live, live)
        {
            return only.app.clone();
        }
        let app = live.only_app_with_apis().map(Arc::clone);
        self.only.store(Some(Arc::new(Only { live: Arc::clone(live), app: app.clone() })));
        app
    }
}

fn knows(api: &Api, router: &Router, method: &str, path: &str) -> bool {
    match locate(api, router, method, path).routed {
        Routed::Route(_) | Routed::NoMethod(_) => true,
        Routed::NoRoute => false,
    }
}

/// What a path means to an API, its stage taken off.
pub(super) struct Located<'p> {
    pub(super) path: &'p str,
    pub(super) routed: Routed<'p>,
}

/// A path that begins with the API's stage is routed without it. What then leads nowhere is tried as it is, as is
/// every other path: AWS would want the stage, `sam local` never does.
pub(super) fn locate<'p>(api: &Api, router: &Router, method: &str, path: &'p str) -> Located<'p> {
    let staged = path
        .strip_prefix('/')
        .and_then(|rest| rest.strip_prefix(api.stage.as_str()))
        .filter(|rest| api.stage != "$default" && (rest.is_empty() || rest.starts_with('/')));
    if let Some(rest) = staged {
        let rest = if rest.is_empty() { "/" } else { rest };
        let routed = router.find(method, rest);
        if routed != Routed::NoRoute || api.kind == ApiKind::Http {
            return Located { path: rest, routed };
        }
    }
    Located { path, routed: router.find(method, path) }
}
