//! From no environment to a hundred: so many requests at once to a function that has none.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use crate::{
    apps::{self, Hello},
    load::Client,
    options::Length,
    raw::Plain,
    starts::Platform,
    statistics::{Samples, time},
};

const REQUESTS: usize = 100;
/// How long each environment is kept busy, so that every request needs one of its own.
const HOLD: Duration = Duration::from_secs(4);
/// So that a hundred of them find room, and outlast [`HOLD`].
const SMALL: &str = "memory = 128\ntimeout = 30";

pub(crate) async fn run(length: Length) -> Result<()> {
    let rounds = length.of(1, 5);
    println!(
        "| {REQUESTS} at once | all have begun, median | worst | first bytes p50 | plain fork and exec, all | times it |"
    );
    println!("|---|---:|---:|---:|---:|---:|");
    let template = format!("{SMALL}\nsnapshot_start = true");
    let rows: [(&str, &Hello, &str, u64); 4] = [
        ("python, none waits", &apps::HOLDING, SMALL, 0),
        ("python", &apps::HOLDING, SMALL, sonagi_server::ready_memory_mib()),
        ("python, heavy imports", &apps::HEAVY, SMALL, sonagi_server::ready_memory_mib()),
        ("python, heavy imports, template", &apps::HEAVY, &template, sonagi_server::ready_memory_mib()),
    ];
    for (name, hello, settings, ready_memory) in rows {
        eprintln!("    {name}");
        let (mut walls, mut firsts, mut plains, mut times) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let folder = tempfile::tempdir()?;
            let plain = Plain::new(hello, &folder.path().join("plain"))?;
            // Compiles its modules.
            tokio::task::block_in_place(|| plain.first())?;
            let plain = tokio::task::block_in_place(|| plain.burst(REQUESTS))?;
            let platform = Platform::start(&folder.path().join("platform"), ready_memory).await?;
            // The SDK, which a server gets from its registry once.
            drop(platform.running.prepare(hello.runtime, &|_| {}).await);
            platform.deploy(&hello.write(folder.path(), "burst", 1, settings)?).await?;
            if settings == template {
                platform.wait_for_templates(1).await?;
            }
            let samples = burst(&platform).await?;
            let wall = samples.quantile(1.0);
            firsts.push(samples.p50());
            walls.push(wall);
            plains.push(plain);
            times.push(wall.div_duration_f64(plain));
            platform.running.drain().await;
        }
        let (walls, firsts, plains) = (Samples::new(walls), Samples::new(firsts), Samples::new(plains));
        times.sort_by(f64::total_cmp);
        println!(
            "| {name} | {} | {} | {} | {} | {:.2} |",
            time(walls.p50()),
            time(walls.quantile(1.0)),
            time(firsts.p50()),
            time(plains.p50()),
            times[times.len() / 2]
        );
    }
    Ok(())
}

/// How long each request waited before its handler began.
async fn burst(platform: &Platform) -> Result<Samples> {
    let target = platform.target("burst", &format!("/0?hold={}", HOLD.as_secs_f64()));
    let mut clients = Vec::new();
    for _ in 0..REQUESTS {
        clients.push(Client::connect(platform.running.gateway_address()).await?);
    }
    let mut tasks = JoinSet::new();
    let began = Instant::now();
    for mut client in clients {
        let target = target.clone();
        tasks.spawn(async move {
            client.timed(&target).await?;
            anyhow::Ok(began.elapsed().saturating_sub(HOLD))
        });
    }
    let mut samples = Vec::new();
    while let Some(done) = tasks.join_next().await {
        samples.push(done??);
    }
    let samples = Samples::new(samples);
    ensure!(samples.quantile(1.0) < HOLD, "an environment may have served two");
    Ok(samples)
}
