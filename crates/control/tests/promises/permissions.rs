use serde_json::json;
use sonagi_control::{
    Error,
    lambda::{AddPermission, CreateAlias},
};

use crate::support::{World, text_of};

const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

fn permission(id: &str) -> AddPermission {
    AddPermission {
        statement_id: id.into(),
        action: "lambda:InvokeFunction".into(),
        principal: "s3.amazonaws.com".into(),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_is_shown_as_iam_writes_it() {
    let world = World::start().await;
    let made = world.create("f").await;
    let mut wanted = permission("bucket");
    wanted.source_arn = Some("arn:aws:s3:::pictures".into());
    wanted.source_account = Some("000000000000".into());
    world.control.add_permission("f", None, wanted).await.unwrap();
    let (policy, revision) = world.control.policy("f", None).unwrap();
    let policy: serde_json::Value = serde_json::from_str(&policy).unwrap();
    assert_eq!(
        policy,
        json!({
            "Version": "2012-10-17",
            "Id": "default",
            "Statement": [{
                "Sid": "bucket",
                "Effect": "Allow",
                "Principal": { "Service": "s3.amazonaws.com" },
                "Action": "lambda:InvokeFunction",
                "Resource": ARN,
                "Condition": {
                    "StringEquals": { "AWS:SourceAccount": "000000000000" },
                    "ArnLike": { "AWS:SourceArn": "arn:aws:s3:::pictures" },
                },
            }],
        })
    );
    assert_ne!(revision, made.revision_id);
    assert_eq!(revision, world.function("f").revision_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_belong_to_a_qualifier_and_survive_a_rollback() {
    let world = World::start().await;
    world.create("f").await;
    world.control.publish_version("f", Default::default()).await.unwrap();
    let alias = CreateAlias { name: "live".into(), version: "1".into(), ..Default::default() };
    world.control.create_alias("f", alias).await.unwrap();
    for qualifier in [None, Some("live"), Some("1")] {
        world.control.add_permission("f", qualifier, permission("s")).await.unwrap();
    }
    let twice = world.control.add_permission("f", Some("live"), permission("s")).await;
    assert!(text_of(twice).starts_with("The statement id (s) provided already exists."));
    let change = sonagi_control::lambda::UpdateConfiguration { memory: Some(256), ..Default::default() };
    world.control.update_configuration("f", change).await.unwrap();
    world.control.rollback(&"f".parse().unwrap(), None).await.unwrap();
    for qualifier in [None, Some("live"), Some("1")] {
        world.control.policy("f", qualifier).unwrap();
        world.control.remove_permission("f", qualifier, "s", None).await.unwrap();
        assert!(matches!(world.control.policy("f", qualifier), Err(Error::NotFound(_))));
    }
    let gone = world.control.remove_permission("f", None, "s", None).await;
    assert_eq!(text_of(gone), "No policy is associated with the given resource.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_makes_no_sense_is_refused_with_lambdas_words() {
    let world = World::start().await;
    world.create("f").await;
    type Change = fn(&mut AddPermission);
    let cases: [(Change, &str); 6] = [
        (|p| p.principal = "somebody".into(), "The provided principal was invalid."),
        (|p| p.action = "s3:GetObject".into(), "'action' failed to satisfy constraint"),
        (|p| p.statement_id = "a b".into(), "'statementId' failed to satisfy constraint"),
        (|p| p.function_url_auth_type = Some("NONE".into()), "FunctionUrlAuthType is only supported"),
        (|p| p.source_account = Some("me".into()), "'sourceAccount'"),
        (|p| p.revision_id = Some("old".into()), "Call the GetPolicy API"),
    ];
    for (change, words) in cases {
        let mut wrong = permission("s");
        change(&mut wrong);
        let text = text_of(world.control.add_permission("f", None, wrong).await);
        assert!(text.contains(words), "{text:?} does not say {words:?}");
    }
    let latest = world.control.add_permission("f", Some("$LATEST"), permission("s")).await;
    assert_eq!(text_of(latest), "We currently do not support adding policies for $LATEST.");
    let alias = world.control.add_permission("f", Some("live"), permission("s")).await;
    assert_eq!(text_of(alias), format!("Cannot find alias arn: {ARN}:live"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_keeps_lambdas_limit() {
    let world = World::start().await;
    world.create("f").await;
    let refused = loop {
        let number = world.function("f").policies.get(&None).map_or(0, Vec::len);
        let mut wanted = permission(&format!("s{number}"));
        wanted.source_arn = Some(format!("arn:aws:s3:::{}", "x".repeat(4_000)));
        if let Err(error) = world.control.add_permission("f", None, wanted).await {
            break error;
        }
    };
    assert!(
        matches!(&refused, Error::PolicyTooLong(text) if text.ends_with("is bigger than the limit (20480)."))
    );
    assert_eq!(world.function("f").policies[&None].len(), 4);
}
