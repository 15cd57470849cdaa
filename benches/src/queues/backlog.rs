//! A queue that is filled before anybody receives: whether what comes and goes slows down, and what the server holds in
//! memory meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use tokio::task::JoinSet;

use super::{
    BATCH, WORKERS,
    broker::{Broker, Receiver, Sender},
    resources::Memory,
    sqs::Sqs,
    traffic::message,
};
use crate::{options::Options, platform::Server, records, statistics::count};

const QUEUE: &str = "backlog";
/// Between two looks at the server's memory.
const LOOK: Duration = Duration::from_millis(100);

/// When how many messages had been done, since the beginning.
type Progress = Vec<(Duration, u64)>;

pub(crate) async fn run(options: &Options) -> Result<()> {
    let batches = options.backlog.unwrap_or(options.length.of(20_000, 1_000_000)).div_ceil(BATCH as u64);
    let messages = batches * BATCH as u64;
    let folder = records::folder()?;
    let server = Server::start(&folder.path().join("data"))?;
    let process = server.process.id();
    let broker = Sqs { host: server.platform.clone() };
    broker.create(QUEUE).await?;
    let before = Memory::of(process)?;
    let (filled, filling) = watched(process, fill(&broker, batches)).await?;
    let full = Memory::of(process)?;
    let (drained, draining) = watched(process, drain(&broker, messages)).await?;
    println!(
        "| {} messages, in tens | first tenth, a second | in the middle | last tenth | last to first |",
        count(messages as f64)
    );
    println!("|---|---:|---:|---:|---:|");
    for (name, progress) in [("sent", filled), ("received and deleted", drained)] {
        let rate = |from: u64| rate(&progress, messages * from / 20, messages * (from + 2) / 20);
        let (first, middle, last) = (rate(0)?, rate(9)?, rate(18)?);
        println!("| {name} | {} | {} | {} | {:.2} |", count(first), count(middle), count(last), last / first);
    }
    println!();
    println!("| memory of the server | resident | of that anonymous |");
    println!("|---|---:|---:|");
    for (name, memory) in [
        ("before", before),
        ("most while it is filled", filling),
        ("full", full),
        ("most while it is drained", draining),
        ("empty", Memory::of(process)?),
    ] {
        println!("| {name} | {:.0} MiB | {:.0} MiB |", memory.resident, memory.anonymous);
    }
    Ok(())
}

/// Does it, and gives the most memory that the process had meanwhile.
async fn watched<T>(process: u32, work: impl Future<Output = Result<T>>) -> Result<(T, Memory)> {
    let mut most = Memory::default();
    let mut looks = tokio::time::interval(LOOK);
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Ok((done?, most)),
            _ = looks.tick() => most = most.most(Memory::of(process)?),
        }
    }
}

async fn fill(broker: &Sqs, batches: u64) -> Result<Progress> {
    let begun = Arc::new(AtomicU64::new(0));
    let mut workers = JoinSet::new();
    let start = Instant::now();
    for _ in 0..WORKERS {
        let (mut sender, begun) = (broker.sender(QUEUE).await?, Arc::clone(&begun));
        workers.spawn(async move {
            let mut progress = Progress::new();
            loop {
                let batch = begun.fetch_add(1, Ordering::Relaxed);
                if batch >= batches {
                    return anyhow::Ok(progress);
                }
                sender.send(&vec![message(batch.into()); BATCH]).await?;
                progress.push((start.elapsed(), BATCH as u64));
            }
        });
    }
    gathered(workers).await
}

async fn drain(broker: &Sqs, messages: u64) -> Result<Progress> {
    let left = Arc::new(AtomicU64::new(messages));
    let mut workers = JoinSet::new();
    let start = Instant::now();
    for _ in 0..WORKERS {
        let (mut receiver, left) = (broker.receiver(QUEUE).await?, Arc::clone(&left));
        workers.spawn(async move {
            let mut progress = Progress::new();
            while left.load(Ordering::Relaxed) > 0 {
                let received = receiver.receive(BATCH).await?.len() as u64;
                if received > 0 {
                    receiver.delete().await?;
                    left.fetch_sub(received, Ordering::Relaxed);
                    progress.push((start.elapsed(), received));
                }
            }
            anyhow::Ok(progress)
        });
    }
    gathered(workers).await
}

/// What all workers did, in the order of time.
async fn gathered(mut workers: JoinSet<Result<Progress>>) -> Result<Progress> {
    let mut all = Progress::new();
    while let Some(progress) = workers.join_next().await {
        all.append(&mut progress??);
    }
    all.sort_unstable();
    Ok(all)
}

/// Messages a second between the `from`th and the `to`th.
fn rate(progress: &Progress, from: u64, to: u64) -> Result<f64> {
    let mut done = 0;
    let (mut began, mut first) = (Duration::ZERO, 0);
    for (at, messages) in progress {
        done += messages;
        if done <= from {
            (began, first) = (*at, done);
        }
        if done >= to {
            return Ok((done - first) as f64 / (*at - began).as_secs_f64());
        }
    }
    None.context("less was done than was asked for")
}
