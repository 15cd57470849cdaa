//! Batches: entries fail by themselves, and some mistakes fail all.

use super::*;

#[tokio::test]
async fn entries_succeed_and_fail_by_themselves() {
    let world = World::open().await;
    let url = queue(&world, "clicks", json!({ "MaximumMessageSize": "1024" })).await;
    let attribute = |kind: &str, value: &str| json!({ "n": { "DataType": kind, "StringValue": value } });
    let batch = json!({ "QueueUrl": url, "Entries": [
        { "Id": "1", "MessageBody": "one", "MessageAttributes": attribute("String", "v") },
        { "Id": "2", "MessageBody": "x".repeat(1_025) },
        { "Id": "3", "MessageBody": "\u{8}" },
        { "Id": "4", "MessageBody": "" },
        { "Id": "5", "MessageBody": "x", "DelaySeconds": 901 },
        { "Id": "6", "MessageBody": "x", "MessageAttributes": attribute("Number", "ten") },
        { "Id": "7", "MessageBody": "x", "MessageDeduplicationId": "d" },
        { "Id": "8", "MessageBody": "eight" },
        { "Id": "9" },
    ]});
    let answer = ok(&world, "SendMessageBatch", batch.clone()).await;
    let successful = answer["Successful"].as_array().unwrap();
    assert_eq!(successful.iter().map(|entry| entry["Id"].as_str().unwrap()).collect::<Vec<_>>(), ["1", "8"]);
    assert!(successful[0]["MD5OfMessageAttributes"].is_string() && successful[0]["MessageId"].is_string());
    let xml = ok_xml(&world, "SendMessageBatch", batch).await;
    let mut failed: Vec<Value> = answer["Failed"].as_array().unwrap().clone();
    failed.sort_by_key(|entry| entry["Id"].as_str().unwrap().to_owned());
    let expected = [
        (
            "2",
            "InvalidParameterValue",
            "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes.",
        ),
        ("3", "InvalidMessageContents", "Invalid characters found."),
        (
            "4",
            "MissingParameter",
            "The request must contain the parameter SendMessageBatchRequestEntry.4.MessageBody.",
        ),
        (
            "5",
            "InvalidParameterValue",
            "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.",
        ),
        ("6", "InvalidParameterValue", "Can't cast the value of message (user) attribute 'n' to a number."),
        (
            "7",
            "InvalidParameterValue",
            "Value d for parameter MessageDeduplicationId is invalid. Reason: The request includes a parameter that is not valid for this queue type.",
        ),
        ("9", "MissingParameter", "SendMessageBatchRequestEntry.9.MessageBody"),
    ];
    assert_eq!(failed.len(), expected.len());
    for (entry, (id, code, text)) in failed.iter().zip(expected) {
        assert_eq!(
            (&entry["Id"], &entry["Code"], &entry["SenderFault"]),
            (&json!(id), &json!(code), &json!(true))
        );
        assert!(entry["Message"].as_str().unwrap().contains(text), "{entry} lacks {text}");
        let begin =
            format!("<BatchResultErrorEntry><Id>{id}</Id><SenderFault>true</SenderFault><Code>{code}</Code>");
        assert!(xml.contains(&begin), "{xml} lacks {begin}");
    }
    assert!(xml.contains("<SendMessageBatchResultEntry><Id>1</Id><MD5OfMessageBody>"), "{xml}");

    let received = receive(&world, &url).await;
    assert_eq!(bodies(&received), ["one", "eight", "one", "eight"]);
    let change = json!({ "QueueUrl": url, "Entries": [
        { "Id": "a", "ReceiptHandle": received[0]["ReceiptHandle"], "VisibilityTimeout": 0 },
        { "Id": "b", "ReceiptHandle": "garbage", "VisibilityTimeout": 0 },
        { "Id": "c", "ReceiptHandle": received[1]["ReceiptHandle"], "VisibilityTimeout": 43_201 },
        { "Id": "d", "ReceiptHandle": received[1]["ReceiptHandle"] },
    ]});
    let changed = ok(&world, "ChangeMessageVisibilityBatch", change).await;
    assert_eq!(changed["Successful"], json!([{ "Id": "a" }]));
    let codes: Vec<_> = changed["Failed"].as_array().unwrap().iter().map(|entry| &entry["Code"]).collect();
    assert_eq!(codes, ["ReceiptHandleIsInvalid", "InvalidParameterValue", "MissingParameter"]);
    assert!(
        changed["Failed"][1]["Message"]
            .as_str()
            .unwrap()
            .ends_with("must be an integer between 0 and 43200.")
    );
    let entries: Vec<Value> = received
        .iter()
        .enumerate()
        .map(|(index, message)| json!({ "Id": index.to_string(), "ReceiptHandle": message["ReceiptHandle"] }))
        .chain([json!({ "Id": "x", "ReceiptHandle": "garbage" }), json!({ "Id": "y" })])
        .collect();
    let deleted = ok(&world, "DeleteMessageBatch", json!({ "QueueUrl": url, "Entries": entries })).await;
    assert_eq!(deleted["Successful"].as_array().unwrap().len(), 4);
    assert_eq!(
        deleted["Failed"][0]["Message"],
        "The input receipt handle \"garbage\" is not a valid receipt handle."
    );
    assert_eq!(deleted["Failed"][1]["Code"], "MissingParameter");
    let xml = ok_xml(&world, "DeleteMessageBatch", json!({ "QueueUrl": url, "Entries": [entries[0]] })).await;
    assert_eq!(
        xml,
        "<DeleteMessageBatchResult><DeleteMessageBatchResultEntry><Id>0</Id></DeleteMessageBatchResultEntry>\
         </DeleteMessageBatchResult>"
    );
    assert!(receive(&world, &url).await.is_empty());
}

#[tokio::test]
async fn a_batch_is_refused_as_a_whole_if_it_is_none() {
    let world = World::open().await;
    let url = queue(&world, "clicks", json!({})).await;
    for operation in ["SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"] {
        let entry =
            |id: &str| json!({ "Id": id, "MessageBody": "x", "ReceiptHandle": "h", "VisibilityTimeout": 0 });
        let many: Vec<Value> = (0..11).map(|id| entry(&id.to_string())).collect();
        let cases = [
            (json!([]), "EmptyBatchRequest", format!("There should be at least one {operation}RequestEntry in the request.")),
            (json!(many), "TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10. You have sent 11.".into()),
            (json!([entry("a"), entry("b"), entry("a")]), "BatchEntryIdsNotDistinct", "Id a repeated.".into()),
            (json!([entry("a b")]), "InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.".into()),
            (json!([entry(&"a".repeat(81))]), "InvalidBatchEntryId", "at most 80 letters long.".into()),
            (json!([entry("")]), "InvalidBatchEntryId", "A batch entry id".into()),
        ];
        for wire in BOTH {
            for (entries, code, text) in &cases {
                let reply =
                    call(&world, wire, operation, &json!({ "QueueUrl": url, "Entries": entries })).await;
                let query = format!("AWS.SimpleQueueService.{code}");
                is_error(&reply, wire, 400, (code, &query), text);
            }
            let reply = call(
                &world,
                wire,
                operation,
                &json!({ "QueueUrl": url, "Entries": [{ "MessageBody": "x" }] }),
            )
            .await;
            let code = ("MissingRequiredParameterException", "MissingParameter");
            is_error(&reply, wire, 400, code, &format!("{operation}RequestEntry.1.Id."));
            let gone = json!({ "QueueUrl": super::url("nowhere"), "Entries": [entry("a")] });
            let code = ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue");
            is_error(&call(&world, wire, operation, &gone).await, wire, 400, code, "does not exist");
        }
    }
    for wire in BOTH {
        let half = "x".repeat(1 << 19);
        let batch = json!({ "QueueUrl": url, "Entries": [
            { "Id": "a", "MessageBody": half }, { "Id": "b", "MessageBody": half }, { "Id": "c", "MessageBody": "x" },
        ]});
        is_error(
            &call(&world, wire, "SendMessageBatch", &batch).await,
            wire,
            400,
            ("BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong"),
            "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.",
        );
    }
    assert!(receive(&world, &url).await.is_empty());
}
