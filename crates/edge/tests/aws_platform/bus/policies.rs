//! Bus policies: PutPermission, RemovePermission, and what they let functions do.

use super::*;

async fn policy(world: &World) -> Value {
    let shown = ok(world, "DescribeEventBus", json!({ "Name": "orders" })).await;
    shown.get("Policy").map_or(Value::Null, |policy| serde_json::from_str(policy.as_str().unwrap()).unwrap())
}

#[tokio::test]
async fn permissions_come_and_go_as_statements() {
    let world = World::open().await;
    ok(&world, "CreateEventBus", json!({ "Name": "orders" })).await;
    let add = |sid: &str, principal: &str| {
        json!({
            "EventBusName": "orders", "Action": "events:PutEvents", "Principal": principal, "StatementId": sid,
        })
    };
    let statement = |sid: &str, principal: Value| {
        json!({
            "Sid": sid,
            "Effect": "Allow",
            "Principal": principal,
            "Action": "events:PutEvents",
            "Resource": arn("event-bus/orders"),
        })
    };
    ok(&world, "PutPermission", add("one", "111111111111")).await;
    let one = statement("one", json!({ "AWS": "arn:aws:iam::111111111111:root" }));
    assert_eq!(policy(&world).await, json!({ "Version": "2012-10-17", "Statement": [one] }));
    let mut with_condition = add("all", "*");
    with_condition["Condition"] =
        json!({ "Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": "o-1" });
    ok(&world, "PutPermission", with_condition).await;
    let mut all = statement("all", json!("*"));
    all["Condition"] = json!({ "StringEquals": { "aws:PrincipalOrgID": "o-1" } });
    assert_eq!(policy(&world).await["Statement"], json!([one, all]));
    ok(&world, "RemovePermission", json!({ "EventBusName": "orders", "StatementId": "one" })).await;
    assert_eq!(policy(&world).await["Statement"], json!([all]));
    let text = "Statement with the provided id does not exist.";
    let none = json!({ "EventBusName": "orders", "StatementId": "one" });
    fails(&world, "RemovePermission", none, "ResourceNotFoundException", text).await;
    ok(&world, "RemovePermission", json!({ "EventBusName": "orders", "RemoveAllPermissions": true })).await;
    assert_eq!(policy(&world).await, Value::Null);

    let whole = json!({ "Version": "2012-10-17", "Statement": [statement("w", json!("*"))] });
    ok(&world, "PutPermission", json!({ "EventBusName": "orders", "Policy": whole.to_string() })).await;
    assert_eq!(policy(&world).await, whole);
    let cases = [
        (json!({ "Policy": "{" }), "ValidationException", "Parameter Policy is not valid."),
        (json!({ "Policy": " ".repeat(10_241) }), "PolicyLengthExceededException", "10240"),
        (
            json!({ "Policy": "{}", "StatementId": "x" }),
            "ValidationException",
            "Policy cannot be given together",
        ),
        (
            json!({ "Action": "events:PutRule", "Principal": "*", "StatementId": "x" }),
            "ValidationException",
            "Provided value in parameter 'action' is not supported.",
        ),
        (
            json!({ "Action": "events:PutEvents", "Principal": "me", "StatementId": "x" }),
            "ValidationException",
            "Provided value in parameter 'principal' is not valid.",
        ),
        (
            json!({ "EventBusName": "none", "Action": "events:PutEvents", "Principal": "*", "StatementId": "x" }),
            "ResourceNotFoundException",
            "Event bus none does not exist.",
        ),
    ];
    for (mut input, code, text) in cases {
        if input.get("EventBusName").is_none() {
            input["EventBusName"] = "orders".into();
        }
        fails(&world, "PutPermission", input, code, text).await;
    }
    assert_eq!(policy(&world).await, whole);
}

#[tokio::test]
async fn a_bus_lets_a_function_put_what_its_policy_says() {
    let world = World::open().await;
    ok(&world, "CreateEventBus", json!({ "Name": "orders" })).await;
    let put = async |source: &str, bus: &str| {
        let mut entry = entry(bus, json!({}));
        entry["Source"] = source.into();
        let asked = ask(&world, "PutEvents", &json!({ "Entries": [entry] }));
        asked.signed_by(world.session("shop", "f")).send().await
    };
    let denied = put("shop", "orders").await;
    assert_eq!(denied.status, 403);
    let text = format!(
        "User: arn:aws:sts::{ACCOUNT}:assumed-role/pets/f is not authorized to perform: events:PutEvents on resource: {}",
        arn("event-bus/orders")
    );
    is_error(&denied, "AccessDeniedException", &text);
    let statement = json!({
        "Sid": "s",
        "Effect": "Allow",
        "Principal": { "AWS": format!("arn:aws:sts::{ACCOUNT}:assumed-role/pets/f") },
        "Action": "events:PutEvents",
        "Resource": arn("event-bus/orders"),
        "Condition": { "StringEquals": { "events:source": "shop", "events:detail-type": "Order" } },
    });
    let policy = json!({ "Version": "2012-10-17", "Statement": [statement] });
    ok(&world, "PutPermission", json!({ "EventBusName": "orders", "Policy": policy.to_string() })).await;
    assert_eq!(put("shop", "orders").await.status, 200);
    assert_eq!(put("bank", "orders").await.status, 403);
    assert_eq!(put("shop", "default").await.status, 403);
}
