//! From a message to the first line of the function that its queue wakes.
//!
//! Both ends are read from the machine's wall clock (`CLOCK_REALTIME`), which a sandbox of this machine shares: the sender
//! reads it before it sends and when the answer has come, the function with `time.time_ns()`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::{
    broker::{Broker as _, Sender as _},
    requests::Requests,
    sqs::Sqs,
};
use crate::{
    apps,
    options::Length,
    platform::Server,
    records,
    statistics::{Samples, time},
};

const QUEUE: &str = "waking";
const FUNCTION: &str = "waking-f0";
/// Between two messages: the function has answered, and its environment waits.
const PACE: Duration = Duration::from_millis(25);
/// Messages between two looks at the log.
const ROUND: usize = 100;
/// A function that has not logged within this was not woken.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);

/// Nanoseconds since 1970.
#[derive(Debug, Clone, Copy)]
struct Sent {
    began: i128,
    answered: i128,
}

pub(crate) async fn run(length: Length) -> Result<()> {
    let rounds = length.of(1, 20);
    let folder = records::folder()?;
    let server = Server::start(&folder.path().join("data"))?;
    server.deploy(&apps::WOKEN.write(folder.path(), "waking", 1, "")?)?;
    let broker = Sqs { host: server.platform.clone() };
    broker.create(QUEUE).await?;
    let mut requests = Requests::connect(&server.platform).await?;
    let mapping = json!({
        "FunctionName": FUNCTION,
        "EventSourceArn": format!("arn:aws:sqs:us-east-1:000000000000:{QUEUE}"),
    });
    requests.lambda("POST", "/2015-03-31/event-source-mappings", &mapping).await?;
    let mut sender = broker.sender(QUEUE).await?;
    let (mut send, mut wake, mut beyond) = (Vec::new(), Vec::new(), Vec::new());
    // The first round starts an environment.
    for round in 0..=rounds {
        let since = now()?;
        let mut sent = Vec::with_capacity(ROUND);
        for message in 0..ROUND {
            let began = now()?;
            sender.send(&[message.to_string()]).await?;
            sent.push(Sent { began, answered: now()? });
            tokio::time::sleep(PACE).await;
        }
        let woken = woken(&mut requests, since).await?;
        if round == 0 {
            continue;
        }
        for (Sent { began, answered }, woken) in sent.into_iter().zip(woken) {
            send.push(nanos(answered - began));
            wake.push(nanos(woken - began));
            // It may be woken before its sender has read the answer.
            beyond.push(nanos((woken - answered).max(0)));
        }
    }
    println!("| {} messages, one every {} ms | p50 | p99 |", rounds * ROUND, PACE.as_millis());
    println!("|---|---:|---:|");
    for (name, samples) in [
        ("the sending's own answer", send),
        ("from before the sending to the function's first line", wake),
        ("from the answer to the function's first line", beyond),
    ] {
        let samples = Samples::new(samples);
        println!("| {name} | {} | {} |", time(samples.p50()), time(samples.p99()));
    }
    Ok(())
}

/// When the function began, for each message of a round.
async fn woken(requests: &mut Requests, since: i128) -> Result<Vec<i128>> {
    let patience = tokio::time::Instant::now() + PATIENCE;
    loop {
        let mut woken = vec![None; ROUND];
        for line in requests.logs(FUNCTION, since / 1_000_000).await? {
            let words: Vec<&str> = line["text"].as_str().unwrap_or_default().split_whitespace().collect();
            if let ["woken", message, at] = words.as_slice() {
                *woken.get_mut(message.parse::<usize>()?).context("a message that nobody sent")? =
                    Some(at.parse()?);
            }
        }
        if let Some(all) = woken.iter().copied().collect() {
            return Ok(all);
        }
        let logged = woken.iter().flatten().count();
        ensure!(
            tokio::time::Instant::now() < patience,
            "the function has logged {logged} of {ROUND} messages"
        );
        tokio::time::sleep(LOOK).await;
    }
}

fn now() -> Result<i128> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as i128)
}

fn nanos(nanos: i128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or_default())
}
