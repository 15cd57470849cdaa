use std::collections::BTreeMap;

use sonagi_data::queues::{DeduplicationScope, FifoThroughput, Page, QueueName, Refusal, Settings};

use crate::{World, name, refusal};

#[tokio::test]
async fn a_queue_is_made_once_and_made_again_only_as_it_is() {
    let world = World::new().await;
    let queue = world.queue("clicks", |settings| settings.delay = 3).await;
    world.queue("clicks", |settings| settings.delay = 3).await;
    let other = world.queues.create(&queue, Settings::default(), BTreeMap::new(), None).await;
    assert_eq!(refusal(other), Refusal::Exists { attribute: "DelaySeconds" });
    let found = world.queues.find(&queue).await.unwrap();
    assert_eq!((found.settings.delay, found.created), (3, crate::START));
    world.seconds(1).await;
    world.queues.set(&queue, |settings| Ok(Settings { delay: 4, ..settings })).await.unwrap();
    let found = world.queues.find(&queue).await.unwrap();
    assert_eq!((found.settings.delay, found.modified.seconds()), (4, crate::START.seconds() + 1));
}

#[tokio::test]
async fn settings_keep_their_ranges() {
    let world = World::new().await;
    let refused = async |text: &str, with: &dyn Fn(&mut Settings)| {
        let name = name(text);
        let mut settings = Settings::of(&name);
        with(&mut settings);
        match refusal(world.queues.create(&name, settings, BTreeMap::new(), None).await) {
            Refusal::Attribute { name } => name,
            other => panic!("{other}"),
        }
    };
    assert_eq!(refused("q", &|s| s.visibility_timeout = 43_201).await, "VisibilityTimeout");
    assert_eq!(refused("q", &|s| s.delay = 901).await, "DelaySeconds");
    assert_eq!(refused("q", &|s| s.message_size = 1_023).await, "MaximumMessageSize");
    assert_eq!(refused("q", &|s| s.message_size = (1 << 20) + 1).await, "MaximumMessageSize");
    assert_eq!(refused("q", &|s| s.retention = 59).await, "MessageRetentionPeriod");
    assert_eq!(refused("q", &|s| s.retention = 1_209_601).await, "MessageRetentionPeriod");
    assert_eq!(refused("q", &|s| s.wait = 21).await, "ReceiveMessageWaitTimeSeconds");
    assert_eq!(refused("q", &|s| s.fifo = Some(Default::default())).await, "FifoQueue");
    assert_eq!(refused("q.fifo", &|s| s.fifo = None).await, "FifoQueue");
    let half = |s: &mut Settings| s.fifo.as_mut().unwrap().throughput = FifoThroughput::PerMessageGroupId;
    assert_eq!(refused("q.fifo", &half).await, "FifoThroughputLimit");
    world
        .queue("q.fifo", |settings| {
            half(settings);
            settings.fifo.as_mut().unwrap().scope = DeduplicationScope::MessageGroup;
        })
        .await;
}

#[tokio::test]
async fn queues_are_listed_page_by_page() {
    let world = World::new().await;
    for text in ["b", "a1", "a2", "a3", "c.fifo"] {
        world.queue(text, |_| {}).await;
    }
    let list = async |prefix: &str, last: Option<QueueName>, most| {
        world.queues.list(prefix, last.as_ref(), most).await.unwrap()
    };
    let names = |texts: &[&str]| texts.iter().map(|text| name(text)).collect::<Vec<_>>();
    assert_eq!(
        list("", None, 10).await,
        Page { queues: names(&["a1", "a2", "a3", "b", "c.fifo"]), more: false }
    );
    assert_eq!(list("a", None, 2).await, Page { queues: names(&["a1", "a2"]), more: true });
    assert_eq!(list("a", Some(name("a2")), 2).await, Page { queues: names(&["a3"]), more: false });
    assert_eq!(list("x", None, 2).await, Page { queues: vec![], more: false });
}

#[tokio::test]
async fn tags_are_added_and_taken_away_up_to_fifty() {
    let world = World::new().await;
    let queue = world.queue("clicks", |_| {}).await;
    world.queues.tag(&queue, |tags| tags.extend([("a".to_owned(), "1".to_owned())])).await.unwrap();
    let many =
        |tags: &mut BTreeMap<String, String>| tags.extend((0..50).map(|n| (n.to_string(), String::new())));
    assert_eq!(refusal(world.queues.tag(&queue, many).await), Refusal::TooManyTags);
    assert_eq!(world.queues.find(&queue).await.unwrap().tags.len(), 1);
    world.queues.tag(&queue, BTreeMap::clear).await.unwrap();
    assert!(world.queues.find(&queue).await.unwrap().tags.is_empty());
}
