//! EventBridge's protocol, with queues as what its rules send to.

mod archives;
mod doors;
mod errors;
mod lifecycle;
mod matching;
mod policies;
mod schedules;
mod targets;

use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::world::{Ask, Reply, World};

const ACCOUNT: &str = "000000000000";

fn arn(what: &str) -> String {
    format!("arn:aws:events:us-east-1:{ACCOUNT}:{what}")
}

fn queue_arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{name}")
}

/// A request, as yet unsigned.
fn ask<'a>(world: &'a World, operation: &str, input: &Value) -> Ask<'a> {
    world
        .ask("POST", "/")
        .service("events")
        .header("x-amz-target", &format!("AWSEvents.{operation}"))
        .header("content-type", "application/x-amz-json-1.1")
        .json(input)
}

async fn call(world: &World, operation: &str, input: &Value) -> Reply {
    ask(world, operation, input).signed().send().await
}

async fn ok(world: &World, operation: &str, input: Value) -> Value {
    let reply = call(world, operation, &input).await;
    assert_eq!(reply.status, 200, "{operation} {input}: {reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/x-amz-json-1.1"));
    reply.json()
}

#[track_caller]
fn is_error(reply: &Reply, code: &str, text: &str) {
    assert_eq!(reply.header("content-type"), Some("application/x-amz-json-1.1"), "{reply:?}");
    let body = reply.json();
    assert_eq!(body["__type"], code, "{body}");
    let message = body["message"].as_str().unwrap();
    assert!(message.contains(text), "{message:?} lacks {text:?}");
}

async fn fails(world: &World, operation: &str, input: Value, code: &str, text: &str) {
    let reply = call(world, operation, &input).await;
    assert_eq!(reply.status, 400, "{operation} {input}: {reply:?}");
    is_error(&reply, code, text);
}

async fn sqs(world: &World, operation: &str, input: Value) -> Value {
    let asked =
        world.ask("POST", "/").service("sqs").header("x-amz-target", &format!("AmazonSQS.{operation}"));
    let reply = asked.json(&input).signed().send().await;
    assert_eq!(reply.status, 200, "{operation} {input}: {reply:?}");
    reply.json()
}

/// A queue; its ARN.
async fn queue(world: &World, name: &str) -> String {
    let fifo = json!({ "FifoQueue": "true", "ContentBasedDeduplication": "true" });
    let attributes = if name.ends_with(".fifo") { fifo } else { json!({}) };
    sqs(world, "CreateQueue", json!({ "QueueName": name, "Attributes": attributes })).await;
    queue_arn(name)
}

/// What is in a queue now, or comes within `wait` seconds; it is there no longer then.
async fn receive(world: &World, name: &str, wait: u32) -> Vec<Value> {
    let url = format!("http://localhost:4566/{ACCOUNT}/{name}");
    let input = json!({
        "QueueUrl": url,
        "MaxNumberOfMessages": 10,
        "AttributeNames": ["All"],
        "MessageAttributeNames": ["All"],
        "WaitTimeSeconds": wait,
    });
    let got = sqs(world, "ReceiveMessage", input).await;
    let messages = got.get("Messages").map_or_else(Vec::new, |messages| messages.as_array().unwrap().clone());
    for message in &messages {
        let input = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
        sqs(world, "DeleteMessage", input).await;
    }
    messages
}

/// The bodies of what is in a queue now, as JSON.
async fn bodies(world: &World, name: &str) -> Vec<Value> {
    let messages = receive(world, name, 0).await;
    messages.iter().map(|message| serde_json::from_str(message["Body"].as_str().unwrap()).unwrap()).collect()
}

/// Waits for a message, however long it takes; its body as JSON.
async fn next(world: &World, name: &str) -> Value {
    let messages = receive(world, name, 20).await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    serde_json::from_str(messages[0]["Body"].as_str().unwrap()).unwrap()
}

/// A rule that sends all events of a source to a target; its ARN.
async fn rule(world: &World, bus: &str, name: &str, pattern: Value, targets: Value) -> String {
    let input = json!({ "Name": name, "EventBusName": bus, "EventPattern": pattern.to_string() });
    let made = ok(world, "PutRule", input).await;
    let input = json!({ "Rule": name, "EventBusName": bus, "Targets": targets });
    let put = ok(world, "PutTargets", input).await;
    assert_eq!(put, json!({ "FailedEntryCount": 0, "FailedEntries": [] }));
    made["RuleArn"].as_str().unwrap().to_owned()
}

fn entry(bus: &str, detail: Value) -> Value {
    json!({ "EventBusName": bus, "Source": "shop", "DetailType": "Order", "Detail": detail.to_string() })
}

/// Puts events that are all taken; their ids.
async fn put(world: &World, entries: Value) -> Vec<String> {
    let answer = ok(world, "PutEvents", json!({ "Entries": entries })).await;
    assert_eq!(answer["FailedEntryCount"], 0, "{answer}");
    let ids = answer["Entries"].as_array().unwrap().iter();
    ids.map(|entry| entry["EventId"].as_str().unwrap().to_owned()).collect()
}

/// Begins what goes on in the background; it ends with what this gives.
fn start(world: &World) -> DropGuard {
    let stop = CancellationToken::new();
    drop(world.events.start(&stop));
    stop.drop_guard()
}
