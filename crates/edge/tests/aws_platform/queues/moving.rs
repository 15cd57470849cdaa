//! Dead letters, and the tasks that move them back.

use super::*;
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// A queue whose messages are dead letters after one receipt.
async fn with_dead_letters(world: &World) -> (String, String) {
    let dead = queue(world, "dead", json!({})).await;
    let redrive = json!({ "deadLetterTargetArn": arn("dead"), "maxReceiveCount": 1 }).to_string();
    let url = queue(world, "clicks", json!({ "RedrivePolicy": redrive, "VisibilityTimeout": "0" })).await;
    (url, dead)
}

async fn until_moved(world: &World) -> Value {
    let list = json!({ "SourceArn": arn("dead") });
    for _ in 0..1_000 {
        let task = ok(world, "ListMessageMoveTasks", list.clone()).await["Results"][0].clone();
        if task["Status"] != "RUNNING" {
            return task;
        }
        world.clock.advance(std::time::Duration::from_millis(100)).await;
        tokio::task::spawn_blocking(|| {}).await.unwrap();
    }
    panic!("it does not end");
}

#[tokio::test]
async fn a_dead_letter_says_where_it_came_from_and_is_moved_back() {
    let world = World::open().await;
    let (url, dead) = with_dead_letters(&world).await;
    send(&world, &url, "x").await;
    assert_eq!(bodies(&receive(&world, &url).await), ["x"]);
    assert!(receive(&world, &url).await.is_empty());
    let letters = receive(&world, &dead).await;
    assert_eq!(letters[0]["Attributes"]["DeadLetterQueueSourceArn"], arn("clicks"));
    assert_eq!(letters[0]["Attributes"]["ApproximateReceiveCount"], "1");
    let sources = ok(&world, "ListDeadLetterSourceQueues", json!({ "QueueUrl": dead })).await;
    assert_eq!(sources, json!({ "queueUrls": [url] }));
    let none = ok(&world, "ListDeadLetterSourceQueues", json!({ "QueueUrl": url })).await;
    assert_eq!(none, json!({ "queueUrls": [] }));
    assert_eq!(
        ok_xml(&world, "ListDeadLetterSourceQueues", json!({ "QueueUrl": dead, "MaxResults": 1 })).await,
        format!(
            "<ListDeadLetterSourceQueuesResult><QueueUrl>{url}</QueueUrl></ListDeadLetterSourceQueuesResult>"
        )
    );
    let show =
        json!({ "QueueUrl": dead, "ReceiptHandle": letters[0]["ReceiptHandle"], "VisibilityTimeout": 0 });
    ok(&world, "ChangeMessageVisibility", show).await;
    assert_eq!(ok(&world, "ListMessageMoveTasks", json!({ "SourceArn": arn("dead") })).await, json!({}));
    let started = ok(&world, "StartMessageMoveTask", json!({ "SourceArn": arn("dead") })).await;
    let task = until_moved(&world).await;
    assert_eq!(
        task,
        json!({
            "Status": "COMPLETED",
            "SourceArn": arn("dead"),
            "ApproximateNumberOfMessagesMoved": 1,
            "ApproximateNumberOfMessagesToMove": 1,
            "StartedTimestamp": 1_769_847_330_123_u64,
        })
    );
    assert_eq!(bodies(&receive(&world, &url).await), ["x"]);
    for wire in BOTH {
        let cancel = json!({ "TaskHandle": started["TaskHandle"] });
        let code = ("UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation");
        let reply = call(&world, wire, "CancelMessageMoveTask", &cancel).await;
        is_error(&reply, wire, 400, code, "Only active tasks can be cancelled.");
    }
}

#[tokio::test]
async fn a_task_is_slow_if_it_is_told_so_and_can_be_cancelled() {
    let world = World::open().await;
    let (_, dead) = with_dead_letters(&world).await;
    queue(&world, "elsewhere", json!({})).await;
    for n in 0..30 {
        send(&world, &dead, &n.to_string()).await;
    }
    let start = json!({ "SourceArn": arn("dead"), "DestinationArn": arn("elsewhere"), "MaxNumberOfMessagesPerSecond": 1 });
    let handle = ok(&world, "StartMessageMoveTask", start.clone()).await["TaskHandle"].clone();
    for wire in BOTH {
        let code = ("InvalidParameterValueException", "InvalidParameterValue");
        let reply = call(&world, wire, "StartMessageMoveTask", &start).await;
        is_error(&reply, wire, 400, code, "There is already a task running. Only one active task is allowed");
    }
    let listed =
        ok(&world, "ListMessageMoveTasks", json!({ "SourceArn": arn("dead"), "MaxResults": 10 })).await;
    let task = &listed["Results"][0];
    assert_eq!((&task["Status"], &task["TaskHandle"]), (&json!("RUNNING"), &handle));
    assert_eq!(
        (&task["DestinationArn"], &task["MaxNumberOfMessagesPerSecond"]),
        (&json!(arn("elsewhere")), &json!(1))
    );
    let xml = ok_xml(&world, "ListMessageMoveTasks", json!({ "SourceArn": arn("dead") })).await;
    assert!(xml.contains("<ListMessageMoveTasksResultEntry><TaskHandle>"), "{xml}");
    let xml = ok_xml(&world, "CancelMessageMoveTask", json!({ "TaskHandle": handle })).await;
    assert!(xml.contains("<ApproximateNumberOfMessagesMoved>"), "{xml}");
    let task = until_moved(&world).await;
    assert!(["CANCELLING", "CANCELLED"].contains(&task["Status"].as_str().unwrap()), "{task}");
    assert_eq!(task.get("TaskHandle"), None);
}

#[tokio::test]
async fn tasks_are_refused_with_sqss_words() {
    let world = World::open().await;
    let (_, _) = with_dead_letters(&world).await;
    queue(&world, "other", json!({})).await;
    queue(&world, "other.fifo", json!({})).await;
    let invalid = (400, ("InvalidParameterValueException", "InvalidParameterValue"));
    let gone = (404, ("ResourceNotFoundException", "ResourceNotFoundException"));
    let missing = (400, ("MissingRequiredParameterException", "MissingParameter"));
    let from = |source: &str, to: &str| json!({ "SourceArn": source, "DestinationArn": to });
    let handle =
        |id: &str, source: &str| STANDARD.encode(json!({ "taskId": id, "sourceArn": source }).to_string());
    let format = "arn:<partition>:<service>:<region>:<account-id>:<resource-id>";
    let cases = [
        ("StartMessageMoveTask", json!({}), missing, "The request must contain the parameter SourceArn.".to_owned()),
        ("StartMessageMoveTask", json!({ "SourceArn": "dead" }), invalid, format!("You must use this format to specify the SourceArn: {format}")),
        ("StartMessageMoveTask", from(&arn("dead"), "x"), invalid, format!("You must use this format to specify the DestinationArn: {format}")),
        ("StartMessageMoveTask", json!({ "SourceArn": arn("nowhere") }), gone, "The resource that you specified for the SourceArn parameter doesn't exist.".to_owned()),
        ("StartMessageMoveTask", json!({ "SourceArn": arn("dead").replace("us-east-1", "eu-west-1") }), gone, "SourceArn parameter doesn't exist.".to_owned()),
        ("StartMessageMoveTask", from(&arn("dead"), &arn("nowhere")), gone, "The resource that you specified for the DestinationArn parameter doesn't exist.".to_owned()),
        ("StartMessageMoveTask", from(&arn("dead"), &arn("dead")), invalid, "Source queue arn and destination queue arn cannot be the same.".to_owned()),
        ("StartMessageMoveTask", from(&arn("dead"), &arn("other.fifo")), invalid, "The source queue and destination queue must be of the same queue type.".to_owned()),
        ("StartMessageMoveTask", json!({ "SourceArn": arn("other") }), invalid, "Source queue must be configured as a Dead Letter Queue.".to_owned()),
        ("StartMessageMoveTask", json!({ "SourceArn": arn("dead"), "MaxNumberOfMessagesPerSecond": 501 }), invalid,
            "Value for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: You must enter a number that's between 1 and 500.".to_owned()),
        ("CancelMessageMoveTask", json!({}), missing, "The request must contain the parameter TaskHandle.".to_owned()),
        ("CancelMessageMoveTask", json!({ "TaskHandle": "foobared" }), invalid, "Value for parameter TaskHandle is invalid.".to_owned()),
        ("CancelMessageMoveTask", json!({ "TaskHandle": handle("x", &arn("nowhere")) }), gone, "The resource that you specified for the SourceArn parameter doesn't exist.".to_owned()),
        ("CancelMessageMoveTask", json!({ "TaskHandle": handle("x", &arn("dead")) }), gone, "Task does not exist.".to_owned()),
        ("ListMessageMoveTasks", json!({ "SourceArn": arn("nowhere") }), gone, "SourceArn parameter doesn't exist.".to_owned()),
        ("ListMessageMoveTasks", json!({ "SourceArn": arn("dead"), "MaxResults": 11 }), invalid, "MaxResults must be an integer between 1 and 10.".to_owned()),
    ];
    for wire in BOTH {
        for (operation, input, (status, code), text) in &cases {
            is_error(&call(&world, wire, operation, input).await, wire, *status, *code, text);
        }
    }
}
