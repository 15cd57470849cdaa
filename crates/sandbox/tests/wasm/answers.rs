//! Answers, whole and in parts, and readers who are slow or gone.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use sonagi_sandbox::{Answer, HttpBody, Input, Outcome};
use tokio::sync::oneshot;

use crate::support::{Bench, Collected, Fixture, get};

const MIB: usize = 1 << 20;

#[tokio::test]
async fn http_reaches_the_component_as_it_is() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    let request = Request::post("/echo/this?a=b&c=%20d")
        .header("host", "shop.localhost")
        .header("x-twice", "one")
        .header("x-twice", "two")
        .header("content-length", "9")
        .body(Bytes::from_static(b"the\0body\n"))
        .unwrap();
    let done = running.give(Input::Http(Box::new(request)), Duration::from_secs(20)).await;
    let body = done.body();
    assert!(body.starts_with("POST /echo/this?a=b&c=%20d "), "{body}");
    for line in ["x-twice: one\n", "x-twice: two\n", "content-length: 9\n"] {
        assert!(body.contains(line), "{line} is not in {body}");
    }
    assert!(body.ends_with("\n\nthe\0body\n"), "{body}");
    let Collected::Http { headers, .. } = &done.answer else { panic!("{:?}", done.answer) };
    assert_eq!(headers["content-type"], "text/plain");
}

#[tokio::test]
async fn the_smallest_component_answers() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Hello).await;
    let done = running.get("/").await;
    assert_eq!(done.body(), "Hello from wasm\n");
    assert!(done.finished.reusable);
    assert!(done.finished.memory_peak >= 64 << 10, "{}", done.finished.memory_peak);
    assert!(done.finished.cpu.unwrap() > Duration::ZERO);
}

#[tokio::test]
async fn a_body_that_is_not_read_is_no_trouble() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    let request = Request::post("/hello").body(Bytes::from(vec![b'x'; 6 * MIB])).unwrap();
    let done = running.give(Input::Http(Box::new(request)), Duration::from_secs(20)).await;
    assert_eq!(done.body(), "hello\n");
}

#[tokio::test]
async fn a_request_that_names_no_host_is_answered() {
    let bench = Bench::new();
    for fixture in [Fixture::Guest, Fixture::Later] {
        let mut running = bench.run(fixture).await;
        let unnamed = Request::get("/hello").body(Bytes::new()).unwrap();
        let misnamed = Request::get("/hello").header("host", &b"caf\xe9"[..]).body(Bytes::new()).unwrap();
        for request in [unnamed, misnamed] {
            let done = running.give(Input::Http(Box::new(request)), Duration::from_secs(20)).await;
            assert_eq!(done.body(), "hello\n");
        }
    }
}

#[tokio::test]
async fn large_answers_come_whole_whatever_their_parts() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    for (size, part) in [(0, 1), (1, 1), (3_000, 7), (64 << 10, 4_096), (5 * MIB, 100_000)] {
        let done = running.get(&format!("/bytes/{size}/{part}")).await;
        assert_eq!(done.body().len(), size);
        assert!(done.body().bytes().all(|byte| byte == b'x'));
        assert_eq!(running.log(&done), "all is written");
    }
}

/// The head and the first part of an answer, and what the rest comes through.
macro_rules! begun {
    ($receiver:expr) => {{
        let Answer::Http(answer) = $receiver.await.unwrap() else { panic!("no HTTP") };
        assert_eq!(answer.status, 200);
        let HttpBody::Parts(mut parts) = answer.body else { panic!("whole already") };
        let first = parts.recv().await.unwrap().unwrap();
        (first, parts)
    }};
}

#[tokio::test]
async fn the_beginning_of_an_answer_arrives_while_the_component_goes_on() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    for path in ["/begin/block", "/begin/spin"] {
        let call = running.call(get(path), Duration::from_secs(20));
        let (sender, receiver) = oneshot::channel();
        tokio::select! {
            finished = running.environment().invoke(call, sender) => panic!("it is over: {finished:?}"),
            (first, mut parts) = async { begun!(receiver) } => {
                assert_eq!(first, "begun\n");
                assert!(parts.try_recv().is_err(), "there is more");
            }
        }
    }
}

#[tokio::test]
async fn a_reader_who_takes_nothing_holds_the_component_back() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    let size = 32 * MIB;
    let call = running.call(get(&format!("/bytes/{size}/65536")), Duration::from_millis(300));
    let request = call.request;
    let (sender, receiver) = oneshot::channel();
    let reader = async { begun!(receiver) };
    let (finished, (first, mut parts)) = tokio::join!(running.environment().invoke(call, sender), reader);
    assert_eq!(finished.outcome, Outcome::TimedOut);
    assert_eq!(running.logs.of(request), Vec::<String>::new(), "not all was written");
    // What was on its way is still there, and then the reason why there is no more.
    let mut got = first.len();
    let failure = loop {
        match parts.recv().await.unwrap() {
            Ok(part) => got += part.len(),
            Err(failure) => break failure,
        }
    };
    assert_eq!(failure.error_type, "Sandbox.Timedout");
    assert!(got < 4 * MIB, "{got} bytes were taken from a component that nobody reads");
    assert!(parts.recv().await.is_none());
    assert!(running.get("/hello").await.finished.reusable);
}

#[tokio::test]
async fn a_reader_who_leaves_does_not_end_the_invocation() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    let call = running.call(get("/bytes/9000000/65536"), Duration::from_secs(20));
    let request = call.request;
    let (sender, receiver) = oneshot::channel();
    let reader = async { drop(begun!(receiver)) };
    let (finished, ()) = tokio::join!(running.environment().invoke(call, sender), reader);
    assert_eq!(finished.outcome, Outcome::Success);
    assert_eq!(running.logs.of(request), ["all is written"]);
}

#[tokio::test]
async fn a_caller_who_leaves_before_the_answer_does_not_end_the_invocation() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    let call = running.call(get("/bytes/9000000/65536"), Duration::from_secs(20));
    let request = call.request;
    let (sender, receiver) = oneshot::channel();
    drop(receiver);
    let finished = running.environment().invoke(call, sender).await;
    assert_eq!(finished.outcome, Outcome::Success);
    assert_eq!(running.logs.of(request), ["all is written"]);
}

#[tokio::test]
async fn what_is_done_behind_an_answer_is_part_of_the_invocation() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    let done = running.get("/behind").await;
    assert_eq!(done.body(), "begun\n");
    assert_eq!(running.log(&done), "behind the answer");
    // The answer was good, and its caller has it; the invocation was not.
    let done = running.get_within("/behind/block", Duration::from_millis(100)).await;
    let Collected::Http { body, failure: None, .. } = &done.answer else { panic!("{:?}", done.answer) };
    assert_eq!(body, "begun\n");
    assert_eq!(done.finished.outcome, Outcome::TimedOut);
    // One that fails before its answer was taken has not answered.
    let done = running.get("/behind/trap").await;
    done.exited("Runtime.ExitError", "Runtime exited with error: wasm trap: wasm `unreachable`");
}

#[tokio::test]
async fn a_length_that_is_not_kept_is_a_failure() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    for path in ["/length/10/3", "/length/3/10", "/length/100000/99999", "/length/1/9000000"] {
        let done = running.get(path).await;
        assert_eq!(done.failure().0, "Runtime.ExitError", "{path}: {:?}", done.answer);
    }
    assert_eq!(running.get("/length/5/5").await.body(), "xxxxx");
}

#[tokio::test]
async fn a_status_is_one_of_http_or_is_refused() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    for (status, wanted) in [(204, 204), (418, 418), (599, 599), (99, 200), (1_000, 200), (65_535, 200)] {
        let done = running.get(&format!("/status/{status}")).await;
        let Collected::Http { status: found, body, .. } = &done.answer else { panic!("{:?}", done.answer) };
        assert_eq!(found.as_u16(), wanted);
        assert_eq!(body.contains("no such status"), wanted == 200, "{status}: {body}");
    }
}
