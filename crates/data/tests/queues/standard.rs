use sonagi_data::queues::{Attribute, AttributeValue, ChangeVisibility, Depth, Draft, Receive, Refusal};
use sonagi_model::limits;

use crate::{START, World, bodies, name, refusal};

#[tokio::test]
async fn a_message_is_received_hidden_received_again_and_gone_once_acknowledged() {
    let world = World::new().await;
    let queue = world.queue("clicks", |_| {}).await;
    let draft = Draft {
        attributes: vec![
            ("colour".into(), Attribute { kind: "String".into(), value: AttributeValue::Text("red".into()) }),
            (
                "raw".into(),
                Attribute { kind: "Binary.x".into(), value: AttributeValue::Binary(vec![0, 1].into()) },
            ),
        ],
        trace: Some("Root=1".into()),
        sender: "me".into(),
        note: Some("ours".into()),
        ..Draft::of("hello")
    };
    let sent = world.queues.send_one(&queue, draft.clone()).await.unwrap();
    assert_eq!(sent.sequence, None);
    let [first] = &world.receive(&queue, 10).await[..] else { panic!() };
    assert_eq!((first.message.head.id.as_str(), &first.message.body[..]), (sent.id.as_str(), &b"hello"[..]));
    assert_eq!(first.message.head.attributes, draft.attributes);
    assert_eq!(first.message.head.trace, draft.trace);
    assert_eq!(first.message.head.note, draft.note);
    assert_eq!((first.message.head.sent, first.receives, first.first_received), (START, 1, START));
    assert!(world.receive(&queue, 10).await.is_empty());
    world.seconds(29).await;
    assert!(world.receive(&queue, 10).await.is_empty());
    world.seconds(1).await;
    let [second] = &world.receive(&queue, 10).await[..] else { panic!() };
    assert_eq!((second.receives, second.first_received), (2, START));
    assert_ne!(second.handle, first.handle);
    // Any handle of it will do.
    world.acknowledge(&queue, std::slice::from_ref(first)).await;
    world.seconds(60).await;
    assert!(world.receive(&queue, 10).await.is_empty());
    world.acknowledge(&queue, std::slice::from_ref(second)).await;
    assert!(world.left().await.is_empty(), "{:?}", world.left().await);
}

#[tokio::test]
async fn a_delay_holds_a_message_back() {
    let world = World::new().await;
    let queue = world.queue("clicks", |settings| settings.delay = 10).await;
    world.send(&queue, "queue's").await;
    world.queues.send_one(&queue, Draft { delay: Some(0), ..Draft::of("now") }).await.unwrap();
    world.queues.send_one(&queue, Draft { delay: Some(900), ..Draft::of("late") }).await.unwrap();
    assert_eq!(world.queues.depth(&queue).await.unwrap(), Depth { visible: 1, in_flight: 0, delayed: 2 });
    assert_eq!(bodies(&world.receive(&queue, 10).await), ["now"]);
    world.seconds(10).await;
    assert_eq!(bodies(&world.receive(&queue, 10).await), ["queue's"]);
    world.seconds(889).await;
    assert_eq!(bodies(&world.receive(&queue, 10).await), ["now", "queue's"]);
    world.seconds(1).await;
    assert_eq!(bodies(&world.receive(&queue, 10).await), ["late"]);
    let too_late = world.queues.send_one(&queue, Draft { delay: Some(901), ..Draft::of("x") }).await;
    assert!(refusal(too_late).to_string().contains("DelaySeconds must be >= 0 and <= 900"));
}

#[tokio::test]
async fn what_is_hidden_can_be_hidden_for_another_time() {
    let world = World::new().await;
    let queue = world.queue("clicks", |_| {}).await;
    world.send(&queue, "hello").await;
    let [received] = &world.receive(&queue, 1).await[..] else { panic!() };
    let change = async |handle: &sonagi_data::queues::Handle, seconds| {
        let change = ChangeVisibility { handle: handle.clone(), seconds };
        world.queues.change_visibility(&queue, vec![change]).await.unwrap().pop().unwrap()
    };
    change(&received.handle, 100).await.unwrap();
    world.seconds(99).await;
    assert!(world.receive(&queue, 1).await.is_empty());
    change(&received.handle, 0).await.unwrap();
    let [again] = &world.receive(&queue, 1).await[..] else { panic!() };
    // It is no longer the one that holds it.
    assert!(matches!(change(&received.handle, 5).await, Err(Refusal::NotInFlight(_))));
    change(&again.handle, 43_200).await.unwrap();
    world.seconds(1).await;
    let too_long = change(&again.handle, 43_200).await;
    assert_eq!(too_long, Err(Refusal::VisibilityTooLong { seconds: 43_200 }));
    change(&again.handle, 10).await.unwrap();
    world.seconds(10).await;
    // Its time is over, but nobody else has it.
    for _ in 0..2 {
        change(&again.handle, 5).await.unwrap();
        assert!(world.receive(&queue, 1).await.is_empty());
        let depth = Depth { visible: 0, in_flight: 1, delayed: 0 };
        assert_eq!(world.queues.depth(&queue).await.unwrap(), depth);
    }
    world.seconds(5).await;
    let [third] = &world.receive(&queue, 1).await[..] else { panic!() };
    world.acknowledge(&queue, std::slice::from_ref(third)).await;
    assert!(matches!(change(&third.handle, 5).await, Err(Refusal::NotInFlight(_))));
}

#[tokio::test]
async fn receiving_for_no_time_gives_each_message_once() {
    let world = World::new().await;
    for (text, group) in [("clicks", None), ("clicks.fifo", Some("g"))] {
        let queue = world.queue(text, |settings| settings.visibility_timeout = 0).await;
        for body in ["a", "b", "c"] {
            match group {
                Some(group) => world.send_in(&queue, group, body).await,
                None => drop(world.send(&queue, body).await),
            }
        }
        for _ in 0..3 {
            assert_eq!(bodies(&world.receive(&queue, 10).await), ["a", "b", "c"]);
        }
    }
}

#[tokio::test]
async fn a_batch_fails_and_succeeds_one_by_one() {
    let world = World::new().await;
    let queue = world.queue("clicks", |settings| settings.message_size = 1_024).await;
    let drafts = vec![
        Draft::of("one"),
        Draft::of(""),
        Draft::of("\u{1}"),
        Draft::of("x".repeat(1_025)),
        Draft { deduplication: Some("id".into()), ..Draft::of("fifo's") },
        Draft::of("two"),
        Draft::of(&b"\xff"[..]),
        Draft {
            attributes: (0..11)
                .map(|n| {
                    (
                        n.to_string(),
                        Attribute { kind: "String".into(), value: AttributeValue::Text("v".into()) },
                    )
                })
                .collect(),
            ..Draft::of("x")
        },
    ];
    let sent = world.queues.send(&queue, drafts).await.unwrap();
    let outcome: Vec<_> =
        sent.iter().map(|sent| sent.as_ref().map(drop).map_err(ToString::to_string)).collect();
    assert!(outcome[0].is_ok() && outcome[5].is_ok());
    for (at, text) in [
        (1, "must contain the parameter MessageBody"),
        (2, "Invalid characters found"),
        (3, "Message must be shorter than 1024 bytes"),
        (4, "MessageDeduplicationId"),
        (6, "Invalid characters found"),
        (7, "Number of message attributes [11] exceeds the allowed maximum [10]"),
    ] {
        assert!(outcome[at].as_ref().unwrap_err().contains(text), "{at}: {:?}", outcome[at]);
    }
    assert_eq!(bodies(&world.receive(&queue, 10).await), ["one", "two"]);
}

#[tokio::test]
async fn a_receiver_gets_as_many_as_it_wants_and_the_oldest_first() {
    let world = World::new().await;
    let queue = world.queue("clicks", |_| {}).await;
    for n in 0..250 {
        world.send(&queue, &n.to_string()).await;
    }
    assert_eq!(bodies(&world.receive(&queue, 3).await), ["0", "1", "2"]);
    assert_eq!(world.receive(&queue, 10_000).await.len(), limits::QUEUE_RECEIVE_MAX);
    assert_eq!(world.queues.depth(&queue).await.unwrap(), Depth { visible: 147, in_flight: 103, delayed: 0 });
    let large = world.queue("large", |_| {}).await;
    for _ in 0..12 {
        world.queues.send_one(&large, Draft::of("x".repeat(1 << 20))).await.unwrap();
    }
    assert_eq!(world.receive(&large, 12).await.len(), limits::QUEUE_RECEIVE_SIZE >> 20);
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_said_not_to_be() {
    let world = World::new().await;
    let queue = name("nowhere");
    let queues = &world.queues;
    assert_eq!(refusal(queues.send_one(&queue, Draft::of("x")).await), Refusal::NoQueue);
    assert_eq!(refusal(queues.receive(&queue, Receive::up_to(1)).await), Refusal::NoQueue);
    assert_eq!(refusal(queues.acknowledge(&queue, Vec::new()).await), Refusal::NoQueue);
    assert_eq!(refusal(queues.delete(&queue).await), Refusal::NoQueue);
    // Also to those who knew it.
    let queue = world.queue("nowhere", |_| {}).await;
    world.send(&queue, "x").await;
    queues.delete(&queue).await.unwrap();
    assert_eq!(refusal(queues.send_one(&queue, Draft::of("x")).await), Refusal::NoQueue);
    // One of the same name is another.
    world.queue("nowhere", |_| {}).await;
    assert!(world.receive(&queue, 1).await.is_empty());
}
