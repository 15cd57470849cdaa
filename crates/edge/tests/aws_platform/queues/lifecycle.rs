//! Queues are made, found, changed and removed.

use super::*;

#[tokio::test]
async fn a_queue_is_made_found_and_removed() {
    let world = World::open().await;
    let made = queue(&world, "clicks", json!({ "DelaySeconds": "5" })).await;
    assert_eq!(made, url("clicks"));
    // Once more is the same, also where nothing is said.
    assert_eq!(queue(&world, "clicks", json!({ "DelaySeconds": "5" })).await, made);
    assert_eq!(queue(&world, "clicks", json!({})).await, made);
    for wire in BOTH {
        let other = json!({ "QueueName": "clicks", "Attributes": { "DelaySeconds": "6" } });
        is_error(
            &call(&world, wire, "CreateQueue", &other).await,
            wire,
            400,
            ("QueueNameExists", "QueueAlreadyExists"),
            "A queue already exists with the same name and a different value for attribute DelaySeconds",
        );
    }
    assert_eq!(ok(&world, "GetQueueUrl", json!({ "QueueName": "clicks" })).await["QueueUrl"], made.as_str());
    // The address that the client used.
    let asked = ask(&world, Wire::Json, "GetQueueUrl", &json!({ "QueueName": "clicks" }));
    let there = asked.header("host", "sqs.localhost:1234").send().await.json();
    assert_eq!(there["QueueUrl"], format!("http://sqs.localhost:1234/{ACCOUNT}/clicks"));
    // Any host, a path and a name alone name it.
    for url in [
        "https://sqs.us-east-1.amazonaws.com/000000000000/clicks",
        "http://localhost:4566/queue/000000000000/clicks",
        "/000000000000/clicks",
        "clicks",
    ] {
        assert_eq!(attribute(&world, url, "DelaySeconds").await, "5", "{url}");
    }
    assert_eq!(ok(&world, "DeleteQueue", json!({ "QueueUrl": made })).await, json!({}));
    for wire in BOTH {
        let text = match wire {
            Wire::Json => "The specified queue does not exist.",
            Wire::Query => "The specified queue does not exist for this wsdl version.",
        };
        let code = ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue");
        for (operation, input) in [
            ("GetQueueUrl", json!({ "QueueName": "clicks" })),
            ("DeleteQueue", json!({ "QueueUrl": made })),
            ("SendMessage", json!({ "QueueUrl": made, "MessageBody": "x" })),
            ("ReceiveMessage", json!({ "QueueUrl": made })),
            ("GetQueueUrl", json!({ "QueueName": "no name" })),
            ("DeleteQueue", json!({ "QueueUrl": "http://localhost:4566/111111111111/clicks" })),
        ] {
            is_error(&call(&world, wire, operation, &input).await, wire, 400, code, text);
        }
    }
    // Its name can be used again at once.
    queue(&world, "clicks", json!({})).await;
    assert_eq!(ok_xml(&world, "DeleteQueue", json!({ "QueueUrl": made })).await, "");
}

#[tokio::test]
async fn queues_are_listed_by_their_names_in_pages() {
    let world = World::open().await;
    assert_eq!(ok(&world, "ListQueues", json!({})).await, json!({}));
    assert_eq!(ok_xml(&world, "ListQueues", json!({})).await, "<ListQueuesResult></ListQueuesResult>");
    for name in ["b1", "a", "b3.fifo", "b2"] {
        queue(&world, name, json!({})).await;
    }
    let all = ok(&world, "ListQueues", json!({ "QueueNamePrefix": "b" })).await;
    assert_eq!(all, json!({ "QueueUrls": [url("b1"), url("b2"), url("b3.fifo")] }));
    let page = json!({ "QueueNamePrefix": "b", "MaxResults": 2 });
    let first = ok(&world, "ListQueues", page).await;
    assert_eq!(first["QueueUrls"], json!([url("b1"), url("b2")]));
    let rest = json!({ "QueueNamePrefix": "b", "MaxResults": 2, "NextToken": first["NextToken"] });
    assert_eq!(ok(&world, "ListQueues", rest.clone()).await, json!({ "QueueUrls": [url("b3.fifo")] }));
    assert_eq!(
        ok_xml(&world, "ListQueues", rest).await,
        format!("<ListQueuesResult><QueueUrl>{}</QueueUrl></ListQueuesResult>", url("b3.fifo"))
    );
}

#[tokio::test]
async fn attributes_are_set_shown_and_removed() {
    let world = World::open().await;
    let url = queue(&world, "clicks", json!({ "VisibilityTimeout": "20" })).await;
    let all = json!({ "QueueUrl": url, "AttributeNames": ["All"] });
    let shown = ok(&world, "GetQueueAttributes", all.clone()).await;
    assert_eq!(
        shown["Attributes"],
        json!({
            "ApproximateNumberOfMessages": "0",
            "ApproximateNumberOfMessagesDelayed": "0",
            "ApproximateNumberOfMessagesNotVisible": "0",
            "CreatedTimestamp": "1769847330",
            "DelaySeconds": "0",
            "LastModifiedTimestamp": "1769847330",
            "MaximumMessageSize": "1048576",
            "MessageRetentionPeriod": "345600",
            "QueueArn": arn("clicks"),
            "ReceiveMessageWaitTimeSeconds": "0",
            "SqsManagedSseEnabled": "true",
            "VisibilityTimeout": "20",
        })
    );
    assert_eq!(ok(&world, "GetQueueAttributes", json!({ "QueueUrl": url })).await, json!({}));
    queue(&world, "dead", json!({})).await;
    world.clock.advance(std::time::Duration::from_secs(10)).await;
    let policy = r#"{"Version":"2012-10-17","Statement":[]}"#;
    let set = json!({
        "VisibilityTimeout": "69",
        "DelaySeconds": "420",
        "MaximumMessageSize": "2048",
        "MessageRetentionPeriod": "60",
        "ReceiveMessageWaitTimeSeconds": "20",
        "Policy": policy,
        "RedrivePolicy": json!({ "deadLetterTargetArn": arn("dead"), "maxReceiveCount": "3" }).to_string(),
        "RedriveAllowPolicy": json!({ "redrivePermission": "byQueue", "sourceQueueArns": [arn("x")] }).to_string(),
        "KmsMasterKeyId": "alias/aws/sqs",
    });
    for wire in BOTH {
        let reply =
            call(&world, wire, "SetQueueAttributes", &json!({ "QueueUrl": url, "Attributes": set })).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    let shown = ok(&world, "GetQueueAttributes", all.clone()).await["Attributes"].clone();
    for (name, value) in set.as_object().unwrap() {
        match name.as_str() {
            "RedrivePolicy" => assert_eq!(
                shown[name],
                json!({ "deadLetterTargetArn": arn("dead"), "maxReceiveCount": 3 }).to_string()
            ),
            _ => assert_eq!(&shown[name], value, "{name}"),
        }
    }
    assert_eq!(shown["SqsManagedSseEnabled"], "false");
    assert_eq!(shown["KmsDataKeyReusePeriodSeconds"], "300");
    assert_eq!(shown["LastModifiedTimestamp"], "1769847340");
    let xml = ok_xml(
        &world,
        "GetQueueAttributes",
        json!({ "QueueUrl": url, "AttributeNames": ["Policy", "DelaySeconds"] }),
    )
    .await;
    assert_eq!(
        xml,
        "<GetQueueAttributesResult><Attribute><Name>DelaySeconds</Name><Value>420</Value></Attribute><Attribute>\
         <Name>Policy</Name><Value>{&quot;Version&quot;:&quot;2012-10-17&quot;,&quot;Statement&quot;:[]}</Value>\
         </Attribute></GetQueueAttributesResult>"
    );
    // An empty text removes.
    let removed = json!({ "Policy": "", "RedrivePolicy": "", "RedriveAllowPolicy": "", "SqsManagedSseEnabled": "true" });
    ok(&world, "SetQueueAttributes", json!({ "QueueUrl": url, "Attributes": removed })).await;
    let shown = ok(&world, "GetQueueAttributes", all).await["Attributes"].clone();
    for name in ["Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId"] {
        assert_eq!(shown.get(name), None);
    }
    assert_eq!(shown["SqsManagedSseEnabled"], "true");
}

#[tokio::test]
async fn a_fifo_queue_shows_what_it_has_beside() {
    let world = World::open().await;
    let url = queue(&world, "clicks.fifo", json!({ "ContentBasedDeduplication": "true" })).await;
    let set = json!({ "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId", "FifoQueue": "true" });
    let fifo = ["FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"];
    let get = json!({ "QueueUrl": url, "AttributeNames": fifo });
    let before = ok(&world, "GetQueueAttributes", get.clone()).await["Attributes"].clone();
    assert_eq!(
        before,
        json!({ "ContentBasedDeduplication": "true", "DeduplicationScope": "queue", "FifoQueue": "true", "FifoThroughputLimit": "perQueue" })
    );
    ok(&world, "SetQueueAttributes", json!({ "QueueUrl": url, "Attributes": set })).await;
    let after = ok(&world, "GetQueueAttributes", get).await["Attributes"].clone();
    assert_eq!(after["DeduplicationScope"], "messageGroup");
    assert_eq!(after["FifoThroughputLimit"], "perMessageGroupId");
}

#[tokio::test]
async fn depths_tags_and_purges() {
    let world = World::open().await;
    let made = json!({ "QueueName": "clicks", "tags": { "team": "pets" } });
    let url = ok(&world, "CreateQueue", made).await["QueueUrl"].as_str().unwrap().to_owned();
    for body in ["a", "b", "c"] {
        send(&world, &url, body).await;
    }
    ok(&world, "SendMessage", json!({ "QueueUrl": url, "MessageBody": "late", "DelaySeconds": 60 })).await;
    ok(&world, "ReceiveMessage", json!({ "QueueUrl": url })).await;
    assert_eq!(attribute(&world, &url, "ApproximateNumberOfMessages").await, "2");
    assert_eq!(attribute(&world, &url, "ApproximateNumberOfMessagesNotVisible").await, "1");
    assert_eq!(attribute(&world, &url, "ApproximateNumberOfMessagesDelayed").await, "1");
    ok(&world, "PurgeQueue", json!({ "QueueUrl": url })).await;
    assert!(receive(&world, &url).await.is_empty());
    for wire in BOTH {
        let code = ("PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress");
        let text = "Only one PurgeQueue operation on clicks is allowed every 60 seconds.";
        let reply = call(&world, wire, "PurgeQueue", &json!({ "QueueUrl": url })).await;
        is_error(&reply, wire, 403, code, text);
    }
    let tags = json!({ "QueueUrl": url });
    assert_eq!(ok(&world, "ListQueueTags", tags.clone()).await, json!({ "Tags": { "team": "pets" } }));
    ok(&world, "TagQueue", json!({ "QueueUrl": url, "Tags": { "a": "1", "b": "" } })).await;
    assert_eq!(ok_xml(&world, "UntagQueue", json!({ "QueueUrl": url, "TagKeys": ["team", "a"] })).await, "");
    assert_eq!(ok(&world, "ListQueueTags", tags.clone()).await, json!({ "Tags": { "b": "" } }));
    assert_eq!(
        ok_xml(&world, "ListQueueTags", tags.clone()).await,
        "<ListQueueTagsResult><Tag><Key>b</Key><Value></Value></Tag></ListQueueTagsResult>"
    );
    ok_xml(&world, "TagQueue", json!({ "QueueUrl": url, "Tags": { "c": "3" } })).await;
    ok(&world, "UntagQueue", json!({ "QueueUrl": url, "TagKeys": ["b", "c"] })).await;
    assert_eq!(ok(&world, "ListQueueTags", tags).await, json!({}));
}
