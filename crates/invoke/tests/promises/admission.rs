use sonagi_invoke::{Config, Error, ThrottleReason};

use crate::world::{World, text};

fn reason<T>(refused: Result<T, Error>) -> ThrottleReason {
    match refused {
        Err(Error::Throttled { reason, .. }) => reason,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("was let in"),
    }
}

#[tokio::test]
async fn reserved_concurrency_is_a_limit_and_a_wait() {
    let world = World::start();
    let hello = world.deploy("hello", |f| f.reserved_concurrency = Some(1));
    let running = world.begin(&hello, "hold a").await;
    let waiting = world.begin(&hello, "echo").await;
    let late = world.begin(&hello, "echo").await;
    world.advance(999).await;
    world.driver.release("a");
    running.await.unwrap().unwrap();
    // Both had their turn, in one environment.
    assert_eq!(text(waiting.await.unwrap()), "echo in 1");
    assert_eq!(text(late.await.unwrap()), "echo in 1");
    assert_eq!(world.driver.starts("hello"), 1);
}

#[tokio::test]
async fn a_request_is_refused_after_its_wait() {
    let world = World::start();
    let hello = world.deploy("hello", |f| f.reserved_concurrency = Some(1));
    let _running = world.begin(&hello, "hold a").await;
    let waiting = world.begin(&hello, "echo").await;
    world.advance(1_000).await;
    let refused = reason(waiting.await.unwrap());
    assert_eq!(refused, ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded);
    assert_eq!(world.totals("hello").throttles, 1);
}

#[tokio::test]
async fn a_reservation_of_nothing_refuses_at_once() {
    let world = World::start();
    let hello = world.deploy("hello", |f| f.reserved_concurrency = Some(0));
    let refused = reason(world.invoke(&hello, "echo").await);
    assert_eq!(refused, ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded);
}

#[tokio::test]
async fn functions_without_a_reservation_share_what_the_others_leave() {
    let world = World::new(Config { account_concurrency: 3, ..Config::default() });
    let reserved = world.deploy("reserved", |f| f.reserved_concurrency = Some(1));
    let [a, b] = ["a", "b"].map(|name| world.deploy(name, |_| {}));
    let _running = [world.begin(&a, "hold a").await, world.begin(&b, "hold a").await];
    let waiting = world.begin(&b, "echo").await;
    // The reservation stays free for whom it is.
    assert_eq!(text(world.invoke(&reserved, "echo").await), "echo in 3");
    world.advance(1_000).await;
    assert_eq!(reason(waiting.await.unwrap()), ThrottleReason::ConcurrentInvocationLimitExceeded);
}

#[tokio::test]
async fn a_changed_reservation_holds_at_once() {
    let world = World::start();
    let hello = world.deploy("hello", |f| f.reserved_concurrency = Some(1));
    let _running = world.begin(&hello, "hold a").await;
    let waiting = world.begin(&hello, "echo").await;
    let hello = world.deploy("hello", |f| f.reserved_concurrency = Some(3));
    assert_eq!(text(world.invoke(&hello, "echo").await), "echo in 2");
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_crowd_of_one_function_beyond_the_queue_is_refused_at_once() {
    let config = Config { account_concurrency: 1, admission_queue: 1, ..Config::default() };
    let world = World::new(config);
    let [a, b] = ["a", "b"].map(|name| world.deploy(name, |_| {}));
    let running = world.begin(&a, "hold a").await;
    let waiting = world.begin(&a, "echo").await;
    assert_eq!(reason(world.invoke(&a, "echo").await), ThrottleReason::CallerRateLimitExceeded);
    let other = world.begin(&b, "echo").await;
    world.driver.release("a");
    running.await.unwrap().unwrap();
    waiting.await.unwrap().unwrap();
    other.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_caller_that_leaves_the_queue_is_forgotten() {
    let world = World::new(Config { account_concurrency: 1, ..Config::default() });
    let hello = world.deploy("hello", |_| {});
    let running = world.begin(&hello, "hold a").await;
    let left = world.begin(&hello, "echo left").await;
    left.abort();
    world.driver.release("a");
    running.await.unwrap().unwrap();
    world.frontend.idle().await;
    assert_eq!(world.totals("hello").invocations, 1);
    world.invoke(&hello, "echo").await.unwrap();
}

#[tokio::test]
async fn a_payload_over_the_limit_is_refused() {
    let world = World::new(Config { payload_size: 10, ..Config::default() });
    let hello = world.deploy("hello", |_| {});
    let refused = world.invoke(&hello, "echo 1234567").await.unwrap_err();
    assert_eq!(refused.to_string(), "Request must be smaller than 10 bytes for the InvokeFunction operation");
    assert_eq!(text(world.invoke(&hello, "echo 12345").await), "echo 12345 in 1");
}
