//! A broker that speaks SQS's JSON protocol.

use std::{borrow::Cow, fmt::Write as _};

use anyhow::{Result, ensure};
use serde::{Deserialize, de::IgnoredAny};

use super::{
    broker::{Broker, Receiver, Sender},
    requests::Requests,
};

/// Seconds that a receiver waits for a message before it asks again.
const WAIT: u32 = 2;
/// Seconds after which a message is received again: no measurement takes a message for so long.
const HIDDEN: u32 = 600;

/// Its address.
#[derive(Debug, Clone)]
pub(super) struct Sqs {
    pub(super) host: String,
}

pub(super) struct SqsSender {
    requests: Requests,
    url: String,
    body: String,
}

pub(super) struct SqsReceiver {
    requests: Requests,
    url: String,
    handles: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Received<'a> {
    #[serde(borrow, default)]
    messages: Vec<Message<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message<'a> {
    #[serde(borrow)]
    body: Cow<'a, str>,
    #[serde(borrow)]
    receipt_handle: Cow<'a, str>,
}

/// Of a batch.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Outcome {
    #[serde(default)]
    failed: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Address {
    queue_url: String,
}

impl Sqs {
    /// A connection, and the address of a queue.
    async fn open(&self, queue: &str) -> Result<(Requests, String)> {
        let mut requests = Requests::connect(&self.host).await?;
        let answer = requests.sqs("GetQueueUrl", &format!(r#"{{"QueueName":"{queue}"}}"#)).await?;
        let Address { queue_url } = serde_json::from_slice(answer)?;
        Ok((requests, queue_url))
    }
}

impl Broker for Sqs {
    type Sender = SqsSender;
    type Receiver = SqsReceiver;

    async fn create(&self, queue: &str) -> Result<()> {
        let body = format!(r#"{{"QueueName":"{queue}","Attributes":{{"VisibilityTimeout":"{HIDDEN}"}}}}"#);
        Requests::connect(&self.host).await?.sqs("CreateQueue", &body).await?;
        Ok(())
    }

    async fn delete(&self, queue: &str) -> Result<()> {
        let (mut requests, url) = self.open(queue).await?;
        requests.sqs("DeleteQueue", &format!(r#"{{"QueueUrl":"{url}"}}"#)).await?;
        Ok(())
    }

    async fn sender(&self, queue: &str) -> Result<SqsSender> {
        let (requests, url) = self.open(queue).await?;
        Ok(SqsSender { requests, url, body: String::new() })
    }

    async fn receiver(&self, queue: &str) -> Result<SqsReceiver> {
        let (requests, url) = self.open(queue).await?;
        Ok(SqsReceiver { requests, url, handles: Vec::new() })
    }
}

impl Sender for SqsSender {
    async fn send(&mut self, bodies: &[String]) -> Result<()> {
        self.body.clear();
        if let [only] = bodies {
            write!(self.body, r#"{{"QueueUrl":"{}","MessageBody":"{only}"}}"#, self.url)?;
            self.requests.sqs("SendMessage", &self.body).await?;
            return Ok(());
        }
        let entries = bodies.iter().enumerate().map(|(id, body)| (id, "MessageBody", body));
        batch(&mut self.body, &self.url, entries)?;
        all_done(self.requests.sqs("SendMessageBatch", &self.body).await?)
    }
}

impl Receiver for SqsReceiver {
    async fn receive(&mut self, most: usize) -> Result<Vec<String>> {
        let body =
            format!(r#"{{"QueueUrl":"{}","MaxNumberOfMessages":{most},"WaitTimeSeconds":{WAIT}}}"#, self.url);
        let Received { messages } =
            serde_json::from_slice(self.requests.sqs("ReceiveMessage", &body).await?)?;
        self.handles.clear();
        self.handles.extend(messages.iter().map(|message| message.receipt_handle.clone().into_owned()));
        Ok(messages.into_iter().map(|message| message.body.into_owned()).collect())
    }

    async fn delete(&mut self) -> Result<()> {
        if let [only] = self.handles.as_slice() {
            let body = format!(r#"{{"QueueUrl":"{}","ReceiptHandle":"{only}"}}"#, self.url);
            self.requests.sqs("DeleteMessage", &body).await?;
            return Ok(());
        }
        let mut body = String::new();
        batch(
            &mut body,
            &self.url,
            self.handles.iter().enumerate().map(|(id, handle)| (id, "ReceiptHandle", handle)),
        )?;
        all_done(self.requests.sqs("DeleteMessageBatch", &body).await?)
    }
}

/// Writes the request of a batch, of which each entry has an id and one member.
fn batch<'a>(
    body: &mut String,
    url: &str,
    entries: impl Iterator<Item = (usize, &'static str, &'a String)>,
) -> Result<()> {
    write!(body, r#"{{"QueueUrl":"{url}","Entries":["#)?;
    for (id, member, value) in entries {
        let comma = if id == 0 { "" } else { "," };
        write!(body, r#"{comma}{{"Id":"{id}","{member}":"{value}"}}"#)?;
    }
    body.push_str("]}");
    Ok(())
}

fn all_done(answer: &[u8]) -> Result<()> {
    let Outcome { failed } = serde_json::from_slice(answer)?;
    ensure!(failed.is_empty(), "{} entries of a batch failed", failed.len());
    Ok(())
}
