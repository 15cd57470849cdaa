//! Environments that are asked for ahead, and kept.

use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

use sonagi_control::Target;
use sonagi_invoke::{Config, Error, ProvisionFailure, ThrottleReason};
use sonagi_model::{
    Tick,
    function::{Reuse, Runtime, Wasm},
    limits::{ENVIRONMENT_AGE, PROVISION_RETRY_MAX, PROVISIONED_INIT_TIMEOUT, PROVISIONS_AT_ONCE},
};

use crate::world::{World, text};

/// As the server does when something was deployed.
async fn provision(world: &World, name: &str, executions: u32) {
    world.deployed.provision(name, executions);
    world.frontend.follow();
    world.settle().await;
}

fn scripted(world: &World, script: &str) -> Arc<Target> {
    world.deploy("hello", |f| drop(f.variables.insert("START".into(), script.into())))
}

fn ready(world: &World, target: &Target) -> u32 {
    world.frontend.provisioned(target).environments
}

#[tokio::test]
async fn what_is_provisioned_is_ready_before_the_first_request_and_stays() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    provision(&world, "hello", 3).await;
    assert_eq!((world.driver.alive(), ready(&world, &hello)), (3, 3));
    assert_eq!(*world.driver.initializations.lock().unwrap(), ["provisioned-concurrency"; 3]);
    world.advance(5 * 3_600_000).await;
    assert_eq!((world.driver.starts("hello"), world.driver.alive()), (3, 3));
    world.invoke(&hello, "echo").await.unwrap();
    world.frontend.idle().await;
    // Nobody waited for a start, and none is billed.
    let report = world.logs.all().pop().unwrap();
    assert!(report.contains("Billed Duration: 1 ms") && !report.contains("Init Duration"), "{report}");
    assert_eq!(world.totals("hello").cold_starts, 0);
    world.advance(3_600_000).await;
    assert_eq!((world.driver.starts("hello"), world.driver.alive()), (3, 3));
}

#[tokio::test]
async fn a_server_that_starts_provisions_what_is_live_by_itself() {
    let world = World::start();
    world.deploy("hello", |_| {});
    world.deployed.provision("hello", 2);
    world.advance(1_000).await;
    assert_eq!(world.driver.alive(), 2);
}

#[tokio::test]
async fn requests_beyond_what_is_provisioned_start_their_own_which_go_again() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    provision(&world, "hello", 2).await;
    let mut calls = Vec::new();
    for _ in 0..3 {
        calls.push(world.begin(&hello, "hold a").await);
    }
    let types = world.driver.initializations.lock().unwrap().clone();
    assert_eq!(types, ["provisioned-concurrency", "provisioned-concurrency", "on-demand"]);
    for call in calls {
        world.driver.release("a");
        call.await.unwrap().unwrap();
    }
    world.frontend.idle().await;
    assert_eq!(world.driver.alive(), 3);
    assert_eq!(world.totals("hello").cold_starts, 1);
    // The provisioned ones come first, though the other was used last.
    for _ in 0..4 {
        let answer = text(world.invoke(&hello, "echo").await);
        assert!(answer == "echo in 1" || answer == "echo in 2", "{answer}");
        world.frontend.idle().await;
    }
    world.advance(600_000).await;
    assert_eq!((world.driver.alive(), ready(&world, &hello)), (2, 2));
}

#[tokio::test]
async fn one_that_dies_is_replaced() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    provision(&world, "hello", 2).await;
    world.advance(60_000).await;
    world.driver.kill(1);
    world.settle().await;
    assert_eq!((world.driver.starts("hello"), ready(&world, &hello)), (3, 2));
    // Whatever it dies of.
    assert!(text(world.invoke(&hello, "exit").await).starts_with("Runtime.ExitError"));
    world.settle().await;
    assert_eq!((world.driver.starts("hello"), ready(&world, &hello)), (4, 2));
}

#[tokio::test]
async fn what_dies_as_soon_as_it_is_ready_is_started_ever_less_often() {
    let world = World::start();
    world.deploy("hello", |_| {});
    provision(&world, "hello", 1).await;
    let mut starts = 1;
    for wait in [1_000, 2_000, 4_000, 8_000] {
        world.driver.kill(starts);
        world.advance(wait - 1).await;
        assert_eq!(world.driver.starts("hello"), starts);
        world.advance(1).await;
        starts += 1;
        assert_eq!(world.driver.starts("hello"), starts);
    }
}

#[tokio::test]
async fn an_initialisation_that_fails_is_said_and_tried_again() {
    let world = World::start();
    let hello = scripted(&world, "fail, fail, broken, sleep 0");
    provision(&world, "hello", 1).await;
    let state = world.frontend.provisioned(&hello);
    assert_eq!((state.environments, state.failure), (0, Some(ProvisionFailure::Init)));
    assert!(world.logs.all()[0].contains("INIT_REPORT"), "{:?}", world.logs.all());
    world.advance(1_000).await;
    assert_eq!(world.driver.starts("hello"), 2);
    world.advance(2_000).await;
    let state = world.frontend.provisioned(&hello);
    assert!(matches!(state.failure, Some(ProvisionFailure::Platform(_))), "{state:?}");
    world.advance(4_000).await;
    let state = world.frontend.provisioned(&hello);
    assert_eq!((state.environments, state.failure), (1, None));
    let totals = world.totals("hello");
    assert_eq!((totals.invocations, totals.errors, totals.throttles), (0, 0, 0));
}

#[tokio::test]
async fn what_never_initialises_is_tried_every_few_minutes_and_answers_no_request() {
    let world = World::start();
    let hello = scripted(&world, "hang");
    provision(&world, "hello", 1).await;
    world.advance(PROVISIONED_INIT_TIMEOUT.as_millis() as u64 - 1).await;
    assert_eq!(world.frontend.provisioned(&hello).failure, None);
    world.advance(1).await;
    assert_eq!(world.frontend.provisioned(&hello).failure, Some(ProvisionFailure::Init));
    world.advance(24 * 3_600_000).await;
    let round = (PROVISION_RETRY_MAX + PROVISIONED_INIT_TIMEOUT).as_secs() as usize;
    let before = world.driver.starts("hello");
    assert!(before < 86_400 / round + 20, "{before}");
    // Asked anew, it is tried at once.
    world.advance(1_000).await;
    let before = world.driver.starts("hello");
    provision(&world, "hello", 2).await;
    assert!(world.driver.starts("hello") > before);
    assert_eq!(world.totals("hello").invocations, 0);
}

#[tokio::test]
async fn less_is_less_and_nothing_is_nothing() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    provision(&world, "hello", 3).await;
    let busy = world.begin(&hello, "hold a").await;
    provision(&world, "hello", 1).await;
    assert_eq!(world.driver.alive(), 1);
    provision(&world, "hello", 0).await;
    assert_eq!(world.driver.alive(), 1);
    world.driver.release("a");
    busy.await.unwrap().unwrap();
    world.frontend.idle().await;
    world.settle().await;
    assert_eq!((world.driver.alive(), world.driver.starts("hello")), (0, 3));
    assert_eq!(world.frontend.environments(), []);
}

#[tokio::test]
async fn a_new_release_has_its_own_and_the_old_ones_go() {
    let world = World::start();
    let old = world.deploy("hello", |_| {});
    provision(&world, "hello", 2).await;
    let busy = world.begin(&old, "hold a").await;
    let new = world.deploy("hello", |f| f.memory = 256);
    world.frontend.follow();
    world.settle().await;
    assert_eq!((ready(&world, &old), ready(&world, &new), world.driver.alive()), (1, 2, 3));
    world.driver.release("a");
    busy.await.unwrap().unwrap();
    world.frontend.idle().await;
    world.settle().await;
    assert_eq!((ready(&world, &old), world.driver.alive(), world.driver.starts("hello")), (0, 2, 4));
}

#[tokio::test]
async fn few_start_at_the_same_time_and_every_function_has_its_turn() {
    let world = World::start();
    for name in ["many", "few"] {
        world.deploy(name, |f| drop(f.variables.insert("START".into(), "sleep 1000".into())));
    }
    world.deployed.provision("many", 100);
    provision(&world, "few", 2).await;
    assert_eq!(world.driver.starting.load(Ordering::SeqCst), PROVISIONS_AT_ONCE);
    world.advance(4_000).await;
    assert!(world.driver.starts("few") == 2 && world.driver.starts("many") > 0);
    // Somebody who waits is not behind them.
    let other = world.deploy("other", |_| {});
    assert_eq!(text(world.invoke(&other, "echo").await).split(' ').next(), Some("echo"));
    world.advance(100_000).await;
    assert_eq!(world.driver.alive(), 103);
    assert_eq!(world.driver.most_starting.load(Ordering::SeqCst), PROVISIONS_AT_ONCE + 1);
}

#[tokio::test]
async fn no_room_is_made_at_their_cost_and_none_is_a_reason() {
    let world = World::new(Config { environments: 2, ..Config::default() });
    let hello = world.deploy("hello", |_| {});
    let other = world.deploy("other", |_| {});
    world.invoke(&other, "echo").await.unwrap();
    world.frontend.idle().await;
    provision(&world, "hello", 2).await;
    // The idle one had to go.
    assert_eq!((ready(&world, &hello), world.driver.alive()), (2, 2));
    let refused = world.begin(&other, "echo").await;
    world.advance(1_000).await;
    assert!(matches!(refused.await.unwrap(), Err(Error::Throttled { .. })));
    assert_eq!(ready(&world, &hello), 2);
    provision(&world, "hello", 3).await;
    world.advance(1_000).await;
    let state = world.frontend.provisioned(&hello);
    assert_eq!(state.environments, 2);
    assert!(matches!(state.failure, Some(ProvisionFailure::Platform(text)) if text.contains("no room")));
}

#[tokio::test]
async fn what_is_provisioned_is_kept_from_the_concurrency_of_all_others() {
    let config = Config { account_concurrency: 3, admission_queue: 0, ..Config::default() };
    let world = World::new(config);
    let hello = world.deploy("hello", |_| {});
    let other = world.deploy("other", |_| {});
    provision(&world, "hello", 2).await;
    let first = world.begin(&other, "hold a").await;
    let refused = world.invoke(&other, "echo").await.unwrap_err();
    let limit = ThrottleReason::ConcurrentInvocationLimitExceeded;
    assert!(matches!(refused, Error::Throttled { reason, .. } if reason == limit));
    let mine = [world.begin(&hello, "hold b").await, world.begin(&hello, "hold b").await];
    assert!(world.invoke(&hello, "echo").await.is_err());
    world.driver.release("a");
    first.await.unwrap().unwrap();
    world.frontend.environments();
    world.settle().await;
    // Beyond its own there is what is left of the account's.
    world.invoke(&hello, "echo").await.unwrap();
    for call in mine {
        world.driver.release("b");
        call.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn one_that_waited_for_long_gives_way_before_its_credentials_end() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    provision(&world, "hello", 2).await;
    world.advance(ENVIRONMENT_AGE.as_millis() as u64 - 1).await;
    assert_eq!(world.driver.starts("hello"), 2);
    world.advance(60_000).await;
    assert_eq!((world.driver.starts("hello"), ready(&world, &hello)), (4, 2));
}

#[tokio::test]
async fn places_for_instances_are_provisioned_as_well() {
    let world = World::start();
    let reuse = Some(Reuse { requests: 10, age: 60, memory: 16 });
    let hello = world.deploy("hello", |f| {
        f.runtime = Runtime::Wasm;
        f.wasm = Some(Wasm { reuse, ..Wasm::default() });
    });
    provision(&world, "hello", 2).await;
    assert_eq!(ready(&world, &hello), 2);
}

#[tokio::test]
async fn a_drain_stops_them_and_starts_no_more() {
    let world = World::start();
    let hello = scripted(&world, "sleep 0, sleep 500");
    provision(&world, "hello", 2).await;
    assert_eq!(ready(&world, &hello), 1);
    let deadline = Tick(Duration::from_secs(1_000_000));
    let frontend = world.frontend.clone();
    let drained = tokio::spawn(async move { frontend.drain(deadline).await });
    world.advance(1_000).await;
    drained.await.unwrap();
    world.advance(3_600_000).await;
    assert_eq!((world.driver.alive(), world.driver.starts("hello")), (0, 2));
}
