//! Warm invocations over HTTP, beside bare hyper and beside what the handler's own process can answer.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use anyhow::Result;

use crate::{
    apps::{self, Hello},
    load::{self, Target},
    platform, raw,
    statistics::{count, time},
};

const WARM_UP: Duration = Duration::from_millis(1_500);
const LENGTH: Duration = Duration::from_secs(5);
/// Round trips on the bare socket.
const RAW: usize = 20_000;
/// Connections that load the platform at once.
const MANY: usize = 16;

pub(crate) async fn run() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (_yardstick, bare) = platform::yardstick()?;
    let bare = Target::new(bare, "bare", "/");
    load::run(&bare, 1, WARM_UP).await?;
    let bare_one = load::run(&bare, 1, LENGTH).await?;
    let bare_many = load::run(&bare, MANY, LENGTH).await?;
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
        let app = folder.path().join(hello.name);
        write(hello, &app)?;
        let raw = raw::round_trips(hello, &folder.path().join("raw"), RAW)?;
        let server = platform::Server::start(&folder.path().join(format!("{}-data", hello.name)))?;
        server.deploy(&app)?;
        let target = Target::new(server.gateway, &format!("{}.localhost", hello.name), "/");
        load::run(&target, 1, WARM_UP).await?;
        let one = load::run(&target, 1, LENGTH).await?;
        load::run(&target, MANY, WARM_UP).await?;
        let many = load::run(&target, MANY, LENGTH).await?;
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

fn write(hello: &Hello, folder: &Path) -> Result<()> {
    let code = folder.join("hello");
    fs::create_dir_all(&code)?;
    let (name, bytes) = hello.file()?;
    let file = code.join(name);
    fs::write(&file, bytes)?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    let manifest = format!(
        "app = \"{}\"\n[function.hello]\nruntime = \"{}\"\nhandler = \"{}\"\nroutes = [\"$default\"]\n",
        hello.name, hello.runtime, hello.handler
    );
    fs::write(folder.join("sonagi.toml"), manifest)?;
    Ok(())
}
