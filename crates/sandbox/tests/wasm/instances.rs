//! A fresh instance for each request, or one that serves again within its caps.

use std::{sync::Arc, time::Duration};

use sonagi_model::{Clock, Timestamp, clock::ManualClock, function::Reuse};
use sonagi_sandbox::Outcome;

use crate::support::{Bench, Fixture, Running};

const LONG: Reuse = Reuse { requests: 1_000, age: 60, memory: 64 };

async fn count(running: &mut Running) -> u32 {
    running.get("/count").await.body().parse().unwrap()
}

#[tokio::test]
async fn every_request_has_an_instance_of_its_own() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    for _ in 0..5 {
        assert_eq!(count(&mut running).await, 1);
        assert_eq!(running.event("/count").await.success(), "1");
    }
}

#[tokio::test]
async fn an_instance_serves_as_many_requests_as_it_may() {
    let bench = Bench::new();
    let mut running = bench.reusing(Reuse { requests: 3, ..LONG }).await;
    let mut counts = Vec::new();
    for _ in 0..7 {
        counts.push(count(&mut running).await);
    }
    assert_eq!(counts, [1, 2, 3, 1, 2, 3, 1]);
}

#[tokio::test]
async fn an_instance_serves_as_long_as_it_may() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_700_000_000_000)));
    let bench = Bench::at(Arc::clone(&clock) as Arc<dyn Clock>);
    let mut running = bench.reusing(LONG).await;
    assert_eq!(count(&mut running).await, 1);
    clock.advance(Duration::from_secs(59)).await;
    assert_eq!(count(&mut running).await, 2);
    clock.advance(Duration::from_secs(1)).await;
    assert_eq!(count(&mut running).await, 1);
}

#[tokio::test]
async fn an_instance_that_has_grown_too_large_serves_no_more() {
    let bench = Bench::new();
    let mut running = bench.reusing(LONG).await;
    assert_eq!(count(&mut running).await, 1);
    running.get("/touch/40").await.body();
    assert_eq!(count(&mut running).await, 3);
    running.get("/touch/70").await.body();
    assert_eq!(count(&mut running).await, 1);
}

#[tokio::test]
async fn an_instance_that_failed_serves_no_more() {
    let bench = Bench::new();
    let mut running = bench.reusing(LONG).await;
    for path in [
        "/trap",
        "/nothing",
        "/begin/return",
        "/begin/let-go",
        "/behind/trap",
        "/exit/0",
        "/error",
        "/allocate",
        "/length/9/3",
    ] {
        assert_eq!(count(&mut running).await, 1, "before {path}");
        assert_eq!(count(&mut running).await, 2, "before {path}");
        assert_ne!(running.get(path).await.finished.outcome, Outcome::Success, "{path}");
    }
    assert_eq!(count(&mut running).await, 1);
    running.get_within("/begin/spin", Duration::from_millis(60)).await;
    assert_eq!(count(&mut running).await, 1, "after a time-out");
    // One that said no to an event has done its work.
    assert_eq!(running.event("/fail/500/object").await.failure().0, "Boom");
    assert_eq!(count(&mut running).await, 3);
}

#[tokio::test]
async fn an_instance_whose_invocation_was_dropped_serves_no_more() {
    let bench = Bench::new();
    let mut running = bench.reusing(LONG).await;
    assert_eq!(count(&mut running).await, 1);
    let call = running.call(crate::support::get("/block"), Duration::from_secs(60));
    let (sender, _receiver) = tokio::sync::oneshot::channel();
    {
        let mut invoke = running.environment().invoke(call, sender);
        std::future::poll_fn(|context| {
            assert!(invoke.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
    }
    assert_eq!(count(&mut running).await, 1);
}

#[tokio::test]
async fn environments_do_not_share_instances() {
    let bench = Bench::new();
    let (mut one, mut other) = (bench.reusing(LONG).await, bench.reusing(LONG).await);
    assert_eq!(count(&mut one).await, 1);
    assert_eq!(count(&mut one).await, 2);
    assert_eq!(count(&mut other).await, 1);
}

#[tokio::test]
async fn the_environment_is_lambdas_and_nothing_of_the_server() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    let done = running.get("/environment").await;
    let lines: Vec<&str> = done.body().lines().collect();
    for line in [
        "GREETING=hello there",
        "AWS_REGION=eu-west-1",
        "AWS_ACCESS_KEY_ID=AKID",
        "AWS_LAMBDA_FUNCTION_NAME=shop-search",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
        "AWS_EXECUTION_ENV=AWS_Lambda_provided.wasm",
        "_HANDLER=function.wasm",
    ] {
        assert!(lines.contains(&line), "{line} is not in {lines:?}");
    }
    for name in ["PATH=", "HOME=", "CARGO"] {
        assert!(!lines.iter().any(|line| line.starts_with(name)), "{name} is in {lines:?}");
    }
}
