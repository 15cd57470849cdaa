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

/// A large component's slots keep more of what was touched.
#[tokio::test]
async fn so_has_every_request_to_a_large_component() {
    let bench = Bench::new();
    let large = Fixture::Guest.text().replace("(memory (;0;) 2)", "(memory (;0;) 64)");
    assert_ne!(large, Fixture::Guest.text());
    let mut running = bench.start(bench.made_of(&large, Fixture::Guest.settings())).await.unwrap();
    for mib in [1, 10, 40, 1] {
        assert_eq!(running.get(&format!("/touch/{mib}")).await.body(), "touched\n");
        assert_eq!(count(&mut running).await, 1);
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

/// Of what a task may do in a turn (tokio's cooperative budget) any rest may be left when a request comes.
#[tokio::test]
async fn an_answer_is_whole_however_much_of_its_tasks_turn_is_left() {
    const TURN: u32 = 128;
    let bench = Bench::new();
    let mut running = bench.reusing(LONG).await;
    for left in 0..TURN {
        tokio::task::yield_now().await;
        for _ in left..TURN {
            tokio::task::coop::consume_budget().await;
        }
        assert_eq!(count(&mut running).await, left + 1);
    }
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

#[tokio::test]
async fn a_kept_instance_goes_when_its_time_is_over() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_700_000_000_000)));
    // Room for one that has used 40 MiB, and not for two.
    let bench = Bench::with_memory(100 << 20, Arc::clone(&clock) as Arc<dyn Clock>);
    let (mut one, mut other) = (bench.reusing(LONG).await, bench.reusing(LONG).await);
    one.get("/touch/40").await.body();
    assert_eq!(other.get("/touch/40").await.failure().0, "Runtime.OutOfMemory");
    {
        let mut died = one.environment().died();
        assert!(futures::poll!(&mut died).is_pending());
        clock.advance(Duration::from_secs(60)).await;
        assert!(futures::poll!(&mut died).is_pending(), "the environment itself lives on");
    }
    other.get("/touch/40").await.body();
    assert_eq!(count(&mut one).await, 1);
}

#[tokio::test]
async fn apps_share_the_memory_of_the_server_and_the_log_says_so() {
    let bench = Bench::with_memory(60 << 20, crate::support::real_clock());
    let mut running = bench.run(Fixture::Guest).await;
    let done = running.get("/touch/40").await;
    done.exited("Runtime.OutOfMemory", "Runtime exited with error: signal: killed");
    let log = running.log(&done);
    assert!(log.contains("the memory that the server has for them"), "{log}");
    running.get("/touch/20").await.body();
}

#[tokio::test]
async fn a_component_whose_instances_serve_once_gets_a_fresh_one_each_time() {
    let bench = Bench::new();
    let mut running = bench.reusing(LONG).await;
    assert_eq!(count(&mut running).await, 1);
    // Whether it was this request or that it was the second, nobody knows; it never served two.
    let done = running.get("/trap").await;
    let log = running.log(&done);
    assert!(log.contains("from now on every request gets a fresh one"), "{log}");
    for _ in 0..3 {
        assert_eq!(count(&mut running).await, 1);
    }
    // One that has served two has proved that it can.
    let mut running = bench.start(bench.reusing_of("other", LONG)).await.unwrap();
    assert_eq!(count(&mut running).await, 1);
    assert_eq!(count(&mut running).await, 2);
    running.get("/trap").await;
    assert_eq!(count(&mut running).await, 1);
    let done = running.get("/trap").await;
    assert!(!running.log(&done).contains("fresh one"), "{}", running.log(&done));
    assert_eq!(count(&mut running).await, 1);
    assert_eq!(count(&mut running).await, 2);
}

/// What interpreters bring along: sockets, of another 0.2 than everything else, with handles of other interfaces.
const SOCKETS: &str = r#"
  (import "wasi:io/poll@0.2.12" (instance $poll (export "pollable" (type (sub resource)))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:io/error@0.2.12" (instance $errors (export "error" (type (sub resource)))))
  (import "wasi:sockets/network@0.2.12" (instance $network (export "network" (type (sub resource)))))
  (alias export $network "network" (type $net))
  (import "wasi:sockets/tcp@0.2.12" (instance
    (alias outer 1 $pollable (type $p))
    (export "pollable" (type $p2 (eq $p)))
    (alias outer 1 $net (type $n))
    (export "network" (type $n2 (eq $n)))
    (export "tcp-socket" (type $s (sub resource)))
    (export "[method]tcp-socket.start-bind" (func (param "self" (borrow $s)) (param "network" (borrow $n2))))
    (export "[method]tcp-socket.subscribe" (func (param "self" (borrow $s)) (result (own $p2))))))
"#;

#[tokio::test]
async fn sockets_may_be_imported_and_nothing_else_changes() {
    let bench = Bench::new();
    let hello = Fixture::Hello.text().trim_end().strip_suffix(')').unwrap();
    let function = bench.made_of(&format!("{hello}{SOCKETS})"), Default::default());
    let mut running = bench.start(function).await.unwrap();
    assert_eq!(running.get("/").await.body(), "Hello from wasm\n");
}
