//! Event source mappings, and functions that wake themselves.

use serde_json::{Value, json};

use super::{
    asynchronous::make_queue,
    world::{Reply, World, creation},
};

const FUNCTIONS: &str = "/2015-03-31/functions";
const MAPPINGS: &str = "/2015-03-31/event-source-mappings";
const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:";
const ORDERS: &str = "arn:aws:sqs:us-east-1:000000000000:orders";
const FIFO: &str = "arn:aws:sqs:us-east-1:000000000000:orders.fifo";
const INVALID: &str = "InvalidParameterValueException";
const ABSENT: &str = "ResourceNotFoundException";
const NO_MAPPING: &str = "The resource you requested does not exist.";

/// With the functions `pets`, which has a version and the alias `live`, and `others`, and the queues `orders` and
/// `orders.fifo`.
async fn world() -> World {
    let world = World::open().await;
    let mut pets = creation("pets");
    pets["Publish"] = json!(true);
    assert_eq!(world.ask("POST", FUNCTIONS).json(&pets).send().await.status, 201);
    assert_eq!(world.create("others").await.status, 201);
    let alias = json!({ "Name": "live", "FunctionVersion": "1" });
    assert_eq!(world.ask("POST", &format!("{FUNCTIONS}/pets/aliases")).json(&alias).send().await.status, 201);
    make_queue(&world, "orders").await;
    make_queue(&world, "orders.fifo").await;
    world
}

async fn map(world: &World, function: &str, source: &str, more: Value) -> Reply {
    let mut body = json!({ "FunctionName": function, "EventSourceArn": source });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.ask("POST", MAPPINGS).json(&body).send().await
}

fn at(mapping: &Value) -> String {
    format!("{MAPPINGS}/{}", mapping["UUID"].as_str().unwrap())
}

async fn listed(world: &World, query: &str) -> Vec<Value> {
    let reply = world.get(&format!("{MAPPINGS}?{query}")).await.json();
    let listed = reply["EventSourceMappings"].as_array().unwrap();
    listed.iter().map(|mapping| mapping["FunctionArn"].clone()).collect()
}

#[tokio::test]
async fn a_mapping_is_made_shown_changed_and_deleted() {
    let world = world().await;
    let made = map(&world, "pets", ORDERS, json!({})).await;
    assert_eq!(made.status, 202, "{made:?}");
    let made = made.json();
    let id = made["UUID"].as_str().unwrap().to_owned();
    let mut shown = json!({
        "UUID": id,
        "BatchSize": 10,
        "MaximumBatchingWindowInSeconds": 0,
        "EventSourceArn": ORDERS,
        "FunctionArn": format!("{ARN}pets"),
        "LastModified": 1_769_847_330.123,
        "State": "Creating",
        "StateTransitionReason": "USER_INITIATED",
        "FunctionResponseTypes": [],
        "EventSourceMappingArn": format!("arn:aws:lambda:us-east-1:000000000000:event-source-mapping:{id}"),
    });
    assert_eq!(made, shown);
    shown["State"] = json!("Enabled");
    assert_eq!(world.get(&at(&made)).await.json(), shown);

    let update = |change: Value| world.ask("PUT", &at(&made)).json(&change).send();
    let pattern = r#"{"body":{"kind":["cat"]}}"#;
    let changed = update(json!({
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 5,
        "FilterCriteria": { "Filters": [{ "Pattern": pattern }] },
        "ScalingConfig": { "MaximumConcurrency": 2 },
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }))
    .await;
    shown["BatchSize"] = json!(100);
    shown["MaximumBatchingWindowInSeconds"] = json!(5);
    shown["FilterCriteria"] = json!({ "Filters": [{ "Pattern": pattern }] });
    shown["ScalingConfig"] = json!({ "MaximumConcurrency": 2 });
    shown["FunctionResponseTypes"] = json!(["ReportBatchItemFailures"]);
    shown["State"] = json!("Updating");
    assert_eq!((changed.status.as_u16(), changed.json()), (202, shown.clone()));

    // What takes things away leaves the rest.
    let bare = update(
        json!({ "FilterCriteria": {}, "ScalingConfig": {}, "FunctionResponseTypes": [], "Enabled": false }),
    );
    let bare = bare.await.json();
    assert_eq!((bare.get("FilterCriteria"), bare.get("ScalingConfig")), (None, None));
    assert_eq!((&bare["FunctionResponseTypes"], &bare["BatchSize"]), (&json!([]), &json!(100)));
    assert_eq!(bare["State"], "Disabling");
    assert_eq!(world.get(&at(&made)).await.json()["State"], "Disabled");
    assert_eq!(update(json!({ "Enabled": true })).await.json()["State"], "Enabling");

    let moved = update(json!({ "FunctionName": "others" })).await.json();
    assert_eq!((&moved["UUID"], &moved["FunctionArn"]), (&made["UUID"], &json!(format!("{ARN}others"))));
    assert_eq!(world.get(&at(&made)).await.json()["FunctionArn"], moved["FunctionArn"]);
    assert_eq!(listed(&world, "").await, [moved["FunctionArn"].clone()]);

    let gone = world.ask("DELETE", &at(&made)).send().await;
    assert_eq!((gone.status.as_u16(), &gone.json()["State"]), (202, &json!("Deleting")));
    world.get(&at(&made)).await.is_error(404, ABSENT, NO_MAPPING);
    world.ask("DELETE", &at(&made)).send().await.is_error(404, ABSENT, NO_MAPPING);
    world
        .ask("PUT", &at(&made))
        .json(&json!({ "BatchSize": 1 }))
        .send()
        .await
        .is_error(404, ABSENT, NO_MAPPING);
}

#[tokio::test]
async fn mappings_are_listed_in_pages_by_source_and_by_function() {
    let world = world().await;
    for (function, source) in [("pets", ORDERS), ("pets:live", ORDERS), ("others", ORDERS), ("pets", FIFO)] {
        let made = map(&world, function, source, json!({ "Enabled": false })).await;
        assert_eq!(
            (made.status.as_u16(), &made.json()["FunctionArn"]),
            (202, &json!(format!("{ARN}{function}")))
        );
    }
    assert_eq!(listed(&world, "").await.len(), 4);
    assert_eq!(listed(&world, &format!("EventSourceArn={FIFO}")).await, [format!("{ARN}pets")]);
    assert_eq!(listed(&world, "FunctionName=pets").await, [format!("{ARN}pets"), format!("{ARN}pets")]);
    assert_eq!(listed(&world, &format!("FunctionName={ARN}pets:live")).await, [format!("{ARN}pets:live")]);
    let both = format!("FunctionName=others:$LATEST&EventSourceArn={ORDERS}");
    assert_eq!(listed(&world, &both).await, [format!("{ARN}others")]);
    assert_eq!(listed(&world, "FunctionName=nobody").await, [] as [Value; 0]);
    let (mut seen, mut marker) = (0, String::new());
    loop {
        let page =
            world.get(&format!("{MAPPINGS}?EventSourceArn={ORDERS}&MaxItems=2&Marker={marker}")).await.json();
        seen += page["EventSourceMappings"].as_array().unwrap().len();
        match page["NextMarker"].as_str() {
            Some(next) => marker = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, 3);
}

#[tokio::test]
async fn what_lambda_refuses_of_a_mapping_is_refused_in_its_words() {
    let world = world().await;
    let constraint = "ValidationException";
    let slow = json!({ "Timeout": 60 });
    let slow = world.ask("PUT", &format!("{FUNCTIONS}/others/configuration")).json(&slow).send().await;
    assert_eq!(slow.status, 200);
    let filters = |patterns: &[&str]| {
        let filters: Vec<Value> = patterns.iter().map(|pattern| json!({ "Pattern": pattern })).collect();
        json!({ "FilterCriteria": { "Filters": filters } })
    };
    let window =
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10";
    for (function, source, more, error, text) in [
        ("pets", ORDERS, json!({ "BatchSize": 0 }), constraint, "'0' at 'batchSize'"),
        ("pets", ORDERS, json!({ "BatchSize": 10_001 }), constraint, "less than or equal to 10000"),
        ("pets", ORDERS, json!({ "BatchSize": 11 }), INVALID, window),
        (
            "pets",
            ORDERS,
            json!({ "MaximumBatchingWindowInSeconds": 301 }),
            constraint,
            "less than or equal to 300",
        ),
        (
            "pets",
            FIFO,
            json!({ "MaximumBatchingWindowInSeconds": 1 }),
            INVALID,
            "Batching window is not supported for FIFO queues",
        ),
        ("pets", FIFO, json!({ "BatchSize": 11 }), INVALID, "10 for FIFO queues"),
        (
            "pets",
            ORDERS,
            json!({ "ScalingConfig": { "MaximumConcurrency": 1 } }),
            constraint,
            "'1' at 'scalingConfig.maximumConcurrency'",
        ),
        (
            "pets",
            ORDERS,
            json!({ "ScalingConfig": { "MaximumConcurrency": 1_001 } }),
            constraint,
            "less than or equal to 1000",
        ),
        (
            "pets",
            ORDERS,
            json!({ "FunctionResponseTypes": ["All"] }),
            constraint,
            "enum value set: [ReportBatchItemFailures]",
        ),
        ("pets", ORDERS, filters(&["{"]), INVALID, "Invalid filter pattern definition. "),
        ("pets", ORDERS, filters(&[r#"{"body":"cat"}"#]), INVALID, "(line 1, column"),
        (
            "pets",
            ORDERS,
            json!({ "FilterCriteria": { "Filters": [{}] } }),
            INVALID,
            "Invalid filter pattern definition.",
        ),
        ("pets", ORDERS, filters(&["{\"a\":[1]}"; 11]), INVALID, "There are 11 filters; the most is 10."),
        (
            "pets",
            ORDERS,
            json!({ "StartingPosition": "LATEST" }),
            INVALID,
            "Unsupported starting position for arn type: arn:aws:sqs:",
        ),
        (
            "pets",
            ORDERS,
            json!({ "ParallelizationFactor": 2 }),
            INVALID,
            "Unsupported ParallelizationFactor parameter for given event source mapping type.",
        ),
        (
            "pets",
            ORDERS,
            json!({ "ProvisionedPollerConfig": { "MinimumPollers": 2 } }),
            INVALID,
            "ProvisionedPollerConfig",
        ),
        ("pets", ORDERS, json!({ "Tags": { "aws:x": "y" } }), INVALID, "reserved for AWS"),
        (
            "pets",
            "orders",
            json!({}),
            constraint,
            "'orders' at 'eventSourceArn' failed to satisfy constraint",
        ),
        (
            "pets",
            "arn:aws:kinesis:us-east-1:000000000000:stream/s",
            json!({}),
            INVALID,
            "Unrecognized event source. arn:aws:kinesis",
        ),
        ("nobody", ORDERS, json!({}), INVALID, "Function does not exist"),
        ("pets:nobody", ORDERS, json!({}), INVALID, "Function does not exist"),
        ("pets:7", ORDERS, json!({}), INVALID, "Function does not exist"),
        ("a b", ORDERS, json!({}), constraint, "'functionName'"),
        (
            "pets",
            "arn:aws:sqs:us-east-1:000000000000:nobody",
            json!({}),
            INVALID,
            "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error \
             Message: The specified queue does not exist.",
        ),
        (
            "others",
            ORDERS,
            json!({}),
            INVALID,
            "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds",
        ),
    ] {
        map(&world, function, source, more).await.is_error(400, error, text);
    }
    let nothing = world.ask("POST", MAPPINGS).json(&json!({ "EventSourceArn": ORDERS })).send().await;
    nothing.is_error(400, constraint, "Value null at 'functionName'");
    let nowhere = world.ask("POST", MAPPINGS).json(&json!({ "FunctionName": "pets" })).send().await;
    nowhere.is_error(400, INVALID, "Unrecognized event source.");

    let made = map(&world, "pets", ORDERS, json!({ "StartingPosition": null })).await.json();
    let twice = map(&world, "pets:$LATEST", ORDERS, json!({})).await;
    twice.is_error(
        409,
        "ResourceConflictException",
        &format!(
            "An event source mapping with SQS arn (\" {ORDERS} \") and function (\" pets \") already exists. Please update \
             or delete the existing mapping with UUID {}",
            made["UUID"].as_str().unwrap()
        ),
    );
    let update = |change: Value| world.ask("PUT", &at(&made)).json(&change).send();
    update(json!({ "BatchSize": 11 })).await.is_error(400, INVALID, window);
    let moved = update(json!({ "FunctionName": "others" })).await;
    moved.is_error(400, INVALID, "is less than Function timeout: 60 seconds");
    assert_eq!(world.get(&at(&made)).await.json()["BatchSize"], 10);
}

#[tokio::test]
async fn a_mapping_goes_with_what_it_wakes() {
    let world = world().await;
    for function in ["pets:live", "pets:1", "others", "pets"] {
        assert_eq!(map(&world, function, ORDERS, json!({})).await.status, 202);
    }
    let gone = |path: &'static str| world.ask("DELETE", path).send();
    assert_eq!(gone("/2015-03-31/functions/pets/aliases/live").await.status, 204);
    assert_eq!(gone("/2015-03-31/functions/others").await.status, 204);
    assert_eq!(gone("/2015-03-31/functions/pets?Qualifier=1").await.status, 204);
    assert_eq!(listed(&world, "").await, [format!("{ARN}pets")]);
    // One that is made anew begins anew.
    assert_eq!(world.create("others").await.status, 201);
    assert_eq!(listed(&world, "").await, [format!("{ARN}pets")]);
}

#[tokio::test]
async fn a_mapping_has_tags_of_its_own() {
    let world = world().await;
    let made = map(&world, "pets", ORDERS, json!({ "Tags": { "a": "1" } })).await.json();
    let arn = made["EventSourceMappingArn"].as_str().unwrap();
    let tags = format!("/2017-03-31/tags/{}", arn.replace(':', "%3A"));
    assert_eq!(world.get(&tags).await.json(), json!({ "Tags": { "a": "1" } }));
    let more = world.ask("POST", &tags).json(&json!({ "Tags": { "b": "2", "c": "3" } })).send().await;
    assert_eq!(more.status, 204);
    assert_eq!(world.ask("DELETE", &format!("{tags}?tagKeys=a&tagKeys=c")).send().await.status, 204);
    assert_eq!(world.get(&tags).await.json(), json!({ "Tags": { "b": "2" } }));
    let reserved = world.ask("POST", &tags).json(&json!({ "Tags": { "aws:b": "2" } })).send().await;
    reserved.is_error(400, INVALID, "reserved for AWS");
    assert_eq!(world.ask("DELETE", &at(&made)).send().await.status, 202);
    world.get(&tags).await.is_error(404, ABSENT, &format!("Event source mapping not found: {arn}"));
}

#[tokio::test]
async fn a_policy_may_say_whose_mappings_a_function_makes() {
    let world = World::required().await;
    let statement = json!({
        "Effect": "Allow",
        "Action": "lambda:*EventSourceMapping",
        "Resource": "*",
        "Condition": { "ArnEquals": { "lambda:FunctionArn": format!("{ARN}pets") } },
    });
    assert_eq!(super::grants::deploy(&world, json!([statement])).await.status, 201);
    for function in ["pets", "others"] {
        assert_eq!(world.create(function).await.status, 201);
    }
    let keys = || world.session("shop", "shop-click");
    let map = |function: &str| {
        let body = json!({ "FunctionName": function, "EventSourceArn": ORDERS });
        world.ask("POST", MAPPINGS).json(&body).signed_by(keys()).send()
    };
    map("others").await.is_error(
        403,
        "AccessDeniedException",
        "lambda:CreateEventSourceMapping on resource: *",
    );
    map("pets").await.is_error(400, INVALID, "NonExistentQueue");
    let made = world
        .ask("POST", "/")
        .header("x-amz-target", "AmazonSQS.CreateQueue")
        .header("content-type", "application/x-amz-json-1.0")
        .json(&json!({ "QueueName": "orders" }))
        .service("sqs")
        .signed()
        .send()
        .await;
    assert_eq!(made.status, 200, "{made:?}");
    let made = map("pets").await.json();
    let change = |change: Value| world.ask("PUT", &at(&made)).json(&change).signed_by(keys()).send();
    assert_eq!(change(json!({ "BatchSize": 1 })).await.status, 202);
    let id = made["UUID"].as_str().unwrap();
    change(json!({ "FunctionName": "others" })).await.is_error(
        403,
        "AccessDeniedException",
        &format!("on resource: arn:aws:lambda:us-east-1:000000000000:event-source-mapping:{id}"),
    );
    let seen = world.ask("GET", &at(&made)).signed_by(keys()).send().await;
    assert_eq!(seen.json()["BatchSize"], 1);
    let all = world.ask("GET", MAPPINGS).signed_by(keys()).send().await;
    all.is_error(403, "AccessDeniedException", "lambda:ListEventSourceMappings");
}

#[tokio::test]
async fn a_function_says_whether_it_may_wake_itself() {
    let world = world().await;
    let path = "/2024-08-31/functions/pets/recursion-config";
    assert_eq!(world.get(path).await.json(), json!({ "RecursiveLoop": "Terminate" }));
    let put = |choice: &str| world.ask("PUT", path).json(&json!({ "RecursiveLoop": choice })).send();
    assert_eq!(put("Allow").await.json(), json!({ "RecursiveLoop": "Allow" }));
    assert_eq!(world.get(path).await.json(), json!({ "RecursiveLoop": "Allow" }));
    put("Sometimes").await.is_error(
        400,
        "ValidationException",
        "Value 'Sometimes' at 'recursiveLoop' failed to satisfy constraint: Member must satisfy enum value set: \
         [Terminate, Allow]",
    );
    // It is the function's, not a version's: nothing new is published.
    let version = world.ask("POST", &format!("{FUNCTIONS}/pets/versions")).json(&json!({})).send().await;
    assert_eq!(version.json()["Version"], "1");
    world.get("/2024-08-31/functions/nobody/recursion-config").await.is_error(
        404,
        ABSENT,
        "Function not found",
    );
}
