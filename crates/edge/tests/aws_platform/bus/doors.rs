//! Who may do what, and what is not there.

use super::*;

/// Every operation, and whether it is there.
fn operations() -> impl Iterator<Item = (&'static str, bool)> {
    include_str!("../../data/events_operations.txt").lines().map(|line| match line.split_once(' ') {
        Some((operation, _)) => (operation, false),
        None => (line, true),
    })
}

/// Enough for every operation to know what it is about.
fn input() -> Value {
    json!({
        "Name": "orders",
        "Rule": "r",
        "EventBusName": "orders",
        "EventPattern": "{\"source\":[\"a\"]}",
        "Event": "{}",
        "Entries": [entry("orders", json!({}))],
        "Targets": [{ "Id": "t", "Arn": queue_arn("q") }],
        "Ids": ["t"],
        "TargetArn": queue_arn("q"),
        "ResourceARN": arn("rule/orders/r"),
        "TagKeys": [],
        "ArchiveName": "a",
        "ReplayName": "r",
    })
}

#[tokio::test]
async fn no_operation_answers_without_credentials_when_they_are_required() {
    let world = World::required().await;
    assert_eq!(operations().count(), 57);
    for (operation, _) in operations() {
        let nobody = ask(&world, operation, &input()).send().await;
        assert_eq!(nobody.status, 403, "{operation}");
        is_error(&nobody, "MissingAuthenticationTokenException", "Missing Authentication Token");
        let stranger = sonagi_identity::Keys {
            access_key_id: "AKIAUNKNOWNUNKNOWN00".into(),
            secret_access_key: "x".repeat(40),
            session_token: None,
        };
        let reply = ask(&world, operation, &input()).signed_by(stranger).send().await;
        assert_eq!(reply.status, 403, "{operation}");
        is_error(&reply, "UnrecognizedClientException", "security token included in the request is invalid");
    }
}

#[tokio::test]
async fn a_function_may_do_nothing_that_it_was_not_given() {
    let world = World::open().await;
    ok(&world, "CreateEventBus", json!({ "Name": "orders" })).await;
    ok(
        &world,
        "PutRule",
        json!({ "Name": "r", "EventBusName": "orders", "EventPattern": "{\"source\":[\"a\"]}" }),
    )
    .await;
    for (operation, _) in operations().filter(|(_, is_there)| *is_there) {
        let mut input = input();
        if operation.contains("Rule") {
            input["Name"] = "r".into();
        }
        let reply = ask(&world, operation, &input).signed_by(world.session("shop", "f")).send().await;
        assert_eq!(reply.status, 403, "{operation}: {reply:?}");
        let text = format!(
            "User: arn:aws:sts::{ACCOUNT}:assumed-role/pets/f is not authorized to perform: events:{operation} on resource: "
        );
        is_error(&reply, "AccessDeniedException", &text);
    }
    ok(&world, "DescribeRule", json!({ "Name": "r", "EventBusName": "orders" })).await;
}

#[tokio::test]
async fn what_is_not_there_says_so() {
    let world = World::open().await;
    for (operation, _) in operations().filter(|(_, is_there)| !is_there) {
        let reply = call(&world, operation, &json!({})).await;
        assert_eq!(reply.status, 501, "{operation}");
        is_error(&reply, "NotImplemented", &format!("{operation} is not there."));
    }
    let endpoint = json!({ "Entries": [entry("default", json!({}))], "EndpointId": "a.b" });
    is_error(&call(&world, "PutEvents", &endpoint).await, "NotImplemented", "Sonagi has no global endpoints");
    let partner = json!({ "Name": "aws.partner/a/b", "EventSourceName": "aws.partner/a/b" });
    is_error(&call(&world, "CreateEventBus", &partner).await, "NotImplemented", "partner event sources");
    let unknown = call(&world, "MakeCoffee", &json!({})).await;
    assert_eq!(unknown.status, 400);
    is_error(&unknown, "UnknownOperationException", "MakeCoffee");
}
