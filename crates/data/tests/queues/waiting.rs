use std::{future::Future, pin::pin, task::Poll, time::Duration};

use sonagi_data::queues::{Draft, Receive, Received};
use sonagi_model::Clock as _;

use crate::{World, bodies, name};

/// Runs `work` until it waits for nothing but what others do.
async fn begun<F: Future>(mut work: std::pin::Pin<&mut F>, world: &World) -> Option<F::Output> {
    for _ in 0..200 {
        if let Poll::Ready(done) = futures_poll(work.as_mut()).await {
            return Some(done);
        }
        world.clock.advance(Duration::ZERO).await;
        tokio::task::spawn_blocking(|| {}).await.unwrap();
    }
    None
}

/// Runs `work` to its end, at the time that it is.
async fn ended<F: Future>(mut work: std::pin::Pin<&mut F>, world: &World) -> F::Output {
    loop {
        if let Some(done) = begun(work.as_mut(), world).await {
            return done;
        }
    }
}

async fn futures_poll<F: Future>(mut work: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    std::future::poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await
}

fn ask(wait: u32) -> Receive {
    Receive { wait: Some(wait), ..Receive::up_to(10) }
}

#[tokio::test]
async fn a_receiver_that_waits_gets_what_is_sent_at_once() {
    let world = World::new().await;
    let queue = world.queue("clicks", |_| {}).await;
    let before = world.clock.tick();
    let mut waiting = pin!(world.queues.receive(&queue, ask(20)));
    assert!(begun(waiting.as_mut(), &world).await.is_none());
    world.send(&queue, "hello").await;
    assert_eq!(bodies(&waiting.await.unwrap()), ["hello"]);
    assert_eq!(world.clock.tick(), before, "no time went by");
}

#[tokio::test]
async fn a_receiver_that_waits_in_vain_gets_nothing_when_its_time_is_over() {
    let world = World::new().await;
    let queue = world.queue("clicks", |settings| settings.wait = 5).await;
    let mut waiting = pin!(world.queues.receive(&queue, Receive::up_to(1)));
    assert!(begun(waiting.as_mut(), &world).await.is_none());
    world.seconds(4).await;
    assert!(begun(waiting.as_mut(), &world).await.is_none());
    world.seconds(1).await;
    assert!(waiting.await.unwrap().is_empty());
}

#[tokio::test]
async fn a_receiver_that_is_told_to_stop_waits_no_longer_and_loses_nothing() {
    let world = World::new().await;
    let queue = world.queue("clicks", |_| {}).await;
    let stop = tokio_util::sync::CancellationToken::new();
    let mut waiting = pin!(world.queues.receive_until(&queue, ask(20), &stop));
    assert!(begun(waiting.as_mut(), &world).await.is_none());
    stop.cancel();
    assert!(ended(waiting.as_mut(), &world).await.unwrap().is_empty());
    world.send(&queue, "hello").await;
    let received = world.queues.receive_until(&queue, ask(20), &stop).await.unwrap();
    assert_eq!(bodies(&received), ["hello"]);
    assert!(world.queues.receive_until(&queue, ask(20), &stop).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_receiver_that_waits_gets_what_becomes_due() {
    let world = World::new().await;
    let queue = world.queue("clicks", |_| {}).await;
    let mut waiting = pin!(world.queues.receive(&queue, ask(20)));
    assert!(begun(waiting.as_mut(), &world).await.is_none());
    // Sent while it waits, for later.
    world.queues.send_one(&queue, Draft { delay: Some(7), ..Draft::of("late") }).await.unwrap();
    assert!(begun(waiting.as_mut(), &world).await.is_none());
    world.seconds(6).await;
    assert!(begun(waiting.as_mut(), &world).await.is_none());
    world.seconds(1).await;
    assert_eq!(bodies(&ended(waiting.as_mut(), &world).await.unwrap()), ["late"]);
    // And again, when nobody acknowledges it.
    let mut again = pin!(world.queues.receive(&queue, ask(60)));
    assert!(begun(again.as_mut(), &world).await.is_none());
    world.seconds(30).await;
    assert_eq!(bodies(&ended(again.as_mut(), &world).await.unwrap()), ["late"]);
}

#[tokio::test]
async fn a_group_that_opens_wakes_a_receiver() {
    let world = World::new().await;
    let queue = world.queue("clicks.fifo", |_| {}).await;
    world.send_in(&queue, "a", "1").await;
    world.send_in(&queue, "a", "2").await;
    let first = world.receive(&queue, 1).await;
    let mut waiting = pin!(world.queues.receive(&queue, ask(20)));
    assert!(begun(waiting.as_mut(), &world).await.is_none());
    world.acknowledge(&queue, &first).await;
    assert_eq!(bodies(&ended(waiting.as_mut(), &world).await.unwrap()), ["2"]);
}

#[tokio::test]
async fn many_receivers_share_what_comes_and_none_is_left_asleep() {
    let world = World::new().await;
    let queue = world.queue("clicks", |_| {}).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (queues, queue) = (world.queues.clone(), queue.clone());
        tasks.spawn(async move {
            let mut got = Vec::new();
            // Without an end to its wait, but for the last.
            while got.len() < 10 {
                let received: Vec<Received> =
                    queues.receive(&queue, Receive { wait: Some(1_000), ..Receive::up_to(1) }).await.unwrap();
                got.extend(bodies(&received));
            }
            got
        });
    }
    for n in 0..200 {
        world.send(&queue, &n.to_string()).await;
    }
    let mut all: Vec<u32> = Vec::new();
    while let Some(got) = tasks.join_next().await {
        all.extend(got.unwrap().iter().map(|body| body.parse::<u32>().unwrap()));
    }
    all.sort_unstable();
    assert_eq!(all, (0..200).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_receiver_that_waits_follows_its_queue_through_a_purge_and_learns_of_its_end() {
    let world = World::new().await;
    let queue = world.queue("clicks", |_| {}).await;
    let mut waiting = pin!(world.queues.receive(&queue, ask(20)));
    assert!(begun(waiting.as_mut(), &world).await.is_none());
    world.queues.purge(&queue).await.unwrap();
    assert!(begun(waiting.as_mut(), &world).await.is_none());
    world.send(&queue, "after").await;
    assert_eq!(bodies(&ended(waiting.as_mut(), &world).await.unwrap()), ["after"]);
    let mut waiting = pin!(world.queues.receive(&queue, ask(20)));
    assert!(begun(waiting.as_mut(), &world).await.is_none());
    world.queues.delete(&name("clicks")).await.unwrap();
    let ended = ended(waiting.as_mut(), &world).await;
    assert_eq!(crate::refusal(ended), sonagi_data::queues::Refusal::NoQueue);
}
