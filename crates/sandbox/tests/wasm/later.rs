//! Components of WASI 0.3.

use std::time::Duration;

use sonagi_sandbox::Outcome;

use crate::support::{Bench, Fixture};

#[tokio::test]
async fn a_component_of_0_3_answers() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Later).await;
    let done = running.get("/hello").await;
    assert_eq!(done.body(), "hello\n");
    assert!(done.finished.cpu.unwrap() > Duration::ZERO);
    assert_eq!(running.event("/hello").await.success(), "hello\n");
    assert_eq!(running.get("/bytes/3000000").await.body().len(), 3_000_000);
    assert_eq!(running.get("/count").await.body(), "1");
    assert_eq!(running.get("/count").await.body(), "1");
    let slept = running.get("/sleep/30").await;
    assert_eq!(slept.body(), "slept\n");
    assert!(slept.finished.duration >= Duration::from_millis(30));
}

#[tokio::test]
async fn a_component_of_0_3_fails_as_others_do() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Later).await;
    for (path, words) in [
        ("/trap", "wasm trap: wasm `unreachable`"),
        ("/begin/trap", "wasm trap: wasm `unreachable`"),
        ("/nothing", ""),
    ] {
        let done = running.get(path).await;
        done.exited("Runtime.ExitError", &format!("Runtime exited with error: {words}"));
        assert!(!running.log(&done).is_empty(), "{path}");
    }
    assert_eq!(running.get("/error").await.failure().0, "Http.InternalError");
    assert_ne!(running.get("/begin/return").await.finished.outcome, Outcome::Success);
    for path in ["/spin", "/begin/spin", "/sleep/60000"] {
        let done = running.get_within(path, Duration::from_millis(100)).await;
        assert_eq!(done.failure().0, "Sandbox.Timedout", "{path}");
    }
    running.at_rest().await;
    assert_eq!(running.get("/count").await.body(), "1");
}
