//! What topics and subscriptions show and can be told.

use super::*;

async fn shown(world: &World, operation: &str, member: &str, arn: &str) -> Value {
    attributes(&ok(world, operation, json!({ member: arn })).await)
}

#[tokio::test]
async fn a_topic_shows_what_sns_shows() {
    let world = World::open().await;
    let news = topic(&world, "news.fifo", json!({})).await;
    let get = async || shown(&world, "GetTopicAttributes", "TopicArn", &news).await;
    let attributes = get().await;
    let policy: Value = serde_json::from_str(attributes["Policy"].as_str().unwrap()).unwrap();
    assert_eq!(policy["Statement"][0]["Condition"]["StringEquals"]["AWS:SourceOwner"], ACCOUNT);
    assert_eq!(
        attributes["EffectiveDeliveryPolicy"],
        r#"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":20,"maxDelayTarget":20,"numRetries":3,"numMaxDelayRetries":0,"numNoDelayRetries":0,"numMinDelayRetries":0,"backoffFunction":"linear"},"disableSubscriptionOverrides":false,"defaultRequestPolicy":{"headerContentType":"text/plain; charset=UTF-8"}}}"#
    );
    let names: Vec<&str> = attributes.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "ContentBasedDeduplication",
            "DisplayName",
            "EffectiveDeliveryPolicy",
            "FifoTopic",
            "Owner",
            "Policy",
            "SubscriptionsConfirmed",
            "SubscriptionsDeleted",
            "SubscriptionsPending",
            "TopicArn"
        ]
    );
    let policy = json!({ "Version": "2012-10-17", "Statement": [] }).to_string();
    let delivery = json!({ "http": { "defaultRequestPolicy": { "headerContentType": "application/json" } } });
    for (name, value) in [
        ("DisplayName", "News"),
        ("Policy", &policy),
        ("DeliveryPolicy", &delivery.to_string()),
        ("ContentBasedDeduplication", "true"),
        ("FifoThroughputScope", "MessageGroup"),
        ("MaximumMessageSize", "1024"),
        ("SignatureVersion", "2"),
        ("KmsMasterKeyId", "alias/aws/sns"),
        ("SQSSuccessFeedbackSampleRate", "7"),
    ] {
        let set = json!({ "TopicArn": news, "AttributeName": name, "AttributeValue": value });
        ok(&world, "SetTopicAttributes", set).await;
        let attributes = get().await;
        if name == "DeliveryPolicy" {
            let effective: Value =
                serde_json::from_str(attributes["EffectiveDeliveryPolicy"].as_str().unwrap()).unwrap();
            assert_eq!(effective["http"]["defaultRequestPolicy"], delivery["http"]["defaultRequestPolicy"]);
        } else {
            assert_eq!(attributes[name], value);
        }
    }
}

#[tokio::test]
async fn a_subscription_shows_what_sns_shows() {
    let world = World::open().await;
    let news = topic(&world, "news", json!({})).await;
    queue(&world, "dead").await;
    let subscription = subscribe(&world, &news, "q", json!({})).await;
    let get = async || shown(&world, "GetSubscriptionAttributes", "SubscriptionArn", &subscription).await;
    assert_eq!(
        get().await,
        json!({
            "ConfirmationWasAuthenticated": "true",
            "Endpoint": queue_arn("q"),
            "Owner": ACCOUNT,
            "PendingConfirmation": "false",
            "Protocol": "sqs",
            "RawMessageDelivery": "false",
            "SubscriptionArn": subscription,
            "SubscriptionPrincipal": format!("arn:aws:iam::{ACCOUNT}:root"),
            "TopicArn": news,
        })
    );
    let redrive = json!({ "deadLetterTargetArn": queue_arn("dead") }).to_string().replace(": ", ":");
    for (name, value) in [
        ("FilterPolicyScope", "MessageBody"),
        ("FilterPolicy", r#"{"a": {"b": [{"prefix": "x"}]}}"#),
        ("RawMessageDelivery", "true"),
        ("RedrivePolicy", &redrive),
    ] {
        let set = json!({ "SubscriptionArn": subscription, "AttributeName": name, "AttributeValue": value });
        ok(&world, "SetSubscriptionAttributes", set).await;
        if name != "FilterPolicyScope" {
            assert_eq!(get().await[name], value);
        }
    }
    assert_eq!(get().await["FilterPolicyScope"], "MessageBody");
    // A filter of bodies is none of attributes.
    let set = json!({
        "SubscriptionArn": subscription,
        "AttributeName": "FilterPolicyScope",
        "AttributeValue": "MessageAttributes",
    });
    let reply = call(&world, "SetSubscriptionAttributes", &set).await;
    let text =
        "Invalid parameter: Filter policy scope MessageAttributes does not support nested filter policy";
    is_error(&reply, 400, "InvalidParameter", text);
    assert_eq!(get().await["FilterPolicyScope"], "MessageBody");
}

#[tokio::test]
async fn permissions_come_and_go_as_statements() {
    let world = World::open().await;
    let news = topic(&world, "news", json!({})).await;
    let add = |label: &str, actions: Value| json!({ "TopicArn": news, "Label": label, "AWSAccountId": ["111111111111"], "ActionName": actions });
    let statements = async || -> Value {
        let shown = shown(&world, "GetTopicAttributes", "TopicArn", &news).await;
        serde_json::from_str::<Value>(shown["Policy"].as_str().unwrap()).unwrap()["Statement"].clone()
    };
    ok(&world, "AddPermission", add("one", json!(["Publish"]))).await;
    let one = json!({
        "Sid": "one",
        "Effect": "Allow",
        "Principal": { "AWS": "arn:aws:iam::111111111111:root" },
        "Action": "SNS:Publish",
        "Resource": news,
    });
    assert_eq!(statements().await[1], one);
    let reply = call(&world, "AddPermission", &add("one", json!(["Publish"]))).await;
    is_error(&reply, 400, "InvalidParameter", "Invalid parameter: Statement already exists");
    let reply = call(&world, "AddPermission", &add("two", json!(["CreateTopic"]))).await;
    let text = "Invalid parameter: Policy statement action out of service scope!";
    is_error(&reply, 400, "InvalidParameter", text);
    ok(&world, "RemovePermission", json!({ "TopicArn": news, "Label": "one" })).await;
    assert_eq!(statements().await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_data_protection_policy_is_kept() {
    let world = World::open().await;
    let news = topic(&world, "news", json!({})).await;
    let get = json!({ "ResourceArn": news });
    assert_eq!(ok(&world, "GetDataProtectionPolicy", get.clone()).await, "");
    let put = json!({ "ResourceArn": news, "DataProtectionPolicy": "{\"Name\": \"p\"}" });
    ok(&world, "PutDataProtectionPolicy", put).await;
    let kept = ok(&world, "GetDataProtectionPolicy", get).await;
    assert_eq!(kept, "<DataProtectionPolicy>{&quot;Name&quot;: &quot;p&quot;}</DataProtectionPolicy>");
}
