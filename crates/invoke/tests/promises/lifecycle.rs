use std::time::Duration;

use sonagi_invoke::{Config, Error, Tail};
use sonagi_model::Clock;
use sonagi_sandbox::Answer;

use crate::world::{World, text};

#[tokio::test]
async fn an_invocation_runs_to_its_end_when_its_caller_goes_away() {
    let world = World::start();
    let hello = world.deploy("hello", |f| drop(f.variables.insert("START".into(), "sleep 50".into())));
    for payload in ["hold a", "hold b"] {
        // The first is dropped while it waits for a start, the second while it runs.
        let caller = world.begin(&hello, payload).await;
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        world.advance(50).await;
    }
    world.driver.release("a");
    world.driver.release("b");
    world.frontend.idle().await;
    assert_eq!(world.totals("hello").invocations, 2);
}

#[tokio::test]
async fn a_drain_lets_what_runs_come_to_its_end_and_stops_everything() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    world.invoke(&hello, "echo").await.unwrap();
    let running = world.begin(&hello, "hold a").await;
    let (frontend, deadline) = (world.frontend.clone(), world.clock.tick() + Duration::from_secs(30));
    let drain = tokio::spawn(async move { frontend.drain(deadline).await });
    world.settle().await;
    assert!(matches!(world.invoke(&hello, "echo").await, Err(Error::Draining)));
    assert!(!drain.is_finished());
    world.driver.release("a");
    assert_eq!(text(running.await.unwrap()), "hold a in 1");
    drain.await.unwrap();
    assert_eq!(world.driver.alive(), 0);
}

#[tokio::test]
async fn a_drain_ends_at_its_deadline() {
    let world = World::new(Config { account_concurrency: 1, start_parallelism: 1, ..Config::default() });
    let hello = world.deploy("hello", |_| {});
    let running = world.begin(&hello, "hold a").await;
    let waiting = world.begin(&hello, "echo").await;
    let (frontend, deadline) = (world.frontend.clone(), world.clock.tick() + Duration::from_millis(500));
    let drain = tokio::spawn(async move { frontend.drain(deadline).await });
    world.advance(500).await;
    drain.await.unwrap();
    assert!(matches!(running.await.unwrap(), Err(Error::Draining)));
    assert!(matches!(waiting.await.unwrap(), Err(Error::Draining)));
    assert_eq!(world.driver.alive(), 0);
    let totals = world.totals("hello");
    assert_eq!((totals.invocations, totals.errors, totals.billed_ms), (1, 1, 500));
}

#[tokio::test]
async fn environments_stop_when_the_frontend_is_gone() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    world.invoke(&hello, "echo").await.unwrap();
    let World { frontend, driver, clock, .. } = world;
    drop(frontend);
    clock.advance(Duration::ZERO).await;
    assert_eq!(driver.alive(), 0);
}

#[tokio::test]
async fn a_stream_is_passed_on_as_it_comes_and_no_further_than_its_limit() {
    let world = World::new(Config { stream_size: 4 << 10, ..Config::default() });
    let hello = world.deploy("hello", |_| {});
    let answer = world.invoke(&hello, "stream 4").await.unwrap().answer;
    let Answer::Stream(mut stream) = answer else { panic!("should stream") };
    let mut size = 0;
    while let Some(part) = stream.body.recv().await {
        size += part.unwrap().len();
    }
    assert_eq!(size, 4 << 10);

    let answer = world.invoke(&hello, "stream 1000").await.unwrap().answer;
    let Answer::Stream(mut stream) = answer else { panic!("should stream") };
    let mut last = None;
    while let Some(part) = stream.body.recv().await {
        last = Some(part);
    }
    assert_eq!(last.unwrap().unwrap_err().error_type, "Function.ResponseSizeTooLarge");
    world.frontend.idle().await;
}

#[tokio::test]
async fn a_streams_tail_comes_after_it() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    let mut request = world.request(&hello, "stream 3");
    request.tail = Tail::Yes;
    let invoked = world.frontend.invoke(request).await.unwrap();
    let Answer::Stream(mut stream) = invoked.answer else { panic!("should stream") };
    while stream.body.recv().await.is_some() {}
    let tail = invoked.late_tail.unwrap().get().await.unwrap();
    assert!(String::from_utf8_lossy(&tail).contains("REPORT RequestId"));
}

#[tokio::test]
async fn a_request_may_shorten_the_functions_time() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    let mut request = world.request(&hello, "sleep 2000");
    request.timeout = Some(Duration::from_millis(700));
    let frontend = world.frontend.clone();
    let invoked = tokio::spawn(async move { frontend.invoke(request).await });
    world.advance(700).await;
    assert!(text(invoked.await.unwrap()).starts_with("Sandbox.Timedout"));
}
