use std::time::Duration;

use sonagi_invoke::{Config, EnvironmentState, Error, ThrottleReason};
use sonagi_model::{
    function::{Function, Reuse, Runtime, Wasm},
    limits::ENVIRONMENT_AGE,
};

use crate::world::{World, text};

#[tokio::test]
async fn an_idle_environment_is_used_again() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    assert_eq!(text(world.invoke(&hello, "echo 1").await), "echo 1 in 1");
    assert_eq!(text(world.invoke(&hello, "echo 2").await), "echo 2 in 1");
    assert_eq!(world.driver.starts("hello"), 1);
}

#[tokio::test]
async fn the_most_recently_used_environment_is_lent_first() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    let first = world.begin(&hello, "hold a").await;
    let second = world.begin(&hello, "hold b").await;
    world.driver.release("b");
    assert_eq!(text(second.await.unwrap()), "hold b in 2");
    world.driver.release("a");
    assert_eq!(text(first.await.unwrap()), "hold a in 1");
    world.frontend.idle().await;
    assert_eq!(text(world.invoke(&hello, "echo").await), "echo in 1");
    world.frontend.idle().await;
    assert_eq!(text(world.invoke(&hello, "echo").await), "echo in 1");
}

#[tokio::test]
async fn an_idle_environment_is_stopped_after_its_keep_alive() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    world.invoke(&hello, "echo").await.unwrap();
    world.advance(599_999).await;
    assert_eq!(world.driver.alive(), 1);
    world.invoke(&hello, "echo").await.unwrap();
    world.advance(599_999).await;
    assert_eq!(world.driver.alive(), 1);
    world.advance(1).await;
    assert_eq!(world.driver.alive(), 0);
    assert_eq!(world.frontend.environments(), []);
    assert_eq!(text(world.invoke(&hello, "echo").await), "echo in 2");
}

#[tokio::test]
async fn an_environment_that_is_always_used_gives_way_before_its_credentials_end() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    let half_of_keep_alive = 300_000;
    let rounds = ENVIRONMENT_AGE.as_millis() as u64 / half_of_keep_alive;
    for _ in 0..rounds {
        assert_eq!(text(world.invoke(&hello, "echo").await), "echo in 1");
        world.advance(half_of_keep_alive).await;
    }
    // This one is its last.
    assert_eq!(text(world.invoke(&hello, "echo").await), "echo in 1");
    world.frontend.idle().await;
    assert_eq!(world.driver.alive(), 0);
    assert_eq!(text(world.invoke(&hello, "echo").await), "echo in 2");
}

#[tokio::test]
async fn only_what_was_idle_for_too_long_is_stopped() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    let held = [world.begin(&hello, "hold a").await, world.begin(&hello, "hold a").await];
    world.driver.release("a");
    world.driver.release("a");
    for invoked in held {
        invoked.await.unwrap().unwrap();
    }
    for _ in 0..10 {
        world.advance(100_000).await;
        world.invoke(&hello, "echo").await.unwrap();
    }
    assert_eq!(world.driver.alive(), 1);
}

#[tokio::test]
async fn a_burst_starts_environments_in_parallel_up_to_the_limit() {
    let world = World::new(Config { start_parallelism: 4, ..Config::default() });
    let hello = world.deploy("hello", |f| drop(f.variables.insert("START".into(), "sleep 100".into())));
    let mut running = Vec::new();
    for _ in 0..10 {
        running.push(world.begin(&hello, "hold a").await);
    }
    assert_eq!(world.driver.starts("hello"), 4);
    world.advance(100).await;
    assert_eq!(world.driver.starts("hello"), 8);
    world.advance(200).await;
    assert_eq!(world.driver.starts("hello"), 10);
    assert_eq!(world.driver.most_starting.load(std::sync::atomic::Ordering::SeqCst), 4);
    for _ in 0..10 {
        world.driver.release("a");
    }
    for invoked in running {
        invoked.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_request_takes_what_comes_first_of_a_new_and_a_returned_environment() {
    let world = World::start();
    let slow = |f: &mut sonagi_model::function::Function| {
        drop(f.variables.insert("START".into(), "sleep 0, sleep 500".into()));
    };
    let hello = world.deploy("hello", slow);
    let first = world.begin(&hello, "hold a").await;
    let second = world.begin(&hello, "echo").await;
    assert_eq!(world.driver.starts("hello"), 2);
    world.driver.release("a");
    first.await.unwrap().unwrap();
    assert_eq!(text(second.await.unwrap()), "echo in 1");
    // The one that was on its way is kept for the next crowd.
    world.advance(500).await;
    assert_eq!(world.frontend.environments().len(), 2);
}

#[tokio::test]
async fn a_start_that_nobody_waits_for_any_more_is_not_begun() {
    let world = World::new(Config { start_parallelism: 1, ..Config::default() });
    let hello = world.deploy("hello", |_| {});
    let other = world.deploy("other", |f| drop(f.variables.insert("START".into(), "sleep 900".into())));
    let first = world.begin(&hello, "hold a").await;
    let blocking = world.begin(&other, "echo").await;
    let second = world.begin(&hello, "echo").await;
    world.driver.release("a");
    first.await.unwrap().unwrap();
    assert_eq!(text(second.await.unwrap()), "echo in 1");
    world.advance(900).await;
    blocking.await.unwrap().unwrap();
    world.frontend.idle().await;
    assert_eq!(world.driver.starts("hello"), 1);
}

#[tokio::test]
async fn a_caller_in_a_row_needs_one_environment_even_if_its_log_is_slow() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    assert_eq!(text(world.invoke(&hello, "linger a").await), "linger a in 1");
    let next = world.begin(&hello, "echo").await;
    assert_eq!(world.driver.starts("hello"), 1);
    world.driver.release("a");
    assert_eq!(text(next.await.unwrap()), "echo in 1");
}

#[tokio::test]
async fn an_environment_that_does_not_come_to_its_end_is_not_waited_for() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    world.invoke(&hello, "linger a").await.unwrap();
    let next = world.begin(&hello, "echo").await;
    world.advance(5).await;
    assert_eq!(text(next.await.unwrap()), "echo in 2");
    world.driver.release("a");
    world.frontend.idle().await;
}

#[tokio::test]
async fn an_idle_environment_that_died_is_replaced() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    world.invoke(&hello, "echo").await.unwrap();
    world.driver.kill(1);
    world.settle().await;
    assert_eq!(world.driver.alive(), 0);
    assert_eq!(text(world.invoke(&hello, "echo").await), "echo in 2");
}

#[tokio::test]
async fn an_environment_that_dies_as_it_is_lent_costs_no_invocation() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    world.invoke(&hello, "echo").await.unwrap();
    // Both happen before the environment's task can run.
    world.driver.kill(1);
    let answer = text(world.invoke(&hello, "echo").await);
    assert!(answer == "echo in 1" || answer == "echo in 2", "{answer}");
}

#[tokio::test]
async fn an_environment_that_exits_or_runs_out_of_time_is_replaced() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    assert!(text(world.invoke(&hello, "exit").await).starts_with("Runtime.ExitError"));
    assert_eq!(text(world.invoke(&hello, "echo").await), "echo in 2");
    let late = world.begin(&hello, "sleep 4000").await;
    world.advance(3_000).await;
    assert!(text(late.await.unwrap()).starts_with("Sandbox.Timedout"));
    assert_eq!(text(world.invoke(&hello, "echo").await), "echo in 3");
    assert_eq!(world.driver.alive(), 1);
}

#[tokio::test]
async fn the_least_recently_used_idle_environment_makes_room() {
    let world = World::new(Config { environments: 2, ..Config::default() });
    let [a, b, c] = ["a", "b", "c"].map(|name| world.deploy(name, |_| {}));
    for target in [&a, &b, &a] {
        world.advance(10).await;
        world.invoke(target, "echo").await.unwrap();
    }
    world.invoke(&c, "echo").await.unwrap();
    let left: Vec<_> = world.frontend.environments().iter().map(|e| e.function.to_string()).collect();
    assert_eq!(left, ["a", "c"]);
}

#[tokio::test]
async fn memory_is_a_budget_too() {
    let world = World::new(Config { memory_budget_mib: 1_024, ..Config::default() });
    let small = world.deploy("small", |f| f.memory = 512);
    let large = world.deploy("large", |f| f.memory = 1_024);
    let huge = world.deploy("huge", |f| f.memory = 2_048);
    let both = [world.begin(&small, "hold a").await, world.begin(&small, "hold a").await];
    world.driver.release("a");
    world.driver.release("a");
    for invoked in both {
        invoked.await.unwrap().unwrap();
    }
    assert_eq!(text(world.invoke(&large, "echo").await), "echo in 3");
    assert_eq!(world.driver.alive(), 1);
    assert!(
        matches!(world.invoke(&huge, "echo").await, Err(Error::Unsupported(text)) if text.contains("2048 MB"))
    );
}

fn instance(function: &mut Function) {
    function.runtime = Runtime::Wasm;
    function.wasm = Some(Wasm::default());
}

fn kept_instance(function: &mut Function) {
    instance(function);
    let reuse = Reuse { requests: 10, age: 60, memory: 600 };
    function.wasm.as_mut().unwrap().reuse = Some(reuse);
}

#[tokio::test]
async fn idle_instances_and_processes_make_room_for_their_own_kind() {
    let world =
        World::new(Config { environments: 1, instances: 2, memory_budget_mib: 1_024, ..Config::default() });
    let process = world.deploy("process", |f| f.memory = 1_024);
    let [a, b, c] = ["a", "b", "c"].map(|name| world.deploy(name, instance));
    for target in [&process, &a, &b, &a, &c] {
        world.advance(10).await;
        world.invoke(target, "echo").await.unwrap();
    }
    let left =
        || -> Vec<_> { world.frontend.environments().iter().map(|it| it.function.to_string()).collect() };
    // The process is the oldest, and would help nobody.
    assert_eq!(left(), ["a", "c", "process"]);
    // What an idle instance keeps is memory like any other's: the process gives way, and an instance too, since two
    // are the most.
    let kept = world.deploy("kept", kept_instance);
    world.invoke(&kept, "echo").await.unwrap();
    assert_eq!(left(), ["c", "kept"]);
    let other = world.deploy("other", |f| f.memory = 512);
    world.invoke(&other, "echo").await.unwrap();
    assert_eq!(left(), ["c", "other"]);
}

#[tokio::test]
async fn without_room_a_request_waits_and_is_then_refused() {
    let world = World::new(Config { environments: 1, ..Config::default() });
    let [a, b] = ["a", "b"].map(|name| world.deploy(name, |_| {}));
    let running = world.begin(&a, "hold a").await;
    let waiting = world.begin(&b, "echo").await;
    world.advance(500).await;
    assert!(!waiting.is_finished());
    // The first to come back makes room.
    world.driver.release("a");
    running.await.unwrap().unwrap();
    assert_eq!(text(waiting.await.unwrap()), "echo in 2");

    let _running = world.begin(&a, "hold a").await;
    let waiting = world.begin(&b, "echo").await;
    world.advance(1_000).await;
    let refused = waiting.await.unwrap().unwrap_err();
    let reason = ThrottleReason::ConcurrentInvocationLimitExceeded;
    assert!(matches!(refused, Error::Throttled { reason: r, retry_after } if r == reason
        && retry_after == Duration::from_secs(1)));
    assert_eq!(world.totals("b").throttles, 1);
}

#[tokio::test]
async fn environments_of_what_is_no_longer_live_are_stopped_when_they_are_idle() {
    let world = World::start();
    let old = world.deploy("hello", |f| f.memory = 128);
    world.invoke(&old, "echo").await.unwrap();
    let running = world.begin(&old, "hold a").await;
    let waiting = world.begin(&old, "hold b").await;
    assert_eq!(world.driver.alive(), 2);
    world.driver.release("b");
    waiting.await.unwrap().unwrap();
    let new = world.deploy("hello", |f| f.memory = 256);
    assert_eq!(text(world.invoke(&new, "echo").await), "echo in 3");
    world.settle().await;
    // The idle one is gone; the busy one goes when it is done.
    assert_eq!(world.driver.alive(), 2);
    world.driver.release("a");
    assert_eq!(text(running.await.unwrap()), "hold a in 1");
    world.frontend.idle().await;
    assert_eq!(world.driver.alive(), 1);
    // Work for the old release still runs, in an environment of its own that nobody keeps.
    assert_eq!(text(world.invoke(&old, "echo").await), "echo in 4");
    world.frontend.idle().await;
    assert_eq!(world.driver.alive(), 1);
    // A function that is gone is noticed without an invocation.
    world.deployed.set("hello", None);
    world.advance(1_000).await;
    assert_eq!(world.driver.alive(), 0);
}

#[tokio::test]
async fn an_unchanged_function_keeps_its_environments_over_a_release() {
    let world = World::start();
    let old = world.deploy("hello", |_| {});
    world.invoke(&old, "echo").await.unwrap();
    let new = world.deploy("hello", |f| f.description = "better".into());
    world.advance(2_000).await;
    assert_eq!(text(world.invoke(&new, "echo").await), "echo in 1");
}

#[tokio::test]
async fn environments_are_told() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    world.invoke(&hello, "echo").await.unwrap();
    world.advance(1).await;
    let running = world.begin(&hello, "hold a").await;
    let [only] = world.frontend.environments().try_into().unwrap();
    assert_eq!((only.state, only.invocations, only.memory), (EnvironmentState::Busy, 2, 128));
    assert_eq!(only.memory_peak, 30 << 20);
    assert!(only.log_stream.starts_with("2024/02/29/[$LATEST]"), "{}", only.log_stream);
    world.driver.release("a");
    running.await.unwrap().unwrap();
    world.frontend.idle().await;
    assert_eq!(world.frontend.environments()[0].state, EnvironmentState::Idle);
}
