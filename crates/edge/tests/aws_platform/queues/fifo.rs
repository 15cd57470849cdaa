//! FIFO queues.

use super::*;

fn message(url: &str, group: &str, id: &str, body: &str) -> Value {
    json!({ "QueueUrl": url, "MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": id })
}

#[tokio::test]
async fn a_group_comes_in_order_and_a_duplicate_once() {
    let world = World::open().await;
    let url = queue(&world, "clicks.fifo", json!({})).await;
    let first = ok(&world, "SendMessage", message(&url, "g", "1", "one")).await;
    assert_eq!(first["SequenceNumber"].as_str().unwrap().len(), 20);
    let again = ok(&world, "SendMessage", message(&url, "g", "1", "one")).await;
    assert_eq!(again, first);
    assert!(
        ok_xml(&world, "SendMessage", message(&url, "g", "2", "two")).await.contains("<SequenceNumber>0")
    );
    ok(&world, "SendMessage", message(&url, "h", "3", "other")).await;
    let one = json!({ "QueueUrl": url, "AttributeNames": ["All"] });
    let got = ok(&world, "ReceiveMessage", one.clone()).await["Messages"][0].clone();
    assert_eq!((&got["Body"], &got["MessageId"]), (&json!("one"), &first["MessageId"]));
    let attributes = &got["Attributes"];
    assert_eq!(
        (&attributes["MessageGroupId"], &attributes["MessageDeduplicationId"], &attributes["SequenceNumber"]),
        (&json!("g"), &json!("1"), &first["SequenceNumber"])
    );
    // The group waits, the other does not.
    assert_eq!(bodies(&receive(&world, &url).await), ["other"]);
    let delete = json!({ "QueueUrl": url, "ReceiptHandle": got["ReceiptHandle"] });
    ok(&world, "DeleteMessage", delete).await;
    let two = receive(&world, &url).await;
    assert_eq!(bodies(&two), ["two"]);
    world.clock.advance(std::time::Duration::from_secs(31)).await;
    for wire in BOTH {
        let late = json!({ "QueueUrl": url, "ReceiptHandle": two[0]["ReceiptHandle"] });
        is_error(
            &call(&world, wire, "DeleteMessage", &late).await,
            wire,
            400,
            ("InvalidParameterValueException", "InvalidParameterValue"),
            "for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
        );
    }
}

#[tokio::test]
async fn a_receive_attempt_can_be_repeated() {
    let world = World::open().await;
    let url = queue(&world, "clicks.fifo", json!({ "ContentBasedDeduplication": "true" })).await;
    ok(&world, "SendMessage", json!({ "QueueUrl": url, "MessageBody": "x", "MessageGroupId": "g" })).await;
    let attempt = json!({ "QueueUrl": url, "ReceiveRequestAttemptId": "try-1" });
    let first = ok(&world, "ReceiveMessage", attempt.clone()).await;
    assert_eq!(ok(&world, "ReceiveMessage", attempt).await, first);
    assert!(receive(&world, &url).await.is_empty());
}

#[tokio::test]
async fn what_a_fifo_queue_wants_is_asked_for() {
    let world = World::open().await;
    let fifo = queue(&world, "clicks.fifo", json!({})).await;
    let standard = queue(&world, "clicks", json!({})).await;
    let invalid = ("InvalidParameterValueException", "InvalidParameterValue");
    let missing = ("MissingRequiredParameterException", "MissingParameter");
    let with = |url: &str, more: Value| {
        let mut input = json!({ "QueueUrl": url, "MessageBody": "x" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let id = |name: &str, value: &str| {
        format!(
            "Value {value} for parameter {name} is invalid. Reason: {name} can only include alphanumeric and \
             punctuation characters. 1 to 128 in length."
        )
    };
    let long = "a".repeat(129);
    let no_deduplication = "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly";
    let cases = [
        ("SendMessage", with(&fifo, json!({})), missing, "The request must contain the parameter MessageGroupId.".to_owned()),
        ("SendMessage", with(&fifo, json!({ "MessageGroupId": "g" })), invalid, no_deduplication.to_owned()),
        ("SendMessage", with(&fifo, json!({ "MessageGroupId": "g", "MessageDeduplicationId": "d", "DelaySeconds": 2 })), invalid,
            "Value 2 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type.".to_owned()),
        ("SendMessage", with(&fifo, json!({ "MessageGroupId": "a b", "MessageDeduplicationId": "d" })), invalid, id("MessageGroupId", "a b")),
        ("SendMessage", with(&fifo, json!({ "MessageGroupId": "", "MessageDeduplicationId": "d" })), invalid, id("MessageGroupId", "")),
        ("SendMessage", with(&fifo, json!({ "MessageGroupId": "g", "MessageDeduplicationId": long })), invalid, "Value aaaaa".to_owned()),
        ("SendMessage", with(&standard, json!({ "MessageDeduplicationId": "d" })), invalid,
            "Value d for parameter MessageDeduplicationId is invalid. Reason: The request includes a parameter that is not valid for this queue type.".to_owned()),
        ("SendMessageBatch", json!({ "QueueUrl": fifo, "Entries": [{ "Id": "a", "MessageBody": "x", "MessageGroupId": "g" }] }), invalid, no_deduplication.to_owned()),
        ("SendMessageBatch", json!({ "QueueUrl": fifo, "Entries": [{ "Id": "a", "MessageBody": "x", "MessageDeduplicationId": "g" }] }), invalid,
            "The request must contain the parameter MessageGroupId.".to_owned()),
        ("ReceiveMessage", json!({ "QueueUrl": standard, "ReceiveRequestAttemptId": "a" }), invalid,
            "Value a for parameter ReceiveRequestAttemptId is invalid. Reason: The request include parameter that is not valid for this queue type.".to_owned()),
        ("ReceiveMessage", json!({ "QueueUrl": fifo, "ReceiveRequestAttemptId": "a b" }), invalid, "ReceiveRequestAttemptId can only include".to_owned()),
    ];
    for wire in BOTH {
        for (operation, input, code, text) in &cases {
            is_error(&call(&world, wire, operation, input).await, wire, 400, *code, text);
        }
    }
    // A standard queue takes a group, which says nothing of the order.
    ok(&world, "SendMessage", with(&standard, json!({ "MessageGroupId": "g" }))).await;
    assert_eq!(receive(&world, &standard).await[0]["Attributes"]["MessageGroupId"], "g");
    // No delay is the queue's own.
    ok(
        &world,
        "SendMessage",
        with(&fifo, json!({ "MessageGroupId": "g", "MessageDeduplicationId": "d", "DelaySeconds": 0 })),
    )
    .await;
    assert_eq!(bodies(&receive(&world, &fifo).await), ["x"]);
}
