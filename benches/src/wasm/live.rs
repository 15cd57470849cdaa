//! Memory of many instances that live at once: guests that wait on a clock.

use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinSet;

use super::app::{self, Function};
use crate::{
    idle::pss,
    load::{Client, Target},
    options::Length,
    platform::Server,
    statistics::count,
};

/// Within this the guests have begun.
const SETTLE: Duration = Duration::from_secs(5);
/// Longer than the measurement.
const WAIT: &str = "/sleep/60000";

pub(crate) async fn run(length: Length) -> Result<()> {
    let wanted = length.of(200, 2_000);
    let folder = tempfile::tempdir()?;
    let server = Server::start_with(&folder.path().join("data"), &["--concurrency", "5000"])?;
    let function = Function::new("f", app::guest()?).with("timeout = 900\nmemory = 128");
    server.deploy(&app::write(folder.path(), "waits", &[function])?)?;
    let warm = Target::new(server.gateway, "waits.localhost", "/hello");
    Client::connect(server.gateway).await?.timed(&warm).await?;
    let before = pss(server.process.id())?;
    let mut callers = JoinSet::new();
    for _ in 0..wanted {
        let target = Target::new(server.gateway, "waits.localhost", WAIT);
        callers.spawn(async move { Client::connect(target.address).await?.status(&target).await });
    }
    tokio::time::sleep(SETTLE).await;
    let mut refused = Vec::new();
    while let Some(ended) = callers.try_join_next() {
        refused.push(ended??);
    }
    let (live, with) = (callers.len(), pss(server.process.id())?);
    println!("| live instances | PSS before | PSS with them | for each |");
    println!("|---:|---:|---:|---:|");
    println!(
        "| {} | {:.0} MiB | {:.0} MiB | {:.0} KiB |",
        count(live as f64),
        before as f64 / 1024.0,
        with as f64 / 1024.0,
        with.saturating_sub(before) as f64 / live.max(1) as f64
    );
    if let Some(status) = refused.first() {
        println!("\nOf {wanted} requests at once {} were refused with {status}.", refused.len());
    }
    Ok(())
}
