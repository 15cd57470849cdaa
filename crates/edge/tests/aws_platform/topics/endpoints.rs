//! HTTP endpoints: asked first, posted to, tried again, and given up.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use sonagi_backend::{Records as _, Sequence, embedded::SqliteRecords};
use sonagi_events::topics::{Post, PostFailure, Request};
use sonagi_model::{Clock as _, Tick, clock::ManualClock};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::*;

/// An endpoint that answers as it is told, and otherwise with 200.
struct Endpoint {
    answers: Mutex<VecDeque<Result<u16, PostFailure>>>,
    posted: mpsc::UnboundedSender<(Request, Tick, Sequence)>,
    clock: Arc<ManualClock>,
    records: Arc<SqliteRecords>,
}

#[async_trait]
impl Post for Endpoint {
    async fn post(&self, request: Request) -> Result<u16, PostFailure> {
        let answer = self.answers.lock().unwrap().pop_front();
        self.posted.send((request, self.clock.tick(), self.records.sequence())).unwrap();
        answer.unwrap_or(Ok(200))
    }
}

struct Posted {
    endpoint: Arc<Endpoint>,
    requests: mpsc::UnboundedReceiver<(Request, Tick, Sequence)>,
    stop: CancellationToken,
}

impl Posted {
    fn start(world: &World) -> Self {
        let (posted, requests) = mpsc::unbounded_channel();
        let (clock, records) = (world.clock.clone(), world.records.clone());
        let endpoint = Arc::new(Endpoint { answers: Mutex::default(), posted, clock, records });
        let stop = CancellationToken::new();
        drop(world.events.topics().start_posting(endpoint.clone(), &stop));
        Self { endpoint, requests, stop }
    }

    fn answers(&self, answers: impl IntoIterator<Item = Result<u16, PostFailure>>) {
        self.endpoint.answers.lock().unwrap().extend(answers);
    }

    async fn next(&mut self) -> Request {
        self.requests.recv().await.unwrap().0
    }

    /// The next one, and when the commit is there that follows from its answer.
    async fn next_settled(&mut self, world: &World) -> (Request, Tick) {
        let (request, at, before) = self.requests.recv().await.unwrap();
        while world.records.sequence() == before {
            tokio::task::yield_now().await;
        }
        (request, at)
    }
}

impl Drop for Posted {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

fn json_of(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

const URL: &str = "http://127.0.0.1:9/wet?a=b";

async fn subscribe_http(world: &World, topic: &str, attributes: Value) -> String {
    let input = json!({ "TopicArn": topic, "Protocol": "http", "Endpoint": URL, "Attributes": attributes });
    element(&ok(world, "Subscribe", input).await, "SubscriptionArn").to_owned()
}

/// Follows a link of a message's, as whoever gets it does.
async fn follow(world: &World, link: &Value) -> Reply {
    world.get(link.as_str().unwrap().strip_prefix("http://localhost:4566").unwrap()).await
}

/// A confirmed subscription.
async fn confirmed(world: &World, posted: &mut Posted, topic: &str, attributes: Value) -> String {
    assert_eq!(subscribe_http(world, topic, attributes).await, "pending confirmation");
    let asked = json_of(&posted.next().await);
    let reply = follow(world, &asked["SubscribeURL"]).await;
    element(reply.text(), "SubscriptionArn").to_owned()
}

#[tokio::test]
async fn an_endpoint_is_asked_before_it_gets_anything() {
    let world = World::required().await;
    let mut posted = Posted::start(&world);
    let news = topic(&world, "news", json!({})).await;
    assert_eq!(subscribe_http(&world, &news, json!({})).await, "pending confirmation");
    publish(&world, &news, "too early", json!({})).await;
    let list = ok(&world, "ListSubscriptionsByTopic", json!({ "TopicArn": news })).await;
    assert_eq!(elements(&list, "SubscriptionArn"), ["PendingConfirmation"]);
    let asked = posted.next().await;
    assert_eq!(asked.url, URL);
    assert_eq!(header(&asked, "x-amz-sns-message-type"), Some("SubscriptionConfirmation"));
    assert_eq!(header(&asked, "x-amz-sns-topic-arn"), Some(news.as_str()));
    assert_eq!(header(&asked, "x-amz-sns-subscription-arn"), None);
    assert_eq!(header(&asked, "content-type"), Some("text/plain; charset=UTF-8"));
    let question = json_of(&asked);
    assert_eq!(header(&asked, "x-amz-sns-message-id"), question["MessageId"].as_str());
    assert_eq!(question["Type"], "SubscriptionConfirmation");
    let token = question["Token"].as_str().unwrap();
    let link = format!("http://localhost:4566/?Action=ConfirmSubscription&TopicArn={news}&Token={token}");
    assert_eq!(question["SubscribeURL"], link);
    for (link, text) in [
        (link.replace(token, &"0".repeat(64)), "Invalid parameter: Token"),
        (link.replace(token, "abc"), "Invalid token"),
        (link.replace(":news", ":none"), "Invalid parameter: Topic"),
        (link.replace("us-east-1", "eu-west-1"), "Invalid parameter: Topic"),
    ] {
        is_error(&follow(&world, &json!(link)).await, 400, "InvalidParameter", text);
    }
    // No signature is needed: whoever has the token has got the message.
    let reply = follow(&world, &json!(link)).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let subscription = element(reply.text(), "SubscriptionArn").to_owned();
    let published = publish(&world, &news, "rain", json!({ "Subject": "s" })).await;
    let notified = posted.next().await;
    assert_eq!(header(&notified, "x-amz-sns-message-type"), Some("Notification"));
    assert_eq!(header(&notified, "x-amz-sns-message-id"), Some(element(&published, "MessageId")));
    assert_eq!(header(&notified, "x-amz-sns-subscription-arn"), Some(subscription.as_str()));
    assert_eq!(header(&notified, "x-amz-sns-rawdelivery"), None);
    let notification = json_of(&notified);
    assert_eq!((&notification["Message"], &notification["Subject"]), (&json!("rain"), &json!("s")));
    // Whoever cancels without saying who he is, is asked whether he meant it.
    let reply = follow(&world, &notification["UnsubscribeURL"]).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let asked = json_of(&posted.next().await);
    assert_eq!(asked["Type"], "UnsubscribeConfirmation");
    assert_eq!(ok(&world, "ListSubscriptions", json!({})).await, "<Subscriptions/>");
    publish(&world, &news, "to nobody", json!({})).await;
    follow(&world, &asked["SubscribeURL"]).await;
    publish(&world, &news, "again", json!({})).await;
    assert_eq!(json_of(&posted.next().await)["Message"], "again");
}

#[tokio::test]
async fn who_confirmed_by_his_name_is_cancelled_by_a_signed_request_alone() {
    let world = World::required().await;
    let mut posted = Posted::start(&world);
    let news = topic(&world, "news", json!({})).await;
    let given =
        json!({ "TopicArn": news, "Protocol": "http", "Endpoint": URL, "ReturnSubscriptionArn": "true" });
    let subscription = element(&ok(&world, "Subscribe", given).await, "SubscriptionArn").to_owned();
    let asked = json_of(&posted.next().await);
    let link = format!("{}&AuthenticateOnUnsubscribe=true", asked["SubscribeURL"].as_str().unwrap());
    let nobody = follow(&world, &json!(link)).await;
    is_error(&nobody, 403, "AuthorizationError", "is not authorized to perform: sns:ConfirmSubscription");
    let confirm = json!({ "TopicArn": news, "Token": asked["Token"], "AuthenticateOnUnsubscribe": "true" });
    ok(&world, "ConfirmSubscription", confirm).await;
    let link = format!("http://localhost:4566/?Action=Unsubscribe&SubscriptionArn={subscription}");
    is_error(&follow(&world, &json!(link)).await, 403, "AuthorizationError", "signed request");
    ok(&world, "Unsubscribe", json!({ "SubscriptionArn": subscription })).await;
    assert_eq!(ok(&world, "ListSubscriptions", json!({})).await, "<Subscriptions/>");
}

#[tokio::test]
async fn a_question_that_nobody_answers_is_over_after_two_days() {
    let world = World::open().await;
    let mut posted = Posted::start(&world);
    let news = topic(&world, "news", json!({})).await;
    subscribe_http(&world, &news, json!({})).await;
    let first = json_of(&posted.next().await);
    // Who subscribes again is asked again, and the first token is none any more.
    subscribe_http(&world, &news, json!({})).await;
    let second = json_of(&posted.next().await);
    is_error(
        &follow(&world, &first["SubscribeURL"]).await,
        400,
        "InvalidParameter",
        "Invalid parameter: Token",
    );
    world.clock.advance(Duration::from_secs(2 * 86_400)).await;
    is_error(
        &follow(&world, &second["SubscribeURL"]).await,
        400,
        "InvalidParameter",
        "Invalid parameter: Token",
    );
    assert_eq!(ok(&world, "ListSubscriptions", json!({})).await, "<Subscriptions/>");
}

#[tokio::test]
async fn a_message_that_is_not_taken_is_posted_again_by_the_delivery_policy_and_then_a_dead_letter() {
    let world = World::open().await;
    let mut posted = Posted::start(&world);
    queue(&world, "dead").await;
    let news = topic(&world, "news", json!({})).await;
    let policy = json!({
        "healthyRetryPolicy": {
            "numRetries": 3, "numNoDelayRetries": 1, "numMinDelayRetries": 1, "minDelayTarget": 5, "maxDelayTarget": 7,
        },
        "requestPolicy": { "headerContentType": "text/csv" },
    });
    let given = json!({
        "RawMessageDelivery": "true",
        "DeliveryPolicy": policy.to_string(),
        "RedrivePolicy": json!({ "deadLetterTargetArn": queue_arn("dead") }).to_string(),
    });
    confirmed(&world, &mut posted, &news, given).await;
    posted.answers([Ok(500), Err(PostFailure("connect: refused".into())), Ok(429), Ok(503)]);
    let attributes = json!({ "MessageAttributes": { "a": { "DataType": "String", "StringValue": "v" } } });
    let published = publish(&world, &news, "rain", attributes).await;
    for wait in [0, 0, 5, 7] {
        let due = world.clock.tick() + Duration::from_secs(wait);
        world.clock.advance(Duration::from_secs(wait)).await;
        let (request, at) = posted.next_settled(&world).await;
        assert_eq!(at, due);
        assert_eq!(request.body, "rain");
        assert_eq!(header(&request, "x-amz-sns-rawdelivery"), Some("true"));
        assert_eq!(header(&request, "content-type"), Some("text/csv"));
        assert_eq!(header(&request, "x-amz-sns-message-id"), Some(element(&published, "MessageId")));
    }
    let wait = Receive { wait: Some(20), ..Receive::up_to(1) };
    let dead = world.queues.receive(&QueueName::new("dead").unwrap(), wait.clone()).await.unwrap();
    assert_eq!((body(&dead[0]), dead[0].message.head.attributes[0].0.as_str()), ("rain", "a"));
    // What an endpoint refuses is not tried again.
    posted.answers([Ok(404)]);
    publish(&world, &news, "snow", json!({})).await;
    assert_eq!(posted.next().await.body, "snow");
    let dead = world.queues.receive(&QueueName::new("dead").unwrap(), wait).await.unwrap();
    assert_eq!(body(&dead[0]), "snow");
    publish(&world, &news, "sun", json!({})).await;
    assert_eq!(posted.next().await.body, "sun");
}

#[tokio::test]
async fn an_endpoint_gets_no_more_a_second_than_it_asked_for() {
    let world = World::open().await;
    let mut posted = Posted::start(&world);
    let news = topic(&world, "news", json!({})).await;
    let policy = json!({ "throttlePolicy": { "maxReceivesPerSecond": 1 } }).to_string();
    confirmed(&world, &mut posted, &news, json!({ "DeliveryPolicy": policy })).await;
    world.clock.advance(Duration::from_secs(1)).await;
    for message in ["1", "2", "3"] {
        publish(&world, &news, message, json!({})).await;
    }
    let (mut bodies, mut last) = (Vec::new(), None);
    while bodies.len() < 3 {
        let Ok((request, at, _)) = posted.requests.try_recv() else {
            world.clock.advance(Duration::from_millis(250)).await;
            continue;
        };
        assert!(last.is_none_or(|last| at.since(last) >= Duration::from_secs(1)), "{last:?} {at:?}");
        last = Some(at);
        bodies.push(json_of(&request)["Message"].as_str().unwrap().to_owned());
    }
    bodies.sort_unstable();
    assert_eq!(bodies, ["1", "2", "3"]);
}
