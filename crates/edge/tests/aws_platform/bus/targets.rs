//! What targets get, and what becomes of what they cannot get.

use super::*;

#[tokio::test]
async fn a_target_gets_the_event_a_part_of_it_a_constant_or_a_template() {
    let world = World::open().await;
    for name in ["event", "part", "constant", "template"] {
        queue(&world, name).await;
    }
    let targets = json!([
        { "Id": "constant", "Arn": queue_arn("constant"), "Input": "{\"a\": 1}" },
        { "Id": "event", "Arn": queue_arn("event") },
        { "Id": "part", "Arn": queue_arn("part"), "InputPath": "$.detail.who" },
        { "Id": "template", "Arn": queue_arn("template"), "InputTransformer": {
            "InputPathsMap": { "who": "$.detail.who", "total": "$.detail.total" },
            "InputTemplate": "{\"text\": \"<who> owes <total>\", \"total\": <total>, \"rule\": <aws.events.rule-arn>}",
        } },
    ]);
    rule(&world, "default", "r", json!({ "source": ["shop"] }), targets.clone()).await;
    let shown = ok(&world, "ListTargetsByRule", json!({ "Rule": "r" })).await;
    assert_eq!(shown, json!({ "Targets": targets }));
    let id = put(&world, json!([entry("default", json!({ "who": "Kim", "total": 5 }))])).await.remove(0);
    assert_eq!(bodies(&world, "event").await[0]["id"], id);
    assert_eq!(bodies(&world, "part").await, ["Kim"]);
    assert_eq!(receive(&world, "constant", 0).await[0]["Body"], "{\"a\": 1}");
    let expected = json!({ "text": "Kim owes 5", "total": 5, "rule": arn("rule/r") });
    assert_eq!(bodies(&world, "template").await, [expected]);
}

#[tokio::test]
async fn a_target_of_the_same_id_is_replaced_and_five_are_the_most() {
    let world = World::open().await;
    let target = |id: usize, queue: &str| json!({ "Id": id.to_string(), "Arn": queue_arn(queue) });
    rule(&world, "default", "r", json!({ "source": ["a"] }), json!([target(1, "one")])).await;
    let put = |targets: Value| json!({ "Rule": "r", "Targets": targets });
    let changed = json!({
        "Id": "1",
        "Arn": queue_arn("two.fifo"),
        "SqsParameters": { "MessageGroupId": "g" },
        "DeadLetterConfig": { "Arn": queue_arn("dead") },
        "RetryPolicy": { "MaximumRetryAttempts": 4, "MaximumEventAgeInSeconds": 400 },
        "RoleArn": "arn:aws:iam::000000000000:role/r",
    });
    ok(&world, "PutTargets", put(json!([changed]))).await;
    let shown = async |input: Value| ok(&world, "ListTargetsByRule", input).await;
    assert_eq!(shown(json!({ "Rule": "r" })).await, json!({ "Targets": [changed] }));
    ok(&world, "PutTargets", put((2..=5).map(|id| target(id, "q")).collect())).await;
    let text = "The requested resource exceeds the maximum number allowed.";
    fails(&world, "PutTargets", put(json!([target(6, "q")])), "LimitExceededException", text).await;
    let ids = |listed: &Value| -> Vec<String> {
        let targets = listed["Targets"].as_array().unwrap().iter();
        targets.map(|target| target["Id"].as_str().unwrap().to_owned()).collect()
    };
    let first = shown(json!({ "Rule": "r", "Limit": 3 })).await;
    assert_eq!(ids(&first), ["1", "2", "3"]);
    let rest = shown(json!({ "Rule": "r", "Limit": 3, "NextToken": first["NextToken"] })).await;
    assert_eq!((ids(&rest), rest.get("NextToken")), (vec!["4".into(), "5".into()], None));
}

#[tokio::test]
async fn what_a_target_cannot_get_goes_to_its_dead_letter_queue() {
    let world = World::open().await;
    let dead = queue(&world, "dead").await;
    let arns = [
        queue_arn("gone"),
        "arn:aws:lambda:us-east-1:000000000000:function:gone".to_owned(),
        arn("event-bus/gone"),
    ];
    let targets = arns
        .iter()
        .enumerate()
        .map(|(id, arn)| json!({ "Id": id.to_string(), "Arn": arn, "DeadLetterConfig": { "Arn": dead } }));
    let targets: Value = targets.collect();
    let made = rule(&world, "default", "r", json!({ "source": ["shop"] }), targets).await;
    let id = put(&world, json!([entry("default", json!({ "n": 1 }))])).await.remove(0);
    let got = receive(&world, "dead", 0).await;
    assert_eq!(got.len(), 3);
    for (message, arn) in got.iter().zip(arns) {
        let event: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
        assert_eq!(event["id"], id);
        let attribute = |name: &str| message["MessageAttributes"][name]["StringValue"].as_str();
        assert_eq!(attribute("RULE_ARN"), Some(made.as_str()));
        assert_eq!(attribute("TARGET_ARN"), Some(arn.as_str()));
        assert_eq!(attribute("ERROR_CODE"), Some("NO_RESOURCE"));
        assert_eq!(attribute("ERROR_MESSAGE"), Some(format!("{arn} does not exist.").as_str()));
        assert_eq!(attribute("RETRY_ATTEMPTS"), Some("0"));
        assert_eq!(attribute("EXHAUSTED_RETRY_CONDITION"), None);
    }
}

#[tokio::test]
async fn an_event_whose_dead_letters_have_no_queue_is_dropped_and_the_others_are_not() {
    let world = World::open().await;
    let queue = queue(&world, "q").await;
    let targets = json!([
        { "Id": "1", "Arn": queue_arn("gone") },
        { "Id": "2", "Arn": queue_arn("gone"), "DeadLetterConfig": { "Arn": queue_arn("gone-too") } },
        { "Id": "3", "Arn": queue },
    ]);
    rule(&world, "default", "r", json!({ "source": ["shop"] }), targets).await;
    put(&world, json!([entry("default", json!({})), entry("default", json!({}))])).await;
    assert_eq!(bodies(&world, "q").await.len(), 2);
}

#[tokio::test]
async fn a_fifo_queue_gets_events_of_a_group_in_their_order() {
    let world = World::open().await;
    let queue = queue(&world, "q.fifo").await;
    let targets = json!([{ "Id": "1", "Arn": queue, "SqsParameters": { "MessageGroupId": "orders" } }]);
    rule(&world, "default", "r", json!({ "source": ["shop"] }), targets).await;
    let entries: Value = (0..10).map(|n| entry("default", json!({ "n": n }))).collect();
    put(&world, entries).await;
    let got = receive(&world, "q.fifo", 0).await;
    assert!(got.iter().all(|message| message["Attributes"]["MessageGroupId"] == "orders"));
    let numbers = got.iter().map(|message| -> Value {
        serde_json::from_str::<Value>(message["Body"].as_str().unwrap()).unwrap()["detail"]["n"].clone()
    });
    assert_eq!(numbers.collect::<Vec<_>>(), (0..10).map(Value::from).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_function_is_invoked_with_the_event() {
    let world = World::open().await;
    let _running = start(&world);
    assert_eq!(world.create("echo").await.status, 201);
    let answers = queue(&world, "answers").await;
    let config = json!({ "DestinationConfig": { "OnSuccess": { "Destination": answers } } });
    let set = world
        .ask("PUT", "/2019-09-25/functions/echo/event-invoke-config")
        .json(&config)
        .signed()
        .send()
        .await;
    assert_eq!(set.status, 200, "{set:?}");
    let target = json!([{ "Id": "f", "Arn": "arn:aws:lambda:us-east-1:000000000000:function:echo" }]);
    rule(&world, "default", "r", json!({ "source": ["shop"] }), target).await;
    let id = put(&world, json!([entry("default", json!({ "n": 1 }))])).await.remove(0);
    let told = next(&world, "answers").await;
    assert_eq!((&told["requestPayload"]["id"], &told["responsePayload"]["id"]), (&json!(id), &json!(id)));
}
