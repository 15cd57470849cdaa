use sonagi_data::queues::{
    ChangeVisibility, DeduplicationScope, Depth, Draft, FifoThroughput, Receive, Refusal,
};

use crate::{World, bodies, refusal};

#[tokio::test]
async fn a_group_is_received_in_order_and_waits_for_what_is_in_flight() {
    let world = World::new().await;
    let queue = world.queue("clicks.fifo", |_| {}).await;
    for n in 1..=4 {
        world.send_in(&queue, "a", &format!("a{n}")).await;
        world.send_in(&queue, "b", &format!("b{n}")).await;
    }
    let first = world.receive(&queue, 3).await;
    assert_eq!(bodies(&first), ["a1", "a2", "a3"]);
    assert!(first.windows(2).all(|pair| pair[0].sequence < pair[1].sequence));
    assert_eq!(bodies(&world.receive(&queue, 2).await), ["b1", "b2"]);
    assert!(world.receive(&queue, 10).await.is_empty());
    assert_eq!(world.queues.depth(&queue).await.unwrap(), Depth { visible: 3, in_flight: 5, delayed: 0 });
    world.acknowledge(&queue, &first[..2]).await;
    assert!(world.receive(&queue, 10).await.is_empty(), "a3 is in flight");
    world.acknowledge(&queue, &first[2..]).await;
    assert_eq!(bodies(&world.receive(&queue, 10).await), ["a4"]);
    world.seconds(30).await;
    // What was not acknowledged comes again, in its order.
    let again = world.receive(&queue, 10).await;
    let mut of_b = bodies(&again);
    of_b.retain(|body| body.starts_with('b'));
    assert_eq!(of_b, ["b1", "b2", "b3", "b4"]);
    assert_eq!(again.len(), 5);
    world.acknowledge(&queue, &again).await;
    assert!(
        world.left().await.iter().all(|key| key.starts_with("data/queues/u")),
        "{:?}",
        world.left().await
    );
}

#[tokio::test]
async fn a_handle_is_good_until_its_time_is_over() {
    let world = World::new().await;
    let queue = world.queue("clicks.fifo", |_| {}).await;
    world.send_in(&queue, "a", "1").await;
    let first = world.receive(&queue, 1).await;
    world.seconds(30).await;
    let late = world.queues.acknowledge(&queue, vec![first[0].handle.clone()]).await.unwrap();
    assert!(matches!(late[..], [Err(Refusal::HandleExpired(_))]), "{late:?}");
    let second = world.receive(&queue, 1).await;
    let old = world.queues.acknowledge(&queue, vec![first[0].handle.clone()]).await.unwrap();
    assert!(matches!(old[..], [Err(Refusal::HandleExpired(_))]), "{old:?}");
    world.acknowledge(&queue, &second).await;
}

#[tokio::test]
async fn what_is_made_visible_early_opens_its_group() {
    let world = World::new().await;
    let queue = world.queue("clicks.fifo", |_| {}).await;
    world.send_in(&queue, "a", "1").await;
    world.send_in(&queue, "a", "2").await;
    let both = world.receive(&queue, 2).await;
    let change = async |at: usize, seconds| {
        let change = ChangeVisibility { handle: both[at].handle.clone(), seconds };
        world.queues.change_visibility(&queue, vec![change]).await.unwrap().pop().unwrap().unwrap();
    };
    change(0, 0).await;
    assert!(world.receive(&queue, 2).await.is_empty(), "the second is in flight");
    change(1, 0).await;
    assert_eq!(bodies(&world.receive(&queue, 2).await), ["1", "2"]);
    // A longer time holds the group longer.
    let both = world.receive(&queue, 2).await;
    assert!(both.is_empty());
    world.seconds(30).await;
    let both = world.receive(&queue, 2).await;
    let change = ChangeVisibility { handle: both[1].handle.clone(), seconds: 100 };
    world.queues.change_visibility(&queue, vec![change]).await.unwrap().pop().unwrap().unwrap();
    world.seconds(99).await;
    assert!(world.receive(&queue, 2).await.is_empty());
    world.seconds(1).await;
    assert_eq!(bodies(&world.receive(&queue, 2).await), ["1", "2"]);
}

#[tokio::test]
async fn a_message_that_was_sent_before_is_the_one_that_was_sent() {
    let world = World::new().await;
    let queue = world.queue("clicks.fifo", |_| {}).await;
    let draft = |group: &str, id: &str, body: &str| Draft {
        group: Some(group.into()),
        deduplication: Some(id.into()),
        ..Draft::of(body.to_owned())
    };
    let first = world.queues.send_one(&queue, draft("a", "id", "1")).await.unwrap();
    // Whatever it says, and in whatever group.
    assert_eq!(world.queues.send_one(&queue, draft("b", "id", "2")).await.unwrap(), first);
    let received = world.receive(&queue, 10).await;
    assert_eq!(bodies(&received), ["1"]);
    world.acknowledge(&queue, &received).await;
    world.seconds(299).await;
    assert_eq!(world.queues.send_one(&queue, draft("a", "id", "3")).await.unwrap(), first);
    world.seconds(1).await;
    assert_ne!(world.queues.send_one(&queue, draft("a", "id", "4")).await.unwrap(), first);
    // In one batch, too.
    let twice = world.queues.send(&queue, vec![draft("a", "x", "5"), draft("a", "x", "6")]).await.unwrap();
    assert_eq!(twice[0], twice[1]);
    assert_eq!(bodies(&world.receive(&queue, 10).await), ["4", "5"]);
}

#[tokio::test]
async fn messages_are_deduplicated_by_content_and_within_their_group_if_the_queue_says_so() {
    let world = World::new().await;
    let by_content =
        world.queue("content.fifo", |settings| settings.fifo.as_mut().unwrap().by_content = true).await;
    let draft = |group: &str, body: &str| Draft { group: Some(group.into()), ..Draft::of(body.to_owned()) };
    for (group, body) in [("a", "1"), ("b", "1"), ("a", "2"), ("a", "1")] {
        world.queues.send_one(&by_content, draft(group, body)).await.unwrap();
    }
    assert_eq!(bodies(&world.receive(&by_content, 10).await), ["1", "2"]);
    let in_group = world
        .queue("group.fifo", |settings| {
            let fifo = settings.fifo.as_mut().unwrap();
            fifo.by_content = true;
            fifo.scope = DeduplicationScope::MessageGroup;
            fifo.throughput = FifoThroughput::PerMessageGroupId;
        })
        .await;
    for (group, body) in [("a", "1"), ("b", "1"), ("a", "1"), ("b", "1")] {
        world.queues.send_one(&in_group, draft(group, body)).await.unwrap();
    }
    assert_eq!(bodies(&world.receive(&in_group, 10).await), ["1", "1"]);
    let without = world.queue("without.fifo", |_| {}).await;
    assert_eq!(refusal(world.queues.send_one(&without, draft("a", "1")).await), Refusal::NoDeduplicationId);
    let no_group = world.queues.send_one(&without, Draft::of("1")).await;
    assert_eq!(refusal(no_group), Refusal::Missing { name: "MessageGroupId" });
    for wrong in ["", "with blank", "\u{e9}", &"x".repeat(129)] {
        let refused = refusal(world.queues.send_one(&without, draft(wrong, "1")).await);
        assert!(refused.to_string().contains("MessageGroupId can only include"), "{refused}");
    }
    let delayed = Draft { delay: Some(5), deduplication: Some("d".into()), ..draft("a", "1") };
    assert!(refusal(world.queues.send_one(&without, delayed).await).to_string().contains("DelaySeconds"));
}

#[tokio::test]
async fn a_queues_delay_holds_back_each_message_of_a_group() {
    let world = World::new().await;
    let queue = world.queue("late.fifo", |settings| settings.delay = 10).await;
    world.send_in(&queue, "a", "1").await;
    world.seconds(5).await;
    world.send_in(&queue, "a", "2").await;
    assert_eq!(world.queues.depth(&queue).await.unwrap(), Depth { visible: 0, in_flight: 0, delayed: 2 });
    assert!(world.receive(&queue, 10).await.is_empty());
    world.seconds(5).await;
    let first = world.receive(&queue, 10).await;
    assert_eq!(bodies(&first), ["1"]);
    world.acknowledge(&queue, &first).await;
    assert!(world.receive(&queue, 10).await.is_empty());
    world.seconds(5).await;
    assert_eq!(bodies(&world.receive(&queue, 10).await), ["2"]);
}

#[tokio::test]
async fn an_attempt_that_is_repeated_gets_the_same() {
    let world = World::new().await;
    let queue = world.queue("clicks.fifo", |_| {}).await;
    for n in 0..4 {
        world.send_in(&queue, "a", &n.to_string()).await;
    }
    let ask = |attempt: &str| Receive { attempt: Some(attempt.into()), wait: Some(0), ..Receive::up_to(2) };
    let first = world.queues.receive(&queue, ask("x")).await.unwrap();
    world.seconds(20).await;
    assert_eq!(world.queues.receive(&queue, ask("x")).await.unwrap(), first);
    assert!(world.queues.receive(&queue, ask("y")).await.unwrap().is_empty());
    // It was hidden anew.
    world.seconds(29).await;
    assert!(world.queues.receive(&queue, ask("y")).await.unwrap().is_empty());
    world.acknowledge(&queue, &first).await;
    // Something of it is gone: the attempt begins anew.
    assert_eq!(bodies(&world.queues.receive(&queue, ask("x")).await.unwrap()), ["2", "3"]);
}
