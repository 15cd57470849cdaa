//! The whole platform in the test's own process.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use sonagi_control::{
    Deployed,
    build::{Builder, Silent, Tools},
    manifest::{self, Context},
};
use sonagi_model::{Clock, clock::ManualClock, release::Release};
use sonagi_sandbox::{
    Whose,
    process::{Isolation, RuntimePolicy},
};
use sonagi_server::{Config, LocalInterpreters, OsEntropy, RealClock, Running};

use crate::{Answer, App, http, program, root, watch};

/// Real time after which something that should happen by itself has not.
const PATIENCE: Duration = Duration::from_secs(20);

/// A platform on a temporary folder, with ephemeral ports and a clock that stands still until it is moved.
pub struct World {
    running: Option<Running>,
    clock: Arc<ManualClock>,
    settings: WorldBuilder,
    folder: tempfile::TempDir,
}

/// How a [`World`] differs from the usual one.
#[derive(Debug, Clone, Default)]
pub struct WorldBuilder {
    credentials: Option<PathBuf>,
}

impl WorldBuilder {
    /// Requests to the platform must be signed with a key of this file.
    #[must_use]
    pub fn credentials(mut self, file: PathBuf) -> Self {
        self.credentials = Some(file);
        self
    }

    pub async fn start(self) -> World {
        watch::start();
        let clock = Arc::new(ManualClock::at(RealClock::new().now()));
        let mut world = World { running: None, clock, settings: self, folder: tempfile::tempdir().unwrap() };
        world.begin().await;
        world
    }
}

impl World {
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    pub fn builder() -> WorldBuilder {
        WorldBuilder::default()
    }

    async fn begin(&mut self) {
        let config = Config {
            data: self.folder.path().join("data"),
            listen: "127.0.0.1:0".parse().unwrap(),
            gateway: "127.0.0.1:0".parse().unwrap(),
            credentials: self.settings.credentials.clone(),
            account: Default::default(),
            region: Default::default(),
            concurrency: sonagi_model::limits::ACCOUNT_CONCURRENCY,
            runtimes: RuntimePolicy::Nearest,
            isolation: Isolation::default(),
            microvm: None,
            ready_memory: sonagi_server::ready_memory_mib(),
            microvms: Whose::default(),
            networks: None,
            program: program(),
            path: std::env::var("PATH").unwrap(),
            cache: cache().join("sonagi"),
        };
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as _;
        self.running =
            Some(Box::pin(sonagi_server::start(config, clock, Arc::new(OsEntropy))).await.unwrap());
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    /// The platform's address.
    pub fn platform(&self) -> SocketAddr {
        self.running().platform_address()
    }

    /// The apps' address.
    pub fn gateway(&self) -> SocketAddr {
        self.running().gateway_address()
    }

    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// Moves the clock, and returns when the platform is idle.
    pub async fn advance(&self, by: Duration) {
        self.clock.advance(by).await;
        self.idle().await;
    }

    /// Returns when `condition` holds, and fails the test if it does not soon.
    pub async fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let real = RealClock::new();
        while !condition() {
            assert!(real.tick().0 < PATIENCE, "still not {what}");
            tokio::task::yield_now().await;
        }
    }

    /// Returns when nothing runs or starts.
    pub async fn idle(&self) {
        self.running().frontend().idle().await;
        self.running().control().settled().await;
    }

    /// Stops the platform and starts it on the same folder.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.begin().await;
    }

    /// Drains the platform; its ports are closed then.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.drain().await;
        }
    }

    /// Builds an app and deploys it.
    pub async fn deploy(&self, app: &App) -> Arc<Release> {
        self.deploy_path(app.path(), &[]).await.unwrap()
    }

    /// Builds what is at `path` and deploys it.
    pub async fn deploy_path(
        &self,
        path: &std::path::Path,
        parameters: &[(&str, &str)],
    ) -> anyhow::Result<Arc<Release>> {
        let parameters: BTreeMap<String, String> =
            parameters.iter().map(|&(name, value)| (name.into(), value.into())).collect();
        let name = path.file_name().unwrap().to_string_lossy().trim_start_matches('.').to_ascii_lowercase();
        let context = Context {
            gateway: format!("http://localhost:{}", self.gateway().port()),
            endpoint: self.running().endpoint(),
            // A temporary folder's name is no good name for an app.
            name: path.join("template.yaml").exists().then(|| name.parse().unwrap()),
            ..Context::default()
        };
        let manifest = manifest::load(path, &parameters, &context)?;
        let clock = Arc::new(RealClock::new());
        let path = std::env::var_os("PATH").unwrap();
        let interpreters = Arc::new(LocalInterpreters::new(&path, Arc::clone(&clock) as _));
        let tools = Tools { clock, path, interpreters };
        let built = Builder::new(cache().join("sonagi/build"), tools).build(&manifest, &Silent).await?;
        for package in built.packages {
            self.running().control().packages().put(package).await?;
        }
        match self.running().control().deploy(&manifest.app, built.content).await? {
            Deployed::Activated(release) | Deployed::Unchanged(release) => Ok(release),
        }
    }

    /// GET at the gateway, from the app's host.
    pub async fn get(&self, app: &str, path: &str) -> Answer {
        http::get(self.gateway(), &format!("{app}.localhost"), path).await
    }

    /// POST at the gateway, from the app's host.
    pub async fn post(&self, app: &str, path: &str, body: impl Into<Bytes>) -> Answer {
        let request = http::request("POST", &format!("{app}.localhost"), path).body(body.into()).unwrap();
        http::send(self.gateway(), request).await
    }

    /// Invokes through Lambda's API, unsigned.
    pub async fn invoke(&self, function: &str, payload: impl Into<Bytes>) -> Answer {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let host = self.platform().to_string();
        let request = http::request("POST", &host, &path).header("x-amz-log-type", "Tail");
        http::send(self.platform(), request.body(payload.into()).unwrap()).await
    }

    /// A WARN or ERROR line with `text` in it is no failure of this test.
    pub fn expect(&self, text: &str) {
        watch::expect(text);
    }

    /// The folder that the platform lives in.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let unexpected = watch::unexpected();
            assert!(unexpected.is_empty(), "unexpected lines in the log:\n{}", unexpected.join("\n"));
        }
    }
}

/// What outlives a test run: SDK layers and built dependencies.
pub(crate) fn cache() -> PathBuf {
    root().join("target/test-cache")
}
