//! Who may do what.

use super::*;

/// Enough for every operation to know whose topic it is about.
fn input() -> Value {
    json!({
        "Name": "news",
        "TopicArn": arn("news"),
        "ResourceArn": arn("news"),
        "SubscriptionArn": format!("{}:{}", arn("news"), "0".repeat(36)),
        "Protocol": "sqs",
        "Endpoint": queue_arn("q"),
        "Message": "m",
        "Token": "0".repeat(64),
        "AuthenticateOnUnsubscribe": "true",
    })
}

#[tokio::test]
async fn no_operation_answers_without_credentials_when_they_are_required() {
    let world = World::required().await;
    assert_eq!(operations().count(), 42);
    for operation in operations() {
        let stranger = sonagi_identity::Keys {
            access_key_id: "AKIAUNKNOWNUNKNOWN00".into(),
            secret_access_key: "x".repeat(40),
            session_token: None,
        };
        let reply = ask(&world, operation, &input()).signed_by(stranger).send().await;
        is_error(&reply, 403, "InvalidClientTokenId", "security token included in the request is invalid");
        if ["ConfirmSubscription", "Unsubscribe"].contains(&operation) {
            continue;
        }
        let nobody = world.get(&format!("/?{}", form(operation, &input()))).await;
        is_error(&nobody, 403, "MissingAuthenticationToken", "Missing Authentication Token");
    }
}

#[tokio::test]
async fn a_function_may_do_nothing_to_a_topic_that_it_was_not_given() {
    let world = World::open().await;
    topic(&world, "news", json!({})).await;
    for operation in operations() {
        let asked = ask(&world, operation, &input()).signed_by(world.session("shop", "f"));
        let action = format!("sns:{}", operation.trim_end_matches("Batch"));
        let text = format!(
            "User: arn:aws:sts::{ACCOUNT}:assumed-role/pets/f is not authorized to perform: {action} on resource: "
        );
        is_error(&asked.send().await, 403, "AuthorizationError", &text);
    }
}

#[tokio::test]
async fn a_topics_policy_lets_a_function_publish() {
    let world = World::open().await;
    let news = topic(&world, "news", json!({})).await;
    subscribe(&world, &news, "q", json!({})).await;
    let policy = |protocol: &str| {
        let statement = |action: &str, condition: Value| json!({ "Effect": "Allow", "Principal": "*", "Action": action, "Resource": news, "Condition": condition });
        let only = json!({ "StringEquals": { "sns:Protocol": protocol } });
        let statements = [statement("sns:Publish", json!({})), statement("sns:Subscribe", only)];
        json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
    };
    let set =
        |policy: String| json!({ "TopicArn": news, "AttributeName": "Policy", "AttributeValue": policy });
    ok(&world, "SetTopicAttributes", set(policy("https"))).await;
    let function = async |operation: &str, input: Value| {
        ask(&world, operation, &input).signed_by(world.session("shop", "f")).send().await
    };
    let message = json!({ "TopicArn": news, "Message": "m" });
    assert_eq!(function("Publish", message).await.status, 200);
    assert_eq!(messages(&world, "q").await, ["m"]);
    let wanted = json!({ "TopicArn": news, "Protocol": "sqs", "Endpoint": queue_arn("other") });
    let reply = function("Subscribe", wanted.clone()).await;
    is_error(&reply, 403, "AuthorizationError", "sns:Subscribe on resource");
    ok(&world, "SetTopicAttributes", set(policy("sqs"))).await;
    assert_eq!(function("Subscribe", wanted).await.status, 200);
}

#[tokio::test]
async fn what_is_not_here_says_so() {
    let world = World::open().await;
    let reply = call(&world, "CreatePlatformApplication", &json!({})).await;
    is_error(
        &reply,
        403,
        "AuthorizationError",
        "Sonagi has no CreatePlatformApplication: it sends no text messages",
    );
}
