//! Queues that nothing happens in: what it costs to wait at them.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;
use tokio::task::JoinSet;

use super::{broker::Broker as _, requests::Requests, resources::computed, sqs::Sqs};
use crate::{apps, options::Length, platform::Server, records};

const FUNCTIONS: usize = 10;
/// As many as one may have.
const MAPPINGS: usize = 100;
/// Within this the receivers and the mappings have begun to wait.
const SETTLE: Duration = Duration::from_secs(3);
/// Less than a receiver waits.
const WINDOW: Duration = Duration::from_secs(10);
/// Seconds: the most that SQS takes.
const WAIT: u32 = 20;

pub(crate) async fn run(length: Length) -> Result<()> {
    let (functions, mappings) = (length.of(2, FUNCTIONS), length.of(10, MAPPINGS));
    let queues = functions * mappings;
    let folder = records::folder()?;
    let server = Server::start(&folder.path().join("data"))?;
    let broker = Sqs { host: server.platform.clone() };
    println!("| for {} seconds | processor time of the server | of one processor |", WINDOW.as_secs());
    println!("|---|---:|---:|");
    tell("no queue", &server).await?;
    for queue in 0..queues {
        broker.create(&name(queue)).await?;
    }
    tell(&format!("{queues} empty queues"), &server).await?;
    let mut receivers = JoinSet::new();
    for queue in 0..queues {
        let mut requests = Requests::connect(&server.platform).await?;
        let url = format!("http://{}/000000000000/{}", server.platform, name(queue));
        receivers.spawn(async move {
            let body = format!(r#"{{"QueueUrl":"{url}","WaitTimeSeconds":{WAIT}}}"#);
            requests.sqs("ReceiveMessage", &body).await.map(drop)
        });
    }
    tell(&format!("{queues} empty queues, a receiver waits at each"), &server).await?;
    if let Some(ended) = receivers.try_join_next() {
        ended??;
        None.context("a receiver did not wait")?;
    }
    receivers.shutdown().await;
    server.deploy(&apps::ALL[1].write(folder.path(), "idle", functions, "")?)?;
    let mut requests = Requests::connect(&server.platform).await?;
    for queue in 0..queues {
        let mapping = json!({
            "FunctionName": format!("idle-f{}", queue % functions),
            "EventSourceArn": format!("arn:aws:sqs:us-east-1:000000000000:{}", name(queue)),
        });
        requests.lambda("POST", "/2015-03-31/event-source-mappings", &mapping).await?;
    }
    tell(&format!("{queues} empty queues, each with a mapping"), &server).await
}

fn name(queue: usize) -> String {
    format!("idle{queue}")
}

async fn tell(what: &str, server: &Server) -> Result<()> {
    tokio::time::sleep(SETTLE).await;
    let before = computed(server.process.id())?;
    tokio::time::sleep(WINDOW).await;
    let seconds = computed(server.process.id())? - before;
    println!("| {what} | {:.0} ms | {:.2}% |", seconds * 1e3, seconds / WINDOW.as_secs_f64() * 100.0);
    Ok(())
}
