//! Cold starts, with their phases: each sample is the first call of a function that was never called.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use sonagi_invoke::{Metered, Request, Tail};
use sonagi_model::{Clock as _, RequestId, invocation::ColdStart};
use sonagi_sandbox::{
    Answer,
    process::{Isolation, RuntimePolicy},
};
use sonagi_server::{Config, OsEntropy, RealClock, Running};

use crate::{
    apps, platform,
    statistics::{Samples, time},
};

/// Cold starts of each runtime.
const SAMPLES: usize = 60;

pub(crate) async fn run() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let running = start(folder.path()).await?;
    println!("| | p50 | p99 | queue p50 | fetch p50 | create p50 | init p50 | init p99 |");
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    for hello in &apps::ALL {
        for note in running.prepare(hello.runtime, &|_| {}).await {
            eprintln!("note: {note}");
        }
        let mut records = running.frontend().metering();
        let (mut total, mut phases) = (Vec::new(), Vec::new());
        for index in 0..SAMPLES {
            let name = format!("{}{index}", hello.name);
            let made = running.control().create_function(hello.create(&name)?).await?;
            let clock = RealClock::new();
            let began = clock.tick();
            let request = Request {
                target: Arc::clone(&made.target),
                request: RequestId::random(&OsEntropy),
                arn: made.target.arn.clone(),
                input: bytes::Bytes::from_static(b"{}").into(),
                trace: None,
                client_context: None,
                cognito_identity: None,
                tail: Tail::No,
                timeout: None,
            };
            let invoked = running.frontend().invoke(request).await?;
            total.push(clock.tick() - began);
            if !matches!(invoked.answer, Answer::Success(_)) {
                bail!("{name} failed: {:?}", invoked.answer);
            }
            let Some(Metered::Record(record)) = records.next().await else { bail!("no record of {name}") };
            phases.push(record.usage.cold_start.context("a cold start")?);
        }
        let of = |phase: fn(&ColdStart) -> Duration| Samples::new(phases.iter().map(phase).collect());
        let total = Samples::new(total);
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            hello.name,
            time(total.p50()),
            time(total.p99()),
            time(of(|phases| phases.queue).p50()),
            time(of(|phases| phases.fetch).p50()),
            time(of(|phases| phases.create).p50()),
            time(of(|phases| phases.init).p50()),
            time(of(|phases| phases.init).p99()),
        );
    }
    running.drain().await;
    Ok(())
}

/// The platform in this process.
pub(crate) async fn start(folder: &Path) -> Result<Running> {
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
        microvm: None,
        microvms: sonagi_sandbox::Whose::default(),
        networks: None,
        program: platform::program()?,
        path: std::env::var("PATH")?,
        cache: folder.join("cache"),
    };
    Ok(Box::pin(sonagi_server::start_real(config)).await?)
}
