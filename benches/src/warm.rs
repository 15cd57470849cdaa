//! Warm invocations over HTTP, beside bare hyper and beside what the handler's own process can answer.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::{
    apps,
    load::{self, Target},
    options::Length,
    platform, raw,
    statistics::{count, median, time},
};

const WARM_UP: Duration = Duration::from_millis(1_500);
const LENGTH: Duration = Duration::from_secs(5);
/// So that as many environments as connections find room on a machine of 24 GiB.
const ROOMY: &str = "memory = 1024";
/// Of each measurement, where there are several in turns.
const TURN: Duration = Duration::from_secs(2);
/// Round trips on the bare socket.
const RAW: usize = 20_000;
/// Connections that load the platform at once.
const MANY: usize = 16;

pub(crate) async fn run(length: Length) -> Result<()> {
    let (warm_up, window) = windows(length);
    let folder = tempfile::tempdir()?;
    let (_yardstick, bare) = platform::yardstick()?;
    let bare = Target::new(bare, "bare", "/");
    load::run(&bare, 1, warm_up).await?;
    let bare_one = load::run(&bare, 1, window).await?;
    let bare_many = load::run(&bare, MANY, window).await?;
    println!("| | requests/s, 1 connection | p50 | p99 | requests/s, {MANY} connections | of bare hyper |");
    println!("|---|---:|---:|---:|---:|---:|");
    println!(
        "| bare hyper | {} | {} | {} | {} | 1 |",
        count(bare_one.per_second),
        time(bare_one.latency.p50()),
        time(bare_one.latency.p99()),
        count(bare_many.per_second)
    );
    let mut overheads = Vec::new();
    for hello in &apps::ALL {
        let app = hello.write(folder.path(), hello.name, 1, ROOMY)?;
        let raw = raw::round_trips(hello, &folder.path().join("raw"), RAW)?;
        let server = platform::Server::start(&folder.path().join(format!("{}-data", hello.name)))?;
        server.deploy(&app)?;
        let target = Target::new(server.gateway, &format!("{}.localhost", hello.name), "/0");
        load::run(&target, 1, warm_up).await?;
        let one = load::run(&target, 1, window).await?;
        load::run(&target, MANY, warm_up).await?;
        let many = load::run(&target, MANY, window).await?;
        println!(
            "| {} | {} | {} | {} | {} | {:.2} |",
            hello.name,
            count(one.per_second),
            time(one.latency.p50()),
            time(one.latency.p99()),
            count(many.per_second),
            many.per_second / bare_many.per_second
        );
        overheads.push((hello.name, raw, one, many));
    }
    println!();
    println!(
        "| | raw round trip p50 | raw/s, one process | over HTTP p50 | overhead p50 | best throughput / raw |"
    );
    println!("|---|---:|---:|---:|---:|---:|");
    for (name, raw, one, many) in overheads {
        println!(
            "| {name} | {} | {} | {} | {} | {:.2} |",
            time(raw.latency.p50()),
            count(raw.per_second),
            time(one.latency.p50()),
            time(one.latency.p50().saturating_sub(raw.latency.p50())),
            one.per_second.max(many.per_second) / raw.per_second
        );
    }
    Ok(())
}

/// The same function in a sandbox and out of one, in turns.
pub(crate) async fn sandbox(length: Length) -> Result<()> {
    let (warm_up, window) = (windows(length).0, length.of(TURN / 5, TURN));
    let turns = length.of(1, 5);
    let folder = tempfile::tempdir()?;
    println!(
        "| | p50 with `--isolation none` | p50 in a sandbox | the sandbox costs | requests/s, 16 connections | in a sandbox |"
    );
    println!("|---|---:|---:|---:|---:|---:|");
    for hello in &apps::ALL {
        let app = hello.write(folder.path(), hello.name, 1, ROOMY)?;
        let mut servers = Vec::new();
        for isolation in ["none", "full"] {
            let data = folder.path().join(format!("{}-{isolation}", hello.name));
            let server = platform::Server::start_with(&data, &["--isolation", isolation])?;
            server.deploy(&app)?;
            let target = Target::new(server.gateway, &format!("{}.localhost", hello.name), "/0");
            load::run(&target, MANY, warm_up).await?;
            servers.push((server, target, Vec::new(), Vec::new()));
        }
        for _ in 0..turns {
            for (_, target, p50s, rates) in &mut servers {
                p50s.push(load::run(target, 1, window).await?.latency.p50());
                rates.push(load::run(target, MANY, window).await?.per_second);
            }
        }
        let [none, full] = servers
            .into_iter()
            .map(|(_, _, p50s, rates)| Some((median(p50s)?, median(rates)?)))
            .collect::<Option<Vec<_>>>()
            .and_then(|both| both.try_into().ok())
            .context("a turn")?;
        println!(
            "| {} | {} | {} | {:+.0} µs | {} | {} |",
            hello.name,
            time(none.0),
            time(full.0),
            (full.0.as_secs_f64() - none.0.as_secs_f64()) * 1e6,
            count(none.1),
            count(full.1)
        );
    }
    Ok(())
}

fn windows(length: Length) -> (Duration, Duration) {
    (length.of(WARM_UP / 5, WARM_UP), length.of(LENGTH / 10, LENGTH))
}
