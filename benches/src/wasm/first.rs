//! The first request to a function that the server's process never loaded: what was compiled at the deployment lies on
//! disk, the server has been started anew, and a connection is open.

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::{Context as _, Result};

use super::{
    app::{self, Function},
    guests,
};
use crate::{
    load::{Client, Target},
    options::Length,
    platform::Server,
    statistics::{Samples, time},
};

/// After a start: the server authenticates what it has compiled.
const SETTLE: Duration = Duration::from_secs(2);
/// Bytes of a component from which few copies are made: each is compiled by itself.
const LARGE: usize = 2_000_000;

pub(crate) async fn run(length: Length) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let mut kinds: Vec<(&'static str, Vec<u8>)> = vec![("hello", app::hello()?)];
    kinds.extend(guests::all()?.0.into_iter().map(|guest| (guest.name, guest.component)));
    let mut left_out = Vec::new();
    {
        let server = Server::start(&data)?;
        server.deploy(&app::write(folder.path(), "warm", &[Function::new("f", app::guest()?)])?)?;
        let mut deployed = Vec::new();
        for (name, component) in kinds {
            match deploy(&server, folder.path(), name, &component, length) {
                Ok(()) => deployed.push((name, component)),
                Err(error) => left_out.push(format!("{name} is left out: {error:#}")),
            }
        }
        kinds = deployed;
    }
    let starts = length.of(3, 15);
    let (mut first, mut second) = (BTreeMap::new(), BTreeMap::new());
    for _ in 0..starts {
        let server = Server::start(&data)?;
        let mut client = Client::connect(server.gateway).await?;
        let warm = Target::new(server.gateway, "warm.localhost", "/hello");
        tokio::time::sleep(SETTLE).await;
        for _ in 0..20 {
            client.timed(&warm).await?;
        }
        for (name, component) in &kinds {
            for copy in 0..copies(component, length) {
                let host = format!("{name}-{copy}.localhost");
                let target = Target::new(server.gateway, &host, guests::PATH);
                let took = client.timed(&target).await.context(host)?;
                first.entry(name).or_insert_with(Vec::new).push(took);
                second.entry(name).or_insert_with(Vec::new).push(client.timed(&target).await?);
            }
        }
    }
    println!("| | component | functions | first request p50 | p99 | worst | second request p50 |");
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for (name, component) in &kinds {
        let samples = |of: &mut BTreeMap<_, Vec<Duration>>| Samples::new(of.remove(name).unwrap_or_default());
        let (first, second) = (samples(&mut first), samples(&mut second));
        println!(
            "| {name} | {:.2} MB | {} | {} | {} | {} | {} |",
            component.len() as f64 / 1e6,
            copies(component, length) * starts,
            time(first.p50()),
            time(first.p99()),
            time(first.quantile(1.0)),
            time(second.p50()),
        );
    }
    for line in left_out {
        println!("\n{line}");
    }
    Ok(())
}

/// Each copy becomes an app of its own.
fn deploy(server: &Server, folder: &Path, name: &str, component: &[u8], length: Length) -> Result<()> {
    eprintln!("    {name} is deployed");
    for copy in 0..copies(component, length) {
        let function = Function::new("f", app::salted(component, copy));
        server.deploy(&app::write(folder, &format!("{name}-{copy}"), &[function])?)?;
    }
    Ok(())
}

fn copies(component: &[u8], length: Length) -> usize {
    if component.len() > LARGE { length.of(1, 2) } else { length.of(5, 20) }
}
