//! What is only in the query protocol.

use super::*;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[tokio::test]
async fn a_queues_own_address_answers_get_and_post() {
    let world = World::open().await;
    queue(&world, "clicks", json!({})).await;
    let path = format!("/{ACCOUNT}/clicks");
    let sent = world.get(&format!("{path}?Action=SendMessage&MessageBody=a+b%26c&Version=2012-11-05")).await;
    assert_eq!(sent.status, 200, "{sent:?}");
    let sent = world
        .ask("POST", &path)
        .header(FORM.0, FORM.1)
        .body("Action=SendMessage&MessageBody=posted&DelaySeconds=0")
        .send()
        .await;
    assert_eq!(sent.status, 200, "{sent:?}");
    assert_eq!(bodies(&receive(&world, &url("clicks")).await), ["a b&c", "posted"]);
    let shown = world.get(&format!("{path}?Action=GetQueueAttributes&AttributeName.1=All")).await;
    assert!(shown.text().contains("<Attribute><Name>QueueArn</Name><Value>arn:aws:sqs:"), "{shown:?}");
    let alone = world.get(&format!("{path}?Action=GetQueueAttributes&AttributeName=QueueArn")).await;
    assert!(alone.text().contains("<Name>QueueArn</Name>"), "{alone:?}");
    let listed = world.get("/?Action=ListQueues&Version=2012-11-05").await;
    assert!(
        listed.text().contains("<QueueUrl>http://localhost:4566/000000000000/clicks</QueueUrl>"),
        "{listed:?}"
    );
    // JSON takes the address too.
    let json = world
        .ask("POST", &path)
        .header("x-amz-target", "AmazonSQS.SendMessage")
        .json(&json!({ "MessageBody": "json" }))
        .send()
        .await;
    assert_eq!(json.status, 200, "{json:?}");
    assert_eq!(bodies(&receive(&world, &url("clicks")).await), ["json"]);
}

#[tokio::test]
async fn what_is_no_action_is_said_to_be_none() {
    let world = World::open().await;
    queue(&world, "clicks", json!({})).await;
    let post = |body: &'static str| {
        world.ask("POST", "/").header(FORM.0, FORM.1).body(body).service("sqs").signed().send()
    };
    let wrong = post("Action=FooBar&Version=2012-11-05").await;
    let code = ("", "InvalidAction");
    is_error(&wrong, Wire::Query, 400, code, "The action FooBar is not valid for this endpoint.");
    is_error(&post("QueueName=x").await, Wire::Query, 400, ("", "MissingAction"), "parameter Action.");
    let ten = post("Action=ReceiveMessage&QueueUrl=clicks&MaxNumberOfMessages=ten").await;
    let code = ("", "InvalidParameterValue");
    is_error(&ten, Wire::Query, 400, code, "Value ten for parameter MaxNumberOfMessages is invalid.");
    let sent = world.get(&format!("/{ACCOUNT}/clicks?Action=SendMessage")).await;
    let code = ("", "MissingParameter");
    is_error(&sent, Wire::Query, 400, code, "The request must contain the parameter MessageBody.");
    let target =
        world.ask("POST", "/").header("x-amz-target", "AmazonSQS.FooBar").json(&json!({})).send().await;
    is_error(&target, Wire::Json, 400, ("UnknownOperationException", "InvalidAction"), "FooBar");
    for body in [
        "{",
        "[]",
        "{\"QueueUrl\": 5}",
        "{\"QueueUrl\": \"clicks\", \"MaxNumberOfMessages\": \"ten\"}",
        "\"x\"",
    ] {
        let reply =
            world.ask("POST", "/").header("x-amz-target", "AmazonSQS.ReceiveMessage").body(body).send().await;
        is_error(&reply, Wire::Json, 400, ("SerializationException", "MalformedInput"), "");
    }
    // Nothing is like nothing said.
    let null = json!({ "QueueUrl": "clicks", "MaxNumberOfMessages": null, "AttributeNames": null });
    assert_eq!(ok(&world, "ReceiveMessage", null).await, json!({}));
}
