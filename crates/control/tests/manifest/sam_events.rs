//! What templates declare beside functions and APIs, and what wakes their functions.

use serde_json::{Value, json};
use sonagi_control::manifest::Manifest;
use sonagi_model::{function::RecursiveLoop, resource::ResourceKind};

use crate::support::App;

const TRANSFORM: &str = "Transform: AWS::Serverless-2016-10-31\nResources:\n";

/// A template with the function `F`, which has `lines`, and other resources.
fn template(lines: &str, others: &str) -> App {
    let text = format!(
        "{TRANSFORM}  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Handler: app.handler\n      \
         Runtime: python3.11\n      CodeUri: hello\n{lines}{others}"
    );
    App::new("shop").with("hello/app.py", "").with("template.yaml", &text)
}

fn load(lines: &str, others: &str) -> Manifest {
    template(lines, others).load().unwrap_or_else(|error| panic!("{error}"))
}

/// A resource's properties, with its name.
fn declared(manifest: &Manifest, name: &str) -> (String, Value) {
    let resource = manifest.resources.get(name);
    let resource = resource.unwrap_or_else(|| panic!("no {name} in {:?}", manifest.resources.keys()));
    (resource.name.clone(), Value::Object(resource.properties.clone()))
}

const QUEUES: &str = "  Clicks:
    Type: AWS::SQS::Queue
    DeletionPolicy: Retain
    Properties:
      VisibilityTimeout: 60
      DelaySeconds: 5
      SqsManagedSseEnabled: true
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Lost.Arn, maxReceiveCount: 3}
      Tags: [{Key: team, Value: web}]
  Lost: {Type: AWS::SQS::Queue}
  Ordered:
    Type: AWS::SQS::Queue
    Properties: {FifoQueue: true, ContentBasedDeduplication: true}
";

#[test]
fn queues_become_what_sqs_makes_of_them_and_are_named_by_address_and_arn() {
    let lines = "      Environment: {Variables: {URL: !Ref Clicks, ARN: !GetAtt Ordered.Arn, NAME: !GetAtt Lost.QueueName}}\n";
    let manifest = load(lines, QUEUES);
    let arn = "arn:aws:sqs:us-east-1:000000000000:shop-";
    let redrive = json!({"deadLetterTargetArn": format!("{arn}Lost"), "maxReceiveCount": 3});
    let (name, clicks) = declared(&manifest, "Clicks");
    assert_eq!(name, "shop-Clicks");
    assert_eq!(clicks["Tags"], json!({"team": "web"}));
    let attributes = &clicks["Attributes"];
    assert_eq!(attributes["VisibilityTimeout"], "60");
    assert_eq!(attributes["SqsManagedSseEnabled"], "true");
    assert_eq!(
        serde_json::from_str::<Value>(attributes["RedrivePolicy"].as_str().unwrap()).unwrap(),
        redrive
    );
    assert!(manifest.resources["Clicks"].retain && !manifest.resources["Lost"].retain);
    assert_eq!(declared(&manifest, "Lost"), ("shop-Lost".into(), json!({})));
    let fifo = json!({"Attributes": {"FifoQueue": "true", "ContentBasedDeduplication": "true"}});
    assert_eq!(declared(&manifest, "Ordered"), ("shop-Ordered.fifo".into(), fifo));
    let variables = &manifest.functions[0].function.variables;
    assert_eq!(variables["URL"], "http://127.0.0.1:4566/000000000000/shop-Clicks");
    assert_eq!(variables["ARN"], format!("{arn}Ordered.fifo"));
    assert_eq!(variables["NAME"], "shop-Lost");
}

#[test]
fn what_is_wrong_with_a_queue_is_said_at_its_line() {
    for (properties, wanted) in [
        (
            "VisibilityTimeout: 50000",
            "12:37: `VisibilityTimeout` must be a whole number from 0 to 43200 seconds, not 50000",
        ),
        (
            "VisibiltyTimeout: 5",
            "12:18: `VisibiltyTimeout` is not a key that an AWS::SQS::Queue has (did you mean `VisibilityTimeout`?)",
        ),
        ("ContentBasedDeduplication: true", "12:45: `ContentBasedDeduplication` is for FIFO queues"),
        ("QueueName: a.b", "12:29: \"a.b\" cannot name a queue"),
        ("QueueName: a, FifoQueue: true", "12:29: a FIFO queue, and no other, has a name that ends in .fifo"),
        ("RedrivePolicy: {deadLetterTargetArn: x, maxReceiveCount: 0}", "12:75: `maxReceiveCount` must be"),
        ("RedrivePolicy: {maxReceiveCount: 2}", "10:3: `RedrivePolicy` has no `deadLetterTargetArn`"),
        ("QueueName: !Ref Q", "12:29: the name of `Q` refers to itself, in a circle"),
    ] {
        let others = format!("  Q:\n    Type: AWS::SQS::Queue\n    Properties: {{{properties}}}\n");
        let found = template("      MemorySize: 128\n", &others).problems();
        assert!(found.iter().any(|problem| problem.starts_with(wanted)), "{properties}: {found:?}");
    }
}

#[test]
fn a_queues_policy_is_one_of_its_attributes() {
    let policy = "  Open:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Lost]
      PolicyDocument:
        Statement: [{Effect: Allow, Principal: '*', Action: 'sqs:SendMessage', Resource: !GetAtt Lost.Arn}]
";
    let manifest = load("", &format!("{QUEUES}{policy}"));
    let (_, lost) = declared(&manifest, "Lost");
    let policy: Value = serde_json::from_str(lost["Attributes"]["Policy"].as_str().unwrap()).unwrap();
    assert_eq!(policy["Statement"][0]["Resource"], "arn:aws:sqs:us-east-1:000000000000:shop-Lost");

    let wrong = "  Open:\n    Type: AWS::SQS::QueuePolicy\n    Properties: {Queues: [x], PolicyDocument: {Statement: []}}\n";
    assert_eq!(template("", wrong).problems().len(), 1);
}

#[test]
fn a_queue_wakes_a_function_as_its_event_says() {
    let lines = "      AutoPublishAlias: live
      Events:
        Click:
          Type: SQS
          Properties:
            Queue: !GetAtt Clicks.Arn
            BatchSize: 100
            MaximumBatchingWindowInSeconds: 5
            Enabled: false
            FilterCriteria: {Filters: [{Pattern: '{\"body\": {\"kind\": [\"click\"]}}'}]}
            FunctionResponseTypes: [ReportBatchItemFailures]
            ScalingConfig: {MaximumConcurrency: 4}
";
    let manifest = load(lines, QUEUES);
    let function = &manifest.functions[0].function;
    let [mapping] = function.mappings.as_slice() else { panic!("{:?}", function.mappings) };
    assert_eq!(mapping.source, "arn:aws:sqs:us-east-1:000000000000:shop-Clicks");
    assert_eq!((mapping.batch, mapping.window, mapping.concurrency), (100, 5, Some(4)));
    assert_eq!((mapping.enabled, mapping.partial, mapping.qualifier.as_deref()), (false, true, Some("live")));
    assert_eq!(mapping.filters, [r#"{"body": {"kind": ["click"]}}"#]);
    assert_eq!(mapping.id.len(), 36);
    assert_eq!(load(lines, QUEUES).functions[0].function.mappings, function.mappings);
    let granted = serde_json::to_string(&function.permissions).unwrap();
    assert!(granted.contains("sqs:ReceiveMessage"), "{granted}");

    let alone = "  Reads:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: !Ref F, EventSourceArn: !GetAtt Clicks.Arn}
";
    let manifest = load("", &format!("{QUEUES}{alone}"));
    let function = &manifest.functions[0].function;
    assert_eq!((function.mappings[0].batch, function.mappings[0].enabled), (10, true));
}

#[test]
fn what_lambda_would_refuse_of_a_mapping_is_said_at_its_line() {
    for (properties, wanted) in [
        ("Queue: !GetAtt Clicks.Arn, BatchSize: 100", "10:9: an event of 100 messages needs a window"),
        (
            "Queue: !GetAtt Ordered.Arn, BatchSize: 20, MaximumBatchingWindowInSeconds: 1",
            "10:9: a FIFO queue gives 10 messages at once, not 20",
        ),
        ("Queue: x", "10:44: \"x\" is not the ARN of a queue"),
        ("Queue: !GetAtt Clicks.Arn, FilterCriteria: {Filters: [{Pattern: '{\"body\": [1'}]}", "10:101: "),
        ("Queue: !GetAtt Clicks.Arn, BatchSze: 1", "10:64: `BatchSze` is not a key"),
        ("Queue: !GetAtt Clicks.Arn, StartingPosition: LATEST", "10:64: `StartingPosition` is not a key"),
    ] {
        let lines = format!("      Events:\n        E: {{Type: SQS, Properties: {{{properties}}}}}\n");
        let found = template(&lines, QUEUES).problems();
        assert!(found.iter().any(|problem| problem.starts_with(wanted)), "{properties}: {found:?}");
    }
    let slow = "      Timeout: 90\n      Events: {E: {Type: SQS, Properties: {Queue: !GetAtt Clicks.Arn}}}\n";
    let found = template(slow, QUEUES).problems();
    assert!(
        found[0].contains("Queue visibility timeout: 60 seconds is less than Function timeout: 90 seconds")
    );
}

#[test]
fn schedules_and_events_become_rules_with_the_function_as_their_target() {
    let lines = "      Events:
        Minute:
          Type: Schedule
          Properties: {Schedule: rate(1 minute), Input: '{\"a\": 1}', Enabled: false, RetryPolicy: {MaximumRetryAttempts: 2}}
        Paid:
          Type: EventBridgeRule
          Properties:
            EventBusName: !Ref Orders
            Pattern: {source: [shop], detail: {price: [{numeric: ['>', 100]}]}}
            InputTransformer: {InputPathsMap: {id: $.detail.id}, InputTemplate: '{\"id\": <id>}'}
            DeadLetterConfig: {Type: SQS}
        Nightly:
          Type: ScheduleV2
          Properties: {ScheduleExpression: cron(0 3 * * ? *), ScheduleExpressionTimezone: Europe/Berlin}
";
    let bus = "  Orders: {Type: AWS::Events::EventBus, Properties: {Name: orders}}\n";
    let manifest = load(lines, bus);
    let function = "arn:aws:lambda:us-east-1:000000000000:function:shop-F";
    let (name, minute) = declared(&manifest, "FMinute");
    assert_eq!(name, "shop-FMinute");
    let target = json!({"Id": "FMinuteLambdaTarget", "Arn": function, "Input": "{\"a\": 1}", "RetryPolicy": {"MaximumRetryAttempts": 2}});
    assert_eq!(
        minute,
        json!({"ScheduleExpression": "rate(1 minute)", "State": "DISABLED", "Targets": [target]})
    );
    let (_, paid) = declared(&manifest, "FPaid");
    assert_eq!(paid["EventPattern"], r#"{"source":["shop"],"detail":{"price":[{"numeric":[">",100]}]}}"#);
    assert_eq!(paid["EventBusName"], "orders");
    let queue = "arn:aws:sqs:us-east-1:000000000000:shop-FPaidQueue";
    assert_eq!(paid["Targets"][0]["DeadLetterConfig"], json!({"Arn": queue}));
    let (_, dead) = declared(&manifest, "FPaidQueue");
    let policy = dead["Attributes"]["Policy"].as_str().unwrap();
    assert!(policy.contains("rule/orders/shop-FPaid") && policy.contains("events.amazonaws.com"), "{policy}");
    let (_, nightly) = declared(&manifest, "FNightly");
    assert_eq!(nightly["FlexibleTimeWindow"], json!({"Mode": "OFF"}));
    assert_eq!(nightly["Target"]["Arn"], function);
    assert_eq!(manifest.resources["FNightly"].kind, ResourceKind::Schedule);
}

#[test]
fn mistakes_in_patterns_and_schedules_are_found_where_they_stand() {
    let found = template(
        "      Events:
        E:
          Type: EventBridgeRule
          Properties:
            Pattern:
              source: [shop]
              detail:
                price: [{numerc: ['>', 100]}]
        S: {Type: Schedule, Properties: {Schedule: rate(1 minutes)}}
        T: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 day), ScheduleExpressionTimezone: Mars}}
",
        "  R:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: '{\"source\": [}'
      Targets: [{Arn: x, Id: a, InputTransformer: {InputTemplate: '<a>'}}]
",
    )
    .problems();
    let starts = ["16:26: ", "17:52: ", "18:105: ", "22:21: ", "23:67: "];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (problem, start) in found.iter().zip(starts) {
        assert!(problem.starts_with(start), "{start}: {problem}");
    }
}

#[test]
fn topics_reach_functions_and_queues() {
    let lines = "      Events:
        Direct: {Type: SNS, Properties: {Topic: !Ref News, FilterPolicy: {kind: [a]}}}
        Queued: {Type: SNS, Properties: {Topic: !Ref News, SqsSubscription: true}}
";
    let others = "  News:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: News, Subscription: [{Protocol: sqs, Endpoint: !GetAtt Lost.Arn}]}
  Lost: {Type: AWS::SQS::Queue}
  Raw:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref News, Protocol: sqs, Endpoint: !GetAtt Lost.Arn, RawMessageDelivery: true}
";
    let manifest = load(lines, others);
    let topic = "arn:aws:sns:us-east-1:000000000000:shop-News";
    assert_eq!(
        declared(&manifest, "News"),
        ("shop-News".into(), json!({"Attributes": {"DisplayName": "News"}}))
    );
    let (_, direct) = declared(&manifest, "FDirect");
    let function = "arn:aws:lambda:us-east-1:000000000000:function:shop-F";
    let attributes = json!({"FilterPolicy": "{\"kind\":[\"a\"]}"});
    assert_eq!(
        direct,
        json!({"TopicArn": topic, "Protocol": "lambda", "Endpoint": function, "Attributes": attributes})
    );
    assert_eq!(declared(&manifest, "FQueued").1["Protocol"], "sqs");
    assert_eq!(declared(&manifest, "Raw").1["Attributes"], json!({"RawMessageDelivery": "true"}));
    assert_eq!(declared(&manifest, "NewsSubscription0").1["TopicArn"], topic);
    let (_, between) = declared(&manifest, "FQueuedQueue");
    assert!(between["Attributes"]["Policy"].as_str().unwrap().contains(topic));
    let mapping = &manifest.functions[0].function.mappings[0];
    assert_eq!(mapping.source, "arn:aws:sqs:us-east-1:000000000000:shop-FQueuedQueue");

    let wrong = "      Events: {E: {Type: SNS, Properties: {Topic: !Ref News, FilterPolicy: {kind: a}}}}\n";
    let found = template(wrong, others).problems();
    assert!(found[0].starts_with("9:83: "), "{found:?}");
}

#[test]
fn failures_of_asynchronous_invocations_are_told_where_the_template_says() {
    let lines = "      RecursiveLoop: Allow
      DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt Lost.Arn}
      EventInvokeConfig:
        MaximumEventAgeInSeconds: 70
        MaximumRetryAttempts: 1
        DestinationConfig:
          OnSuccess: {Type: SNS}
          OnFailure: {Type: SQS, Destination: !GetAtt Lost.Arn}
";
    let lost = "  Lost: {Type: AWS::SQS::Queue}\n";
    let manifest = load(lines, lost);
    let function = &manifest.functions[0].function;
    let queue = "arn:aws:sqs:us-east-1:000000000000:shop-Lost";
    assert_eq!(function.dead_letters.as_deref(), Some(queue));
    assert_eq!(function.recursive_loop, RecursiveLoop::Allow);
    let asynchronous = function.asynchronous.as_ref().unwrap();
    assert_eq!((asynchronous.max_age, asynchronous.retries), (70, 1));
    assert_eq!(asynchronous.on_failure.as_deref(), Some(queue));
    let topic = "arn:aws:sns:us-east-1:000000000000:shop-FEventInvokeConfigOnSuccessTopic";
    assert_eq!(asynchronous.on_success.as_deref(), Some(topic));
    assert_eq!(manifest.resources["FEventInvokeConfigOnSuccessTopic"].kind, ResourceKind::Topic);
    let granted = serde_json::to_string(&function.permissions).unwrap();
    assert!(granted.contains("sqs:SendMessage") && granted.contains("sns:Publish"), "{granted}");

    let found =
        template("      DeadLetterQueue: {Type: SNS, TargetArn: !GetAtt Lost.Arn}\n", lost).problems();
    assert_eq!(found, [format!("9:47: {queue:?} is not an ARN of SNS")]);

    let alone = "  Config:
    Type: AWS::Lambda::EventInvokeConfig
    Properties: {FunctionName: !Ref F, Qualifier: $LATEST, MaximumRetryAttempts: 0}
";
    assert_eq!(load("", alone).functions[0].function.asynchronous.as_ref().unwrap().retries, 0);
    let found = template("      AutoPublishAlias: live\n", alone).problems();
    assert_eq!(found, ["12:51: the function's events go to live, and `Qualifier` is $LATEST"]);
}

#[test]
fn buses_archives_and_schedules_have_the_properties_of_their_services() {
    let others = "  Orders: {Type: AWS::Events::EventBus, Properties: {Name: orders, Description: all}}
  Old:
    Type: AWS::Events::Archive
    Properties: {SourceArn: !GetAtt Orders.Arn, RetentionDays: 7, EventPattern: {source: [shop]}}
  Group: {Type: AWS::Scheduler::ScheduleGroup}
  Once:
    Type: AWS::Scheduler::Schedule
    Properties:
      ScheduleExpression: at(2030-01-31T08:00:00)
      GroupName: !Ref Group
      FlexibleTimeWindow: {Mode: FLEXIBLE, MaximumWindowInMinutes: 5}
      Target: {Arn: !GetAtt F.Arn, RoleArn: !GetAtt FRole.Arn, Input: hello}
  Once2: {Type: AWS::Events::Rule, Properties: {ScheduleExpression: rate(2 hours), Targets: [{Id: f, Arn: !GetAtt F.Arn}]}}
Outputs:
  Schedule: {Value: !GetAtt Once.Arn}
  Rule: {Value: !GetAtt Once2.Arn}
";
    let manifest = load("", others);
    assert_eq!(declared(&manifest, "Orders"), ("orders".into(), json!({"Description": "all"})));
    let bus = "arn:aws:events:us-east-1:000000000000:event-bus/orders";
    let old = json!({"EventSourceArn": bus, "RetentionDays": 7, "EventPattern": "{\"source\":[\"shop\"]}"});
    assert_eq!(declared(&manifest, "Old"), ("shop-Old".into(), old));
    assert_eq!(declared(&manifest, "Once").1["GroupName"], "shop-Group");
    let arn = "arn:aws:scheduler:us-east-1:000000000000:schedule/shop-Group/shop-Once";
    assert_eq!(manifest.outputs["Schedule"].value, arn);
    assert_eq!(manifest.outputs["Rule"].value, "arn:aws:events:us-east-1:000000000000:rule/shop-Once2");

    for (properties, wanted) in [
        ("Name: default", "\"default\" is there already"),
        ("Name: 'a b'", "cannot name an event bus"),
        ("Name: a, EventSourceName: b", "`EventSourceName` of an AWS::Events::EventBus is not supported yet"),
    ] {
        let text = format!("  B: {{Type: AWS::Events::EventBus, Properties: {{{properties}}}}}\n");
        let found = template("", &text).problems();
        assert!(found.len() == 1 && found[0].contains(wanted), "{properties}: {found:?}");
    }
}
