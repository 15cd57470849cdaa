//! An invocation that was answered 202 happens, whatever happens, and its end is told.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use sonagi_harness::{Answer, App, World, request, send as exchange};
use sonagi_model::{Clock as _, limits};

const PLATFORM: &str = "arn:aws:sqs:us-east-1:000000000000";

const WORKER: &str = "\
import json
def handler(event, context):
    print('got', json.dumps(event), context.aws_request_id)
    if event.get('fail'):
        raise ValueError('no such order')
    return {'done': event['n']}
";

const CALM: &str = "def handler(event, context):\n    return 1\n";

async fn world() -> World {
    let world = World::start().await;
    world.deploy(&App::python("shop", WORKER)).await;
    for queue in ["letters", "failures", "successes"] {
        sqs(&world, "CreateQueue", json!({ "QueueName": queue })).await;
    }
    world
}

async fn sqs(world: &World, operation: &str, input: Value) -> Value {
    let asked = request("POST", &world.platform().to_string(), "/")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", format!("AmazonSQS.{operation}"));
    let answer = exchange(world.platform(), asked.body(input.to_string().into()).unwrap()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

async fn lambda(world: &World, method: &str, path: &str, input: Value) -> Answer {
    let asked = request(method, &world.platform().to_string(), path);
    exchange(world.platform(), asked.body(input.to_string().into()).unwrap()).await
}

async fn send(world: &World, event: Value) -> Answer {
    let path = "/2015-03-31/functions/shop-f/invocations";
    let asked = request("POST", &world.platform().to_string(), path).header("x-amz-invocation-type", "Event");
    exchange(world.platform(), asked.body(Bytes::from(event.to_string())).unwrap()).await
}

async fn told(world: &World, settings: Value) {
    let path = "/2019-09-25/functions/shop-f/event-invoke-config";
    let answer = lambda(world, "PUT", path, settings).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// The only message of a queue, with its attributes. It waits for it.
async fn message(world: &World, queue: &str) -> Value {
    let url = format!("http://localhost/000000000000/{queue}");
    let input = json!({ "QueueUrl": url, "WaitTimeSeconds": 20, "MessageAttributeNames": ["All"] });
    let answer = sqs(world, "ReceiveMessage", input).await;
    let messages = answer["Messages"].as_array().unwrap();
    assert_eq!(messages.len(), 1, "{answer}");
    let message = messages[0].clone();
    let input = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
    sqs(world, "DeleteMessage", input).await;
    message
}

fn runs(world: &World) -> u64 {
    world.running().frontend().usage().iter().map(|totals| totals.totals.invocations).sum()
}

/// Returns when the function has run so often, and what followed from it is done.
async fn ran(world: &World, times: u64) {
    world.until(&format!("run {times} times"), || runs(world) == times).await;
    world.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_answered_before_it_runs_and_its_success_is_told() {
    let world = world().await;
    told(
        &world,
        json!({
            "DestinationConfig": { "OnSuccess": { "Destination": format!("{PLATFORM}:successes") } },
        }),
    )
    .await;
    let answer = send(&world, json!({ "n": 1 })).await;
    assert_eq!((answer.status.as_u16(), answer.text()), (202, ""));
    let record: Value =
        serde_json::from_str(message(&world, "successes").await["Body"].as_str().unwrap()).unwrap();
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:shop-f:$LATEST";
    assert_eq!(record["version"], "1.0");
    assert_eq!(record["requestContext"]["functionArn"], arn);
    assert_eq!(record["requestContext"]["condition"], "Success");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 1);
    assert_eq!(record["requestContext"]["requestId"], answer.header("x-amzn-requestid"));
    assert_eq!(record["requestPayload"], json!({ "n": 1 }));
    assert_eq!(record["responseContext"], json!({ "statusCode": 200, "executedVersion": "$LATEST" }));
    assert_eq!(record["responsePayload"], json!({ "done": 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_tried_again_after_one_and_two_minutes_and_then_told_with_a_dead_letter() {
    let world = world().await;
    let letters = json!({ "DeadLetterConfig": { "TargetArn": format!("{PLATFORM}:letters") } });
    let path = "/2015-03-31/functions/shop-f/configuration";
    assert_eq!(lambda(&world, "PUT", path, letters).await.status, 200);
    told(
        &world,
        json!({
            "DestinationConfig": { "OnFailure": { "Destination": format!("{PLATFORM}:failures") } },
        }),
    )
    .await;
    let event = json!({ "fail": true, "n": [1, 2.50] });
    assert_eq!(send(&world, event.clone()).await.status, 202);
    ran(&world, 1).await;
    for (wait, times) in [(60, 2), (120, 3)] {
        let before = world.clock().now();
        until_run(&world, times).await;
        let waited = world.clock().now().since(before);
        assert!((wait..wait + 60).contains(&waited.as_secs()), "{waited:?}");
    }
    let record: Value =
        serde_json::from_str(message(&world, "failures").await["Body"].as_str().unwrap()).unwrap();
    assert_eq!(record["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 3);
    assert_eq!(record["requestPayload"], event);
    assert_eq!(record["responseContext"]["functionError"], "Unhandled");
    assert_eq!(record["responsePayload"]["errorMessage"], "no such order");
    let letter = message(&world, "letters").await;
    assert_eq!(serde_json::from_str::<Value>(letter["Body"].as_str().unwrap()).unwrap(), event);
    let attribute =
        |name: &str| letter["MessageAttributes"][name]["StringValue"].as_str().unwrap().to_owned();
    assert_eq!(
        (attribute("ErrorCode").as_str(), attribute("ErrorMessage").as_str()),
        ("200", "no such order")
    );
    assert_eq!(attribute("RequestID"), record["requestContext"]["requestId"]);
    assert_eq!(runs(&world), 3);
}

/// Moves the clock, a second at a time, until the function has run so often.
async fn until_run(world: &World, times: u64) {
    for _ in 0..1_000 {
        if runs(world) == times {
            return ran(world, times).await;
        }
        // What is asked goes through the same line as what the platform does meanwhile.
        sqs(
            world,
            "TagQueue",
            json!({ "QueueUrl": "http://localhost/000000000000/letters", "Tags": {"a": "b"} }),
        )
        .await;
        world.advance(Duration::from_secs(1)).await;
    }
    panic!("it was not run {times} times");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_an_old_release_runs_on_it_though_another_is_live_and_the_server_was_stopped() {
    let mut world = world().await;
    let failures = json!({ "OnFailure": { "Destination": format!("{PLATFORM}:failures") } });
    told(&world, json!({ "MaximumRetryAttempts": 1, "DestinationConfig": failures })).await;
    let old = "def handler(event, context):\n    raise ValueError('the old one')\n";
    world.deploy(&App::python("shop", old)).await;
    assert_eq!(send(&world, json!({ "n": 1 })).await.status, 202);
    ran(&world, 1).await;
    world.deploy(&App::python("shop", "def handler(event, context):\n    return 'the new one'\n")).await;
    assert_eq!(world.invoke("shop-f", "{}").await.json(), "the new one");
    world.restart().await;
    until_run(&world, 1).await;
    let record: Value =
        serde_json::from_str(message(&world, "failures").await["Body"].as_str().unwrap()).unwrap();
    assert_eq!(record["responsePayload"]["errorMessage"], "the old one");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_was_away_for_long_has_its_events_run_again_when_it_is_back() {
    let world = world().await;
    assert_eq!(send(&world, json!({ "n": 1 })).await.status, 202);
    ran(&world, 1).await;
    let manifest = "app = \"shop\"\n[defaults]\nruntime = \"python3.11\"\n[function.g]\n";
    world.deploy(&App::new(manifest).file("g/app.py", CALM)).await;
    // Its queue is looked at for the last time within this, and is gone.
    for _ in 0..3 {
        world.advance(Duration::from_secs(u64::from(limits::POLLER_IDLE))).await;
        world.idle().await;
    }
    world.deploy(&App::python("shop", WORKER)).await;
    for times in 2..5 {
        assert_eq!(send(&world, json!({ "n": times })).await.status, 202);
        ran(&world, times).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_wakes_itself_is_stopped_after_sixteen_times_and_the_log_says_so() {
    let world = world().await;
    let manifest = "app = \"shop\"\n[defaults]\nruntime = \"python3.11\"\n[function.f]\n[function.g]\n";
    let app = App::new(manifest).file("f/app.py", CALM).file("g/app.py", CALM);
    world.deploy(&app).await;
    told(&world, json!({
        "DestinationConfig": { "OnSuccess": { "Destination": "arn:aws:lambda:us-east-1:000000000000:function:shop-g" } },
    }))
    .await;
    let back = json!({ "DestinationConfig": { "OnSuccess": { "Destination": "arn:aws:lambda:us-east-1:000000000000:function:shop-f" } } });
    assert_eq!(
        lambda(&world, "PUT", "/2019-09-25/functions/shop-g/event-invoke-config", back).await.status,
        200
    );
    world.expect("a function wakes itself");
    assert_eq!(send(&world, json!({ "n": 1 })).await.status, 202);
    ran(&world, 32).await;
    let lines = async || {
        let lines = world.running().logs().read(Default::default()).await.unwrap();
        let text = lines.iter().map(|entry| String::from_utf8_lossy(&entry.line.text).into_owned());
        text.filter(|line| line.contains("Recursive loop detected: shop-f")).count()
    };
    // It is said after the last that ran has been told.
    while lines().await == 0 {}
    world.idle().await;
    assert_eq!(runs(&world), 32);
}
