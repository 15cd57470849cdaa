//! How long environments are kept once it is known when their functions are called.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use sonagi_control::Target;
use sonagi_invoke::Config;
use sonagi_model::limits::{LINGER, PREWARMS_AT_ONCE};

use crate::world::{World, text};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
/// Calls after which a function's next one is expected.
const CALLS: usize = 5;

/// Calls every `millis`, until that is known.
async fn teach(world: &World, targets: &[Arc<Target>], millis: u64) {
    for call in 0..CALLS {
        if call > 0 {
            world.advance(millis).await;
        }
        for target in targets {
            world.invoke(target, "echo").await.unwrap();
        }
    }
    world.frontend.idle().await;
}

/// A function whose first starts are at once and whose further ones are as `then` says.
fn scripted(world: &World, name: &str, then: &str) -> Arc<Target> {
    let script = format!("{}{then}", "sleep 0, ".repeat(CALLS));
    world.deploy(name, |f| drop(f.variables.insert("START".into(), script)))
}

#[tokio::test]
async fn a_function_called_every_hour_is_ready_before_the_call() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    teach(&world, std::slice::from_ref(&hello), HOUR).await;
    assert_eq!((world.driver.starts("hello"), world.driver.alive()), (5, 1));
    for round in 6..10 {
        // Nobody needs it for the next hour.
        let linger = LINGER.as_millis() as u64;
        world.advance(linger - 1).await;
        assert_eq!(world.driver.alive(), 1);
        world.advance(1).await;
        assert_eq!(world.driver.alive(), 0);
        assert_eq!(world.frontend.environments(), []);
        world.advance(54 * MINUTE - linger - 1).await;
        assert_eq!(world.driver.alive(), 0);
        world.advance(1).await;
        assert_eq!(world.driver.alive(), 1);
        let [only] = world.frontend.environments().try_into().unwrap();
        assert_eq!(only.invocations, 0);
        world.advance(6 * MINUTE).await;
        assert_eq!(text(world.invoke(&hello, "echo").await), format!("echo in {round}"));
        world.frontend.idle().await;
    }
    // What was started ahead is nobody's cold start, and on nobody's bill.
    let totals = world.totals("hello");
    assert_eq!((totals.invocations, totals.cold_starts), (9, 5));
    let reports = world.logs.all().into_iter().filter(|line| line.contains("REPORT"));
    let cold: Vec<bool> = reports.map(|line| line.contains("Init Duration")).collect();
    assert_eq!(cold, [[true; 5].as_slice(), &[false; 4]].concat());
}

#[tokio::test]
async fn what_is_called_at_random_is_kept_for_the_usual_time() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    for minutes in [95, 31, 160, 12, 70, 47, 203, 119] {
        world.invoke(&hello, "echo").await.unwrap();
        world.advance(10 * MINUTE - 1).await;
        assert_eq!(world.driver.alive(), 1);
        world.advance(1).await;
        assert_eq!(world.driver.alive(), 0);
        world.advance((minutes - 10) * MINUTE).await;
        assert_eq!(world.driver.alive(), 0);
    }
    assert_eq!(world.driver.starts("hello"), 8);
}

#[tokio::test]
async fn an_expected_call_that_does_not_come_is_waited_for_once() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    teach(&world, std::slice::from_ref(&hello), HOUR).await;
    let stop = 61 * 66_000;
    world.advance(stop - 1).await;
    assert_eq!((world.driver.starts("hello"), world.driver.alive()), (6, 1));
    world.advance(1).await;
    assert_eq!(world.driver.alive(), 0);
    world.advance(2 * HOUR).await;
    assert_eq!((world.driver.starts("hello"), world.driver.alive()), (6, 0));
    assert_eq!(world.totals("hello").invocations, CALLS as u64);
}

#[tokio::test]
async fn what_is_called_a_little_less_often_than_is_usual_stays_ready() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    teach(&world, std::slice::from_ref(&hello), 11 * MINUTE).await;
    let before = world.driver.starts("hello");
    for _ in 0..3 {
        world.advance(11 * MINUTE).await;
        world.invoke(&hello, "echo").await.unwrap();
    }
    assert_eq!(world.driver.starts("hello"), before);
    // One is enough for the next call, whatever a crowd needed.
    let crowd = [world.begin(&hello, "hold a").await, world.begin(&hello, "hold a").await];
    for invoked in crowd {
        world.driver.release("a");
        invoked.await.unwrap().unwrap();
    }
    world.frontend.idle().await;
    assert_eq!(world.driver.alive(), 2);
    world.advance(10 * MINUTE).await;
    assert_eq!(world.driver.alive(), 1);
    world.advance(12 * 66_000 - 10 * MINUTE - 1).await;
    assert_eq!(world.driver.alive(), 1);
    world.advance(1).await;
    assert_eq!(world.driver.alive(), 0);
}

#[tokio::test]
async fn a_long_call_is_not_an_idle_time() {
    let world = World::start();
    let hello = world.deploy("hello", |f| f.timeout = 900);
    for _ in 0..CALLS + 1 {
        let long = world.begin(&hello, "hold a").await;
        for _ in 0..3 {
            world.advance(4 * MINUTE).await;
            world.invoke(&hello, "echo").await.unwrap();
        }
        world.driver.release("a");
        long.await.unwrap().unwrap();
        world.frontend.idle().await;
        world.advance(HOUR).await;
    }
    // The hour alone was recorded: now one is there, and has not been for long.
    let [only] = world.frontend.environments().try_into().unwrap();
    assert_eq!(only.invocations, 0);
}

#[tokio::test]
async fn nobody_is_evicted_for_a_call_that_is_only_expected() {
    let world = World::new(Config { environments: 1, ..Config::default() });
    let [hello, other] = ["hello", "other"].map(|name| world.deploy(name, |_| {}));
    teach(&world, std::slice::from_ref(&hello), HOUR).await;
    world.advance(50 * MINUTE).await;
    world.invoke(&other, "echo").await.unwrap();
    world.advance(9 * MINUTE).await;
    let [only] = world.frontend.environments().try_into().unwrap();
    assert_eq!(only.function.as_str(), "other");
    assert_eq!(world.driver.starts("hello"), CALLS);
    // The call itself is somebody.
    world.advance(MINUTE / 2).await;
    world.invoke(&hello, "echo").await.unwrap();
    assert_eq!(world.driver.starts("hello"), CALLS + 1);
    assert_eq!(world.totals("hello").cold_starts, CALLS as u64 + 1);
}

#[tokio::test]
async fn a_call_that_comes_during_a_start_ahead_of_it_gets_that_environment() {
    let world = World::start();
    let hello = scripted(&world, "hello", "hold x");
    teach(&world, std::slice::from_ref(&hello), HOUR).await;
    world.advance(54 * MINUTE).await;
    assert_eq!(world.driver.starts("hello"), 6);
    let call = world.begin(&hello, "echo").await;
    assert_eq!(world.driver.starts("hello"), 6);
    world.driver.release("x");
    assert_eq!(text(call.await.unwrap()), "echo in 6");
    assert_eq!(world.totals("hello").cold_starts, 5);
    // More calls than that have starts of their own.
    world.frontend.idle().await;
    let calls = [world.begin(&hello, "hold a").await, world.begin(&hello, "hold a").await];
    world.driver.release("x");
    for call in calls {
        world.driver.release("a");
        call.await.unwrap().unwrap();
    }
    assert_eq!(world.driver.starts("hello"), 7);
}

#[tokio::test]
async fn a_start_ahead_that_fails_is_told_to_the_log_and_to_nobody_else() {
    for (then, line) in [("fail, sleep 0", "INIT_REPORT"), ("broken, sleep 0", "REPORT")] {
        let world = World::start();
        let hello = scripted(&world, "hello", then);
        teach(&world, std::slice::from_ref(&hello), HOUR).await;
        world.advance(HOUR).await;
        assert_eq!((world.driver.starts("hello"), world.driver.alive()), (6, 0), "{then}");
        let totals = world.totals("hello");
        assert_eq!((totals.invocations, totals.errors, totals.throttles), (5, 0, 0));
        assert!(world.logs.all().last().unwrap().contains(line), "{:?}", world.logs.all());
        // The next call starts one as if nothing had been.
        assert_eq!(text(world.invoke(&hello, "echo").await), "echo in 6");
        assert_eq!(world.totals("hello").cold_starts, 6);
    }
}

#[tokio::test]
async fn few_environments_start_ahead_at_the_same_time() {
    let world = World::start();
    let targets: Vec<_> =
        (0..PREWARMS_AT_ONCE * 2 + 1).map(|n| scripted(&world, &format!("f{n}"), "sleep 500")).collect();
    teach(&world, &targets, HOUR).await;
    assert_eq!(world.driver.most_starting.load(Ordering::SeqCst), 1);
    world.advance(54 * MINUTE).await;
    assert_eq!(world.driver.starting.load(Ordering::SeqCst), PREWARMS_AT_ONCE);
    world.advance(3_000).await;
    assert_eq!(world.driver.alive(), targets.len());
    assert_eq!(world.driver.most_starting.load(Ordering::SeqCst), PREWARMS_AT_ONCE);
}

#[tokio::test]
async fn requests_that_start_environments_go_first() {
    let world = World::new(Config { start_parallelism: 1, ..Config::default() });
    let hello = world.deploy("hello", |_| {});
    let slow = world.deploy("slow", |f| drop(f.variables.insert("START".into(), "sleep 5000".into())));
    teach(&world, std::slice::from_ref(&hello), HOUR).await;
    world.advance(54 * MINUTE - 1_000).await;
    let call = world.begin(&slow, "echo").await;
    world.advance(4_999).await;
    assert_eq!(world.driver.starts("hello"), 5);
    world.advance(1_001).await;
    assert_eq!(world.driver.starts("hello"), 6);
    call.await.unwrap().unwrap();
}

#[tokio::test]
async fn nothing_is_started_ahead_for_what_is_not_live_any_more() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    teach(&world, std::slice::from_ref(&hello), HOUR).await;
    world.advance(30 * MINUTE).await;
    world.deployed.set("hello", None);
    world.advance(HOUR).await;
    assert_eq!(world.driver.starts("hello"), CALLS);
}

#[tokio::test]
async fn a_release_knows_when_the_one_before_it_was_called() {
    let world = World::start();
    let old = world.deploy("hello", |_| {});
    teach(&world, std::slice::from_ref(&old), HOUR).await;
    world.advance(30 * MINUTE).await;
    let new = world.deploy("hello", |f| f.memory = 256);
    // Nothing is known of the new one's environments before its first call.
    world.advance(30 * MINUTE).await;
    assert_eq!((world.driver.starts("hello"), world.driver.alive()), (CALLS, 0));
    world.invoke(&new, "echo").await.unwrap();
    world.advance(54 * MINUTE).await;
    assert_eq!((world.driver.starts("hello"), world.driver.alive()), (CALLS + 2, 1));
    world.advance(6 * MINUTE).await;
    world.invoke(&new, "echo").await.unwrap();
    assert_eq!(world.driver.starts("hello"), CALLS + 2);
}

#[tokio::test]
async fn a_drain_starts_nothing_ahead() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    teach(&world, std::slice::from_ref(&hello), HOUR).await;
    world.advance(53 * MINUTE).await;
    let deadline = sonagi_model::Tick(Duration::from_secs(1_000_000));
    world.frontend.drain(deadline).await;
    world.advance(HOUR).await;
    assert_eq!((world.driver.starts("hello"), world.driver.alive()), (CALLS, 0));
}

#[tokio::test]
async fn whatever_becomes_of_calls_and_starts_no_environment_is_left_over() {
    let world = World::new(Config { environments: 3, start_parallelism: 2, ..Config::default() });
    let scripts =
        ["sleep 0", "sleep 0, fail, sleep 300, broken, sleep 900", "sleep 800, sleep 0, fail, sleep 10"];
    let targets: Vec<_> = scripts
        .iter()
        .enumerate()
        .map(|(n, script)| {
            world.deploy(&format!("f{n}"), |f| drop(f.variables.insert("START".into(), (*script).into())))
        })
        .collect();
    let mut calls = Vec::new();
    for round in 0..40_usize {
        for (number, target) in targets.iter().enumerate() {
            let payload =
                ["echo", "sleep 700", "exit", "sleep 9000", "fail"][(round * 5 + number * 3) % 7 % 5];
            for _ in 0..=(round + number) % 3 {
                calls.push(world.begin(target, payload).await);
            }
        }
        // Mostly the same, so that the next calls are expected.
        let minutes = if round % 9 == 7 { 3 } else { 14 };
        world.advance(minutes * MINUTE).await;
        assert!(world.driver.alive() <= 3);
    }
    let asked = calls.len() as u64;
    let mut refused = 0;
    for call in calls {
        refused += u64::from(call.await.unwrap().is_err());
    }
    let ran: u64 = world.frontend.usage().iter().map(|f| f.totals.invocations).sum();
    assert_eq!(ran + refused, asked);
    world.advance(5 * HOUR).await;
    world.frontend.idle().await;
    assert_eq!((world.driver.alive(), world.frontend.environments().len()), (0, 0));
}
