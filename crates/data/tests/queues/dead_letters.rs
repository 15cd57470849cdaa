use sonagi_data::queues::{Depth, Draft, MoveState, QueueName, Redrive, RedriveAllow, Refusal, Settings};

use crate::{World, bodies, name, refusal};

async fn pair(world: &World, kind: &str) -> (QueueName, QueueName) {
    let dead = world.queue(&format!("dead{kind}"), |_| {}).await;
    let redrive = Redrive { dead_letters: dead.clone(), receives: 2 };
    (world.queue(&format!("clicks{kind}"), |settings| settings.redrive = Some(redrive)).await, dead)
}

#[tokio::test]
async fn what_is_received_too_often_becomes_a_dead_letter() {
    let world = World::new().await;
    let (queue, dead) = pair(&world, "").await;
    let id = world.send(&queue, "poison").await;
    world.send(&queue, "good").await;
    for _ in 0..2 {
        let received = world.receive(&queue, 10).await;
        assert_eq!(received[0].message.head.id, id);
        world.acknowledge(&queue, &received[1..]).await;
        world.seconds(30).await;
    }
    assert!(world.receive(&queue, 10).await.is_empty());
    let [letter] = &world.receive(&dead, 10).await[..] else { panic!() };
    assert_eq!(letter.message.head.id, id);
    assert_eq!(letter.message.head.dead_letter_of, Some(queue.clone()));
    assert_eq!(letter.message.head.sent, crate::START, "its age goes on");
    assert_eq!(world.queues.depth(&queue).await.unwrap(), Depth::default());
}

#[tokio::test]
async fn a_dead_letter_lets_its_group_go_on() {
    let world = World::new().await;
    let (queue, dead) = pair(&world, ".fifo").await;
    for body in ["poison", "good"] {
        world.send_in(&queue, "a", body).await;
    }
    for _ in 0..2 {
        assert_eq!(bodies(&world.receive(&queue, 1).await), ["poison"]);
        world.seconds(30).await;
    }
    assert_eq!(bodies(&world.receive(&queue, 1).await), ["good"]);
    let [letter] = &world.receive(&dead, 10).await[..] else { panic!() };
    assert_eq!(
        (bodies(std::slice::from_ref(letter)), letter.message.head.group.as_deref()),
        (vec!["poison".to_owned()], Some("a"))
    );
}

#[tokio::test]
async fn a_queue_takes_dead_letters_of_whom_it_allows() {
    let world = World::new().await;
    let to = |text: &str| Some(Redrive { dead_letters: name(text), receives: 3 });
    let create = async |text: &str, settings: Settings| {
        world.queues.create(&name(text), settings, Default::default(), None).await
    };
    let source = |text: &str| Settings { redrive: to(text), ..Settings::default() };
    assert_eq!(refusal(create("a", source("nowhere")).await), Refusal::NoDeadLetters);
    world.queue("other.fifo", |_| {}).await;
    assert_eq!(refusal(create("a", source("other.fifo")).await), Refusal::OtherDeadLetters);
    world.queue("none", |settings| settings.redrive_allow = Some(RedriveAllow::None)).await;
    assert!(matches!(refusal(create("a", source("none")).await), Refusal::DeadLettersForbidden { .. }));
    world
        .queue("some", |settings| settings.redrive_allow = Some(RedriveAllow::Queues(vec![name("b")])))
        .await;
    assert!(matches!(refusal(create("a", source("some")).await), Refusal::DeadLettersForbidden { .. }));
    create("b", source("some")).await.unwrap();
    assert_eq!(world.queues.sources_of(&name("some")).await.unwrap(), [name("b")]);
    let settings = Settings {
        redrive: Some(Redrive { dead_letters: name("some"), receives: 1_001 }),
        ..Settings::default()
    };
    assert_eq!(refusal(create("b2", settings).await), Refusal::Attribute { name: "RedrivePolicy" });
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_moved_back_where_they_came_from() {
    let world = World::new().await;
    let (queue, dead) = pair(&world, "").await;
    for n in 0..25 {
        world.send(&queue, &n.to_string()).await;
    }
    for _ in 0..2 {
        assert_eq!(world.receive(&queue, 100).await.len(), 25);
        world.seconds(30).await;
    }
    assert!(world.receive(&queue, 100).await.is_empty());
    assert_eq!(refusal(world.queues.start_move(&queue, None, None).await), Refusal::NotDeadLetters);
    let id = world.queues.start_move(&dead, None, None).await.unwrap();
    let task = loop {
        let [task] = &world.queues.moves(&dead, 10).await.unwrap()[..] else { panic!() };
        if task.state != MoveState::Running {
            break task.clone();
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((task.id, task.state, task.moved, task.to_move), (id.clone(), MoveState::Completed, 25, 25));
    assert_eq!(refusal(world.queues.cancel_move(&dead, &id).await), Refusal::TaskOver);
    assert_eq!(refusal(world.queues.cancel_move(&dead, "other").await), Refusal::NoTask);
    let back = world.receive(&queue, 100).await;
    assert_eq!(back.len(), 25);
    assert!(
        back.iter().all(|message| message.receives == 1 && message.message.head.dead_letter_of.is_none())
    );
    // What was sent there by itself came from nowhere.
    world.queues.send_one(&dead, Draft::of("stray")).await.unwrap();
    world.queues.start_move(&dead, None, None).await.unwrap();
    let failed = loop {
        let task = world.queues.moves(&dead, 1).await.unwrap().remove(0);
        if task.state != MoveState::Running {
            break task;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(failed.failure.as_deref(), Some("CouldNotDetermineMessageSource"));
}
