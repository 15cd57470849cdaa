//! What is wrong with attributes, names and numbers, in SQS's words, in both protocols.

use super::*;

const INVALID: (&str, &str) = ("InvalidParameterValueException", "InvalidParameterValue");
const MISSING: (&str, &str) = ("MissingRequiredParameterException", "MissingParameter");
const NAME: (&str, &str) = ("InvalidAttributeName", "InvalidAttributeName");
const VALUE: (&str, &str) = ("InvalidAttributeValue", "InvalidAttributeValue");

type Case<'a> = (&'a str, Value, (&'a str, &'a str), String);

async fn refused(world: &World, cases: &[Case<'_>]) {
    for wire in BOTH {
        for (operation, input, code, text) in cases {
            let reply = call(world, wire, operation, input).await;
            assert_eq!(reply.status, 400, "{wire:?} {operation} {input}: {reply:?}");
            is_error(&reply, wire, 400, *code, text);
        }
    }
}

#[tokio::test]
async fn names_and_urls_that_are_none() {
    let world = World::open().await;
    let name = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
    let fifo = "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length";
    let long = "a".repeat(81);
    let make = |name: &str, attributes: Value| json!({ "QueueName": name, "Attributes": attributes });
    refused(
        &world,
        &[
            ("CreateQueue", json!({}), MISSING, "The request must contain the parameter QueueName.".into()),
            ("CreateQueue", make("", json!({})), INVALID, "Queue name cannot be empty".into()),
            ("CreateQueue", make("a b", json!({})), INVALID, name.into()),
            ("CreateQueue", make(&long, json!({})), INVALID, name.into()),
            ("CreateQueue", make("a.fifo", json!({})), INVALID, name.into()),
            ("CreateQueue", make("a", json!({ "FifoQueue": "true" })), INVALID, fifo.into()),
            ("CreateQueue", make("a b.fifo", json!({ "FifoQueue": "true" })), INVALID, fifo.into()),
            ("GetQueueUrl", json!({}), MISSING, "The request must contain the parameter QueueName.".into()),
            ("GetQueueUrl", json!({ "QueueName": "" }), INVALID, "Value for parameter QueueName is invalid. Reason: Must specify a queue name.".into()),
            ("DeleteQueue", json!({}), MISSING, "The request must contain the parameter QueueUrl.".into()),
            ("ListQueues", json!({ "MaxResults": 0 }), INVALID, "Value for parameter MaxResults is invalid. Reason: MaxResults must be an integer between 1 and 1000.".into()),
            ("ListQueues", json!({ "MaxResults": 1_001 }), INVALID, "between 1 and 1000.".into()),
            ("ListQueues", json!({ "NextToken": "?" }), INVALID, "Invalid or expired next token.".into()),
        ],
    )
    .await;
    for wire in BOTH {
        let reply = call(&world, wire, "DeleteQueue", &json!({ "QueueUrl": "http://localhost:4566" })).await;
        let text = "The address http://localhost:4566 is not valid for this endpoint.";
        is_error(&reply, wire, 404, ("InvalidAddress", "InvalidAddress"), text);
    }
    assert_eq!(ok(&world, "ListQueues", json!({})).await, json!({}));
}

#[tokio::test]
async fn attributes_that_a_queue_cannot_have() {
    let world = World::open().await;
    let url = queue(&world, "q", json!({})).await;
    queue(&world, "dead.fifo", json!({})).await;
    let closed = json!({ "redrivePermission": "denyAll" }).to_string();
    queue(&world, "closed", json!({ "RedriveAllowPolicy": closed })).await;
    let fifo = queue(&world, "q.fifo", json!({})).await;
    let mut cases: Vec<Case<'_>> = Vec::new();
    let mut both = |attributes: Value, code, text: &str| {
        let make = json!({ "QueueName": "new", "Attributes": attributes });
        cases.push(("CreateQueue", make, code, text.to_owned()));
        let set = json!({ "QueueUrl": url, "Attributes": attributes });
        cases.push(("SetQueueAttributes", set, code, text.to_owned()));
    };
    for (name, wrong) in [
        ("VisibilityTimeout", ["-1", "43201", "ten", ""]),
        ("DelaySeconds", ["-1", "901", "ten", ""]),
        ("MaximumMessageSize", ["1023", "1048577", "ten", ""]),
        ("MessageRetentionPeriod", ["59", "1209601", "ten", ""]),
        ("ReceiveMessageWaitTimeSeconds", ["-1", "21", "ten", ""]),
        ("KmsDataKeyReusePeriodSeconds", ["59", "86401", "ten", "-5"]),
        ("SqsManagedSseEnabled", ["yes", "1", "", "0"]),
        ("Policy", ["{", "[]", "5", "\"x\""]),
    ] {
        for value in wrong {
            both(json!({ name: value }), VALUE, &format!("Invalid value for the parameter {name}."));
        }
    }
    let redrive =
        |arn: &str, count: Value| json!({ "deadLetterTargetArn": arn, "maxReceiveCount": count }).to_string();
    let policies = [
        (
            "{".to_owned(),
            VALUE,
            "Invalid value for the parameter RedrivePolicy. Reason: Redrive policy is not a valid JSON map.",
        ),
        (
            json!({ "maxReceiveCount": 1 }).to_string(),
            INVALID,
            "Value {\"maxReceiveCount\":1} for parameter RedrivePolicy is invalid. Reason: Redrive policy does not contain mandatory attribute: deadLetterTargetArn.",
        ),
        (
            json!({ "deadLetterTargetArn": arn("q") }).to_string(),
            INVALID,
            "Redrive policy does not contain mandatory attribute: maxReceiveCount.",
        ),
        (
            redrive(&arn("q"), json!(0)),
            INVALID,
            "Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both inclusive.",
        ),
        (
            redrive(&arn("q"), json!("x")),
            INVALID,
            "Invalid value for maxReceiveCount: x, valid values are from 1 to 1000",
        ),
        (redrive("dummy", json!(1)), INVALID, "Reason: Invalid value for deadLetterTargetArn."),
        (
            redrive(&arn("nowhere"), json!(1)),
            INVALID,
            "for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.",
        ),
        (
            redrive(&arn("dead.fifo"), json!(1)),
            INVALID,
            "Dead-letter queue must be same type of queue as the source.",
        ),
        (redrive(&arn("closed"), json!(1)), INVALID, "is not allowed to use the dead-letter queue."),
    ];
    for (policy, code, text) in policies {
        both(json!({ "RedrivePolicy": policy }), code, text);
    }
    let allow = |permission: &str, arns: Value| {
        json!({ "redrivePermission": permission, "sourceQueueArns": arns }).to_string()
    };
    let many: Vec<String> = (0..11).map(|n| arn(&n.to_string())).collect();
    for (policy, code, text) in [
        (
            "[]".to_owned(),
            VALUE,
            "Invalid value for the parameter RedriveAllowPolicy. Reason: Amazon SQS can't create the redrive allow policy, as it’s in an unsupported format.",
        ),
        (allow("some", json!([])), VALUE, "unsupported format"),
        (
            allow("allowAll", json!([arn("q")])),
            INVALID,
            "To specify one or more source queue ARNs, you must set redrivePermission to byQueue.",
        ),
        (allow("byQueue", json!([])), INVALID, "you must also specify one or more sourceQueueArns values."),
        (
            allow("byQueue", json!(many)),
            INVALID,
            "The maximum number of source queue ARNs you can specify is 10.",
        ),
    ] {
        both(json!({ "RedriveAllowPolicy": policy }), code, text);
    }
    both(json!({ "Foobar": "1" }), NAME, "Unknown Attribute Foobar.");
    both(json!({ "QueueArn": "1" }), NAME, "Unknown Attribute QueueArn.");
    both(
        json!({ "ContentBasedDeduplication": "true" }),
        NAME,
        "Unknown Attribute ContentBasedDeduplication.",
    );
    both(
        json!({ "DeduplicationScope": "queue" }),
        NAME,
        "You can specify the DeduplicationScope only when FifoQueue is set to true.",
    );
    both(
        json!({ "FifoThroughputLimit": "perQueue" }),
        NAME,
        "You can specify the FifoThroughputLimit only when FifoQueue is set to true.",
    );
    both(
        json!({ "KmsMasterKeyId": "k", "SqsManagedSseEnabled": "true" }),
        NAME,
        "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
    );
    let set = |url: &str, attributes: Value| json!({ "QueueUrl": url, "Attributes": attributes });
    cases.extend([
        ("SetQueueAttributes", set(&url, json!({ "FifoQueue": "true" })), NAME, "Unknown Attribute FifoQueue.".into()),
        ("SetQueueAttributes", set(&fifo, json!({ "FifoQueue": "false" })), VALUE, "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.".into()),
        ("SetQueueAttributes", set(&fifo, json!({ "DeduplicationScope": "x" })), VALUE, "Invalid value for the parameter DeduplicationScope.".into()),
        ("SetQueueAttributes", set(&fifo, json!({ "FifoThroughputLimit": "perMessageGroupId" })), VALUE, "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup".into()),
        ("SetQueueAttributes", json!({ "QueueUrl": url }), MISSING, "The request must contain the parameter Attribute.Name.".into()),
        ("GetQueueAttributes", json!({ "QueueUrl": url, "AttributeNames": ["Foobar"] }), NAME, "Unknown Attribute Foobar.".into()),
        ("TagQueue", json!({ "QueueUrl": url }), MISSING, "The request must contain the parameter Tags.".into()),
        ("UntagQueue", json!({ "QueueUrl": url }), MISSING, "The request must contain the parameter TagKeys.".into()),
        ("TagQueue", json!({ "QueueUrl": url, "Tags": { "k".repeat(129): "v" } }), INVALID, "between 1 and 128 characters".into()),
        ("TagQueue", json!({ "QueueUrl": url, "Tags": { "k": "v".repeat(257) } }), INVALID, "between 0 and 256 characters".into()),
        ("TagQueue", json!({ "QueueUrl": url, "Tags": (0..51).map(|n| (n.to_string(), json!(""))).collect::<serde_json::Map<_, _>>() }), INVALID, "Too many tags".into()),
    ]);
    refused(&world, &cases).await;
    assert_eq!(ok(&world, "ListQueues", json!({ "QueueNamePrefix": "new" })).await, json!({}));
}

#[tokio::test]
async fn messages_that_a_queue_does_not_take() {
    let world = World::open().await;
    let url = queue(&world, "q", json!({})).await;
    let message = |body: &str| json!({ "QueueUrl": url, "MessageBody": body });
    let with = |member: &str, name: &str, value: Value| json!({ "QueueUrl": url, "MessageBody": "x", member: { name: value } });
    let attribute = |name: &str, kind: &str, value: &str| {
        with("MessageAttributes", name, json!({ "DataType": kind, "StringValue": value }))
    };
    let long = "a".repeat(257);
    let kinds = "You must use only the following supported type prefixes: Binary, Number, String.";
    let eleven: serde_json::Map<String, Value> =
        (0..11).map(|n| (n.to_string(), json!({ "DataType": "String", "StringValue": "v" }))).collect();
    refused(
        &world,
        &[
            ("SendMessage", json!({ "QueueUrl": url }), MISSING, "The request must contain the parameter MessageBody.".into()),
            ("SendMessage", message(""), MISSING, "The request must contain the parameter MessageBody.".into()),
            ("SendMessage", message("\u{0}"), ("InvalidMessageContents", "InvalidMessageContents"), "Invalid characters found.".into()),
            ("SendMessage", message("\u{ffff}"), ("InvalidMessageContents", "InvalidMessageContents"), "Valid unicode characters are #x9 | #xA | #xD |".into()),
            ("SendMessage", json!({ "QueueUrl": url, "MessageBody": "x", "DelaySeconds": -234 }), INVALID, "Value -234 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.".into()),
            ("SendMessage", json!({ "QueueUrl": url, "MessageBody": "x", "DelaySeconds": 1_000 }), INVALID, "Value 1000 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.".into()),
            ("SendMessage", attribute("n", "String", ""), INVALID, "Message (user) attribute 'n' must contain a non-empty value of type 'String'.".into()),
            ("SendMessage", attribute("n", "Number.int", ""), INVALID, "must contain a non-empty value of type 'Number.int'.".into()),
            ("SendMessage", attribute("n", "Binary", "x"), INVALID, "must contain a non-empty value of type 'Binary'.".into()),
            ("SendMessage", attribute("n", "Number", "1".repeat(39).as_str()), INVALID, "Can't cast the value of message (user) attribute 'n' to a number.".into()),
            ("SendMessage", attribute("n", "Text", "x"), INVALID, format!("The type of message (user) attribute 'n' is invalid. {kinds}")),
            ("SendMessage", attribute("n", "", "x"), INVALID, "must contain a non-empty message attribute type.".into()),
            ("SendMessage", attribute("n", &format!("String.{long}"), "x"), INVALID, "Message (user) attribute type must be shorter than 256 bytes.".into()),
            ("SendMessage", attribute("n", "String", "\u{8}"), INVALID, "Invalid characters found in message (user) attribute 'n'.".into()),
            ("SendMessage", attribute("", "String", "x"), INVALID, "The request must contain non-empty message (user) attribute names.".into()),
            ("SendMessage", attribute(&long, "String", "x"), INVALID, "Message (user) attribute name must be shorter than 256 bytes.".into()),
            ("SendMessage", attribute("a b", "String", "x"), INVALID, "Message (user) attribute name can only contain".into()),
            ("SendMessage", attribute("aWs.x", "String", "x"), INVALID, "You can't use message attribute names beginning with 'AWS.' or 'Amazon'.".into()),
            ("SendMessage", attribute("AMAZON.x", "String", "x"), INVALID, "You can't use message attribute names beginning with 'AWS.' or 'Amazon'.".into()),
            ("SendMessage", attribute(".x", "String", "x"), INVALID, "can not start or end with a period".into()),
            ("SendMessage", attribute("x.", "String", "x"), INVALID, "can not start or end with a period".into()),
            ("SendMessage", attribute("x..y", "String", "x"), INVALID, "successive periods".into()),
            ("SendMessage", with("MessageAttributes", "n", json!({ "DataType": "String" })), INVALID, "The message (user) attribute 'n' must contain a non-empty message attribute value.".into()),
            ("SendMessage", with("MessageAttributes", "n", json!({ "DataType": "Binary", "BinaryValue": "?" })), ("SerializationException", "MalformedInput"), "base64".into()),
            ("SendMessage", json!({ "QueueUrl": url, "MessageBody": "x", "MessageAttributes": eleven }), INVALID, "Number of message attributes [11] exceeds the allowed maximum [10].".into()),
            ("SendMessage", with("MessageSystemAttributes", "Hello", json!({ "DataType": "String", "StringValue": "x" })), INVALID, "Message system attribute name 'Hello' is invalid.".into()),
            ("SendMessage", with("MessageSystemAttributes", "AWSTraceHeader", json!({ "DataType": "Number", "StringValue": "1" })), INVALID, "must be String".into()),
        ],
    )
    .await;
    let lists = json!({ "DataType": "StringList", "StringListValues": ["a"] });
    let reply = call(&world, Wire::Json, "SendMessage", &with("MessageAttributes", "n", lists)).await;
    is_error(
        &reply,
        Wire::Json,
        400,
        INVALID,
        "Message attribute list values in SendMessage operation are not supported.",
    );
    assert!(receive(&world, &url).await.is_empty());
}

#[tokio::test]
async fn receipts_and_numbers_that_are_none() {
    let world = World::open().await;
    let url = queue(&world, "q", json!({})).await;
    let with = |name: &str, value: Value| json!({ "QueueUrl": url, name: value });
    let handle = ("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid");
    let garbage = "The input receipt handle \"garbage\" is not a valid receipt handle.";
    let change = |handle: &str, seconds: Value| json!({ "QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": seconds });
    let gone = "AAAAAAAAAAEAAAAAAAAAAQAAAAE";
    refused(
        &world,
        &[
            ("ReceiveMessage", with("MaxNumberOfMessages", json!(11)), INVALID, "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.".into()),
            ("ReceiveMessage", with("MaxNumberOfMessages", json!(0)), INVALID, "Value 0 for parameter MaxNumberOfMessages is invalid.".into()),
            ("ReceiveMessage", with("WaitTimeSeconds", json!(21)), INVALID, "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.".into()),
            ("ReceiveMessage", with("WaitTimeSeconds", json!(-1)), INVALID, "Value -1 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.".into()),
            ("ReceiveMessage", with("VisibilityTimeout", json!(43_201)), INVALID, "Value 43201 for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and <= 43200, if provided.".into()),
            ("ReceiveMessage", with("AttributeNames", json!(["Foobar"])), NAME, "Unknown Attribute Foobar.".into()),
            ("ReceiveMessage", with("MessageSystemAttributeNames", json!(["Foobar"])), NAME, "Unknown Attribute Foobar.".into()),
            ("DeleteMessage", with("ReceiptHandle", json!("garbage")), handle, garbage.into()),
            ("DeleteMessage", json!({ "QueueUrl": url }), MISSING, "The request must contain the parameter ReceiptHandle.".into()),
            ("ChangeMessageVisibility", change("garbage", json!(0)), handle, garbage.into()),
            ("ChangeMessageVisibility", change(gone, json!(43_201)), INVALID, "Value 43201 for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must be an integer between 0 and 43200.".into()),
            ("ChangeMessageVisibility", change(gone, json!(-1)), INVALID, "Value -1 for parameter VisibilityTimeout is invalid.".into()),
            ("ChangeMessageVisibility", json!({ "QueueUrl": url, "ReceiptHandle": gone }), MISSING, "The request must contain the parameter VisibilityTimeout.".into()),
            ("ChangeMessageVisibility", change(gone, json!(1)), INVALID, format!("Value {gone} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.")),
        ],
    )
    .await;
}
