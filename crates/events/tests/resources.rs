//! What releases declare is there with them, over the embedded records.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::{Value, json};
use sonagi_backend::{
    Blobs, Records,
    embedded::{FileBlobs, RecordsConfig, SqliteRecords},
};
use sonagi_control::{Control, Error};
use sonagi_data::queues::{Draft, Queue, QueueName, Queues, Receive, Settings};
use sonagi_events::{Config, Declared};
use sonagi_model::{
    AppName, Entropy, Timestamp,
    clock::ManualClock,
    release::ReleaseContent,
    resource::{Resource, ResourceKind},
};
use tempfile::TempDir;

/// Numbers that are all different: enough for ids.
#[derive(Debug, Default)]
struct Count(AtomicU64);

impl Entropy for Count {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        bytes.fill(0);
        let size = bytes.len();
        bytes[size - 8..].copy_from_slice(&number);
    }
}

struct World {
    control: Control,
    queues: Queues,
    _folder: TempDir,
}

impl World {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_700_000_000_000)));
        let entropy = Arc::new(Count::default());
        let records: Arc<dyn Records> =
            Arc::new(SqliteRecords::open(RecordsConfig::new(folder.path().join("records"))).unwrap());
        let blobs: Arc<dyn Blobs> = Arc::new(FileBlobs::open(&folder.path().join("blobs")).unwrap());
        let queues = Queues::open(Arc::clone(&records), clock.clone(), entropy.clone()).await.unwrap();
        let config = sonagi_control::Config {
            account: Default::default(),
            region: Default::default(),
            concurrency: sonagi_model::limits::ACCOUNT_CONCURRENCY,
            code_dir: folder.path().join("code"),
        };
        let control = Control::open(config, records, blobs, clock, entropy.clone()).await.unwrap();
        let config = Config {
            account: Default::default(),
            region: Default::default(),
            endpoint: "http://127.0.0.1:4566".into(),
        };
        let control = control.with_resources(Arc::new(Declared::new(config, queues.clone(), entropy)));
        Self { control, queues, _folder: folder }
    }

    async fn deploy(&self, app: &str, resources: &[(&str, Resource)]) -> Result<(), Error> {
        let resources: BTreeMap<_, _> =
            resources.iter().map(|(name, resource)| ((*name).to_owned(), resource.clone())).collect();
        let content = ReleaseContent { resources, ..ReleaseContent::default() };
        self.control.deploy(&AppName::new(app).unwrap(), content).await.map(drop)
    }

    async fn refused(&self, app: &str, resources: &[(&str, Resource)]) -> String {
        self.deploy(app, resources).await.unwrap_err().to_string()
    }

    async fn queue(&self, queue: &str) -> Option<Arc<Queue>> {
        self.queues.find(&name(queue)).await.ok()
    }
}

fn name(text: &str) -> QueueName {
    QueueName::new(text).unwrap()
}

fn app(text: &str) -> AppName {
    AppName::new(text).unwrap()
}

fn queue(name: &str, attributes: Value) -> Resource {
    let properties = json!({ "Attributes": attributes }).as_object().unwrap().clone();
    Resource { kind: ResourceKind::Queue, name: name.into(), properties, retain: false }
}

fn visible(seconds: &str) -> Value {
    json!({ "VisibilityTimeout": seconds })
}

#[tokio::test]
async fn a_queue_is_what_the_live_release_says_and_was_before_after_a_rollback() {
    let world = World::start().await;
    let mut first = queue("shop-clicks", visible("60"));
    first.properties.insert("Tags".into(), json!({ "team": "web" }));
    world.deploy("shop", &[("Clicks", first)]).await.unwrap();
    let made = world.queue("shop-clicks").await.unwrap();
    assert_eq!((made.settings.visibility_timeout, made.app.clone()), (60, Some(app("shop"))));
    assert_eq!(made.tags["team"], "web");
    world.queues.send_one(&name("shop-clicks"), Draft::of("hello")).await.unwrap();

    world.deploy("shop", &[("Clicks", queue("shop-clicks", visible("90")))]).await.unwrap();
    let changed = world.queue("shop-clicks").await.unwrap();
    assert_eq!((changed.settings.visibility_timeout, changed.tags.len()), (90, 0));

    world.control.rollback(&app("shop"), None).await.unwrap();
    let back = world.queue("shop-clicks").await.unwrap();
    assert_eq!((back.settings.visibility_timeout, back.tags["team"].as_str()), (60, "web"));
    let got = world.queues.receive(&name("shop-clicks"), Receive::up_to(10)).await.unwrap();
    assert_eq!(got.len(), 1, "its messages stay");
}

#[tokio::test]
async fn queues_of_one_release_have_messages_of_their_own() {
    let world = World::start().await;
    let queues = ["a", "b", "c"].map(|it| (it, queue(it, json!({}))));
    world.deploy("shop", &queues).await.unwrap();
    world.queues.send_one(&name("b"), Draft::of("for b")).await.unwrap();
    for (queue, count) in [("a", 0), ("b", 1), ("c", 0)] {
        let got = world.queues.receive(&name(queue), Receive::up_to(10)).await.unwrap();
        assert_eq!(got.len(), count, "{queue}");
    }
}

#[tokio::test]
async fn queues_may_have_each_others_dead_letters() {
    let world = World::start().await;
    let redrive = |to: &str| {
        let arn = format!("arn:aws:sqs:us-east-1:000000000000:{to}");
        let policy = json!({ "deadLetterTargetArn": arn, "maxReceiveCount": 2 });
        json!({ "RedrivePolicy": policy.to_string() })
    };
    let both = [("a", queue("a", redrive("b"))), ("b", queue("b", redrive("a")))];
    world.deploy("shop", &both).await.unwrap();
    assert_eq!(world.queue("a").await.unwrap().settings.redrive.as_ref().unwrap().dead_letters, name("b"));

    let refused = world.refused("other", &[("x", queue("x", redrive("nowhere")))]).await;
    assert!(refused.contains("queue x: there is no queue that its dead letters could go to"), "{refused}");
    assert!(world.queue("x").await.is_none());
}

#[tokio::test]
async fn a_queue_that_is_no_longer_declared_goes_if_it_is_empty() {
    let world = World::start().await;
    let kept = Resource { retain: true, ..queue("kept", json!({})) };
    let all = [("e", queue("empty", json!({}))), ("f", queue("full", visible("9"))), ("k", kept)];
    world.deploy("shop", &all).await.unwrap();
    world.queues.send_one(&name("full"), Draft::of("hello")).await.unwrap();
    world.deploy("shop", &[("other", queue("other", json!({})))]).await.unwrap();
    assert!(world.queue("empty").await.is_none());
    for left in ["full", "kept"] {
        assert_eq!(world.queue(left).await.unwrap().app, None, "{left}");
    }

    // Whose it was may have it again, whatever it was meanwhile.
    world.deploy("shop", &[("f", queue("full", visible("7")))]).await.unwrap();
    let full = world.queue("full").await.unwrap();
    assert_eq!((full.app.clone(), full.settings.visibility_timeout), (Some(app("shop")), 7));
    assert!(world.queue("other").await.is_none());

    world.control.remove(&app("shop")).await.unwrap();
    assert_eq!(world.queue("full").await.unwrap().app, None);
}

#[tokio::test]
async fn what_is_somebody_elses_is_not_touched() {
    let world = World::start().await;
    world.deploy("one", &[("q", queue("shared", json!({})))]).await.unwrap();
    let refused = world.refused("two", &[("q", queue("shared", json!({})))]).await;
    assert!(refused.contains("\"shared\" is taken: the app \"one\" declares"), "{refused}");

    let settings = Settings { delay: 5, ..Settings::default() };
    world.queues.create(&name("made"), settings, BTreeMap::new(), None).await.unwrap();
    let refused = world.refused("two", &[("q", queue("made", json!({})))]).await;
    assert!(refused.contains("that no app declares, with another DelaySeconds"), "{refused}");
    assert!(world.control.live().app("two").is_none(), "nothing of a refused release is there");

    // One that is the same becomes the app's.
    world.deploy("two", &[("q", queue("made", json!({ "DelaySeconds": "5" })))]).await.unwrap();
    assert_eq!(world.queue("made").await.unwrap().app, Some(app("two")));
}

#[tokio::test]
async fn a_queue_that_somebody_deleted_is_there_again_with_the_next_release() {
    let world = World::start().await;
    let clicks = ("clicks", queue("clicks", visible("60")));
    world.deploy("shop", std::slice::from_ref(&clicks)).await.unwrap();
    world.queues.delete(&name("clicks")).await.unwrap();
    world.deploy("shop", &[clicks, ("more", queue("more", json!({})))]).await.unwrap();
    assert_eq!(world.queue("clicks").await.unwrap().settings.visibility_timeout, 60);
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_anything_changes() {
    let world = World::start().await;
    for (resource, wanted) in [
        (queue("a b", json!({})), "queue q: Can only include"),
        (queue("q", json!({ "Colour": "red" })), "queue q: Unknown Attribute Colour."),
        (queue("q", visible("50000")), "queue q: Invalid value for the parameter VisibilityTimeout."),
        (queue("q", json!({ "DelaySeconds": 5 })), "queue q: "),
        (Resource { kind: ResourceKind::Topic, ..queue("a b", json!({})) }, "q: "),
        (Resource { kind: ResourceKind::Rule, ..queue("q", json!({})) }, "q: "),
    ] {
        let refused = world.refused("shop", &[("q", resource)]).await;
        assert!(refused.contains(wanted), "{wanted}: {refused}");
    }
    let twice = [("a", queue("same", json!({}))), ("b", queue("same", json!({})))];
    assert!(world.refused("shop", &twice).await.contains("\"same\" is declared twice"));
}
