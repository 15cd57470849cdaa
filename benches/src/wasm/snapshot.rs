//! What it saves to begin where a component was after its initialisation, rather than at its beginning.

use std::time::Duration;

use anyhow::Result;

use super::{
    app::{self, Function},
    guests,
};
use crate::{
    load::{self, Target},
    options::Length,
    platform::Server,
    statistics::{count, median, time},
};

const WARM_UP: Duration = Duration::from_millis(500);
const CONNECTIONS: usize = 16;

pub(crate) async fn run(length: Length) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(&folder.path().join("data"))?;
    let mut kinds = vec![("hello, some ms at its beginning", "hello", app::slow_to_begin()?)];
    kinds.extend(guests::all()?.0.into_iter().map(|guest| (guest.name, guest.name, guest.component)));
    println!("| | p50 | req/s, {CONNECTIONS} connections | p50 with a snapshot | req/s | p50 saved |");
    println!("|---|---:|---:|---:|---:|---:|");
    for (title, name, component) in kinds {
        eprintln!("    {name}");
        let mut targets = Vec::new();
        let mut refused = None;
        for (suffix, more) in [("plain", ""), ("snapshot", "snapshot_start = true")] {
            let app = format!("{name}-{suffix}");
            let function = Function::new("f", component.clone()).with(more);
            match server.deploy(&app::write(folder.path(), &app, &[function])?) {
                Ok(()) => {
                    let host = format!("{app}.localhost");
                    targets.push(Target::new(server.gateway, &host, guests::PATH));
                }
                Err(error) => refused = Some(format!("{error:#}")),
            }
        }
        let [plain, snapshot] = targets.as_slice() else {
            let why = refused.unwrap_or_default();
            println!("| {title} | — | — | refused: {} | — | — |", why.replace(['\n', '|'], " "));
            continue;
        };
        let (plain, snapshot) = (measured(plain, length).await?, measured(snapshot, length).await?);
        println!(
            "| {title} | {} | {} | {} | {} | {:.0}% |",
            time(plain.0),
            count(plain.1),
            time(snapshot.0),
            count(snapshot.1),
            100.0 - 100.0 * snapshot.0.as_secs_f64() / plain.0.as_secs_f64()
        );
    }
    Ok(())
}

/// p50 of one connection, and requests per second of many.
async fn measured(target: &Target, length: Length) -> Result<(Duration, f64)> {
    load::run(target, CONNECTIONS, WARM_UP).await?;
    let (mut p50, mut per_second) = (Vec::new(), Vec::new());
    for _ in 0..length.of(1, 3) {
        p50.push(load::run(target, 1, Duration::from_secs(1)).await?.latency.p50());
        per_second.push(load::run(target, CONNECTIONS, Duration::from_secs(1)).await?.per_second);
    }
    Ok((median(p50).unwrap_or_default(), median(per_second).unwrap_or_default()))
}
