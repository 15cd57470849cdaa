//! What manifests grant to functions.

use serde_json::{Value, json};
use sonagi_control::manifest::{Manifest, ManifestError};
use sonagi_model::limits;

use crate::support::App;

const REGION: &str = "us-east-1:000000000000";

fn granted(manifest: &Manifest, function: &str) -> Vec<Value> {
    let found = manifest.functions.iter().find(|it| it.function.name.as_str() == function).unwrap();
    found.function.permissions.iter().map(|document| serde_json::to_value(document).unwrap()).collect()
}

/// The statements of a function's policies, one after the other.
fn statements(manifest: &Manifest, function: &str) -> Vec<Value> {
    let policies = granted(manifest, function);
    policies.iter().flat_map(|policy| policy["Statement"].as_array().unwrap()).cloned().collect()
}

fn native(permissions: &str) -> App {
    let text = format!(
        "[function.click]\nruntime = \"python3.13\"\npermissions = {permissions}\n[function.report]\nruntime = \
         \"python3.13\"\n"
    );
    App::new("shop").with("click/app.py", "").with("report/app.py", "").with("sonagi.toml", &text)
}

fn loaded(app: &App) -> Manifest {
    app.load().unwrap_or_else(|error: ManifestError| panic!("{error}"))
}

/// A template whose function has these properties, with more resources.
fn sam(properties: &str, resources: &str) -> App {
    let text = format!(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  Click:\n    Type: AWS::Serverless::Function\n    \
         Properties:\n      CodeUri: click\n      Handler: app.handler\n      Runtime: python3.13\n{properties}{resources}"
    );
    App::new("shop").with("click/app.py", "").with("template.yaml", &text)
}

#[test]
fn a_permission_says_what_on_what() {
    let manifest = loaded(&native(
        r#"["sqs:SendMessage on clicks", "lambda:GetFunction on report", "sqs:*, sns:Publish on a, arn:aws:sns:eu:1:b", "deny sqs:PurgeQueue on *", "allow s3:GetObject on photos/2026/*, icons"]"#,
    ));
    assert_eq!(
        granted(&manifest, "click"),
        [json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": format!("arn:aws:sqs:{REGION}:clicks") },
            { "Effect": "Allow", "Action": "lambda:GetFunction", "Resource": [
                format!("arn:aws:lambda:{REGION}:function:shop-report"),
                format!("arn:aws:lambda:{REGION}:function:shop-report:*"),
            ] },
            { "Effect": "Allow", "Action": ["sqs:*", "sns:Publish"], "Resource": [
                format!("arn:aws:sqs:{REGION}:a"), format!("arn:aws:sns:{REGION}:a"), "arn:aws:sns:eu:1:b",
            ] },
            { "Effect": "Deny", "Action": "sqs:PurgeQueue", "Resource": "*" },
            { "Effect": "Allow", "Action": "s3:GetObject", "Resource": [
                "arn:aws:s3:::photos/2026/*", "arn:aws:s3:::icons", "arn:aws:s3:::icons/*",
            ] },
        ] })]
    );
    assert_eq!(granted(&manifest, "report"), [json!(null); 0]);
}

#[test]
fn names_become_the_arns_of_their_service() {
    let of = |permission: &str| {
        let manifest = loaded(&native(&format!("[\"{permission}\"]")));
        let resource = statements(&manifest, "click")[0]["Resource"].clone();
        resource.as_array().cloned().unwrap_or_else(|| vec![resource])
    };
    let table = [
        ("lambda:InvokeFunction on other", vec!["lambda:R:function:other", "lambda:R:function:other:*"]),
        ("dynamodb:GetItem on t", vec!["dynamodb:R:table/t", "dynamodb:R:table/t/*"]),
        ("events:PutEvents on default", vec!["events:R:event-bus/default"]),
        ("scheduler:CreateSchedule on default", vec!["scheduler:R:schedule/default/*"]),
        ("scheduler:GetSchedule on default/nightly", vec!["scheduler:R:schedule/default/nightly"]),
        ("secretsmanager:GetSecretValue on db", vec!["secretsmanager:R:secret:db-??????"]),
        ("ssm:GetParameter on /shop/key", vec!["ssm:R:parameter/shop/key"]),
        (
            "logs:GetLogEvents on /aws/lambda/f",
            vec!["logs:R:log-group:/aws/lambda/f", "logs:R:log-group:/aws/lambda/f:*"],
        ),
        ("kinesis:* on s", vec!["kinesis:R:stream/s"]),
    ];
    for (permission, wanted) in table {
        let wanted: Vec<String> =
            wanted.iter().map(|it| format!("arn:aws:{}", it.replace('R', REGION))).collect();
        assert_eq!(of(permission), wanted, "{permission}");
    }
}

#[test]
fn a_table_is_a_whole_statement_or_a_template() {
    let manifest = loaded(&native(
        r#"[{ Effect = "Allow", Action = "sqs:SendMessage", Resource = "*", Condition = { Bool = { "aws:SecureTransport" = true } } }, { SQSPollerPolicy = { QueueName = "clicks" } }]"#,
    ));
    let all = statements(&manifest, "click");
    assert_eq!(all[0]["Condition"], json!({ "Bool": { "aws:SecureTransport": "true" } }));
    assert_eq!(all[1]["Resource"], format!("arn:aws:sqs:{REGION}:clicks"));
    assert_eq!(all[1]["Action"].as_array().unwrap().len(), 6);
}

#[test]
fn what_is_wrong_with_a_permission_is_said_at_its_place() {
    let problem = |permissions: &str, wanted: &str| {
        let problems = native(permissions).problems();
        assert_eq!(problems, [wanted], "{permissions}");
    };
    let form = "(write it as \"sqs:SendMessage on clicks\")";
    problem(
        r#"["sqs:SendMessage clicks"]"#,
        &format!("3:16: \"sqs:SendMessage clicks\" does not say on what {form}"),
    );
    problem(r#"["sqs:* on a,"]"#, &format!("3:16: \"sqs:* on a,\" names nothing after a comma {form}"));
    problem(r#"[5]"#, &format!("3:16: a permission is text or a table, and this is a number {form}"));
    problem(r#""all""#, "3:15: `permissions` must be a list, and is text");
    problem(
        r#"["sq:SendMessage on clicks"]"#,
        "3:16: what \"clicks\" is to \"sq:SendMessage\" is not known (did you mean `sqs:`?)",
    );
    problem(
        r#"["sqs:Send Message on clicks"]"#,
        "3:16: \"sqs:Send Message\" names no action: write it as \"sqs:SendMessage\" or \"sqs:*\", or \"*\" for all",
    );
    problem(
        r#"[{ Effect = "Allow", Action = "sqs:*" }]"#,
        "3:16: Statement[0]: `Resource` is missing: write \"Resource\": \"arn:aws:sqs:us-east-1:000000000000:clicks\", or \
         \"*\" for all",
    );
    problem(
        r#"[{ SQSPolerPolicy = { QueueName = "clicks" } }]"#,
        "3:18: there is no policy template `SQSPolerPolicy` (did you mean `SQSPollerPolicy`?)",
    );
    problem(
        r#"[{ SQSPollerPolicy = {} }]"#,
        "3:18: the policy template `SQSPollerPolicy` has no `QueueName` (the template needs all of its parameters)",
    );
}

#[test]
fn policies_of_a_template_are_read_in_all_their_forms() {
    let manifest = loaded(&sam(
        "      Policies:\n        - AWSLambdaSQSQueueExecutionRole\n        - \
         arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole\n        - SQSSendMessagePolicy: {QueueName: \
         !Ref AWS::StackName}\n        - Version: 2012-10-17\n          Statement:\n            - Effect: Deny\n              \
         Action: [sqs:PurgeQueue]\n              Resource: !Sub 'arn:${AWS::Partition}:sqs:*:${AWS::AccountId}:*'\n        \
         - VPCAccessPolicy: {}\n",
        "",
    ));
    assert!(manifest.notes.is_empty(), "{:?}", manifest.notes);
    let all = statements(&manifest, "Click");
    let actions: Vec<&Value> = all.iter().map(|statement| &statement["Action"]).collect();
    assert_eq!(actions[0], "sqs:SendMessage*");
    assert_eq!(all[0]["Resource"], format!("arn:aws:sqs:{REGION}:shop"));
    assert_eq!((actions[1], &all[1]["Effect"]), (&json!("sqs:PurgeQueue"), &json!("Deny")));
    assert_eq!(all[1]["Resource"], "arn:aws:sqs:*:000000000000:*");
    assert!(actions[2].as_array().unwrap().contains(&json!("ec2:CreateNetworkInterface")));
    // Managed ones come last.
    assert!(actions[3].as_array().unwrap().contains(&json!("sqs:ReceiveMessage")));
    assert!(actions[4].as_array().unwrap().contains(&json!("logs:PutLogEvents")));
    let one = loaded(&sam("      Policies: AmazonSQSFullAccess\n", ""));
    assert_eq!(statements(&one, "Click"), [json!({ "Effect": "Allow", "Action": "sqs:*", "Resource": "*" })]);
}

#[test]
fn a_role_of_the_template_grants_what_its_policies_say() {
    let resources = "  Mine:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument: {Statement: \
                     []}\n      ManagedPolicyArns: [arn:aws:iam::aws:policy/AmazonSNSFullAccess, !Ref Shared]\n      \
                     Policies:\n        - PolicyName: a\n          PolicyDocument:\n            Statement: {Effect: Allow, \
                     Action: 's3:*', Resource: '*'}\n  Shared:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      \
                     PolicyDocument: {Statement: [{Effect: Allow, Action: 'sqs:*', Resource: !GetAtt Logs.Arn}]}\n  \
                     More:\n    Type: AWS::IAM::Policy\n    Properties:\n      PolicyName: more\n      Roles: [!Ref \
                     Mine]\n      PolicyDocument: {Statement: [{Effect: Deny, Action: 'iam:*', Resource: '*'}]}\n  \
                     Unused:\n    Type: AWS::IAM::Role\n    Properties: {Policies: nonsense}\n  Logs:\n    Type: \
                     AWS::Logs::LogGroup\n";
    let manifest = loaded(&sam("      Role: !GetAtt Mine.Arn\n", resources));
    let actions: Vec<Value> = statements(&manifest, "Click").iter().map(|it| it["Action"].clone()).collect();
    assert_eq!(actions, ["s3:*", "iam:*", "sns:*", "sqs:*"]);
    // What is not here may be named, and is nothing.
    let last = &statements(&manifest, "Click")[3];
    assert_eq!(last["Resource"], format!("arn:aws:none:{REGION}:shop-Logs"));
    let generated = "  More:\n    Type: AWS::IAM::RolePolicy\n    Properties:\n      PolicyName: more\n      RoleName: \
                     !Ref ClickRole\n      PolicyDocument: {Statement: [{Effect: Allow, Action: 'sqs:*', Resource: '*'}]}\n";
    let manifest = loaded(&sam("      Policies: []\n", generated));
    assert_eq!(statements(&manifest, "Click")[0]["Action"], "sqs:*");
}

#[test]
fn what_grants_nothing_is_noted() {
    let notes = |app: &App| -> Vec<String> {
        loaded(app).notes.iter().map(|note| format!("{}: {}", note.line, note.message)).collect()
    };
    assert_eq!(
        notes(&sam("      Policies: [AmazonEverything, 'arn:aws:iam::000000000000:policy/theirs']\n", "")),
        [
            "9: the managed policy \"AmazonEverything\" is not known: it grants nothing here",
            "9: the managed policy \"theirs\" is not of this template: it grants nothing here",
        ]
    );
    assert_eq!(
        notes(&sam(
            "      Role: arn:aws:iam::000000000000:role/theirs\n      Policies: [AmazonSQSFullAccess]\n",
            ""
        )),
        [
            "9: the role \"theirs\" is not of this template: it grants nothing here",
            "10: `Policies` beside `Role` has no effect, as in SAM",
        ]
    );
}

#[test]
fn what_is_wrong_with_a_policy_is_said_at_its_place() {
    let problem = |properties: &str, wanted: &[&str]| {
        assert_eq!(sam(properties, "").problems(), wanted, "{properties}");
    };
    problem(
        "      Policies:\n        - Statement:\n            - Effect: Allow\n              Action: sqs\n              \
         Resource: '*'\n",
        &[
            "12:23: Statement[0].Action: \"sqs\" names no action: write it as \"sqs:SendMessage\" or \"sqs:*\", or \"*\" for \
           all",
        ],
    );
    problem(
        "      Policies:\n        - Statement: {Effect: Allow, Action: '*', Resource: ['*', queue]}\n",
        &["10:67: Statement.Resource[1]: \"queue\" names no resource: write an ARN of six parts, as \
           \"arn:aws:sqs:us-east-1:000000000000:clicks\", or \"*\" for all"],
    );
    problem(
        "      Policies:\n        - SQSSendMesagePolicy: {QueueName: a}\n",
        &["10:11: there is no policy template `SQSSendMesagePolicy` (did you mean `SQSSendMessagePolicy`?)"],
    );
    problem(
        "      Policies:\n        - SQSPollerPolicy: {QueueName: a, Name: b}\n",
        &["10:43: `Name` is not a key that the policy template `SQSPollerPolicy` has (it has `QueueName`)"],
    );
    problem(
        "      Policies:\n        - AcmGetCertificatePolicy: {CertificateArn: mine}\n",
        &["10:53: \"mine\" names no resource: write an ARN of six parts, as \
           \"arn:aws:sqs:us-east-1:000000000000:clicks\", or \"*\" for all"],
    );
    problem(
        "      Policies: [[]]\n",
        &["9:18: a policy is the name of a managed one, a policy template, or a document with `Statement`"],
    );
    // CloudFormation makes the role before the function.
    let circle = sam("      Policies: [{LambdaInvokePolicy: {FunctionName: !Ref Click}}]\n", "").problems();
    assert!(circle[0].contains("circular dependency: Click → Click"), "{circle:?}");
}

#[test]
fn every_limit_of_a_functions_policies_is_kept() {
    let statement = |size: usize| {
        let sid = "a".repeat(size);
        format!("{{ Sid = \"{sid}\", Effect = \"Allow\", Action = \"*\", Resource = \"*\" }}")
    };
    let half = statement(limits::INLINE_POLICIES_SIZE / 2 - 100);
    assert!(native(&format!("[{half}]")).problems().is_empty());
    assert!(native(&format!("[{half}, {half}]")).problems().is_empty());
    let problems = native(&format!("[{half}, {half}, {half}]")).problems();
    assert!(problems[0].contains("bytes together, and 10240 are possible"), "{problems:?}");
    let small = vec![statement(0); limits::FUNCTION_POLICIES + 1].join(", ");
    assert!(native(&format!("[{small}]")).problems()[0].contains("101 policies, and 100 are possible"));
    let many =
        ["SQS", "SNS", "S3", "DynamoDB", "EventBridge", "EventBridgeScheduler", "Kinesis", "SSM", "SES"];
    let mut many: Vec<String> = many.iter().map(|name| format!("Amazon{name}FullAccess")).collect();
    many.push("AWSLambdaRole".into());
    assert!(sam(&format!("      Policies: [{}]\n", many.join(", ")), "").problems().is_empty());
    many.push("AWSLambdaExecute".into());
    let problems = sam(&format!("      Policies: [{}]\n", many.join(", ")), "").problems();
    assert_eq!(problems, ["9:7: 11 managed policies are attached, and 10 are possible"]);
    let managed = |size: usize| {
        let resources = format!(
            "  Mine:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      PolicyDocument: {{Statement: [{{Sid: {}, \
             Effect: Allow, Action: '*', Resource: '*'}}]}}\n",
            "a".repeat(size)
        );
        sam("      Policies: [!Ref Mine]\n", &resources).problems()
    };
    assert!(managed(limits::MANAGED_POLICY_SIZE - 200).is_empty());
    assert!(managed(limits::MANAGED_POLICY_SIZE)[0].contains("and 6144 are possible"));
}
