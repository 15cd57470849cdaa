//! Messages are sent, received and acknowledged.

use super::*;

#[tokio::test]
async fn a_message_comes_with_its_digests_and_goes_when_it_is_deleted() {
    let world = World::open().await;
    let url = queue(&world, "clicks", json!({})).await;
    let text = |value: &str| json!({ "DataType": "String", "StringValue": value });
    // Digests as SQS itself gave them.
    let trace = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1";
    let message = json!({
        "QueueUrl": url,
        "MessageBody": "msg",
        "MessageAttributes": { "Help.Me": text("Me"), "Hello": text("There"), "General": text("Kenobi") },
        "MessageSystemAttributes": { "AWSTraceHeader": text(trace) },
    });
    let sent = ok(&world, "SendMessage", message.clone()).await;
    assert_eq!(sent["MD5OfMessageBody"], "6e2baaf3b97dbeef01c0043275f9a0e7");
    assert_eq!(sent["MD5OfMessageAttributes"], "4c360f3fdafd970e05fae2f149d997f5");
    assert_eq!(sent["MD5OfMessageSystemAttributes"].as_str().unwrap().len(), 32);
    assert_eq!((sent["MessageId"].as_str().unwrap().len(), sent.get("SequenceNumber")), (36, None));
    let [received] = &receive(&world, &url).await[..] else { panic!() };
    assert_eq!(received["MessageId"], sent["MessageId"]);
    assert_eq!((&received["Body"], &received["MD5OfBody"]), (&json!("msg"), &sent["MD5OfMessageBody"]));
    assert_eq!(received["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"]);
    assert_eq!(received["MessageAttributes"], message["MessageAttributes"]);
    assert_eq!(
        received["Attributes"],
        json!({
            "AWSTraceHeader": trace,
            "ApproximateFirstReceiveTimestamp": "1769847330123",
            "ApproximateReceiveCount": "1",
            "SenderId": ACCOUNT,
            "SentTimestamp": "1769847330123",
        })
    );
    let delete = json!({ "QueueUrl": url, "ReceiptHandle": received["ReceiptHandle"] });
    assert_eq!(ok(&world, "DeleteMessage", delete.clone()).await, json!({}));
    // Twice is no failure.
    assert_eq!(ok_xml(&world, "DeleteMessage", delete).await, "");
    world.clock.advance(std::time::Duration::from_secs(31)).await;
    assert_eq!(ok(&world, "ReceiveMessage", json!({ "QueueUrl": url })).await, json!({}));
    assert_eq!(
        ok_xml(&world, "ReceiveMessage", json!({ "QueueUrl": url })).await,
        "<ReceiveMessageResult></ReceiveMessageResult>"
    );
}

#[tokio::test]
async fn a_receiver_gets_the_attributes_that_it_names() {
    let world = World::open().await;
    let url = queue(&world, "clicks", json!({ "VisibilityTimeout": "0" })).await;
    let text = |value: &str| json!({ "DataType": "String", "StringValue": value });
    let attributes = json!({ "Help.Me": text("Me"), "Hello": text("There"), "General": text("Kenobi") });
    ok(
        &world,
        "SendMessage",
        json!({ "QueueUrl": url, "MessageBody": "msg", "MessageAttributes": attributes }),
    )
    .await;
    // The digest is of those alone; these are SQS's own.
    for (names, got, digest) in [
        (json!([]), vec![], None),
        (json!(["All"]), vec!["General", "Hello", "Help.Me"], Some("4c360f3fdafd970e05fae2f149d997f5")),
        (json!([".*"]), vec!["General", "Hello", "Help.Me"], Some("4c360f3fdafd970e05fae2f149d997f5")),
        (json!(["Hello", "General"]), vec!["General", "Hello"], Some("fca026605781cb4126a1e9044df24232")),
        (json!(["Hello", "nope"]), vec!["Hello"], Some("a311262e065454b75da111d535b8dacd")),
        (json!(["Hel.*"]), vec!["Hello", "Help.Me"], Some("83fee93c1bcd8b9a5a923ffacdc636c7")),
        (json!(["nope", "AWS.", "..foo"]), vec![], None),
    ] {
        let input = json!({ "QueueUrl": url, "MessageAttributeNames": names });
        let message = ok(&world, "ReceiveMessage", input).await["Messages"][0].clone();
        let empty = serde_json::Map::new();
        let have = message.get("MessageAttributes").map_or(&empty, |have| have.as_object().unwrap());
        assert_eq!(have.keys().collect::<Vec<_>>(), got, "{names}");
        assert_eq!(message.get("MD5OfMessageAttributes").and_then(Value::as_str), digest, "{names}");
    }
    for (member, names, got) in [
        ("AttributeNames", json!(["SenderId"]), vec!["SenderId"]),
        ("MessageSystemAttributeNames", json!(["SentTimestamp"]), vec!["SentTimestamp"]),
        ("AttributeNames", json!(["SequenceNumber", "DeadLetterQueueSourceArn"]), vec![]),
    ] {
        let message = ok(&world, "ReceiveMessage", json!({ "QueueUrl": url, member: names })).await;
        let empty = serde_json::Map::new();
        let message = &message["Messages"][0];
        let have = message.get("Attributes").map_or(&empty, |have| have.as_object().unwrap());
        assert_eq!(have.keys().collect::<Vec<_>>(), got);
    }
}

#[tokio::test]
async fn binary_and_numbers_come_as_they_were_sent_in_both_protocols() {
    let world = World::open().await;
    let url = queue(&world, "clicks", json!({})).await;
    let attributes = json!({
        "blob": { "DataType": "Binary.png", "BinaryValue": "dHJhY2VwYXJlbnQe" },
        "count": { "DataType": "Number.int", "StringValue": "-12.50e3" },
    });
    let body = "<tag> & \"quotes\" \n\t 소나기 \u{1f327}";
    let message = json!({ "QueueUrl": url, "MessageBody": body, "MessageAttributes": attributes });
    let json = ok(&world, "SendMessage", message.clone()).await;
    let xml = ok_xml(&world, "SendMessage", message).await;
    for digest in ["MD5OfMessageBody", "MD5OfMessageAttributes"] {
        let element = format!("<{digest}>{}</{digest}>", json[digest].as_str().unwrap());
        assert!(xml.contains(&element), "{xml} lacks {element}");
    }
    let received = receive(&world, &url).await;
    assert_eq!(bodies(&received), [body, body]);
    for message in received {
        assert_eq!(message["MessageAttributes"], attributes);
        let change =
            json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0 });
        assert_eq!(ok_xml(&world, "ChangeMessageVisibility", change).await, "");
    }
    let input = json!({ "QueueUrl": url, "MessageAttributeNames": ["All"], "AttributeNames": ["ApproximateReceiveCount"] });
    let xml = ok_xml(&world, "ReceiveMessage", input).await;
    assert!(
        xml.contains("<Body>&lt;tag&gt; &amp; &quot;quotes&quot; &#10;&#9; 소나기 \u{1f327}</Body>"),
        "{xml}"
    );
    assert!(
        xml.contains(
            "<MessageAttribute><Name>blob</Name><Value><DataType>Binary.png</DataType><BinaryValue>\
             dHJhY2VwYXJlbnQe</BinaryValue></Value></MessageAttribute><MessageAttribute><Name>count</Name><Value>\
             <DataType>Number.int</DataType><StringValue>-12.50e3</StringValue></Value></MessageAttribute>"
        ),
        "{xml}"
    );
    assert!(
        xml.contains("<Attribute><Name>ApproximateReceiveCount</Name><Value>2</Value></Attribute>"),
        "{xml}"
    );
}

#[tokio::test]
async fn what_is_received_is_hidden_for_as_long_as_was_said() {
    let world = World::open().await;
    let url = queue(&world, "clicks", json!({})).await;
    send(&world, &url, "x").await;
    let input = json!({ "QueueUrl": url, "VisibilityTimeout": 5 });
    let handle = ok(&world, "ReceiveMessage", input).await["Messages"][0]["ReceiptHandle"].clone();
    let seconds = |seconds| world.clock.advance(std::time::Duration::from_secs(seconds));
    seconds(4).await;
    assert!(receive(&world, &url).await.is_empty());
    let change = json!({ "QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": 100 });
    ok(&world, "ChangeMessageVisibility", change.clone()).await;
    seconds(99).await;
    assert!(receive(&world, &url).await.is_empty());
    seconds(1).await;
    let again = receive(&world, &url).await;
    assert_eq!(again[0]["Attributes"]["ApproximateReceiveCount"], "2");
    // Somebody else has it now.
    for wire in BOTH {
        is_error(
            &call(&world, wire, "ChangeMessageVisibility", &change).await,
            wire,
            400,
            ("InvalidParameterValueException", "InvalidParameterValue"),
            "for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for \
             visibility timeout change.",
        );
    }
    // Any handle deletes.
    ok(&world, "DeleteMessage", json!({ "QueueUrl": url, "ReceiptHandle": handle })).await;
    seconds(31).await;
    assert!(receive(&world, &url).await.is_empty());
}

#[tokio::test]
async fn a_message_is_as_large_as_its_queue_allows() {
    let world = World::open().await;
    let url = queue(&world, "clicks", json!({})).await;
    let small = queue(&world, "small", json!({ "MaximumMessageSize": "1024" })).await;
    let most = "x".repeat(1 << 20);
    let sent = send(&world, &url, &most).await;
    assert_eq!(bodies(&receive(&world, &url).await), [most.as_str()]);
    assert!(sent["MessageId"].is_string());
    // All of it can be three bytes where it is escaped.
    let escaped = json!({ "QueueUrl": url, "MessageBody": "é".repeat(1 << 19) });
    ok_xml(&world, "SendMessage", escaped.clone()).await;
    let ascii = escaped.to_string().replace('é', "\\u00e9");
    let asked = ask(&world, Wire::Json, "SendMessage", &json!({})).body(ascii).signed().send().await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let code = ("InvalidParameterValueException", "InvalidParameterValue");
    for wire in BOTH {
        for (url, size, limit) in [(&url, (1 << 20) + 1, 1 << 20), (&small, 1_025, 1_024)] {
            let large = json!({ "QueueUrl": url, "MessageBody": "x".repeat(size) });
            let text = format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes."
            );
            is_error(&call(&world, wire, "SendMessage", &large).await, wire, 400, code, &text);
        }
        // Attributes count.
        let attribute = json!({ "n": { "DataType": "String", "StringValue": "v" } });
        let large =
            json!({ "QueueUrl": small, "MessageBody": "x".repeat(1_017), "MessageAttributes": attribute });
        is_error(&call(&world, wire, "SendMessage", &large).await, wire, 400, code, "1024 bytes");
        let beyond = ask(&world, wire, "SendMessage", &json!({}))
            .body("x".repeat(sonagi_model::limits::QUEUE_BODY_SIZE + 1))
            .signed()
            .send()
            .await;
        let code = ("RequestEntityTooLargeException", "RequestEntityTooLarge");
        is_error(&beyond, wire, 413, code, "larger than");
    }
}
