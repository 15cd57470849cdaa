//! A queue wakes a function: what it sends is brought in batches, and settled as the function says.

use std::time::Duration;

use serde_json::{Value, json};
use sonagi_harness::{Answer, App, World, request, send};

const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000";

/// Prints each record's body with how often it was received; fails as the body says.
const CONSUMER: &str = "\
import json
def handler(event, context):
    failed = []
    print('batch', len(event['Records']))
    for record in event['Records']:
        print('got', record['body'], record['attributes']['ApproximateReceiveCount'])
        if 'bad' in record['body']:
            failed.append({'itemIdentifier': record['messageId']})
        if 'boom' in record['body']:
            raise ValueError(record['body'])
    return {'batchItemFailures': failed}
";

async fn world() -> World {
    let world = World::start().await;
    world.deploy(&App::python("shop", CONSUMER)).await;
    world
}

async fn sqs(world: &World, operation: &str, input: Value) -> Value {
    let asked = request("POST", &world.platform().to_string(), "/")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", format!("AmazonSQS.{operation}"));
    let answer = send(world.platform(), asked.body(input.to_string().into()).unwrap()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

async fn lambda(world: &World, method: &str, path: &str, input: Value) -> Answer {
    let asked = request(method, &world.platform().to_string(), path);
    send(world.platform(), asked.body(input.to_string().into()).unwrap()).await
}

async fn map(world: &World, queue: &str, settings: Value) -> String {
    let mut input = json!({ "FunctionName": "shop-f", "EventSourceArn": format!("{QUEUE}:{queue}") });
    input.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let answer = lambda(world, "POST", "/2015-03-31/event-source-mappings", input).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    answer.json()["UUID"].as_str().unwrap().to_owned()
}

fn url(queue: &str) -> String {
    format!("http://localhost/000000000000/{queue}")
}

async fn put(world: &World, queue: &str, body: &str) {
    let mut input = json!({ "QueueUrl": url(queue), "MessageBody": body });
    if queue.ends_with(".fifo") {
        input["MessageGroupId"] = body.split(' ').next().unwrap().into();
        input["MessageDeduplicationId"] = body.replace(' ', "-").into();
    }
    sqs(world, "SendMessage", input).await;
}

/// What the function printed that begins with `what`, in order.
async fn printed(world: &World, what: &str) -> Vec<String> {
    let lines = world.running().logs().read(Default::default()).await.unwrap();
    let text = lines.iter().map(|entry| String::from_utf8_lossy(&entry.line.text).trim().to_owned());
    text.filter_map(|line| line.strip_prefix(what).map(|rest| rest.trim().to_owned())).collect()
}

/// Waits, in real time, until it has printed so many of these.
async fn until_printed(world: &World, what: &str, count: usize) -> Vec<String> {
    loop {
        let lines = printed(world, what).await;
        if lines.len() >= count {
            return lines;
        }
        world.until("running", || true).await;
    }
}

/// Messages that are in a queue in any state.
async fn depth(world: &World, queue: &str) -> u64 {
    let names = ["", "NotVisible", "Delayed"].map(|state| format!("ApproximateNumberOfMessages{state}"));
    let input = json!({ "QueueUrl": url(queue), "AttributeNames": names });
    let attributes = sqs(world, "GetQueueAttributes", input).await;
    let count = |name: &String| attributes["Attributes"][name].as_str().unwrap().parse::<u64>().unwrap();
    names.iter().map(count).sum()
}

async fn until_depth(world: &World, queue: &str, wanted: u64) {
    while depth(world, queue).await != wanted {
        world.until("running", || true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_record_fails_alone_and_ends_as_a_dead_letter() {
    let world = world().await;
    sqs(&world, "CreateQueue", json!({ "QueueName": "dead" })).await;
    let redrive = json!({ "deadLetterTargetArn": format!("{QUEUE}:dead"), "maxReceiveCount": "2" });
    let attributes = json!({ "VisibilityTimeout": "30", "RedrivePolicy": redrive.to_string() });
    sqs(&world, "CreateQueue", json!({ "QueueName": "clicks", "Attributes": attributes })).await;
    map(&world, "clicks", json!({ "FunctionResponseTypes": ["ReportBatchItemFailures"] })).await;
    for body in ["one", "bad", "two"] {
        put(&world, "clicks", body).await;
    }
    until_depth(&world, "clicks", 1).await;
    let mut got = printed(&world, "got").await;
    got.sort();
    assert_eq!(got, ["bad 1", "one 1", "two 1"]);
    // Its visibility time-out ends, it fails again, and the next look finds that it was received too often.
    for _ in 0..2 {
        world.advance(Duration::from_secs(30)).await;
        until_printed(&world, "got", 4).await;
        world.idle().await;
    }
    until_depth(&world, "dead", 1).await;
    assert_eq!(printed(&world, "got").await.len(), 4);
    assert_eq!(depth(&world, "clicks").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_wait_for_a_window_and_only_those_that_are_wanted_wake_the_function() {
    let world = world().await;
    sqs(&world, "CreateQueue", json!({ "QueueName": "clicks" })).await;
    let filters = json!({ "Filters": [{ "Pattern": r#"{"body": {"kind": ["click"], "n": [{"numeric": [">=", 2]}]}}"# }] });
    let settings =
        json!({ "BatchSize": 100, "MaximumBatchingWindowInSeconds": 5, "FilterCriteria": filters });
    let id = map(&world, "clicks", settings).await;
    for n in 0..4 {
        put(&world, "clicks", &json!({ "kind": "click", "n": n }).to_string()).await;
    }
    put(&world, "clicks", "no json").await;
    // What nobody wants is gone at once.
    until_depth(&world, "clicks", 2).await;
    assert!(printed(&world, "batch").await.is_empty());
    for _ in 0..6 {
        world.advance(Duration::from_secs(1)).await;
    }
    until_depth(&world, "clicks", 0).await;
    assert_eq!(printed(&world, "batch").await, ["2"]);
    let path = format!("/2015-03-31/event-source-mappings/{id}");
    let shown = lambda(&world, "GET", &path, json!({})).await.json();
    assert_eq!(
        (&shown["State"], &shown["LastProcessingResult"]),
        (&json!("Enabled"), &json!("OK")),
        "{shown}"
    );

    // Disabled it brings nothing, and what comes meanwhile waits.
    assert_eq!(
        lambda(
            &world,
            "PUT",
            &path,
            json!({ "Enabled": false, "MaximumBatchingWindowInSeconds": 0, "BatchSize": 10 })
        )
        .await
        .status,
        202
    );
    while lambda(&world, "GET", &path, json!({})).await.json()["State"] != "Disabled" {}
    put(&world, "clicks", &json!({ "kind": "click", "n": 7 }).to_string()).await;
    assert_eq!(depth(&world, "clicks").await, 1);
    assert_eq!(lambda(&world, "PUT", &path, json!({ "Enabled": true })).await.status, 202);
    until_depth(&world, "clicks", 0).await;
    assert_eq!(printed(&world, "batch").await, ["2", "1"]);
    assert_eq!(lambda(&world, "DELETE", &path, json!({})).await.json()["State"], "Deleting");
    assert_eq!(lambda(&world, "GET", &path, json!({})).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_group_everything_comes_in_order_and_a_throttle_burns_no_receipt() {
    let world = world().await;
    sqs(&world, "CreateQueue", json!({ "QueueName": "clicks.fifo", "Attributes": { "FifoQueue": "true" } }))
        .await;
    for n in 0..40 {
        put(&world, "clicks.fifo", &format!("{} {n}", ["a", "b", "c"][n % 3])).await;
    }
    let path = "/2017-10-31/functions/shop-f/concurrency";
    assert_eq!(lambda(&world, "PUT", path, json!({ "ReservedConcurrentExecutions": 0 })).await.status, 200);
    let id = map(&world, "clicks.fifo", json!({ "BatchSize": 3 })).await;
    let path = format!("/2015-03-31/event-source-mappings/{id}");
    while lambda(&world, "GET", &path, json!({})).await.json()["LastProcessingResult"]
        != "PROBLEM: Function call was throttled"
    {}
    let path = "/2017-10-31/functions/shop-f/concurrency";
    assert_eq!(lambda(&world, "DELETE", path, json!({})).await.status, 204);
    while depth(&world, "clicks.fifo").await != 0 {
        world.advance(Duration::from_secs(1)).await;
    }
    let got = printed(&world, "got").await;
    assert_eq!(got.len(), 40);
    for group in ["a", "b", "c"] {
        let of: Vec<usize> = got
            .iter()
            .filter_map(|line| line.strip_prefix(group))
            .map(|line| line.trim().split(' ').next().unwrap().parse().unwrap())
            .collect();
        assert!(of.is_sorted(), "{group}: {of:?}");
    }
    assert!(got.iter().all(|line| line.ends_with(" 1")), "{got:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_message_stops_nothing_and_a_restart_goes_on() {
    let mut world = world().await;
    sqs(&world, "CreateQueue", json!({ "QueueName": "clicks" })).await;
    put(&world, "clicks", "boom").await;
    map(&world, "clicks", json!({ "BatchSize": 1 })).await;
    until_printed(&world, "got", 1).await;
    for n in 0..20 {
        put(&world, "clicks", &n.to_string()).await;
    }
    until_depth(&world, "clicks", 1).await;
    world.restart().await;
    put(&world, "clicks", "later").await;
    until_depth(&world, "clicks", 1).await;
    let mut got = printed(&world, "got").await;
    got.sort();
    got.dedup();
    assert_eq!(got.len(), 22, "{got:?}");
}
