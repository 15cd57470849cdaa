//! FIFO topics: order, and nothing twice.

use super::*;
use sonagi_model::limits;

fn grouped(group: &str, id: &str) -> Value {
    json!({ "MessageGroupId": group, "MessageDeduplicationId": id })
}

#[tokio::test]
async fn what_has_the_same_id_is_delivered_once_in_five_minutes() {
    let world = World::open().await;
    let news = topic(&world, "news.fifo", json!({})).await;
    subscribe(&world, &news, "fifo.fifo", json!({})).await;
    subscribe(&world, &news, "standard", json!({})).await;
    let first = publish(&world, &news, "1", grouped("g", "a")).await;
    let again = publish(&world, &news, "other", grouped("h", "a")).await;
    assert_eq!(first, again);
    let second = publish(&world, &news, "2", grouped("g", "b")).await;
    let (one, two) = (element(&first, "SequenceNumber"), element(&second, "SequenceNumber"));
    assert_eq!(one.len(), 20);
    assert!(one < two, "{one} {two}");
    let received = receive(&world, "fifo.fifo").await;
    let [message, _] = &received[..] else { panic!("{received:?}") };
    let shown = envelope(message);
    assert_eq!((&shown["Message"], &shown["SequenceNumber"]), (&json!("1"), &json!(one)));
    assert!(shown.get("Signature").is_none());
    assert_eq!(message.message.head.group.as_deref(), Some("g"));
    assert_eq!(message.message.head.deduplication.as_deref(), Some("a"));
    assert_eq!(messages(&world, "standard").await, ["1", "2"]);
    world.clock.advance(limits::TOPIC_DEDUPLICATION).await;
    let later = publish(&world, &news, "3", grouped("g", "a")).await;
    assert_ne!(element(&later, "MessageId"), element(&first, "MessageId"));
    assert_eq!(messages(&world, "fifo.fifo").await, ["3"]);
}

#[tokio::test]
async fn content_and_groups_can_be_what_is_deduplicated_by() {
    let world = World::open().await;
    let news = topic(
        &world,
        "news.fifo",
        json!({ "ContentBasedDeduplication": "true", "FifoThroughputScope": "MessageGroup" }),
    )
    .await;
    subscribe(&world, &news, "q", json!({})).await;
    for (group, message) in [("a", "same"), ("a", "same"), ("b", "same"), ("a", "other")] {
        publish(&world, &news, message, json!({ "MessageGroupId": group })).await;
    }
    assert_eq!(messages(&world, "q").await, ["same", "same", "other"]);
    let entry = |id: &str| json!({ "Id": id, "Message": "twins", "MessageGroupId": "g" });
    let batch = json!({ "TopicArn": news, "PublishBatchRequestEntries": [entry("a"), entry("b")] });
    let answer = ok(&world, "PublishBatch", batch).await;
    let numbers = elements(&answer, "SequenceNumber");
    assert_eq!(numbers[0], numbers[1]);
    assert_eq!(messages(&world, "q").await, ["twins"]);
}

#[tokio::test]
async fn a_fifo_topic_wants_groups_and_queues() {
    let world = World::open().await;
    let news = topic(&world, "news.fifo", json!({})).await;
    let plain = topic(&world, "plain", json!({})).await;
    let fifo = |more: Value| {
        let mut input = json!({ "TopicArn": news, "Message": "m" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ("Publish", input)
    };
    let to = |topic: &str, protocol: &str, endpoint: &str, attributes: Value| {
        let input = json!({ "TopicArn": topic, "Protocol": protocol, "Endpoint": endpoint, "Attributes": attributes });
        ("Subscribe", input)
    };
    let redrive = json!({ "RedrivePolicy": json!({ "deadLetterTargetArn": queue_arn("dead") }).to_string() });
    for ((operation, input), text) in [
        (fifo(json!({})), "Invalid parameter: The MessageGroupId parameter is required for FIFO topics"),
        (
            fifo(json!({ "MessageGroupId": "g" })),
            "Invalid parameter: The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        ),
        (
            ("Publish", json!({ "TopicArn": plain, "Message": "m", "MessageDeduplicationId": "d" })),
            "Invalid parameter: MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type",
        ),
        (
            to(&plain, "sqs", &queue_arn("q.fifo"), json!({})),
            "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
        ),
        (
            to(&news, "http", "http://127.0.0.1/", json!({})),
            "Invalid parameter: Invalid parameter: Endpoint Reason: Please use FIFO SQS queue",
        ),
        (
            to(&news, "sqs", &queue_arn("q.fifo"), redrive),
            "Invalid parameter: Attributes Reason: RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.",
        ),
    ] {
        is_error(&call(&world, operation, &input).await, 400, "InvalidParameter", text);
    }
}
