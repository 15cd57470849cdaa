//! What a `sonagi.toml` declares beside functions and APIs, and what wakes its functions.

use serde_json::{Value, json};
use sonagi_control::manifest::Manifest;
use sonagi_model::{function::RecursiveLoop, resource::ResourceKind};

use crate::support::App;

fn app(text: &str) -> App {
    App::new("x").with("f/app.py", "").with("g/app.py", "").with("sonagi.toml", text)
}

/// The app `shop` with the function `f`, which has `keys`, and the rest.
fn shop(keys: &str, rest: &str) -> App {
    app(&format!("app = \"shop\"\n[function.f]\nruntime = \"python3.11\"\n{keys}\n{rest}"))
}

fn load(keys: &str, rest: &str) -> Manifest {
    shop(keys, rest).load().unwrap_or_else(|error| panic!("{error}"))
}

fn declared(manifest: &Manifest, name: &str) -> (String, Value) {
    let resource = manifest.resources.get(name);
    let resource = resource.unwrap_or_else(|| panic!("no {name} in {:?}", manifest.resources.keys()));
    (resource.name.clone(), Value::Object(resource.properties.clone()))
}

const QUEUES: &str = r#"
[queue.clicks]
visibility = 60
delay = 5
retention = 3600
wait = 20
message_size = 2048
dead_letters = { queue = "lost", receives = 3 }
tags = { team = "web" }
keep = true

[queue.lost]
dead_letters_of = ["clicks"]

[queue.ordered]
fifo = true
by_content = true
per_group = true
"#;

#[test]
fn queues_have_short_words_for_their_attributes() {
    let manifest = load("", QUEUES);
    let arn = "arn:aws:sqs:us-east-1:000000000000:shop-";
    let (name, clicks) = declared(&manifest, "queue.clicks");
    assert_eq!((name.as_str(), manifest.resources["queue.clicks"].retain), ("shop-clicks", true));
    let redrive = json!({"deadLetterTargetArn": format!("{arn}lost"), "maxReceiveCount": 3}).to_string();
    let attributes = json!({
        "VisibilityTimeout": "60", "DelaySeconds": "5", "MessageRetentionPeriod": "3600",
        "ReceiveMessageWaitTimeSeconds": "20", "MaximumMessageSize": "2048", "RedrivePolicy": redrive,
    });
    assert_eq!(clicks, json!({"Attributes": attributes, "Tags": {"team": "web"}}));
    let (_, lost) = declared(&manifest, "queue.lost");
    let allow = json!({"redrivePermission": "byQueue", "sourceQueueArns": [format!("{arn}clicks")]});
    assert_eq!(lost["Attributes"]["RedriveAllowPolicy"], allow.to_string());
    let (name, ordered) = declared(&manifest, "queue.ordered");
    assert_eq!(name, "shop-ordered.fifo");
    assert_eq!(ordered["Attributes"]["FifoThroughputLimit"], "perMessageGroupId");

    let alone = app("app = \"shop\"\n[queue.clicks]\n").load().unwrap();
    assert_eq!((alone.functions.len(), alone.resources.len()), (0, 1));
}

#[test]
fn what_is_granted_is_named_by_its_word_here_and_found_in_a_variable() {
    let keys = r#"permissions = ["sqs:SendMessage on clicks, ordered, elsewhere", "deny sqs:* on lost", { SNSPublishMessagePolicy = { TopicName = "news" } }]
env = { QUEUE_ORDERED = "mine" }"#;
    let manifest = load(keys, &format!("{QUEUES}[topic.news]\n"));
    let function = &manifest.functions[0].function;
    let variables = &function.variables;
    assert_eq!(variables["QUEUE_CLICKS"], "http://127.0.0.1:4566/000000000000/shop-clicks");
    assert_eq!(variables["TOPIC_NEWS"], "arn:aws:sns:us-east-1:000000000000:shop-news");
    assert_eq!(variables["QUEUE_ORDERED"], "mine");
    assert!(!variables.contains_key("QUEUE_LOST"), "{variables:?}");
    let granted = serde_json::to_string(&function.permissions).unwrap();
    for arn in [
        "sqs:us-east-1:000000000000:shop-clicks\"",
        "shop-ordered.fifo\"",
        ":elsewhere\"",
        ":shop-lost\"",
        ":shop-news\"",
    ] {
        assert!(granted.contains(arn), "{arn}: {granted}");
    }
}

#[test]
fn queues_topics_schedules_and_events_wake_a_function() {
    let keys = r#"alias = "live"
on = [
  { queue = "clicks", batch = 100, window = 5, partial = true, concurrency = 4, filters = [{ body = { kind = ["click"] } }] },
  { topic = "news", filter = { kind = ["a"] } },
  { schedule = "0 3 * * *", zone = "Europe/Berlin", input = { a = 1 } },
  { schedule = "rate(1 minute)", enabled = false },
  { event = { source = ["shop"] }, bus = "orders", path = "$.detail" },
]"#;
    let manifest = load(keys, &format!("{QUEUES}[topic.news]\n[bus.orders]\narchive = {{ days = 7 }}\n"));
    let function = &manifest.functions[0].function;
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:shop-f:live";
    let [mapping] = function.mappings.as_slice() else { panic!("{:?}", function.mappings) };
    assert_eq!((mapping.batch, mapping.window, mapping.concurrency), (100, 5, Some(4)));
    assert_eq!((mapping.enabled, mapping.partial, mapping.qualifier.as_deref()), (true, true, Some("live")));
    assert_eq!(mapping.filters, [r#"{"body":{"kind":["click"]}}"#]);
    assert!(serde_json::to_string(&function.permissions).unwrap().contains("sqs:ReceiveMessage"));
    let (_, topic) = declared(&manifest, "function.f.topic.shop-news");
    assert_eq!((&topic["Endpoint"], &topic["Protocol"]), (&json!(arn), &json!("lambda")));
    let (name, nightly) = declared(&manifest, "function.f-schedule");
    assert_eq!(name, "shop-f-schedule");
    assert_eq!(nightly["ScheduleExpressionTimezone"], "Europe/Berlin");
    assert_eq!((&nightly["Target"]["Arn"], &nightly["Target"]["Input"]), (&json!(arn), &json!("{\"a\":1}")));
    assert_eq!(declared(&manifest, "function.f-schedule-2").1["State"], "DISABLED");
    let (_, rule) = declared(&manifest, "function.f-event");
    let target = json!({"Id": "1", "Arn": arn, "InputPath": "$.detail"});
    let pattern = r#"{"source":["shop"]}"#;
    assert_eq!(rule, json!({"EventBusName": "shop-orders", "EventPattern": pattern, "Targets": [target]}));
    assert_eq!(declared(&manifest, "bus.orders.archive").1["RetentionDays"], 7);
}

#[test]
fn failures_are_told_where_the_manifest_says() {
    let keys = r#"retries = 1
max_age = 70
on_success = { function = "g" }
on_failure = { queue = "lost" }
dead_letters = { topic = "news" }
loops = "allow"
"#;
    let rest = "[function.g]\nruntime = \"python3.11\"\n[queue.lost]\n[topic.news]\n";
    let manifest = load(keys, rest);
    let function = &manifest.functions[0].function;
    let asynchronous = function.asynchronous.as_ref().unwrap();
    assert_eq!((asynchronous.max_age, asynchronous.retries), (70, 1));
    let success = "arn:aws:lambda:us-east-1:000000000000:function:shop-g";
    assert_eq!(asynchronous.on_success.as_deref(), Some(success));
    assert_eq!(asynchronous.on_failure.as_deref(), Some("arn:aws:sqs:us-east-1:000000000000:shop-lost"));
    assert_eq!(function.dead_letters.as_deref(), Some("arn:aws:sns:us-east-1:000000000000:shop-news"));
    assert_eq!(function.recursive_loop, RecursiveLoop::Allow);
    let granted = serde_json::to_string(&function.permissions).unwrap();
    for action in ["lambda:InvokeFunction", "sqs:SendMessage", "sns:Publish"] {
        assert!(granted.contains(action), "{action}: {granted}");
    }
    assert_eq!(load("", "").functions[0].function.asynchronous, None);
}

#[test]
fn topics_rules_and_schedules_reach_queues_that_let_them() {
    let rest = r#"
[queue.lost]
[topic.news]
display = "News"
subscriptions = [
  { queue = "lost", raw = true, filter = { price = [{ numeric = [">", 5] }] }, filter_on = "body" },
  { url = "https://example.com/hook" },
]
[rule.paid]
event = { source = ["shop"] }
to = [{ queue = "lost", input = "hello", retries = 2 }, { topic = "news", template = "<id>", paths = { id = "$.id" } }]
[schedule.once]
schedule = "at(2030-01-31T08:00:00)"
window = 5
delete_when_done = true
to = { queue = "lost" }
input = "hello"
"#;
    let manifest = load("", rest);
    let (_, lost) = declared(&manifest, "queue.lost");
    let policy: Value = serde_json::from_str(lost["Attributes"]["Policy"].as_str().unwrap()).unwrap();
    let sources = policy["Statement"].as_array().unwrap().iter();
    let sources: Vec<_> = sources.map(|it| it["Condition"]["ArnEquals"]["aws:SourceArn"].clone()).collect();
    let arn = |rest: &str| json!(format!("arn:aws:{rest}"));
    assert_eq!(
        sources,
        [arn("sns:us-east-1:000000000000:shop-news"), arn("events:us-east-1:000000000000:rule/shop-paid")]
    );
    let (_, raw) = declared(&manifest, "topic.news.subscription.1");
    let attributes = json!({
        "RawMessageDelivery": "true", "FilterPolicyScope": "MessageBody",
        "FilterPolicy": r#"{"price":[{"numeric":[">",5]}]}"#,
    });
    assert_eq!(raw["Attributes"], attributes);
    assert_eq!(declared(&manifest, "topic.news.subscription.2").1["Protocol"], "https");
    let (_, paid) = declared(&manifest, "rule.paid");
    assert_eq!(paid["Targets"][0]["Input"], "\"hello\"");
    assert_eq!(paid["Targets"][0]["RetryPolicy"], json!({"MaximumRetryAttempts": 2}));
    assert_eq!(paid["Targets"][1]["InputTransformer"]["InputTemplate"], "<id>");
    let (_, once) = declared(&manifest, "schedule.once");
    assert_eq!(once["FlexibleTimeWindow"], json!({"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5}));
    assert_eq!(
        (&once["ActionAfterCompletion"], &once["Target"]["Input"]),
        (&json!("DELETE"), &json!("hello"))
    );
    assert_eq!(manifest.resources["schedule.once"].kind, ResourceKind::Schedule);
}

#[test]
fn what_is_wrong_is_said_at_its_line() {
    for (keys, wanted) in [
        (
            "on = [{ queue = \"clicsk\" }]",
            "4:17: there is no queue \"clicsk\" in this manifest (did you mean \"clicks\"?)",
        ),
        (
            "on = [{ queue = \"other\" }]",
            "4:17: there is no queue \"other\" in this manifest (declare it as `[queue.other]`, or write its ARN)",
        ),
        (
            "on = [{ queue = \"clicks\" }, { queue = \"clicks\" }]",
            "4:39: this queue wakes the function already",
        ),
        ("on = [{ queue = \"clicks\", batch = 11 }]", "4:17: an event of 11 messages needs a window"),
        (
            "on = [{ queue = \"clicks\", batchs = 1 }]",
            "4:27: `batchs` is not a key that an entry of `on` has (did you mean `batch`?)",
        ),
        ("on = [{ every = 5 }]", "4:7: an entry of `on` has one of `queue`, `topic`, `schedule` and `event`"),
        (
            "on = [{ queue = \"clicks\", filters = [{ body = \"a\" }] }]",
            "4:47: \"body\" must be an object or an array",
        ),
        ("on = [{ event = { source = \"shop\" } }]", "4:28: "),
        ("on = [{ schedule = \"rate(0 minutes)\" }]", "4:20: \"rate(0 minutes)\" is no schedule."),
        ("on = [{ schedule = \"1 2 3\" }]", "4:20: \"1 2 3\" is no schedule."),
        (
            "on_failure = { queue = \"lost\", topic = \"x\" }",
            "4:14: one of `function`, `queue`, `topic`, `bus` must be named here, and no other",
        ),
        ("retries = 3", "4:11: `retries` must be a whole number from 0 to 2 attempts, not 3"),
        (
            "timeout = 90\non = [{ queue = \"clicks\" }]",
            "5:17: Queue visibility timeout: 60 seconds is less than Function timeout: 90 seconds",
        ),
    ] {
        let found = shop(keys, QUEUES).problems();
        assert!(found.len() == 1 && found[0].starts_with(wanted), "{keys}: {found:?}");
    }
    for (rest, wanted) in [
        (
            "[queue.q]\nvisibilty = 5",
            "6:1: `visibilty` is not a key that queue `q` has (did you mean `visibility`?)",
        ),
        ("[queue.q]\ndelay = 901", "6:9: `delay` must be a whole number from 0 to 900 seconds, not 901"),
        ("[queue.q]\nby_content = true", "6:14: `by_content` is for what says `fifo = true`"),
        (
            "[queue.q]\ndead_letters = { queue = \"q\" }",
            "6:16: `dead_letters` has no `receives` (such as `receives = 3`)",
        ),
        ("[queue.\"a.b\"]", "5:8: \"a.b\" cannot name a queue"),
        ("[rule.r]\nevent = { source = [\"a\"] }", "5:7: rule `r` has no `to`"),
        ("[schedule.s]\nto = { function = \"f\" }", "5:11: schedule `s` has no `schedule`"),
        ("[schedule.s]\nschedule = \"rate(1 day)\"\nzone = \"Mars\"\nto = { function = \"f\" }", "7:8: "),
    ] {
        let found = shop("", rest).problems();
        assert!(found.len() == 1 && found[0].starts_with(wanted), "{rest}: {found:?}");
    }
}
