//! Topics and subscriptions come, are listed, and go.

use super::*;

#[tokio::test]
async fn a_topic_is_made_once_and_listed_until_it_is_deleted() {
    let world = World::open().await;
    let made = topic(&world, "news", json!({ "DisplayName": "News" })).await;
    assert_eq!(made, arn("news"));
    assert_eq!(topic(&world, "news", json!({})).await, made);
    assert_eq!(topic(&world, "news", json!({ "DisplayName": "News" })).await, made);
    let other = json!({ "Name": "news", "Attributes": { "DisplayName": "Olds" } });
    let reply = call(&world, "CreateTopic", &other).await;
    let text = "Invalid parameter: Attributes Reason: Topic already exists with different attributes";
    is_error(&reply, 400, "InvalidParameter", text);
    for index in 0..101 {
        topic(&world, &format!("page-{index:03}"), json!({})).await;
    }
    let first = ok(&world, "ListTopics", json!({})).await;
    assert_eq!(elements(&first, "TopicArn").len(), 100);
    let next = json!({ "NextToken": element(&first, "NextToken") });
    let second = ok(&world, "ListTopics", next).await;
    assert_eq!(elements(&second, "TopicArn"), [arn("page-099"), arn("page-100")]);
    assert!(!second.contains("NextToken"));
    ok(&world, "DeleteTopic", json!({ "TopicArn": made })).await;
    ok(&world, "DeleteTopic", json!({ "TopicArn": made })).await;
    let reply = call(&world, "GetTopicAttributes", &json!({ "TopicArn": made })).await;
    is_error(&reply, 404, "NotFound", "Topic does not exist");
}

#[tokio::test]
async fn a_subscription_is_made_once_and_listed_until_it_is_cancelled() {
    let world = World::open().await;
    let news = topic(&world, "news", json!({})).await;
    let olds = topic(&world, "olds", json!({})).await;
    let first = subscribe(&world, &news, "first", json!({ "RawMessageDelivery": "true" })).await;
    let second = subscribe(&world, &olds, "second", json!({})).await;
    assert!(first.starts_with(&format!("{news}:")), "{first}");
    let again = |attributes: Value| json!({ "TopicArn": news, "Protocol": "sqs", "Endpoint": queue_arn("first"), "Attributes": attributes });
    for attributes in [json!({}), json!({ "RawMessageDelivery": "true" })] {
        let same = ok(&world, "Subscribe", again(attributes)).await;
        assert_eq!(element(&same, "SubscriptionArn"), first);
    }
    let reply = call(&world, "Subscribe", &again(json!({ "FilterPolicy": "{\"a\": [1]}" }))).await;
    let text = "Invalid parameter: Attributes Reason: Subscription already exists with different attributes";
    is_error(&reply, 400, "InvalidParameter", text);
    let all = ok(&world, "ListSubscriptions", json!({})).await;
    assert_eq!(elements(&all, "SubscriptionArn"), [first.as_str(), second.as_str()]);
    let of_topic = ok(&world, "ListSubscriptionsByTopic", json!({ "TopicArn": olds })).await;
    assert_eq!(
        element(&of_topic, "member"),
        format!(
            "<SubscriptionArn>{second}</SubscriptionArn><Owner>{ACCOUNT}</Owner><Protocol>sqs</Protocol>\
             <Endpoint>{}</Endpoint><TopicArn>{olds}</TopicArn>",
            queue_arn("second")
        )
    );
    ok(&world, "Unsubscribe", json!({ "SubscriptionArn": first })).await;
    ok(&world, "Unsubscribe", json!({ "SubscriptionArn": first })).await;
    let shown = ok(&world, "GetTopicAttributes", json!({ "TopicArn": news })).await;
    let shown = attributes(&shown);
    assert_eq!(
        (&shown["SubscriptionsConfirmed"], &shown["SubscriptionsDeleted"]),
        (&json!("0"), &json!("1"))
    );
    publish(&world, &news, "to nobody", json!({})).await;
    assert!(receive(&world, "first").await.is_empty());
    // With its topic a subscription goes.
    ok(&world, "DeleteTopic", json!({ "TopicArn": olds })).await;
    assert_eq!(ok(&world, "ListSubscriptions", json!({})).await, "<Subscriptions/>");
    topic(&world, "olds", json!({})).await;
    publish(&world, &olds, "to nobody", json!({})).await;
    assert!(receive(&world, "second").await.is_empty());
}

#[tokio::test]
async fn tags_are_kept_with_the_topic() {
    let world = World::open().await;
    let tags = json!([{ "Key": "k1", "Value": "v1" }, { "Key": "k2", "Value": "" }]);
    let made = ok(&world, "CreateTopic", json!({ "Name": "news", "Tags": tags })).await;
    let news = element(&made, "TopicArn").to_owned();
    let changed = json!([{ "Key": "k2", "Value": "v2" }]);
    ok(&world, "TagResource", json!({ "ResourceArn": news, "Tags": changed })).await;
    ok(&world, "UntagResource", json!({ "ResourceArn": news, "TagKeys": ["k1", "none"] })).await;
    let shown = ok(&world, "ListTagsForResource", json!({ "ResourceArn": news })).await;
    assert_eq!(shown, "<Tags><member><Key>k2</Key><Value>v2</Value></member></Tags>");
    let reply = call(&world, "CreateTopic", &json!({ "Name": "news", "Tags": tags })).await;
    let text = "Invalid parameter: Tags Reason: Topic already exists with different tags";
    is_error(&reply, 400, "InvalidParameter", text);
    let twice = json!([{ "Key": "k", "Value": "1" }, { "Key": "k", "Value": "2" }]);
    let reply = call(&world, "TagResource", &json!({ "ResourceArn": news, "Tags": twice })).await;
    is_error(&reply, 400, "InvalidParameter", "Invalid parameter: Duplicated keys are not allowed.");
    let many: Vec<_> = (0..51).map(|index| json!({ "Key": format!("k{index}"), "Value": "" })).collect();
    let reply = call(&world, "TagResource", &json!({ "ResourceArn": news, "Tags": many })).await;
    is_error(&reply, 400, "TagLimitExceeded", "tag quota");
    let reply = call(&world, "ListTagsForResource", &json!({ "ResourceArn": arn("none") })).await;
    is_error(&reply, 404, "ResourceNotFound", "Resource does not exist");
}
