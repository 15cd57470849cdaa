//! Events as CloudEvents, and the answers to them.

use std::time::Duration;

use sonagi_sandbox::{Input, Outcome};

use crate::support::{Bench, Fixture, event};

#[tokio::test]
async fn an_event_is_a_cloud_event_in_binary_mode() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    let mut call = running.call(event("/echo"), Duration::from_secs(20));
    call.client_context = Some("{\"custom\":{\"who\":\"ė\"}}".into());
    let (request, deadline) = (call.request, call.deadline_wall.millis());
    let done = running.make(call).await;
    let said = done.success();
    assert!(said.starts_with("POST / "), "{said}");
    for line in [
        "content-type: application/json",
        "content-length: 7",
        "ce-specversion: 1.0",
        &format!("ce-id: {request}"),
        "ce-source: arn:aws:lambda:eu-west-1:000000000000:function:shop-search",
        "ce-type: dev.sonagi.invocation",
        &format!("lambda-runtime-aws-request-id: {request}"),
        &format!("lambda-runtime-deadline-ms: {deadline}"),
        "lambda-runtime-invoked-function-arn: arn:aws:lambda:eu-west-1:000000000000:function:shop-search",
        "x-amzn-trace-id: Root=1-5759e988-bd862e3fe1be46a994272793",
        "lambda-runtime-client-context: {\"custom\":{\"who\":\"\\u0117\"}}",
    ] {
        assert!(said.lines().any(|found| found == line), "{line} is not in {said}");
    }
    assert_eq!(done.finished.outcome, Outcome::Success);
}

#[tokio::test]
async fn an_answer_that_says_no_is_the_functions_failure() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    for (order, error_type) in [
        ("/fail/500/object", "Boom"),
        ("/fail/404/text", "Http.404"),
        ("/fail/302/text", "Http.302"),
        ("/fail/503/header", "Named.Kind"),
    ] {
        let done = running.event(order).await;
        assert_eq!(done.failure(), (error_type.to_owned(), "it broke".to_owned()));
        assert_eq!(done.finished.outcome, Outcome::Error(error_type.into()));
        assert!(done.finished.reusable);
    }
    // To HTTP the same answers are answers.
    let done = running.get("/fail/500/object").await;
    assert_eq!(done.finished.outcome, Outcome::Success);
}

#[tokio::test]
async fn events_end_as_requests_do() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    assert_eq!(running.event("/hello").await.success(), "hello\n");
    for (order, words) in [
        ("/trap", "Runtime exited with error: wasm trap: wasm `unreachable`"),
        ("/nothing", "Runtime exited with error: the component returned without an answer"),
        ("/begin/trap", "Runtime exited with error: wasm trap: wasm `unreachable`"),
        ("/begin/return", "Runtime exited with error: the component returned without ending its answer"),
        ("/exit/0", "Runtime exited without providing a reason"),
    ] {
        running.event(order).await.exited("Runtime.ExitError", words);
    }
    running
        .event("/allocate")
        .await
        .exited("Runtime.OutOfMemory", "Runtime exited with error: signal: killed");
    assert_eq!(running.event("/error").await.failure().0, "Http.InternalError");
    let done = running.give(event("/spin"), Duration::from_millis(100)).await;
    assert_eq!(done.failure().0, "Sandbox.Timedout");
    assert_eq!(running.event("/count").await.success(), "1");
}

#[tokio::test]
async fn large_events_and_answers_pass() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    let data = format!("\"/hello/{}\"", "x".repeat((6 << 20) - 9));
    let done = running.give(Input::Event(data.into()), Duration::from_secs(20)).await;
    assert_eq!(done.success(), "hello\n");
    assert_eq!(running.event("/bytes/6000000/65536").await.success().len(), 6_000_000);
}
