//! What is wrong with requests, in AWS's words.

use super::*;

#[tokio::test]
async fn what_a_schedule_cannot_be_is_said_in_the_models_words() {
    let world = World::open().await;
    let target = |with: Value| {
        let mut target = schedule(json!({}))["Target"].clone();
        for (name, value) in with.as_object().unwrap() {
            target[name] = value.clone();
        }
        json!({ "Target": target })
    };
    let cases = [
        (
            json!({ "ScheduleExpression": null }),
            "1 validation error detected: Value null at 'scheduleExpression' failed to satisfy constraint: Member must not be null",
        ),
        (json!({ "ScheduleExpression": "often" }), "Invalid Schedule Expression often."),
        (json!({ "ScheduleExpression": "rate(0 minutes)" }), "Invalid Schedule Expression rate(0 minutes)."),
        (
            json!({ "ScheduleExpressionTimezone": "Europe/Atlantis" }),
            "Invalid ScheduleExpressionTimezone Europe/Atlantis.",
        ),
        (
            json!({ "State": "ON" }),
            "Value 'ON' at 'state' failed to satisfy constraint: Member must satisfy enum value set: [ENABLED, DISABLED]",
        ),
        (
            json!({ "ActionAfterCompletion": "STAY" }),
            "at 'actionAfterCompletion' failed to satisfy constraint",
        ),
        (
            json!({ "FlexibleTimeWindow": null, "Target": null }),
            "2 validation errors detected: Value null at 'flexibleTimeWindow'",
        ),
        (json!({ "FlexibleTimeWindow": { "Mode": "FLEXIBLE" } }), "MaximumWindowInMinutes must be specified"),
        (
            json!({ "FlexibleTimeWindow": { "Mode": "OFF", "MaximumWindowInMinutes": 5 } }),
            "MaximumWindowInMinutes must not be specified",
        ),
        (
            json!({ "FlexibleTimeWindow": { "Mode": "FLEXIBLE", "MaximumWindowInMinutes": 1_441 } }),
            "Value '1441' at 'flexibleTimeWindow.maximumWindowInMinutes' failed to satisfy constraint: Member must have value less than or equal to 1440",
        ),
        (
            json!({ "StartDate": 1_769_847_000 }),
            "The StartDate you specify cannot be earlier than 5 minutes ago.",
        ),
        (
            json!({ "StartDate": 1_779_847_000, "EndDate": 1_779_847_000 }),
            "The EndDate you specify must come after the StartDate.",
        ),
        (
            json!({ "ClientToken": "a b" }),
            "at 'clientToken' failed to satisfy constraint: Member must satisfy regular expression pattern",
        ),
        (json!({ "Description": "x".repeat(513) }), "Member must have length less than or equal to 512"),
        (
            target(json!({ "RoleArn": "pets" })),
            "Value 'pets' at 'target.roleArn' failed to satisfy constraint",
        ),
        (target(json!({ "Arn": null })), "Value null at 'target.arn'"),
        (
            target(json!({ "RetryPolicy": { "MaximumEventAgeInSeconds": 59 } })),
            "Member must have value greater than or equal to 60",
        ),
        (
            target(json!({ "RetryPolicy": { "MaximumRetryAttempts": 186 } })),
            "Member must have value less than or equal to 185",
        ),
        (
            target(json!({ "DeadLetterConfig": { "Arn": queue_arn("dead.fifo") } })),
            "at 'target.deadLetterConfig.arn'",
        ),
        (target(json!({ "Input": "x".repeat((256 << 10) + 1) })), "Input has more than 262144 bytes."),
        (
            target(json!({ "EcsParameters": { "TaskDefinitionArn": "x" } })),
            "EcsParameters is for targets that are not supported",
        ),
        (
            target(json!({ "Arn": "arn:aws:states:us-east-1:000000000000:stateMachine:x" })),
            "states is not a supported service for a target",
        ),
    ];
    for (with, text) in cases {
        for method in ["POST", "PUT"] {
            let reply = call(&world, method, "/schedules/x", Some(&schedule(with.clone()))).await;
            // What depends on the schedule itself is found when there is one.
            if method == "PUT" && reply.status == 404 {
                reply.is_error(404, "ResourceNotFoundException", "Schedule x does not exist.");
                continue;
            }
            reply.is_error(400, "ValidationException", text);
        }
    }
    assert_eq!(ok(&world, "GET", "/schedules", None).await, json!({ "Schedules": [] }));
}

#[tokio::test]
async fn names_that_are_none_and_things_that_are_not_there() {
    let world = World::open().await;
    let body = schedule(json!({}));
    let long = format!("/schedules/{}", "x".repeat(65));
    let name = call(&world, "POST", &long, Some(&body)).await;
    name.is_error(
        400,
        "ValidationException",
        "at 'name' failed to satisfy constraint: Member must have length less than or equal to 64",
    );
    let name = call(&world, "POST", "/schedules/a%20b", Some(&body)).await;
    name.is_error(
        400,
        "ValidationException",
        "Member must satisfy regular expression pattern: ^[0-9a-zA-Z-_.]+$",
    );
    let group = call(&world, "POST", "/schedules/x", Some(&schedule(json!({ "GroupName": "none" })))).await;
    group.is_error(404, "ResourceNotFoundException", "Schedule group none does not exist.");
    ok(&world, "POST", "/schedules/x", Some(body.clone())).await;
    let again = call(&world, "POST", "/schedules/x", Some(&body)).await;
    again.is_error(409, "ConflictException", "Schedule x already exists.");
    for (method, body) in [("GET", None), ("PUT", Some(&body)), ("DELETE", None)] {
        let gone = call(&world, method, "/schedules/y", body).await;
        gone.is_error(404, "ResourceNotFoundException", "Schedule y does not exist.");
    }
    for (query, text) in [
        ("MaxResults=0", "Member must have value greater than or equal to 1"),
        ("MaxResults=101", "Member must have value less than or equal to 100"),
        ("MaxResults=x", "MaxResults wants a number"),
        ("NextToken=%3F", "Invalid or expired NextToken."),
        ("State=ON", "enum value set"),
        ("NamePrefix=a%20b", "at 'namePrefix'"),
    ] {
        let reply = call(&world, "GET", &format!("/schedules?{query}"), None).await;
        reply.is_error(400, "ValidationException", text);
    }
    let body = world.ask("POST", "/schedules/z").service("scheduler").body("{").signed().send().await;
    body.is_error(400, "SerializationException", "");
    call(&world, "PATCH", "/schedules/z", None).await.is_error(404, "UnknownOperationException", "PATCH");
}
