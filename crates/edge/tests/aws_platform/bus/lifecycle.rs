//! Buses, rules and tags come, change and go.

use super::*;

#[tokio::test]
async fn the_default_bus_is_always_there_and_others_come_and_go() {
    let world = World::open().await;
    let default = json!({ "Name": "default", "Arn": arn("event-bus/default") });
    assert_eq!(ok(&world, "DescribeEventBus", json!({})).await, default);
    let made = ok(&world, "CreateEventBus", json!({ "Name": "orders", "Description": "all of them" })).await;
    assert_eq!(made, json!({ "EventBusArn": arn("event-bus/orders"), "Description": "all of them" }));
    fails(
        &world,
        "CreateEventBus",
        json!({ "Name": "orders" }),
        "ResourceAlreadyExistsException",
        "Event bus orders already exists.",
    )
    .await;
    for name in [json!("orders"), json!(arn("event-bus/orders"))] {
        let shown = ok(&world, "DescribeEventBus", json!({ "Name": name })).await;
        assert_eq!((&shown["Name"], &shown["Arn"]), (&json!("orders"), &json!(arn("event-bus/orders"))));
        assert_eq!(shown["CreationTime"], json!(1_769_847_330.123), "{shown}");
    }
    let changed = ok(&world, "UpdateEventBus", json!({ "Name": "orders", "KmsKeyIdentifier": "k" })).await;
    assert_eq!((&changed["Description"], &changed["KmsKeyIdentifier"]), (&json!("all of them"), &json!("k")));
    let names = async |input: Value| -> (Vec<String>, Value) {
        let listed = ok(&world, "ListEventBuses", input).await;
        let names = listed["EventBuses"].as_array().unwrap().iter();
        (names.map(|bus| bus["Name"].as_str().unwrap().to_owned()).collect(), listed["NextToken"].clone())
    };
    assert_eq!(names(json!({})).await.0, ["default", "orders"]);
    assert_eq!(names(json!({ "NamePrefix": "or" })).await.0, ["orders"]);
    let (first, token) = names(json!({ "Limit": 1 })).await;
    let (second, end) = names(json!({ "Limit": 1, "NextToken": token })).await;
    assert_eq!((first, second, end), (vec!["default".into()], vec!["orders".into()], Value::Null));

    ok(
        &world,
        "PutRule",
        json!({ "Name": "r", "EventBusName": "orders", "EventPattern": "{\"source\":[\"a\"]}" }),
    )
    .await;
    fails(
        &world,
        "DeleteEventBus",
        json!({ "Name": "orders" }),
        "ValidationException",
        "EventBus can't be deleted since it has rules.",
    )
    .await;
    ok(&world, "DeleteRule", json!({ "Name": "r", "EventBusName": "orders" })).await;
    ok(&world, "DeleteEventBus", json!({ "Name": "orders" })).await;
    ok(&world, "DeleteEventBus", json!({ "Name": "orders" })).await;
    fails(
        &world,
        "DescribeEventBus",
        json!({ "Name": "orders" }),
        "ResourceNotFoundException",
        "Event bus orders does not exist.",
    )
    .await;
    fails(
        &world,
        "DeleteEventBus",
        json!({ "Name": "default" }),
        "ValidationException",
        "Cannot delete event bus default.",
    )
    .await;
}

#[tokio::test]
async fn a_rule_is_replaced_as_a_whole_but_for_its_targets_and_tags() {
    let world = World::open().await;
    let target = json!([{ "Id": "q", "Arn": queue_arn("q") }]);
    let pattern = json!({ "source": ["shop"] });
    let made = rule(&world, "default", "r", pattern.clone(), target.clone()).await;
    assert_eq!(made, arn("rule/r"));
    let input =
        json!({ "Name": "r", "EventPattern": pattern.to_string(), "Description": "d", "RoleArn": "arn:x" });
    ok(&world, "PutRule", input).await;
    let shown = ok(&world, "DescribeRule", json!({ "Name": "r" })).await;
    let expected = json!({
        "Name": "r",
        "Arn": arn("rule/r"),
        "EventPattern": pattern.to_string(),
        "State": "ENABLED",
        "Description": "d",
        "RoleArn": "arn:x",
        "EventBusName": "default",
        "CreatedBy": ACCOUNT,
    });
    assert_eq!(shown, expected);
    let schedule = json!({ "Name": "r", "ScheduleExpression": "rate(5 minutes)", "State": "DISABLED" });
    ok(&world, "PutRule", schedule).await;
    let listed = ok(&world, "ListRules", json!({ "NamePrefix": "r" })).await;
    let expected = json!({
        "Name": "r",
        "Arn": arn("rule/r"),
        "ScheduleExpression": "rate(5 minutes)",
        "State": "DISABLED",
        "EventBusName": "default",
    });
    assert_eq!(listed, json!({ "Rules": [expected] }));
    assert_eq!(ok(&world, "ListTargetsByRule", json!({ "Rule": "r" })).await, json!({ "Targets": target }));
    ok(&world, "EnableRule", json!({ "Name": "r" })).await;
    assert_eq!(ok(&world, "DescribeRule", json!({ "Name": "r" })).await["State"], "ENABLED");
    ok(&world, "DisableRule", json!({ "Name": "r" })).await;
    assert_eq!(ok(&world, "DescribeRule", json!({ "Name": "r" })).await["State"], "DISABLED");

    let delete = json!({ "Name": "r" });
    let text = "Rule can't be deleted since it has targets.";
    fails(&world, "DeleteRule", delete.clone(), "ValidationException", text).await;
    let removed = ok(&world, "RemoveTargets", json!({ "Rule": "r", "Ids": ["q", "none"] })).await;
    assert_eq!(removed, json!({ "FailedEntryCount": 0, "FailedEntries": [] }));
    ok(&world, "DeleteRule", delete.clone()).await;
    ok(&world, "DeleteRule", delete.clone()).await;
    let text = "Rule r does not exist on EventBus default.";
    for operation in ["DescribeRule", "EnableRule", "DisableRule"] {
        fails(&world, operation, delete.clone(), "ResourceNotFoundException", text).await;
    }
}

#[tokio::test]
async fn rules_are_found_by_their_targets_and_listed_in_pages() {
    let world = World::open().await;
    ok(&world, "CreateEventBus", json!({ "Name": "orders" })).await;
    for name in ["a", "b", "c"] {
        let target = json!([{ "Id": "q", "Arn": queue_arn(if name == "b" { "other" } else { "q" }) }]);
        let made = rule(&world, "orders", name, json!({ "source": [name] }), target).await;
        assert_eq!(made, arn(&format!("rule/orders/{name}")));
    }
    let bus = arn("event-bus/orders");
    let by_target = |more: Value| {
        let mut input = json!({ "TargetArn": queue_arn("q"), "EventBusName": bus });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let found = ok(&world, "ListRuleNamesByTarget", by_target(json!({}))).await;
    assert_eq!(found, json!({ "RuleNames": ["a", "c"] }));
    let first = ok(&world, "ListRuleNamesByTarget", by_target(json!({ "Limit": 1 }))).await;
    assert_eq!(first["RuleNames"], json!(["a"]));
    let more = json!({ "Limit": 1, "NextToken": first["NextToken"] });
    assert_eq!(ok(&world, "ListRuleNamesByTarget", by_target(more)).await, json!({ "RuleNames": ["c"] }));
    let first = ok(&world, "ListRules", json!({ "EventBusName": bus, "Limit": 2 })).await;
    let names = |listed: &Value| -> Vec<Value> {
        listed["Rules"].as_array().unwrap().iter().map(|rule| rule["Name"].clone()).collect()
    };
    assert_eq!(names(&first), ["a", "b"]);
    let more = json!({ "EventBusName": bus, "Limit": 2, "NextToken": first["NextToken"] });
    assert_eq!(names(&ok(&world, "ListRules", more).await), ["c"]);
    assert_eq!(ok(&world, "ListRules", json!({})).await, json!({ "Rules": [] }));
}

#[tokio::test]
async fn buses_and_rules_have_tags() {
    let world = World::open().await;
    let tags = |pairs: &[(&str, &str)]| -> Value {
        pairs.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
    };
    let made = json!({ "Name": "orders", "Tags": tags(&[("team", "shop")]) });
    ok(&world, "CreateEventBus", made).await;
    let rule = json!({
        "Name": "r",
        "EventBusName": "orders",
        "EventPattern": "{\"source\":[\"a\"]}",
        "Tags": tags(&[("team", "shop")]),
    });
    ok(&world, "PutRule", rule.clone()).await;
    for arn in [arn("event-bus/orders"), arn("rule/orders/r")] {
        let listed =
            async || ok(&world, "ListTagsForResource", json!({ "ResourceARN": arn })).await["Tags"].clone();
        assert_eq!(listed().await, tags(&[("team", "shop")]));
        ok(&world, "TagResource", json!({ "ResourceARN": arn, "Tags": tags(&[("a", "1"), ("team", "x")]) }))
            .await;
        assert_eq!(listed().await, tags(&[("a", "1"), ("team", "x")]));
        ok(&world, "UntagResource", json!({ "ResourceARN": arn, "TagKeys": ["a", "none"] })).await;
        assert_eq!(listed().await, tags(&[("team", "x")]));
    }
    // A rule that is put again keeps its own.
    ok(&world, "PutRule", rule).await;
    let kept = ok(&world, "ListTagsForResource", json!({ "ResourceARN": arn("rule/orders/r") })).await;
    assert_eq!(kept["Tags"], tags(&[("team", "x")]));
    let text = "Rule none does not exist on EventBus default.";
    let input = json!({ "ResourceARN": arn("rule/none"), "Tags": [] });
    fails(&world, "TagResource", input, "ResourceNotFoundException", text).await;
    let text = "Parameter ResourceARN is not valid.";
    let input = json!({ "ResourceARN": "arn:aws:sqs:us-east-1:000000000000:q" });
    fails(&world, "ListTagsForResource", input, "ValidationException", text).await;
}
