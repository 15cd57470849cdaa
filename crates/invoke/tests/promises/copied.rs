//! Function versions that are initialised once, ahead of their first request.

use std::{sync::Arc, time::Duration};

use sonagi_control::Target;
use sonagi_invoke::{Config, SnapshotFailure, SnapshotState};
use sonagi_model::{
    function::SnapStart,
    limits::{PROVISIONED_INIT_TIMEOUT, SNAPSHOTS_AT_ONCE},
};

use crate::world::{TEMPLATE, World, text};

fn deploy(world: &World, name: &str, script: &str) -> Arc<Target> {
    world.deploy(name, |f| {
        f.snap_start = SnapStart::All;
        f.variables.insert("ONCE".into(), script.into());
    })
}

/// A function of a server that runs already, as it is right after its publication.
async fn publish(world: &World, script: &str) -> Arc<Target> {
    world.frontend.follow();
    let hello = deploy(world, "hello", script);
    assert_eq!(world.frontend.snapshot(&hello), Some(SnapshotState::Pending));
    world.settle().await;
    hello
}

fn state(world: &World, target: &Target) -> SnapshotState {
    world.frontend.snapshot(target).unwrap()
}

fn initialised(world: &World) -> usize {
    world.driver.initialised.lock().unwrap().len()
}

#[tokio::test]
async fn a_version_is_initialised_when_it_is_published_and_the_first_request_is_served_by_a_copy() {
    let world = World::start();
    let hello = publish(&world, "sleep 700").await;
    assert_eq!(state(&world, &hello), SnapshotState::Pending);
    world.advance(700).await;
    assert_eq!(state(&world, &hello), SnapshotState::Active);
    assert_eq!((world.driver.alive(), world.driver.starts("hello")), (0, 0), "it serves nobody");
    world.invoke(&hello, "echo").await.unwrap();
    world.frontend.idle().await;
    assert_eq!((world.driver.starts("hello"), initialised(&world)), (1, 1));
    let report = world.logs.all().pop().unwrap();
    assert!(report.contains("Restore Duration") && !report.contains("Init Duration"), "{report}");
}

#[tokio::test]
async fn what_is_not_copied_has_no_state() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    world.settle().await;
    assert_eq!(world.frontend.snapshot(&hello), None);
    assert_eq!(initialised(&world), 0);
}

#[tokio::test]
async fn a_server_that_starts_initialises_what_is_served_and_shows_it_as_it_was() {
    let world = World::start();
    let hello = deploy(&world, "hello", "hold a");
    world.advance(1_000).await;
    assert_eq!((initialised(&world), state(&world, &hello)), (1, SnapshotState::Active));
    world.driver.release("a");
    world.settle().await;
    assert_eq!(*world.driver.templates.lock().unwrap(), ["hello"]);
}

#[tokio::test]
async fn a_request_to_a_version_that_is_pending_waits_for_it_and_takes_nothing_from_others() {
    let world = World::new(Config { start_parallelism: 2, ..Config::default() });
    let hello = publish(&world, "hold a").await;
    let other = world.deploy("other", |_| {});
    let mut waiting = Vec::new();
    for _ in 0..5 {
        waiting.push(world.begin(&hello, "echo").await);
    }
    assert_eq!(world.driver.starts("hello"), 0);
    assert_eq!(text(world.invoke(&other, "echo").await), "echo in 1", "the starts are others' to use");
    world.driver.release("a");
    for call in waiting {
        text(call.await.unwrap());
    }
    assert_eq!(initialised(&world), 1);
}

#[tokio::test]
async fn a_version_that_fails_says_so_and_is_tried_again_by_each_request() {
    let world = World::start();
    let hello = publish(&world, "fail").await;
    let failed = SnapshotFailure::Init("Runtime.ImportModuleError".into());
    assert_eq!(state(&world, &hello), SnapshotState::Failed(failed));
    let lines = world.logs.all();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("INIT_REPORT") && lines[0].contains("Phase: init"), "{lines:?}");
    assert_eq!(text(world.invoke(&hello, "echo").await), "echo in 1");
    assert_eq!(state(&world, &hello), SnapshotState::NotCopied, "this driver made no template then");
}

#[tokio::test]
async fn an_initialisation_has_as_long_as_one_of_provisioned_concurrency() {
    let world = World::start();
    let hello = publish(&world, "hang").await;
    world.advance(PROVISIONED_INIT_TIMEOUT.as_millis() as u64 - 1).await;
    assert_eq!(state(&world, &hello), SnapshotState::Pending);
    world.advance(1).await;
    let failed = SnapshotFailure::TimedOut(PROVISIONED_INIT_TIMEOUT);
    assert_eq!(state(&world, &hello), SnapshotState::Failed(failed));
}

#[tokio::test]
async fn what_cannot_be_copied_and_what_the_platform_does_wrong_are_told_apart() {
    let world = World::start();
    let hello = publish(&world, "never").await;
    assert_eq!(state(&world, &hello), SnapshotState::NotCopied);
    let broken = deploy(&world, "broken", "broken");
    assert_eq!(state(&world, &broken), SnapshotState::Pending);
    world.settle().await;
    assert_eq!(state(&world, &broken), SnapshotState::Failed(SnapshotFailure::Platform));
}

#[tokio::test]
async fn a_few_are_initialised_at_once() {
    let world = World::start();
    world.frontend.follow();
    let count = SNAPSHOTS_AT_ONCE + 3;
    for number in 0..count {
        deploy(&world, &format!("f{number}"), "hold a");
    }
    world.frontend.follow();
    world.settle().await;
    assert_eq!(initialised(&world), SNAPSHOTS_AT_ONCE);
    for done in 1..=count {
        world.driver.release("a");
        world.settle().await;
        assert_eq!(initialised(&world), count.min(SNAPSHOTS_AT_ONCE + done));
    }
    assert_eq!(world.driver.templates.lock().unwrap().len(), count);
}

#[tokio::test]
async fn what_is_kept_to_be_copied_counts_and_makes_room_for_environments() {
    let config =
        Config { memory_budget_mib: 300, admission_wait: Duration::from_secs(1), ..Config::default() };
    let world = World::new(config);
    let hello = publish(&world, "sleep 0").await;
    let other = world.deploy("other", |_| {});
    assert_eq!(TEMPLATE + 2 * 128, 306, "two environments and a template are more than there is room for");
    let one = world.begin(&other, "hold a").await;
    assert_eq!(*world.driver.templates.lock().unwrap(), ["hello"]);
    let two = world.begin(&other, "hold a").await;
    assert!(world.driver.templates.lock().unwrap().is_empty(), "given up for the second");
    world.driver.release("a");
    world.driver.release("a");
    text(one.await.unwrap());
    text(two.await.unwrap());
    // Both are idle now: one of them goes for a copy's sake.
    world.invoke(&hello, "echo").await.unwrap();
    assert_eq!(world.driver.alive(), 2);
}

#[tokio::test]
async fn without_room_that_nobody_needs_the_first_start_initialises() {
    let world = World::new(Config { memory_budget_mib: 200, ..Config::default() });
    let other = world.deploy("other", |_| {});
    world.invoke(&other, "echo").await.unwrap();
    let hello = publish(&world, "sleep 0").await;
    assert_eq!((initialised(&world), state(&world, &hello)), (0, SnapshotState::Active));
    assert_eq!(world.driver.alive(), 1, "nothing idle was stopped for it");
}
