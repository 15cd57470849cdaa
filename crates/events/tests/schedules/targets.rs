//! What schedules send, and what becomes of what cannot be sent.

use super::*;

fn attributes(received: &Received) -> Vec<(String, String)> {
    let text = |value: &sonagi_data::queues::AttributeValue| match value {
        sonagi_data::queues::AttributeValue::Text(text) => text.clone(),
        sonagi_data::queues::AttributeValue::Binary(bytes) => panic!("{bytes:?}"),
    };
    let attributes = received.message.head.attributes.iter();
    attributes.map(|(name, attribute)| (name.clone(), text(&attribute.value))).collect()
}

#[tokio::test]
async fn what_cannot_be_sent_is_told_to_the_dead_letter_queue() {
    let folder = TempDir::new().unwrap();
    let world = World::new(&folder).await;
    let mut settings = tells("at(2026-01-31T08:01:00)");
    settings.target.arn = arn("nowhere");
    world.make("lost", settings.clone()).await;
    settings.target.dead_letters = Some(arn("nowhere-else"));
    world.make("lost-for-good", settings).await;
    world.advance(MINUTE).await;
    let dead = world.received("dead").await;
    assert_eq!(dead.message.body, "2026-01-31T08:01:00Z");
    let told = attributes(&dead);
    let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "ERROR_CODE",
        "ERROR_MESSAGE",
        "EXECUTION_ID",
        "IS_PAYLOAD_TRUNCATED",
        "RETRY_ATTEMPTS",
        "SCHEDULED_TIME",
        "SCHEDULE_ARN",
        "TARGET_ARN",
    ];
    assert_eq!(names, expected);
    let value = |name: &str| &told.iter().find(|(other, _)| other == name).unwrap().1;
    assert_eq!(value("ERROR_CODE"), "AWS.SimpleQueueService.NonExistentQueue");
    assert_eq!(value("SCHEDULE_ARN"), "arn:aws:scheduler:us-east-1:000000000000:schedule/default/lost");
    assert_eq!((value("TARGET_ARN"), value("RETRY_ATTEMPTS")), (&arn("nowhere"), &"0".to_owned()));
    world.is_quiet().await;
}

#[tokio::test]
async fn context_attributes_are_replaced_and_nothing_said_is_a_notification() {
    let folder = TempDir::new().unwrap();
    let world = World::new(&folder).await;
    let mut settings = tells("at(2026-01-31T08:01:00)");
    settings.target.input = Some(
        "<aws.scheduler.schedule-arn> <aws.scheduler.attempt-number> <aws.scheduler.execution-id> <x>".into(),
    );
    world.make("told", settings.clone()).await;
    world.advance(MINUTE).await;
    let text = world.next().await;
    let words: Vec<&str> = text.split(' ').collect();
    assert_eq!(words[..2], ["arn:aws:scheduler:us-east-1:000000000000:schedule/default/told", "1"]);
    assert!(words[2].len() == 16 && words[2].bytes().all(|byte| byte.is_ascii_hexdigit()), "{text}");
    assert_eq!(words[3], "<x>");
    settings.target.input = None;
    settings.expression = "at(2026-01-31T08:02:00)".into();
    world.make("silent", settings).await;
    world.advance(MINUTE).await;
    let event: serde_json::Value = serde_json::from_str(&world.next().await).unwrap();
    assert_eq!(
        (&event["source"], &event["detail-type"]),
        (&"aws.scheduler".into(), &"Scheduled Event".into())
    );
    assert_eq!((&event["time"], &event["detail"]), (&"2026-01-31T08:02:00Z".into(), &"{}".into()));
    assert_eq!(event["resources"][0], "arn:aws:scheduler:us-east-1:000000000000:schedule/default/silent");
}

#[tokio::test]
async fn a_universal_target_sends_the_request_that_is_its_input() {
    let folder = TempDir::new().unwrap();
    let world = World::new(&folder).await;
    let mut settings = tells("at(2026-01-31T08:01:00)");
    settings.target.arn = "arn:aws:scheduler:::aws-sdk:sqs:sendMessage".into();
    let request = serde_json::json!({
        "QueueUrl": "http://localhost:4566/000000000000/out",
        "MessageBody": "at <aws.scheduler.scheduled-time>",
        "DelaySeconds": 10,
        "MessageAttributes": { "kind": { "DataType": "String", "StringValue": "tick" } },
    });
    settings.target.input = Some(request.to_string());
    world.make("universal", settings).await;
    world.advance(MINUTE).await;
    world.is_quiet().await;
    world.advance(10).await;
    let received = world.received("out").await;
    assert_eq!(received.message.body, "at 2026-01-31T08:01:00Z");
    assert_eq!(attributes(&received), [("kind".to_owned(), "tick".to_owned())]);
}

#[tokio::test]
async fn a_target_that_can_never_take_anything_is_refused() {
    let folder = TempDir::new().unwrap();
    let world = World::new(&folder).await;
    let lambda = "arn:aws:lambda:us-east-1:000000000000:function:f";
    let bus = "arn:aws:events:us-east-1:000000000000:event-bus/default";
    let cases = [
        ("nothing", None, "Provided Arn is not in correct format."),
        (
            "arn:aws:states:us-east-1:000000000000:stateMachine:x",
            None,
            "states is not a supported service for a target",
        ),
        (
            "arn:aws:scheduler:::aws-sdk:ec2:startInstances",
            Some("{}"),
            "ec2:startInstances API is not supported",
        ),
        ("arn:aws:scheduler:::aws-sdk:sqs:sendMessage", None, "You must provide an input to set this target"),
        ("arn:aws:scheduler:::aws-sdk:sqs:sendMessage", Some("{}"), "missing field `QueueUrl`"),
        ("arn:aws:sqs:eu-west-1:000000000000:out", None, "is not on this platform"),
        ("arn:aws:sqs:us-east-1:000000000000:out.fifo", None, "MessageGroupId is required"),
        (lambda, Some("no json"), "well-formed JSON"),
        (bus, Some("{}"), "EventBridgeParameters is required"),
    ];
    for (arn, input, text) in cases {
        let mut settings = tells("rate(1 hour)");
        settings.target.arn = arn.into();
        settings.target.input = input.map(str::to_owned);
        let refused = refusal(world.schedules.create(&group(), &name("refused"), settings, None).await);
        assert!(matches!(refused, Refusal::Invalid(_)), "{refused:?}");
        assert!(refused.to_string().contains(text), "{refused} lacks {text}");
    }
    assert!(world.is_gone("refused").await);
}
