//! A thousand distinct functions, called in turn, beside one function.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::app::{self, Function};
use crate::{
    load::{Client, Target},
    options::Length,
    platform::Server,
    statistics::{Samples, count, time},
};

pub(crate) async fn run(length: Length) -> Result<()> {
    let functions: usize = length.of(100, 1_000);
    let rounds: usize = length.of(2, 5);
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let server = Server::start(&data)?;
    let hello = app::hello()?;
    let all: Vec<Function> =
        (0..functions).map(|index| Function::new(format!("f{index}"), app::salted(&hello, index))).collect();
    server.deploy(&app::write(folder.path(), "many", &all)?)?;
    server.deploy(&app::write(folder.path(), "one", &[Function::new("f", hello)])?)?;
    let mut client = Client::connect(server.gateway).await?;
    let one = Target::new(server.gateway, "one.localhost", "/");
    let many: Vec<Target> = (0..functions)
        .map(|index| Target::new(server.gateway, "many.localhost", &format!("/f{index}")))
        .collect();
    // Not counted: the first request to each, which loads it.
    let loading = pass(&mut client, many.iter()).await.context("call each once")?;
    let (mut alone, mut in_turn) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        alone.extend(pass(&mut client, std::iter::repeat_n(&one, functions)).await?);
        in_turn.extend(pass(&mut client, many.iter()).await?);
    }
    let (alone, in_turn) = (Samples::new(alone), Samples::new(in_turn));
    println!("| | requests | p50 | p99 | p99 of one |");
    println!("|---|---:|---:|---:|---:|");
    let requests = count((functions * rounds) as f64);
    println!("| one function | {requests} | {} | {} | 1 |", time(alone.p50()), time(alone.p99()));
    println!(
        "| {} functions in turn | {requests} | {} | {} | {:.1} |",
        count(functions as f64),
        time(in_turn.p50()),
        time(in_turn.p99()),
        in_turn.p99().as_secs_f64() / alone.p99().as_secs_f64()
    );
    let loading = Samples::new(loading);
    println!(
        "\nThe first request to each, which loads it: p50 {}, p99 {}.",
        time(loading.p50()),
        time(loading.p99())
    );
    Ok(())
}

async fn pass(client: &mut Client, targets: impl Iterator<Item = &Target>) -> Result<Vec<Duration>> {
    let mut samples = Vec::new();
    for target in targets {
        samples.push(client.timed(target).await?);
    }
    Ok(samples)
}
