//! What is published is delivered.

use super::*;
use sonagi_data::queues::AttributeValue;

fn string(value: &str) -> Value {
    json!({ "DataType": "String", "StringValue": value })
}

#[tokio::test]
async fn a_queue_gets_an_envelope_or_the_message_itself() {
    let world = World::open().await;
    let news = topic(&world, "news", json!({})).await;
    let subscription = subscribe(&world, &news, "wrapped", json!({})).await;
    subscribe(&world, &news, "raw", json!({ "RawMessageDelivery": "true" })).await;
    let given = json!({
        "Subject": "rain <&>",
        "MessageAttributes": {
            "n": { "DataType": "Number", "StringValue": "1.5" },
            "b": { "DataType": "Binary", "BinaryValue": "AgME" },
        },
    });
    let published = publish(&world, &news, "소나기 \"wet\"", given).await;
    let [wrapped] = &receive(&world, "wrapped").await[..] else { panic!() };
    assert_eq!(
        envelope(wrapped),
        json!({
            "Type": "Notification",
            "MessageId": element(&published, "MessageId"),
            "TopicArn": news,
            "Subject": "rain <&>",
            "Message": "소나기 \"wet\"",
            "Timestamp": "2026-01-31T08:15:30.123Z",
            "SignatureVersion": "1",
            "Signature": "",
            "SigningCertURL": "http://localhost:4566/SimpleNotificationService-unsigned.pem",
            "UnsubscribeURL": format!("http://localhost:4566/?Action=Unsubscribe&SubscriptionArn={subscription}"),
            "MessageAttributes": {
                "b": { "Type": "Binary", "Value": "AgME" },
                "n": { "Type": "Number", "Value": "1.5" },
            },
        })
    );
    assert!(wrapped.message.head.attributes.is_empty());
    assert_eq!(wrapped.message.head.sender, "sns.amazonaws.com");
    let [raw] = &receive(&world, "raw").await[..] else { panic!() };
    assert_eq!(body(raw), "소나기 \"wet\"");
    let [(b, binary), (n, number)] = &raw.message.head.attributes[..] else { panic!() };
    assert_eq!((b.as_str(), n.as_str()), ("b", "n"));
    assert_eq!(binary.value, AttributeValue::Binary(vec![2, 3, 4].into()));
    assert_eq!((number.kind.as_str(), &number.value), ("Number", &AttributeValue::Text("1.5".into())));
}

#[tokio::test]
async fn a_function_gets_an_event() {
    let world = World::open().await;
    assert_eq!(world.create("wet").await.status, 201);
    let news = topic(&world, "news", json!({})).await;
    let function = format!("arn:aws:lambda:us-east-1:{ACCOUNT}:function:wet");
    let input = json!({ "TopicArn": news, "Protocol": "lambda", "Endpoint": function });
    let subscribed = ok(&world, "Subscribe", input).await;
    let published =
        publish(&world, &news, "rain", json!({ "MessageAttributes": { "a": string("v") } })).await;
    let own = QueueName::own("f", "wet");
    let [invocation] = &world.queues.receive(&own, Receive::up_to(10)).await.unwrap()[..] else { panic!() };
    let url = format!(
        "http://localhost:4566/?Action=Unsubscribe&SubscriptionArn={}",
        element(&subscribed, "SubscriptionArn")
    );
    assert_eq!(
        envelope(invocation),
        json!({
            "Records": [{
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "EventSubscriptionArn": element(&subscribed, "SubscriptionArn"),
                "Sns": {
                    "Type": "Notification",
                    "MessageId": element(&published, "MessageId"),
                    "TopicArn": news,
                    "Subject": null,
                    "Message": "rain",
                    "Timestamp": "2026-01-31T08:15:30.123Z",
                    "SignatureVersion": "1",
                    "Signature": "",
                    "SigningCertUrl": "http://localhost:4566/SimpleNotificationService-unsigned.pem",
                    "UnsubscribeUrl": url,
                    "MessageAttributes": { "a": { "Type": "String", "Value": "v" } },
                },
            }],
        })
    );
}

#[tokio::test]
async fn a_filter_says_which_messages_are_delivered() {
    let world = World::open().await;
    let news = topic(&world, "news", json!({})).await;
    let by_attributes = json!({ "FilterPolicy": r#"{"kind": ["rain"], "mm": [{"numeric": [">", 10]}]}"# });
    subscribe(&world, &news, "attributes", by_attributes).await;
    let by_body = json!({ "FilterPolicy": r#"{"kind": ["rain"]}"#, "FilterPolicyScope": "MessageBody" });
    let filtered = subscribe(&world, &news, "body", by_body).await;
    subscribe(&world, &news, "all", json!({})).await;
    let mm = |mm: &str| json!({ "MessageAttributes": { "kind": string("rain"), "mm": { "DataType": "Number", "StringValue": mm } } });
    publish(&world, &news, "heavy", mm("20")).await;
    publish(&world, &news, "light", mm("2")).await;
    publish(&world, &news, r#"{"kind": "rain"}"#, json!({})).await;
    publish(&world, &news, r#"{"kind": "snow"}"#, json!({})).await;
    let list = json!({ "MessageAttributes": {
        "kind": { "DataType": "String.Array", "StringValue": r#"["snow", "rain"]"# },
        "mm": { "DataType": "Number", "StringValue": "1e3" },
    } });
    publish(&world, &news, "list", list).await;
    assert_eq!(messages(&world, "attributes").await, ["heavy", "list"]);
    assert_eq!(messages(&world, "body").await, [r#"{"kind": "rain"}"#]);
    assert_eq!(messages(&world, "all").await.len(), 5);
    // What a subscription wants counts from the next message on.
    let set = json!({ "SubscriptionArn": filtered, "AttributeName": "FilterPolicy", "AttributeValue": r#"{"kind": ["snow"]}"# });
    ok(&world, "SetSubscriptionAttributes", set).await;
    publish(&world, &news, r#"{"kind": "rain"}"#, json!({})).await;
    publish(&world, &news, r#"{"kind": "snow"}"#, json!({})).await;
    assert_eq!(messages(&world, "body").await, [r#"{"kind": "snow"}"#]);
}

#[tokio::test]
async fn what_no_queue_takes_becomes_a_dead_letter() {
    let world = World::open().await;
    let news = topic(&world, "news", json!({})).await;
    queue(&world, "dead").await;
    let redrive = json!({ "deadLetterTargetArn": queue_arn("dead") }).to_string();
    let gone = json!({ "TopicArn": news, "Protocol": "sqs", "Endpoint": queue_arn("gone"), "Attributes": { "RedrivePolicy": redrive } });
    ok(&world, "Subscribe", gone).await;
    let function = format!("arn:aws:lambda:us-east-1:{ACCOUNT}:function:none");
    let none = json!({ "TopicArn": news, "Protocol": "lambda", "Endpoint": function, "Attributes": { "RedrivePolicy": redrive } });
    ok(&world, "Subscribe", none).await;
    // More attributes than a queue takes.
    subscribe(&world, &news, "raw", json!({ "RawMessageDelivery": "true", "RedrivePolicy": redrive })).await;
    subscribe(&world, &news, "well", json!({})).await;
    publish(&world, &news, "one", json!({})).await;
    assert_eq!(messages(&world, "dead").await, ["one", "one"]);
    let many: Value =
        (0..11).map(|index| (format!("a{index}"), string("v"))).collect::<serde_json::Map<_, _>>().into();
    publish(&world, &news, "many", json!({ "MessageAttributes": many })).await;
    assert_eq!(receive(&world, "raw").await.iter().map(body).collect::<Vec<_>>(), ["one"]);
    assert_eq!(messages(&world, "well").await, ["one", "many"]);
    assert_eq!(messages(&world, "dead").await, ["many", "many", "many"]);
}

#[tokio::test]
async fn each_protocol_gets_what_a_structured_message_has_for_it() {
    let world = World::open().await;
    let news = topic(&world, "news", json!({})).await;
    subscribe(&world, &news, "q", json!({})).await;
    let structured = json!({ "MessageStructure": "json" });
    publish(&world, &news, r#"{"default": "d", "sqs": "s"}"#, structured.clone()).await;
    publish(&world, &news, r#"{"default": "d", "lambda": "l"}"#, structured).await;
    assert_eq!(messages(&world, "q").await, ["s", "d"]);
}

#[tokio::test]
async fn a_batchs_messages_are_accepted_each_by_itself() {
    let world = World::open().await;
    let news = topic(&world, "news", json!({})).await;
    subscribe(&world, &news, "q", json!({})).await;
    let batch = |entries: Value| json!({ "TopicArn": news, "PublishBatchRequestEntries": entries });
    let entries = json!([
        { "Id": "a", "Message": "1", "Subject": "s" },
        { "Id": "b", "Message": "" },
        { "Id": "c", "Message": "3", "MessageAttributes": { "k": string("v") } },
    ]);
    let answer = ok(&world, "PublishBatch", batch(entries)).await;
    let successful = element(&answer, "Successful");
    assert_eq!(elements(successful, "Id"), ["a", "c"]);
    assert_eq!(
        element(&answer, "Failed"),
        "<member><Id>b</Id><Code>InvalidParameter</Code><Message>Invalid parameter: Empty message</Message>\
         <SenderFault>true</SenderFault></member>"
    );
    let received = receive(&world, "q").await;
    let [one, three] = &received[..] else { panic!() };
    assert_eq!(
        (&envelope(one)["Subject"], &envelope(three)["MessageAttributes"]["k"]["Value"]),
        (&json!("s"), &json!("v"))
    );
    let entry = |id: &str, message: &str| json!({ "Id": id, "Message": message });
    let long = "x".repeat(200_000);
    for (entries, code, text) in [
        (json!([]), "EmptyBatchRequest", "The batch request doesn't contain any entries."),
        (
            (0..11).map(|index| entry(&index.to_string(), "m")).collect(),
            "TooManyEntriesInBatchRequest",
            "The batch request contains more entries than permissible.",
        ),
        (
            json!([entry("a", "m"), entry("a", "m")]),
            "BatchEntryIdsNotDistinct",
            "Two or more batch entries in the request have the same Id.",
        ),
        (
            json!([entry("a.b", "m")]),
            "InvalidBatchEntryId",
            "The Id of a batch entry in the batch request contains an impermissible character: a.b",
        ),
        (
            json!([entry(&"a".repeat(81), "m")]),
            "InvalidBatchEntryId",
            "The Id of a batch entry in the batch request is too long: aaa",
        ),
        (
            json!([entry("a", &long), entry("b", &long)]),
            "BatchRequestTooLong",
            "The length of all the messages put together is more than the limit.",
        ),
    ] {
        is_error(&call(&world, "PublishBatch", &batch(entries)).await, 400, code, text);
    }
    assert!(receive(&world, "q").await.is_empty());
}
