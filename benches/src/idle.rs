//! What idle costs: memory of each environment that waits, and a start with ten thousand functions.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use sonagi_control::lambda::CreateFunction;
use sonagi_invoke::{Request, Tail};
use sonagi_model::RequestId;
use sonagi_server::OsEntropy;

use crate::{apps, starts};

/// Environments of each runtime that are measured.
const ENVIRONMENTS: usize = 10;
const FUNCTIONS: usize = 10_000;
/// Callers that create them.
const CALLERS: usize = 64;

pub(crate) async fn run() -> Result<()> {
    println!("| | proportional memory of an idle environment (PSS) |");
    println!("|---|---:|");
    for hello in &apps::ALL {
        let folder = tempfile::tempdir()?;
        let running = starts::start(folder.path(), 0).await?;
        let before = children(std::process::id())?;
        for index in 0..ENVIRONMENTS {
            let name = format!("{}{index}", hello.name);
            let made = running.control().create_function(hello.create(&name)?).await?;
            running
                .frontend()
                .invoke(Request {
                    target: made.target.clone(),
                    request: RequestId::random(&OsEntropy),
                    arn: made.target.arn.clone(),
                    input: bytes::Bytes::from_static(b"{}").into(),
                    trace: None,
                    client_context: None,
                    cognito_identity: None,
                    tail: Tail::Yes,
                    timeout: None,
                })
                .await?;
        }
        // Those that were here before have their share of what all map, and it is no environment's.
        let processes: Vec<u32> =
            children(std::process::id())?.into_iter().filter(|id| !before.contains(id)).collect();
        if processes.len() < ENVIRONMENTS {
            bail!("{} processes for {ENVIRONMENTS} environments", processes.len());
        }
        let kib: u64 = processes.iter().map(|&id| pss(id)).sum::<Result<u64>>()?;
        println!("| {} | {:.1} MiB |", hello.name, kib as f64 / 1024.0 / ENVIRONMENTS as f64);
        running.drain().await;
    }

    let folder = tempfile::tempdir()?;
    let running = starts::start(folder.path(), 0).await?;
    let template = apps::ALL[1].create("idle")?;
    let package = template.code.clone();
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..CALLERS {
        let (control, package, template) = (running.control().clone(), package.clone(), template.clone());
        callers.spawn(async move {
            for index in (caller..FUNCTIONS).step_by(CALLERS) {
                let create = CreateFunction {
                    name: format!("idle{index}"),
                    code: package.clone(),
                    ..template.clone()
                };
                control.create_function(create).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = callers.join_next().await {
        done??;
    }
    running.drain().await;
    let began = Instant::now();
    let running = starts::start(folder.path(), 0).await?;
    let took = began.elapsed();
    let processes = children(std::process::id())?.len();
    println!();
    println!(
        "Start with {FUNCTIONS} deployed functions: {:.0} ms; processes for them: {processes}.",
        took.as_secs_f64() * 1e3
    );
    running.drain().await;
    if took > Duration::from_secs(1) {
        println!("This misses the aim of a second.");
    }
    Ok(())
}

/// All descendants of a process.
fn children(id: u32) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    for task in fs::read_dir(format!("/proc/{id}/task"))? {
        let text = fs::read_to_string(task?.path().join("children")).unwrap_or_default();
        for child in text.split_whitespace() {
            let child = child.parse()?;
            found.push(child);
            found.extend(children(child).unwrap_or_default());
        }
    }
    Ok(found)
}

/// KiB.
pub(crate) fn pss(id: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{id}/smaps_rollup"))?;
    let line = text.lines().find(|line| line.starts_with("Pss:")).context("no Pss line")?;
    Ok(line.split_whitespace().nth(1).context("no number")?.parse()?)
}
