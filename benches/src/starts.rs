//! First requests, by how their environments start: each sample is a function that has none, asked over HTTP.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use sonagi_invoke::{Metered, RecordStream};
use sonagi_model::invocation::{ColdStart, Origin};
use sonagi_sandbox::process::{Isolation, RuntimePolicy};
use sonagi_server::{Config, Running};

use crate::{
    apps::{self, Hello},
    load::{Client, Target},
    options::Length,
    platform,
    raw::Plain,
    statistics::{Samples, time},
};

/// For what a start leaves to be done in the background.
const SETTLE: Duration = Duration::from_millis(50);
/// Functions that are initialised: no more are kept than `limits::TEMPLATES`.
const TEMPLATES: usize = 40;
/// As much memory as a whole processor comes with.
const WHOLE: &str = "memory = 1769";

/// So much that all templates and their copies find room.
const SMALL: &str = "memory = 256";

/// How an environment comes to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tier {
    /// From the beginning.
    Cold,
    /// Out of an interpreter that waits.
    Waiting,
    /// A copy of one that is initialised.
    Template,
}

impl Tier {
    fn name(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Waiting => "waiting",
            Self::Template => "template",
        }
    }
}

/// One row: a function and a way to start.
struct Row<'a> {
    hello: &'a Hello,
    tier: Tier,
    app: String,
    first: Vec<Duration>,
    phases: Vec<ColdStart>,
}

pub(crate) async fn run(length: Length) -> Result<()> {
    let samples = length.of(5, 100);
    let folder = tempfile::tempdir()?;
    let none_waits = Platform::start(&folder.path().join("none-waits"), 0).await?;
    let templates =
        Platform::start(&folder.path().join("templates"), sonagi_server::ready_memory_mib()).await?;
    let waits = Platform::start(&folder.path().join("waits"), sonagi_server::ready_memory_mib()).await?;
    let [provided, python, node] = &apps::ALL;
    let kinds: [(&Hello, &[Tier]); 4] = [
        (provided, &[Tier::Cold]),
        (python, &[Tier::Cold, Tier::Waiting]),
        (&apps::HEAVY, &[Tier::Cold, Tier::Waiting, Tier::Template]),
        (node, &[Tier::Cold, Tier::Waiting]),
    ];
    for (hello, _) in &kinds {
        for platform in [&none_waits, &templates, &waits] {
            for note in platform.running.prepare(hello.runtime, &|_| {}).await {
                eprintln!("    note: {note}");
            }
        }
    }
    println!("| | | first byte p50 | p99 | over plain p50 | fetch p50 | create p50 | p99 | init p50 | p99 |");
    println!("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    for (hello, tiers) in kinds {
        eprintln!("    {}", hello.name);
        let plain = Plain::new(hello, &folder.path().join("plain"))?;
        let mut plains = Vec::new();
        let mut rows = Vec::new();
        for &tier in tiers {
            let app = format!("{}-{}", hello.name, tier.name());
            let (platform, settings) = match tier {
                Tier::Cold => (&none_waits, WHOLE.to_owned()),
                Tier::Waiting => (&waits, WHOLE.to_owned()),
                Tier::Template => (&templates, format!("{SMALL}\nsnapshot_start = true")),
            };
            let functions = if tier == Tier::Template { samples.min(TEMPLATES) } else { samples };
            platform.deploy(&hello.write(folder.path(), &app, functions, &settings)?).await?;
            if tier == Tier::Template {
                platform.wait_for_templates(functions).await?;
            }
            rows.push(Row { hello, tier, app, first: Vec::new(), phases: Vec::new() });
        }
        let idle = waits.running.waiting();
        // In turns, so that they all meet the same noise.
        for index in 0..samples {
            plains.push(tokio::task::block_in_place(|| plain.first())?);
            for row in &mut rows {
                let (first, phases) = match row.tier {
                    Tier::Cold => none_waits.first(&row.app, index).await?,
                    Tier::Waiting => {
                        waits.wait_for(idle).await?;
                        waits.first(&row.app, index).await?
                    }
                    Tier::Template if index < TEMPLATES => templates.first(&row.app, index).await?,
                    Tier::Template => continue,
                };
                let copied = phases.origin == Origin::Copied;
                ensure!(copied == (row.tier == Tier::Template), "{} came from elsewhere", row.app);
                row.first.push(first);
                row.phases.push(phases);
            }
        }
        let plain = Samples::new(plains);
        println!(
            "| {} | plain fork and exec | {} | {} | — | — | — | — | — | — |",
            hello.name,
            time(plain.p50()),
            time(plain.p99())
        );
        for row in rows {
            row.print(plain.p50());
        }
    }
    none_waits.running.drain().await;
    templates.running.drain().await;
    waits.running.drain().await;
    Ok(())
}

impl Row<'_> {
    fn print(self, plain: Duration) {
        let of = |phase: fn(&ColdStart) -> Duration| Samples::new(self.phases.iter().map(phase).collect());
        let first = Samples::new(self.first);
        let over = (first.p50().as_secs_f64() - plain.as_secs_f64()) * 1e3;
        let (create, init) = (of(|phases| phases.create), of(|phases| phases.init));
        println!(
            "| {} | {} | {} | {} | {over:+.1} ms | {} | {} | {} | {} | {} |",
            self.hello.name,
            self.tier.name(),
            time(first.p50()),
            time(first.p99()),
            time(of(|phases| phases.fetch).p50()),
            time(create.p50()),
            time(create.p99()),
            time(init.p50()),
            time(init.p99()),
        );
    }
}

/// The platform, in this process.
pub(crate) struct Platform {
    pub(crate) running: Running,
}

impl Platform {
    pub(crate) async fn start(folder: &Path, ready_memory: u64) -> Result<Self> {
        Ok(Self { running: start(folder, ready_memory).await? })
    }

    pub(crate) async fn deploy(&self, app: &Path) -> Result<()> {
        let (address, app) = (self.running.platform_address().to_string(), app.to_path_buf());
        tokio::task::spawn_blocking(move || platform::deploy(&address, &app)).await?
    }

    pub(crate) fn target(&self, app: &str, path: &str) -> Target {
        Target::new(self.running.gateway_address(), &format!("{app}.localhost"), path)
    }

    /// Until so many interpreters wait.
    async fn wait_for(&self, idle: usize) -> Result<()> {
        let wait = async {
            while self.running.waiting() < idle {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            tokio::time::sleep(SETTLE).await;
        };
        tokio::time::timeout(Duration::from_secs(10), wait).await.context("no interpreter waits")
    }

    /// The first request to a function.
    async fn first(&self, app: &str, index: usize) -> Result<(Duration, ColdStart)> {
        let mut records = self.running.frontend().metering();
        let mut client = Client::connect(self.running.gateway_address()).await?;
        let took = client.timed(&self.target(app, &format!("/{index}"))).await?;
        let phases = next(&mut records).await?.context("a cold start")?;
        tokio::time::sleep(SETTLE).await;
        Ok((took, phases))
    }

    /// Until so many functions are initialised, and a copy of each waits.
    pub(crate) async fn wait_for_templates(&self, count: usize) -> Result<()> {
        let wait = async {
            while self.running.initialised() < count || self.running.copies_waiting() < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(SETTLE).await;
        };
        tokio::time::timeout(Duration::from_secs(60), wait).await.context("not all are initialised")
    }
}

async fn next(records: &mut RecordStream) -> Result<Option<ColdStart>> {
    match records.next().await {
        Some(Metered::Record(record)) => Ok(record.usage.cold_start),
        Some(Metered::Lost(_)) | None => bail!("no record"),
    }
}

/// The platform in this process.
pub(crate) async fn start(folder: &Path, ready_memory: u64) -> Result<Running> {
    let config = Config {
        data: folder.join("data"),
        listen: "127.0.0.1:0".parse()?,
        gateway: "127.0.0.1:0".parse()?,
        credentials: None,
        account: Default::default(),
        region: Default::default(),
        concurrency: sonagi_model::limits::ACCOUNT_CONCURRENCY,
        runtimes: RuntimePolicy::Nearest,
        isolation: Isolation::default(),
        ready_memory,
        microvm: None,
        microvms: sonagi_sandbox::Whose::default(),
        networks: None,
        program: platform::program()?,
        path: std::env::var("PATH")?,
        cache: folder.join("cache"),
    };
    Ok(Box::pin(sonagi_server::start_real(config)).await?)
}
