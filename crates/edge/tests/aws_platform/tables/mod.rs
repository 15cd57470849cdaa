//! DynamoDB's protocol: who may do what. What it does is tested with the official clients.

use serde_json::{Value, json};

use super::world::{Ask, Reply, World};

const TABLE: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/pets";

/// Every operation, and whether it is there.
fn operations() -> impl Iterator<Item = (&'static str, bool)> {
    include_str!("../../data/dynamodb_operations.txt").lines().map(|line| match line.split_once(' ') {
        Some((operation, _)) => (operation, false),
        None => (line, true),
    })
}

/// A request, as yet unsigned.
fn ask<'a>(world: &'a World, operation: &str, input: &Value) -> Ask<'a> {
    world
        .ask("POST", "/")
        .service("dynamodb")
        .header("x-amz-target", operation)
        .header("content-type", "application/x-amz-json-1.0")
        .json(input)
}

async fn ok(world: &World, operation: &str, input: Value) -> Value {
    let reply = ask(world, &format!("DynamoDB_20120810.{operation}"), &input).signed().send().await;
    assert_eq!(reply.status, 200, "{operation} {input}: {reply:?}");
    reply.json()
}

#[track_caller]
fn is_error(reply: &Reply, code: &str) {
    let kind = reply.json()["__type"].as_str().unwrap().to_owned();
    assert_eq!(kind.rsplit('#').next(), Some(code), "{reply:?}");
}

/// Enough for every operation to know what it is about.
fn input(stream: &str) -> Value {
    let key = json!({ "id": { "S": "momo" } });
    json!({
        "TableName": "pets",
        "Key": key,
        "Item": key,
        "KeyConditionExpression": "id = :id",
        "ExpressionAttributeValues": { ":id": { "S": "momo" } },
        "RequestItems": { "pets": [{ "PutRequest": { "Item": key } }] },
        "TransactItems": [{ "Put": { "TableName": "pets", "Item": key } }],
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
        "BillingMode": "PAY_PER_REQUEST",
        "DeletionProtectionEnabled": true,
        "TimeToLiveSpecification": { "Enabled": true, "AttributeName": "until" },
        "ResourceArn": TABLE,
        "Tags": [{ "Key": "a", "Value": "b" }],
        "TagKeys": ["a"],
        "StreamArn": stream,
        "ShardId": "shardId-00000000000000000000-00000000",
        "ShardIteratorType": "LATEST",
    })
}

/// What some operations want otherwise.
fn input_of(operation: &str, stream: &str) -> Value {
    let mut input = input(stream);
    match operation.rsplit('.').next().unwrap() {
        // It has nothing that uses values.
        "GetItem" | "PutItem" | "DeleteItem" | "UpdateItem" | "Scan" => {
            input.as_object_mut().unwrap().remove("ExpressionAttributeValues");
        }
        "BatchGetItem" => input["RequestItems"] = json!({ "pets": { "Keys": [{ "id": { "S": "momo" } }] } }),
        "TransactGetItems" => {
            input["TransactItems"] =
                json!([{ "Get": { "TableName": "pets", "Key": { "id": { "S": "momo" } } } }]);
        }
        "GetRecords" => {
            use base64::{Engine as _, engine::general_purpose::STANDARD};
            input["ShardIterator"] = STANDARD.encode(format!("1|1|{stream}")).into();
        }
        _ => {}
    }
    input
}

#[tokio::test]
async fn no_operation_answers_without_credentials_when_they_are_required() {
    let world = World::required().await;
    let mut count = 0;
    for (operation, _) in operations() {
        count += 1;
        let nobody = ask(&world, operation, &input("x")).send().await;
        is_error(&nobody, "MissingAuthenticationTokenException");
        let stranger = sonagi_identity::Keys {
            access_key_id: "AKIAUNKNOWNUNKNOWN00".into(),
            secret_access_key: "x".repeat(40),
            session_token: None,
        };
        let reply = ask(&world, operation, &input("x")).signed_by(stranger).send().await;
        is_error(&reply, "UnrecognizedClientException");
    }
    assert_eq!(count, 66);
}

#[tokio::test]
async fn a_function_may_do_nothing_that_it_was_not_given() {
    let world = World::open().await;
    ok(
        &world,
        "CreateTable",
        json!({
            "TableName": "pets",
            "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
            "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
            "BillingMode": "PAY_PER_REQUEST",
            "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "NEW_IMAGE" },
        }),
    )
    .await;
    let table = ok(&world, "DescribeTable", json!({ "TableName": "pets" })).await;
    let stream = table["Table"]["LatestStreamArn"].as_str().unwrap();
    for (operation, is_there) in operations() {
        let input = input_of(operation, stream);
        let reply = ask(&world, operation, &input).signed_by(world.session("shop", "search")).send().await;
        let code = if is_there { "AccessDeniedException" } else { "UnknownOperationException" };
        assert_eq!(reply.status, 400, "{operation}: {reply:?}");
        is_error(&reply, code);
        if is_there {
            let message = reply.json()["Message"].as_str().unwrap().to_owned();
            assert!(message.contains("is not authorized to perform: dynamodb:"), "{operation}: {message}");
        }
    }
}

#[tokio::test]
async fn answers_say_what_they_add_up_to() {
    let world = World::open().await;
    let reply = ask(&world, "DynamoDB_20120810.ListTables", &json!({})).signed().send().await;
    assert_eq!(reply.text(), r#"{"TableNames":[]}"#);
    let sum = reply.header("x-amz-crc32").unwrap().to_owned();
    assert_eq!(sum, crc32fast::hash(br#"{"TableNames":[]}"#).to_string());
}
