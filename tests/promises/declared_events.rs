//! What a manifest says of times and events wakes its functions, as long as it says so.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use sonagi_harness::{Answer, App, World, request, send};
use sonagi_model::Clock as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

const PRINTS: &str = "import json\ndef handler(event, context):\n    print('got', json.dumps(event))\n";

const TEMPLATE: &str = r#"
Transform: AWS::Serverless-2016-10-31
Resources:
  Orders:
    Type: AWS::Events::EventBus
    Properties: {Name: orders}
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: f
      Handler: app.handler
      Runtime: python3.11
      Events:
        EveryMinute:
          Type: Schedule
          Properties: {Schedule: rate(1 minute)}
        EveryOther:
          Type: ScheduleV2
          Properties: {ScheduleExpression: rate(2 minutes), Input: '{"from": "scheduler"}'}
        Sold:
          Type: EventBridgeRule
          Properties:
            EventBusName: !Ref Orders
            Pattern: {source: [shop], detail: {n: [{numeric: [">", 1]}]}}
            InputPath: $.detail
"#;

async fn got(world: &World) -> Vec<Value> {
    let lines = world.running().logs().read(Default::default()).await.unwrap();
    let text = lines.iter().map(|entry| String::from_utf8_lossy(&entry.line.text).trim().to_owned());
    text.filter_map(|line| serde_json::from_str(line.strip_prefix("got ")?).ok()).collect()
}

async fn put_event(world: &World, bus: &str, n: u32) -> Value {
    let entry = json!({ "EventBusName": bus, "Source": "shop", "DetailType": "sale", "Detail": json!({ "n": n }).to_string() });
    let asked = request("POST", &world.platform().to_string(), "/")
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "AWSEvents.PutEvents");
    let body = Bytes::from(json!({ "Entries": [entry] }).to_string());
    send(world.platform(), asked.body(body).unwrap()).await.json()
}

/// Moves the clock by minutes, and waits each time until what is due is there.
async fn minutes(world: &World, count: usize, wanted: usize) {
    let before = got(world).await.len();
    for _ in 0..count {
        world.advance(Duration::from_secs(60)).await;
    }
    while got(world).await.len() < before + wanted {
        world.until("running", || true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_templates_schedules_and_rules_wake_its_function_until_it_has_them_no_longer() {
    let world = World::start().await;
    let app = App::sam(TEMPLATE).file("f/app.py", PRINTS);
    world.deploy(&app).await;
    minutes(&world, 1, 1).await;
    let event = got(&world).await.remove(0);
    assert_eq!((&event["source"], &event["detail-type"]), (&json!("aws.events"), &json!("Scheduled Event")));
    assert_eq!((&event["detail"], &event["version"]), (&json!({}), &json!("0")), "{event}");
    minutes(&world, 1, 2).await;
    assert!(got(&world).await.contains(&json!({ "from": "scheduler" })));

    assert_eq!(put_event(&world, "orders", 1).await["FailedEntryCount"], 0);
    assert_eq!(put_event(&world, "orders", 2).await["FailedEntryCount"], 0);
    while !got(&world).await.contains(&json!({ "n": 2 })) {
        world.until("running", || true).await;
    }
    assert!(!got(&world).await.contains(&json!({ "n": 1 })));

    // Another release without them: nothing wakes it any more.
    let without: String = TEMPLATE
        .split("      Events:")
        .next()
        .unwrap()
        .replace("  Orders:\n    Type: AWS::Events::EventBus\n    Properties: {Name: orders}\n", "");
    app.write("template.yaml", &without);
    world.deploy(&app).await;
    // Events tell seconds.
    let last = world.clock().now().to_string()[..19].to_owned();
    for _ in 0..5 {
        world.advance(Duration::from_secs(60)).await;
    }
    assert_eq!(world.invoke(&format!("{}-Worker", name(&world)), r#"{"last": true}"#).await.status, 200);
    // What was under way when the clock jumped may have come twice, and nothing is of a later time.
    let all = got(&world).await;
    let later: Vec<_> =
        all.iter().filter(|event| event["time"].as_str().is_some_and(|time| time[..19] > *last)).collect();
    assert!(later.is_empty(), "{later:?}");
}

/// The app's, which its folder's name made.
fn name(world: &World) -> String {
    world.running().control().live().apps().next().unwrap().name().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn five_fields_and_a_rule_of_sonagi_toml_wake_functions_too() {
    let world = World::start().await;
    let manifest = "app = \"shop\"\n[function.f]\nruntime = \"python3.11\"\non = [{ schedule = \"* * * * *\" }, { event = { source = [\"shop\"] } }]\n";
    world.deploy(&App::new(manifest).file("f/app.py", PRINTS)).await;
    minutes(&world, 1, 1).await;
    assert_eq!(put_event(&world, "default", 7).await["FailedEntryCount"], 0);
    while !got(&world).await.iter().any(|event| event["detail"]["n"] == 7) {
        world.until("running", || true).await;
    }
}

/// Asks SNS for something that is done to the topic.
async fn news(world: &World, form: &str) -> Answer {
    let asked = request("POST", &world.platform().to_string(), "/")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-amz-date", "20260101T000000Z")
        .header("authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sns/aws4_request, SignedHeaders=host, Signature=00");
    let form = format!("{form}&Version=2010-03-31&TopicArn=arn:aws:sns:us-east-1:000000000000:shop-news");
    send(world.platform(), asked.body(Bytes::from(form)).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_to_a_declared_topic_goes_to_its_function_and_its_queue() {
    let world = World::start().await;
    let manifest = "app = \"shop\"\n\
        [function.f]\nruntime = \"python3.11\"\non = [{ topic = \"news\", filter = { kind = [\"daily\"] } }]\n\
        [topic.news]\ndisplay = \"News\"\nsubscriptions = [{ queue = \"box\", raw = true }]\n[queue.box]\n";
    let app = App::new(manifest).file("f/app.py", PRINTS);
    world.deploy(&app).await;
    let kind = "&MessageAttributes.entry.1.Name=kind&MessageAttributes.entry.1.Value.DataType=String&MessageAttributes.entry.1.Value.StringValue=";
    for (message, value) in [("one", "weekly"), ("two", "daily")] {
        let answer = news(&world, &format!("Action=Publish&Message={message}{kind}{value}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    while got(&world).await.is_empty() {
        world.until("running", || true).await;
    }
    let records: Vec<Value> =
        got(&world).await.iter().map(|event| event["Records"][0]["Sns"]["Message"].clone()).collect();
    assert_eq!(records, [json!("two")]);
    let depth = sqs_depth(&world, "shop-box").await;
    assert_eq!(depth, "2");
    // The same without them.
    app.write("sonagi.toml", "app = \"shop\"\n[function.f]\nruntime = \"python3.11\"\n");
    world.deploy(&app).await;
    assert_eq!(news(&world, "Action=Publish&Message=three").await.status, 404);
}

async fn sqs_depth(world: &World, queue: &str) -> String {
    let name = "ApproximateNumberOfMessages";
    let asked = request("POST", &world.platform().to_string(), "/")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", "AmazonSQS.GetQueueAttributes");
    let input =
        json!({ "QueueUrl": format!("http://localhost/000000000000/{queue}"), "AttributeNames": [name] });
    let answer = send(world.platform(), asked.body(Bytes::from(input.to_string())).unwrap()).await;
    answer.json()["Attributes"][name].as_str().unwrap().to_owned()
}

/// One POST, answered with 200: its kind as SNS says it, and its body.
async fn posted(listener: &TcpListener) -> (String, Value) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut text = Vec::new();
    loop {
        stream.read_buf(&mut text).await.unwrap();
        let whole = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = whole.split_once("\r\n\r\n") else { continue };
        let header = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(':'));
            lines.find(|line| line.0.eq_ignore_ascii_case(name)).map(|line| line.1.trim().to_owned()).unwrap()
        };
        if body.len() == header("content-length").parse::<usize>().unwrap() {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
                .await
                .unwrap();
            return (header("x-amz-sns-message-type"), serde_json::from_str(body).unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_http_endpoint_is_asked_and_gets_messages_once_it_has_confirmed() {
    let world = World::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/news", listener.local_addr().unwrap());
    let manifest = |raw: bool| {
        format!("app = \"shop\"\n[topic.news]\nsubscriptions = [{{ url = \"{url}\", raw = {raw} }}]\n")
    };
    let app = App::new(&manifest(false));
    world.deploy(&app).await;
    let (kind, question) = posted(&listener).await;
    assert_eq!(kind, "SubscriptionConfirmation");
    let link = question["SubscribeURL"].as_str().unwrap().split_once("/?").unwrap().1.to_owned();
    let asked = request("GET", &world.platform().to_string(), &format!("/?{link}"));
    assert_eq!(send(world.platform(), asked.body(Bytes::new()).unwrap()).await.status, 200);

    let publish = async |text: &str| {
        let answer = news(&world, &format!("Action=Publish&Message={text}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    publish("\"rain\"").await;
    let (kind, message) = posted(&listener).await;
    assert_eq!((kind.as_str(), &message["Message"]), ("Notification", &json!("\"rain\"")));
    // What it confirmed stays confirmed when the next release changes how it is delivered.
    app.write("sonagi.toml", &manifest(true));
    world.deploy(&app).await;
    publish("{\"is\":\"raw\"}").await;
    assert_eq!(posted(&listener).await, ("Notification".to_owned(), json!({ "is": "raw" })));
}
