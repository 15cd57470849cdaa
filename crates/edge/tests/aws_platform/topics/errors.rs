//! What is wrong, in SNS's words.

use super::*;

async fn refused(world: &World, cases: &[(&str, Value, &str, &str)]) {
    for (operation, input, code, text) in cases {
        let status = if code.ends_with("NotFound") { 404 } else { 400 };
        is_error(&call(world, operation, input).await, status, code, text);
    }
}

#[tokio::test]
async fn names_and_arns_that_are_none() {
    let world = World::open().await;
    let name = |name: &str, fifo: &str| json!({ "Name": name, "Attributes": { "FifoTopic": fifo } });
    let count = "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1";
    let unsubscribe = |arn: &str| ("Unsubscribe", json!({ "SubscriptionArn": arn }));
    for (operation, input) in [
        ("CreateTopic", name("", "false")),
        ("CreateTopic", name("a b", "false")),
        ("CreateTopic", name(&"a".repeat(257), "false")),
        ("CreateTopic", name("a.fifo", "false")),
        ("CreateTopic", name("a", "true")),
    ] {
        let reply = call(&world, operation, &input).await;
        is_error(&reply, 400, "InvalidParameter", "Invalid parameter: Topic Name");
    }
    let cases = [
        (
            "CreateTopic",
            json!({}),
            "ValidationError",
            "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null",
        ),
        ("GetTopicAttributes", json!({ "TopicArn": "news" }), "InvalidParameter", count),
        ("Publish", json!({ "TopicArn": "", "Message": "m" }), "InvalidParameter", count),
        (
            "Publish",
            json!({ "TopicArn": "arn:aws:sns:eu-west-1:000000000000:news", "Message": "m" }),
            "InvalidParameter",
            "Invalid parameter: TopicArn",
        ),
        ("Publish", json!({ "TopicArn": arn("news"), "Message": "m" }), "NotFound", "Topic does not exist"),
        (
            "Publish",
            json!({ "Message": "m" }),
            "InvalidParameter",
            "Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter",
        ),
        (
            "Publish",
            json!({ "TargetArn": "arn:aws:sns:us-east-1:000000000000:endpoint/APNS/app/1", "Message": "m" }),
            "InvalidParameter",
            "Invalid parameter: TargetArn Reason: No endpoint found for the target arn specified",
        ),
        (
            "Publish",
            json!({ "PhoneNumber": "+15551234567", "Message": "m" }),
            "InvalidParameter",
            "PhoneNumber Reason: +15551234567 is not valid to publish to",
        ),
        (
            "PublishBatch",
            json!({ "TopicArn": arn("news"), "PublishBatchRequestEntries": [{ "Id": "a", "Message": "m" }] }),
            "NotFound",
            "Topic does not exist",
        ),
        (
            "Subscribe",
            json!({ "TopicArn": arn("news"), "Protocol": "sqs", "Endpoint": queue_arn("q") }),
            "NotFound",
            "Topic does not exist",
        ),
        (
            "GetSubscriptionAttributes",
            json!({ "SubscriptionArn": format!("{}:{}", arn("news"), "0".repeat(36)) }),
            "NotFound",
            "Subscription does not exist",
        ),
        ("NoSuchThing", json!({}), "InvalidAction", "The action NoSuchThing is not valid for this endpoint."),
        ("ListTopics", json!({ "NextToken": "?" }), "InvalidParameter", "Invalid parameter: NextToken"),
    ];
    refused(&world, &cases).await;
    for (arn, text) in [
        ("x", "Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements, not 1"),
        ("", "Invalid parameter: SubscriptionArn Reason: no value for required parameter"),
        (&format!("{}:x", arn("news")), "Invalid parameter: SubscriptionId"),
    ] {
        let (operation, input) = unsubscribe(arn);
        is_error(&call(&world, operation, &input).await, 400, "InvalidParameter", text);
    }
}

#[tokio::test]
async fn messages_that_cannot_be_published() {
    let world = World::open().await;
    let news = topic(&world, "news", json!({})).await;
    subscribe(&world, &news, "q", json!({})).await;
    let with = |more: Value| {
        let mut input = json!({ "TopicArn": news, "Message": "m" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ("Publish", input)
    };
    let attribute = |name: &str, value: Value| with(json!({ "MessageAttributes": { name: value } }));
    let text = |kind: &str, value: &str| json!({ "DataType": kind, "StringValue": value });
    let long = "x".repeat(262_145);
    let parameter = "InvalidParameter";
    let value = "ParameterValueInvalid";
    for ((operation, input), code, text) in [
        (with(json!({ "Subject": "" })), parameter, "Invalid parameter: Subject"),
        (with(json!({ "Subject": "x".repeat(101) })), parameter, "Invalid parameter: Subject"),
        (with(json!({ "Subject": "a\nb" })), parameter, "Invalid parameter: Subject"),
        (with(json!({ "Message": "" })), parameter, "Invalid parameter: Empty message"),
        (with(json!({ "Message": long })), parameter, "Invalid parameter: Message too long"),
        (
            with(json!({ "Message": "{", "MessageStructure": "json" })),
            parameter,
            "Invalid parameter: Message Structure - JSON message body failed to parse",
        ),
        (
            with(json!({ "Message": "{}", "MessageStructure": "json" })),
            parameter,
            "Invalid parameter: Message Structure - No default entry in JSON message body",
        ),
        (
            attribute("a", text("String", "")),
            value,
            "The message attribute 'a' must contain non-empty message attribute value for message attribute type 'String'.",
        ),
        (
            attribute("a", json!({ "DataType": "Number", "BinaryValue": "AA==" })),
            value,
            "The message attribute 'a' with type 'Number' must use field 'String'.",
        ),
        (
            attribute("a", text("Binary", "v")),
            value,
            "The message attribute 'a' with type 'Binary' must use field 'Binary'.",
        ),
        (
            attribute("a", text("String.", "v")),
            value,
            "The message attribute 'a' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.",
        ),
        (
            attribute("a", text("Number", "ten")),
            value,
            "Could not cast message attribute 'a' value to number.",
        ),
        (
            attribute("a", json!({ "StringValue": "v" })),
            "ValidationError",
            "1 validation error detected: Value null at 'messageAttributes.a.member.dataType' failed to satisfy constraint: Member must not be null",
        ),
        (
            attribute("a^b", text("String", "v")),
            value,
            "Invalid non-alphanumeric character '#x5E' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots.",
        ),
        (
            attribute(".a", text("String", "v")),
            value,
            "Invalid message attribute name starting with character '.' was found.",
        ),
        (
            attribute("a.", text("String", "v")),
            value,
            "Invalid message attribute name ending with character '.' was found.",
        ),
        (
            attribute("a..b", text("String", "v")),
            value,
            "Message attribute name can not have successive '.' character.",
        ),
        (
            attribute(&"a".repeat(257), text("String", "v")),
            value,
            "Length of message attribute name must be less than 256 bytes.",
        ),
    ] {
        is_error(&call(&world, operation, &input).await, 400, code, text);
    }
    assert!(receive(&world, "q").await.is_empty());
}

#[tokio::test]
async fn subscriptions_that_cannot_be() {
    let world = World::open().await;
    let news = topic(&world, "news", json!({})).await;
    let to = |protocol: &str, endpoint: &str| {
        ("Subscribe", json!({ "TopicArn": news, "Protocol": protocol, "Endpoint": endpoint }))
    };
    for ((operation, input), text) in [
        (to("email", "a@b.c"), "Invalid parameter: Amazon SNS does not support this protocol string: email"),
        (to("sqs", "http://localhost:4566/000000000000/q"), "Invalid parameter: SQS endpoint ARN"),
        (to("sqs", &arn("news")), "Invalid parameter: SQS endpoint ARN"),
        (to("lambda", &queue_arn("q")), "Invalid parameter: Lambda endpoint ARN"),
        (to("http", "https://localhost/"), "Invalid parameter: Endpoint must match the specified protocol"),
        (to("https", "https://"), "Invalid parameter: Endpoint"),
    ] {
        is_error(&call(&world, operation, &input).await, 400, "InvalidParameter", text);
    }
    let (operation, input) = to("sqs", "");
    is_error(
        &call(&world, operation, &input).await,
        404,
        "NotFound",
        "Endpoint not specified in subscription",
    );
    let subscription = subscribe(&world, &news, "q", json!({})).await;
    for (name, value, text) in [
        ("Fake", "x", "AttributeName"),
        ("RawMessageDelivery", "", "RawMessageDelivery: Invalid value []. Must be true or false."),
        (
            "FilterPolicyScope",
            "Random",
            "FilterPolicyScope: Invalid value [Random]. Please use either MessageBody or MessageAttributes",
        ),
        ("FilterPolicy", "{x}", "FilterPolicy: "),
        (
            "FilterPolicy",
            r#"{"a": {"b": ["c"]}}"#,
            "Filter policy scope MessageAttributes does not support nested filter policy",
        ),
        ("RedrivePolicy", "{x}", "RedrivePolicy: failed to parse JSON."),
        (
            "RedrivePolicy",
            r#"{"deadLetterTargetArn": "fake"}"#,
            "RedrivePolicy: deadLetterTargetArn is an invalid arn",
        ),
        ("DeliveryPolicy", "{}", "DeliveryPolicy: Delivery protocol [sqs] has no delivery policy."),
        ("ReplayPolicy", "{}", "ReplayPolicy: "),
    ] {
        let set = json!({ "SubscriptionArn": subscription, "AttributeName": name, "AttributeValue": value });
        let reply = call(&world, "SetSubscriptionAttributes", &set).await;
        is_error(&reply, 400, "InvalidParameter", &format!("Invalid parameter: {text}"));
    }
    for (name, value, text) in [
        ("FifoTopic", "true", "AttributeName"),
        ("ContentBasedDeduplication", "true", "AttributeName"),
        ("Policy", "{", "Policy Error: "),
        ("DeliveryPolicy", "{\"x\": 1}", "DeliveryPolicy: failed to parse JSON."),
        (
            "MaximumMessageSize",
            "1023",
            "MaximumMessageSize: Invalid value [1023]. Must be from 1024 to 1048576.",
        ),
        ("SignatureVersion", "3", "SignatureVersion: Invalid value [3]. Must be 1 or 2."),
    ] {
        let set = json!({ "TopicArn": news, "AttributeName": name, "AttributeValue": value });
        let reply = call(&world, "SetTopicAttributes", &set).await;
        is_error(&reply, 400, "InvalidParameter", &format!("Invalid parameter: {text}"));
    }
}
