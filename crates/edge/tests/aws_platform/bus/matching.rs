//! PutEvents: what is taken, who gets it, and that rules count from the moment they are put.

use super::*;

#[tokio::test]
async fn an_event_reaches_the_targets_of_every_rule_that_wants_it() {
    let world = World::open().await;
    let (one, two) = (queue(&world, "one").await, queue(&world, "two").await);
    rule(&world, "default", "by-source", json!({ "source": ["shop"] }), json!([{ "Id": "1", "Arn": one }]))
        .await;
    let pattern = json!({ "detail": { "total": [{ "numeric": [">", 100] }] } });
    rule(&world, "default", "by-detail", pattern, json!([{ "Id": "1", "Arn": two }])).await;
    let ids = put(
        &world,
        json!([entry("default", json!({ "total": 7 })), entry("default", json!({ "total": 700 }))]),
    )
    .await;
    let got = bodies(&world, "one").await;
    let event = |id: &str, total: u32| {
        json!({
            "version": "0",
            "id": id,
            "detail-type": "Order",
            "source": "shop",
            "account": ACCOUNT,
            "time": "2026-01-31T08:15:30Z",
            "region": "us-east-1",
            "resources": [],
            "detail": { "total": total },
        })
    };
    assert_eq!(got, [event(&ids[0], 7), event(&ids[1], 700)]);
    assert_eq!(bodies(&world, "two").await, [event(&ids[1], 700)]);
    let keys: Vec<&String> = got[0].as_object().unwrap().keys().collect();
    let order =
        ["version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"];
    assert_eq!(keys, order);
}

#[tokio::test]
async fn a_rule_that_is_changed_switched_or_removed_counts_at_once() {
    let world = World::open().await;
    let queue = queue(&world, "q").await;
    let target = json!([{ "Id": "1", "Arn": queue }]);
    let heard = async || {
        put(&world, json!([entry("default", json!({}))])).await;
        bodies(&world, "q").await.len()
    };
    assert_eq!(heard().await, 0);
    rule(&world, "default", "r", json!({ "source": ["shop"] }), target.clone()).await;
    assert_eq!(heard().await, 1);
    ok(&world, "DisableRule", json!({ "Name": "r" })).await;
    assert_eq!(heard().await, 0);
    ok(&world, "EnableRule", json!({ "Name": "r" })).await;
    assert_eq!(heard().await, 1);
    ok(&world, "PutRule", json!({ "Name": "r", "EventPattern": "{\"source\":[\"other\"]}" })).await;
    assert_eq!(heard().await, 0);
    ok(&world, "PutRule", json!({ "Name": "r", "EventPattern": "{\"source\":[\"other\", \"shop\"]}" })).await;
    assert_eq!(heard().await, 1);
    ok(&world, "RemoveTargets", json!({ "Rule": "r", "Ids": ["1"] })).await;
    assert_eq!(heard().await, 0);
    ok(&world, "DeleteRule", json!({ "Name": "r" })).await;
    assert_eq!(heard().await, 0);
}

#[tokio::test]
async fn each_event_is_taken_or_refused_by_itself() {
    let world = World::open().await;
    let queue = queue(&world, "q").await;
    let pattern = json!({ "detail-type": [{ "exists": true }] });
    rule(&world, "default", "all", pattern, json!([{ "Id": "1", "Arn": queue }])).await;
    let entry = |change: Value| {
        let mut entry = json!({ "Source": "shop", "DetailType": "Order", "Detail": "{}" });
        for (name, value) in change.as_object().unwrap() {
            entry[name] = value.clone();
        }
        entry
    };
    let cases = [
        (
            json!({ "Source": null }),
            "InvalidArgument",
            "Parameter Source is not valid. Reason: Source is a required argument.",
        ),
        (
            json!({ "DetailType": "" }),
            "InvalidArgument",
            "Parameter DetailType is not valid. Reason: DetailType is a required argument.",
        ),
        (
            json!({ "Detail": null }),
            "InvalidArgument",
            "Parameter Detail is not valid. Reason: Detail is a required argument.",
        ),
        (json!({ "DetailType": "x".repeat(129) }), "InvalidArgument", "Parameter DetailType is not valid."),
        (json!({ "Detail": "[1]" }), "MalformedDetail", "Detail is malformed."),
        (json!({ "Detail": "{\"a\"" }), "MalformedDetail", "Detail is malformed."),
        (json!({ "Source": "aws.s3" }), "NotAuthorizedForSourceException", "Not authorized for the source."),
    ];
    let mut entries: Vec<Value> = cases.iter().map(|(change, _, _)| entry(change.clone())).collect();
    entries.push(entry(json!({ "Time": 1_700_000_000, "Resources": ["arn:a", "arn:b"] })));
    entries.push(entry(json!({ "EventBusName": "nowhere" })));
    let answer = ok(&world, "PutEvents", json!({ "Entries": entries })).await;
    assert_eq!(answer["FailedEntryCount"], cases.len());
    for (index, (_, code, text)) in cases.iter().enumerate() {
        let refused = &answer["Entries"][index];
        assert_eq!(refused["ErrorCode"], *code, "{refused}");
        assert!(refused["ErrorMessage"].as_str().unwrap().starts_with(text), "{refused}");
        assert_eq!(refused.get("EventId"), None);
    }
    assert!(
        answer["Entries"][8]["EventId"].is_string(),
        "an event for no bus is taken, and goes nowhere: {answer}"
    );
    let got = bodies(&world, "q").await;
    assert_eq!(got.len(), 1);
    assert_eq!(got[0]["id"], answer["Entries"][7]["EventId"]);
    assert_eq!(
        (&got[0]["time"], &got[0]["resources"]),
        (&json!("2023-11-14T22:13:20Z"), &json!(["arn:a", "arn:b"]))
    );
}

#[tokio::test]
async fn a_request_has_ten_events_and_a_mebibyte() {
    let world = World::open().await;
    let with = |count: usize, size: usize| {
        let detail = json!({ "x": "y".repeat(size) });
        json!({ "Entries": vec![entry("default", detail); count] })
    };
    ok(&world, "PutEvents", with(10, 10)).await;
    let text = "1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length less \
                than or equal to 10";
    fails(&world, "PutEvents", with(11, 10), "ValidationException", text).await;
    let text = "Member must have length greater than or equal to 1";
    fails(&world, "PutEvents", json!({ "Entries": [] }), "ValidationException", text).await;
    // `{"x":""}`, `shop` and `Order` count too.
    ok(&world, "PutEvents", with(1, (1 << 20) - 17)).await;
    let text = "Total size of the entries in the request is over the limit.";
    fails(&world, "PutEvents", with(1, (1 << 20) - 16), "ValidationException", text).await;
}

#[tokio::test]
async fn an_event_goes_from_bus_to_bus_but_not_for_ever() {
    let world = World::open().await;
    let queue = queue(&world, "q").await;
    let names = ["one", "two", "three", "four", "five", "six"];
    for name in names {
        ok(&world, "CreateEventBus", json!({ "Name": name })).await;
    }
    let all = json!({ "source": ["shop"] });
    for pair in names.windows(2) {
        let next = json!([{ "Id": "next", "Arn": arn(&format!("event-bus/{}", pair[1])), "DeadLetterConfig": { "Arn": queue } }]);
        rule(&world, pair[0], "on", all.clone(), next).await;
    }
    rule(&world, "five", "end", all.clone(), json!([{ "Id": "end", "Arn": queue }])).await;
    rule(&world, "six", "end", all, json!([{ "Id": "end", "Arn": queue }])).await;
    let id = put(&world, json!([entry("one", json!({ "n": 1 }))])).await.remove(0);
    let got = receive(&world, "q", 0).await;
    assert_eq!(got.len(), 2, "{got:?}");
    for message in &got {
        let event: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
        assert_eq!((&event["id"], &event["detail"]), (&json!(id), &json!({ "n": 1 })));
    }
    let dead = got.iter().filter(|message| message.get("MessageAttributes").is_some()).collect::<Vec<_>>();
    assert_eq!(dead.len(), 1);
    let attribute =
        |name: &str| dead[0]["MessageAttributes"][name]["StringValue"].as_str().unwrap().to_owned();
    assert_eq!(
        (attribute("ERROR_CODE"), attribute("RULE_ARN")),
        ("RESOURCE_LIMIT_EXCEEDED".into(), arn("rule/five/on"))
    );

    // A circle ends too.
    rule(
        &world,
        "six",
        "back",
        json!({ "source": ["shop"] }),
        json!([{ "Id": "1", "Arn": arn("event-bus/one") }]),
    )
    .await;
    put(&world, json!([entry("six", json!({}))])).await;
    assert_eq!(receive(&world, "q", 0).await.len(), 2);
}

#[tokio::test]
async fn an_event_carries_its_trace_on() {
    let world = World::open().await;
    let queue = queue(&world, "q").await;
    rule(&world, "default", "r", json!({ "source": ["shop"] }), json!([{ "Id": "1", "Arn": queue }])).await;
    let mut with_header = entry("default", json!({}));
    with_header["TraceHeader"] = "Root=1-00000000-000000000000000000000001".into();
    put(&world, json!([with_header])).await;
    let asked = ask(&world, "PutEvents", &json!({ "Entries": [entry("default", json!({}))] }));
    let asked = asked.header("x-amzn-trace-id", "Root=1-00000000-000000000000000000000002");
    assert_eq!(asked.signed().send().await.status, 200);
    let got = receive(&world, "q", 0).await;
    let traces: Vec<&str> =
        got.iter().map(|message| message["Attributes"]["AWSTraceHeader"].as_str().unwrap()).collect();
    assert_eq!(
        traces,
        ["Root=1-00000000-000000000000000000000001", "Root=1-00000000-000000000000000000000002"]
    );
}

#[tokio::test]
async fn a_pattern_is_tested_against_an_event() {
    let world = World::open().await;
    let event = json!({
        "id": "1", "account": ACCOUNT, "source": "shop", "time": "2026-01-31T08:15:30Z",
        "region": "us-east-1", "resources": [], "detail-type": "Order", "detail": { "n": 5 },
    });
    let test = |pattern: &str, event: &Value| json!({ "EventPattern": pattern, "Event": event.to_string() });
    for (pattern, wanted) in [("{\"source\":[\"shop\"]}", true), ("{\"detail\":{\"n\":[6]}}", false)] {
        assert_eq!(ok(&world, "TestEventPattern", test(pattern, &event)).await, json!({ "Result": wanted }));
    }
    let text = "Event pattern is not valid. Reason: \"source\" must be an object or an array";
    let wrong = test("{\"source\":\"shop\"}", &event);
    fails(&world, "TestEventPattern", wrong, "InvalidEventPatternException", text).await;
    let text = "Parameter Event is not valid. Reason: id is a required argument.";
    let wrong = test("{\"source\":[\"shop\"]}", &json!({}));
    fails(&world, "TestEventPattern", wrong, "ValidationException", text).await;
}
