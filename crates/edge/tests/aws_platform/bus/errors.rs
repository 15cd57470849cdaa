//! What is refused, with EventBridge's codes and texts.

use super::*;

#[tokio::test]
async fn rules_are_refused_with_a_reason() {
    let world = World::open().await;
    ok(&world, "CreateEventBus", json!({ "Name": "orders" })).await;
    let pattern = "{\"source\":[\"a\"]}";
    let cases = [
        (
            json!({ "Name": "r" }),
            "ValidationException",
            "Parameter(s) EventPattern or ScheduleExpression must be specified.",
        ),
        (
            json!({ "Name": "r", "EventPattern": "{\"source\":\"a\"}" }),
            "InvalidEventPatternException",
            "Event pattern is not valid. Reason: \"source\" must be an object or an array",
        ),
        (
            json!({ "Name": "r", "ScheduleExpression": "rate(1 minutes)" }),
            "ValidationException",
            "Parameter ScheduleExpression is not valid.",
        ),
        (
            json!({ "Name": "r", "ScheduleExpression": "rate(1 minute)", "EventBusName": "orders" }),
            "ValidationException",
            "ScheduleExpression is supported only on the default event bus.",
        ),
        (
            json!({ "Name": "r", "EventPattern": pattern, "EventBusName": "none" }),
            "ResourceNotFoundException",
            "Event bus none does not exist.",
        ),
        (
            json!({ "Name": "r", "EventPattern": pattern, "EventBusName": "arn:aws:events:eu-west-1:000000000000:event-bus/default" }),
            "ResourceNotFoundException",
            "Event bus arn:aws:events:eu-west-1:000000000000:event-bus/default does not exist.",
        ),
        (
            json!({ "EventPattern": pattern }),
            "ValidationException",
            "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null",
        ),
        (
            json!({ "Name": "a/b", "EventPattern": pattern, "State": "ON" }),
            "ValidationException",
            "2 validation errors detected: Value 'a/b' at 'name' failed to satisfy constraint: Member must satisfy regular \
             expression pattern: [\\.\\-_A-Za-z0-9]+; Value 'ON' at 'state' failed to satisfy constraint: Member must satisfy enum \
             value set: [ENABLED, DISABLED, ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS]",
        ),
        (
            json!({ "Name": "r".repeat(65), "EventPattern": pattern }),
            "ValidationException",
            "at 'name' failed to satisfy constraint: Member must have length less than or equal to 64",
        ),
        (json!({ "Name": 5 }), "SerializationException", "invalid type"),
    ];
    for (input, code, text) in cases {
        fails(&world, "PutRule", input, code, text).await;
    }
    let text = "Event bus none does not exist.";
    for operation in ["DeleteRule", "DescribeRule"] {
        let input = json!({ "Name": "r", "EventBusName": "none" });
        fails(&world, operation, input, "ResourceNotFoundException", text).await;
    }
}

#[tokio::test]
async fn targets_are_refused_with_a_reason() {
    let world = World::open().await;
    ok(&world, "PutRule", json!({ "Name": "r", "EventPattern": "{\"source\":[\"a\"]}" })).await;
    let arn_of = queue_arn;
    let target = |change: Value| {
        let mut target = json!({ "Id": "t", "Arn": arn_of("q") });
        target.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        target
    };
    let cases = [
        (json!({ "Arn": "q" }), "Parameter q is not valid. Reason: Provided Arn is not in correct format."),
        (
            json!({ "Arn": "arn:aws:ecs:us-east-1:000000000000:cluster/c" }),
            "Reason: A target here is a function, a queue, a topic or an event bus.",
        ),
        (
            json!({ "Arn": "arn:aws:sqs:eu-west-1:000000000000:q" }),
            "Reason: It is of another account or region.",
        ),
        (json!({ "Arn": arn_of("q.fifo") }), "Parameter(s) SqsParameters must be specified for target: t."),
        (
            json!({ "Arn": arn("event-bus/default") }),
            "Reason: Source and target event bus can't be the same.",
        ),
        (json!({ "Arn": arn("event-bus/x"), "Input": "1" }), "an event bus gets the event as it is"),
        (
            json!({ "Input": "1", "InputPath": "$" }),
            "Only one of Input, InputPath, or InputTransformer must be provided for target t.",
        ),
        (json!({ "Input": "{" }), "JSON syntax error in input for target t:"),
        (json!({ "InputPath": "detail" }), "Invalid JSON path \"detail\" for target t"),
        (
            json!({ "InputTransformer": { "InputTemplate": "{\"a\": <b>}" } }),
            "InputTemplate for target t contains invalid placeholder b.",
        ),
        (json!({ "DeadLetterConfig": { "Arn": arn_of("d.fifo") } }), "It wants the ARN of a standard queue"),
        (
            json!({ "KinesisParameters": { "PartitionKeyPath": "$" } }),
            "Parameter(s) KinesisParameters not valid for target: t.",
        ),
        (
            json!({ "Id": "!" }),
            "1 validation error detected: Value '!' at 'targets.1.member.id' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: [\\.\\-_A-Za-z0-9]+",
        ),
        (
            json!({ "RetryPolicy": { "MaximumRetryAttempts": 186, "MaximumEventAgeInSeconds": 59 } }),
            "2 validation errors detected: Value '186' at 'targets.1.member.retryPolicy.maximumRetryAttempts' failed to satisfy \
             constraint: Member must have value less than or equal to 185; Value '59' at",
        ),
    ];
    for (change, text) in cases {
        let input = json!({ "Rule": "r", "Targets": [target(change)] });
        fails(&world, "PutTargets", input, "ValidationException", text).await;
    }
    let eleven: Vec<Value> = (0..11).map(|id| target(json!({ "Id": id.to_string() }))).collect();
    let text = "Member must have length less than or equal to 10";
    fails(&world, "PutTargets", json!({ "Rule": "r", "Targets": eleven }), "ValidationException", text).await;
    let input = json!({ "Rule": "none", "Targets": [target(json!({}))] });
    let text = "Rule none does not exist on EventBus default.";
    fails(&world, "PutTargets", input, "ResourceNotFoundException", text).await;
    let none = json!({ "Rule": "none", "Ids": ["t"] });
    fails(&world, "RemoveTargets", none.clone(), "ResourceNotFoundException", text).await;
    fails(&world, "ListTargetsByRule", none, "ResourceNotFoundException", text).await;
    let listed = ok(&world, "ListTargetsByRule", json!({ "Rule": "r" })).await;
    assert_eq!(listed, json!({ "Targets": [] }), "what is refused is refused as a whole");
}

#[tokio::test]
async fn buses_are_refused_with_a_reason() {
    let world = World::open().await;
    fails(
        &world,
        "CreateEventBus",
        json!({ "Name": "default" }),
        "ResourceAlreadyExistsException",
        "Event bus default already exists.",
    )
    .await;
    fails(
        &world,
        "CreateEventBus",
        json!({ "Name": "a/b" }),
        "ValidationException",
        "can't contain the / character",
    )
    .await;
    let text = "Value null at 'name' failed to satisfy constraint: Member must not be null";
    fails(&world, "CreateEventBus", json!({}), "ValidationException", text).await;
    for count in 1..100 {
        ok(&world, "CreateEventBus", json!({ "Name": format!("b{count}") })).await;
    }
    let text = "The requested resource exceeds the maximum number allowed.";
    fails(&world, "CreateEventBus", json!({ "Name": "one-more" }), "LimitExceededException", text).await;
    let text = "Parameter NextToken is not valid.";
    fails(&world, "ListEventBuses", json!({ "NextToken": "~" }), "ValidationException", text).await;
    let text = "Value '101' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 100";
    fails(&world, "ListRules", json!({ "Limit": 101 }), "ValidationException", text).await;
}

#[tokio::test]
async fn a_bus_has_three_hundred_rules() {
    let world = World::open().await;
    let queue = queue(&world, "q").await;
    for count in 0..300 {
        let pattern = json!({ "source": ["shop"], "detail": { "n": [count] } });
        ok(&world, "PutRule", json!({ "Name": format!("r{count}"), "EventPattern": pattern.to_string() }))
            .await;
    }
    let one_more = json!({ "Name": "one-more", "EventPattern": "{\"source\":[\"a\"]}" });
    let text = "The requested resource exceeds the maximum number allowed.";
    fails(&world, "PutRule", one_more, "LimitExceededException", text).await;
    // One that is there is not one more.
    ok(&world, "PutRule", json!({ "Name": "r7", "EventPattern": "{\"detail\":{\"n\":[7]}}" })).await;
    ok(&world, "PutTargets", json!({ "Rule": "r7", "Targets": [{ "Id": "1", "Arn": queue }] })).await;
    put(&world, json!([entry("default", json!({ "n": 7 })), entry("default", json!({ "n": 8 }))])).await;
    assert_eq!(bodies(&world, "q").await.len(), 1);
}
