use std::sync::Arc;

use sonagi_data::queues::{Depth, Draft, Receive, Refusal};
use sonagi_model::{Timestamp, clock::ManualClock, limits};
use tempfile::TempDir;

use crate::{START, World, bodies, name, open, refusal};

/// Lets time pass until the queues have cleared away what they can.
async fn cleared(world: &World, left: usize) {
    for _ in 0..20_000 {
        if world.left().await.len() <= left {
            return;
        }
        world.clock.advance(limits::QUEUE_TIDY / 100).await;
        tokio::task::spawn_blocking(|| {}).await.unwrap();
    }
    panic!("{:?}", world.left().await);
}

#[tokio::test]
async fn what_is_older_than_its_queue_keeps_it_is_not_received_and_is_removed() {
    let world = World::new().await;
    for (text, group) in [("clicks", ""), ("clicks.fifo", "g")] {
        let queue = world.queue(text, |settings| settings.retention = 60).await;
        let send = async |body: &str| match group {
            "" => drop(world.send(&queue, body).await),
            group => world.send_in(&queue, group, body).await,
        };
        send("old").await;
        send("older").await;
        assert_eq!(world.receive(&queue, 1).await.len(), 1);
        world.seconds(59).await;
        send("new").await;
        world.seconds(1).await;
        assert_eq!(bodies(&world.receive(&queue, 10).await), ["new"], "{text}");
        assert_eq!(world.queues.depth(&queue).await.unwrap(), Depth { in_flight: 1, ..Depth::default() });
    }
    // Without anybody who receives.
    for _ in 0..6 {
        world.seconds(60).await;
    }
    cleared(&world, 0).await;
}

#[tokio::test]
async fn a_purge_removes_everything_and_may_be_repeated_after_a_minute() {
    let world = World::new().await;
    let queue = world.queue("clicks", |_| {}).await;
    for n in 0..1_200 {
        world.send(&queue, &n.to_string()).await;
    }
    let flying = world.receive(&queue, 10).await;
    world.queues.purge(&queue).await.unwrap();
    assert!(world.receive(&queue, 10).await.is_empty());
    assert_eq!(world.queues.depth(&queue).await.unwrap(), Depth::default());
    assert_eq!(refusal(world.queues.purge(&queue).await), Refusal::Purging { queue: queue.clone() });
    // Acknowledging what was purged is no failure.
    world.acknowledge(&queue, &flying).await;
    world.send(&queue, "after").await;
    world.seconds(60).await;
    assert_eq!(bodies(&world.receive(&queue, 10).await), ["after"]);
    cleared(&world, 3).await;
    world.queues.purge(&queue).await.unwrap();
    world.queues.delete(&queue).await.unwrap();
    cleared(&world, 0).await;
}

#[tokio::test]
async fn a_clock_that_jumps_neither_hides_nor_shows_messages() {
    let folder = TempDir::new().unwrap();
    let wall = ManualClock::at(START);
    let queue = name("clicks");
    {
        let (queues, records) = open(folder.path(), Arc::new(wall.clone())).await;
        queues.create(&queue, Default::default(), Default::default(), None).await.unwrap();
        queues.send_one(&queue, Draft::of("hello")).await.unwrap();
        wall.advance(limits::QUEUE_TIDY * 2).await;
        while records.snapshot().get(b"data/queues/time").await.unwrap().is_none() {
            wall.advance(limits::QUEUE_TIDY).await;
            tokio::task::yield_now().await;
        }
        drop(queues);
        drop(records);
    }
    // The next life begins with a clock that was set back by a year.
    let back = ManualClock::at(Timestamp(START.micros() - 365 * 86_400_000_000));
    let (queues, _records) = loop {
        // The tasks of the first life may hold the folder for a moment.
        match sonagi_backend::embedded::SqliteRecords::open(sonagi_backend::embedded::RecordsConfig::new(
            folder.path(),
        )) {
            Ok(records) => {
                drop(records);
                break open(folder.path(), Arc::new(back.clone())).await;
            }
            Err(sonagi_backend::Error::Locked { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    let ask = || Receive { wait: Some(0), ..Receive::up_to(1) };
    assert_eq!(bodies(&queues.receive(&queue, ask()).await.unwrap()), ["hello"]);
    assert!(queues.receive(&queue, ask()).await.unwrap().is_empty());
    back.advance(std::time::Duration::from_secs(30)).await;
    assert_eq!(bodies(&queues.receive(&queue, ask()).await.unwrap()), ["hello"]);
}
