//! How calls end that do not end well: by themselves, by a limit, by the clock.

use std::time::Duration;

use sonagi_sandbox::{Outcome, StartFailure};

use crate::support::{Bench, Collected, Fixture, Running};

const SOON: Duration = Duration::from_millis(120);

/// Nothing that came before is left.
async fn serves_again(running: &mut Running) {
    assert_eq!(running.get("/count").await.body(), "1");
}

#[tokio::test]
async fn a_trap_is_told_with_its_reason_and_logged_with_its_backtrace() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    let done = running.get("/trap").await;
    done.exited("Runtime.ExitError", "Runtime exited with error: wasm trap: wasm `unreachable`");
    let log = running.log(&done);
    assert!(log.contains("wasm backtrace:") && log.contains("!fall"), "{log}");
    assert!(done.finished.reusable);
    serves_again(&mut running).await;
}

#[tokio::test]
async fn recursion_without_end_is_ended() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    let done = running.get("/recurse").await;
    done.exited("Runtime.ExitError", "Runtime exited with error: wasm trap: call stack exhausted");
    let log = running.log(&done);
    assert!(log.contains("!recurse"), "{log}");
    assert!(log.len() < 64 << 10, "{} bytes of backtrace", log.len());
    serves_again(&mut running).await;
}

#[tokio::test]
async fn memory_beyond_the_limit_is_refused_and_its_lack_is_told() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    let done = running.get("/allocate").await;
    done.exited("Runtime.OutOfMemory", "Runtime exited with error: signal: killed");
    assert!(running.log(&done).contains("128 MB"), "{}", running.log(&done));
    let peak = done.finished.memory_peak;
    assert!((120 << 20..=128 << 20).contains(&peak), "{peak}");
    serves_again(&mut running).await;
}

#[tokio::test]
async fn memory_is_measured() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    let peak = running.get("/touch/40").await.finished.memory_peak;
    assert!((40 << 20..48 << 20).contains(&peak), "{peak}");
    let mut running = bench.run(Fixture::Guest).await;
    let done = running.get_within("/begin/block", SOON).await;
    assert_eq!(done.finished.outcome, Outcome::TimedOut);
    assert!(done.finished.memory_peak >= 64 << 10, "{} bytes", done.finished.memory_peak);
}

#[tokio::test]
async fn a_table_cannot_grow_without_end() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    let done = running.get("/table").await;
    assert_eq!(done.failure().0, "Runtime.ExitError");
    assert!(running.log(&done).contains("!fall"), "{}", running.log(&done));
    assert!(done.finished.memory_peak < 16 << 20, "{}", done.finished.memory_peak);
    serves_again(&mut running).await;
}

#[tokio::test]
async fn handles_without_end_are_refused() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    let done = running.get("/handles").await;
    assert_eq!(done.failure().0, "Runtime.ExitError");
    serves_again(&mut running).await;
}

#[tokio::test]
async fn headers_beyond_the_limits_are_refused() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    let done = running.get("/headers/50/100").await;
    let Collected::Http { headers, .. } = &done.answer else { panic!("{:?}", done.answer) };
    assert_eq!(headers.len(), 50);
    assert_eq!(headers["x-49"].len(), 100);
    // One that is huge, many that are, very many, and more than a guest may hand over in one call.
    for path in ["/headers/1/1000000", "/headers/1000/10000", "/headers/100000/1", "/headers/1/20000000"] {
        let done = running.get(path).await;
        assert_eq!(done.failure().0, "Runtime.ExitError", "{path}");
    }
    serves_again(&mut running).await;
}

#[tokio::test]
async fn an_exit_is_reported_as_that_of_a_process() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    running.get("/exit/0").await.exited("Runtime.ExitError", "Runtime exited without providing a reason");
    running.get("/exit/1").await.exited("Runtime.ExitError", "Runtime exited with error: exit status 1");
    serves_again(&mut running).await;
}

#[tokio::test]
async fn no_answer_is_a_failure() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    for path in ["/nothing", "/drop"] {
        let done = running.get(path).await;
        done.exited(
            "Runtime.ExitError",
            "Runtime exited with error: the component returned without an answer",
        );
        let log = running.log(&done);
        assert!(log.contains("the component returned without an answer"), "{path}: {log}");
    }
    serves_again(&mut running).await;
}

#[tokio::test]
async fn an_answer_that_is_begun_and_not_ended_is_a_failure() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    for (path, words) in [
        ("/begin/trap", "wasm trap: wasm `unreachable`"),
        ("/begin/return", "the component returned without ending its answer"),
        ("/begin/let-go", "the component broke its answer off"),
        ("/begin/recurse", "wasm trap: call stack exhausted"),
        ("/begin/exit/3", "exit status 1"),
    ] {
        let done = running.get(path).await;
        done.exited("Runtime.ExitError", &format!("Runtime exited with error: {words}"));
    }
    serves_again(&mut running).await;
}

#[tokio::test]
async fn an_error_code_is_the_functions_own_error() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    let done = running.get("/error").await;
    let (error_type, message) = done.failure();
    assert_eq!(error_type, "Http.InternalError");
    assert!(message.contains("said no"), "{message}");
    assert_eq!(done.finished.outcome, Outcome::Error("Http.InternalError".into()));
    serves_again(&mut running).await;
}

#[tokio::test]
async fn whatever_takes_too_long_is_ended_at_its_deadline() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    for path in ["/spin", "/block", "/log/spin", "/log/block", "/begin/spin", "/begin/block", "/behind/spin"]
    {
        let began = bench.clock.tick();
        let done = running.get_within(path, SOON).await;
        let took = bench.clock.tick().since(began);
        assert_eq!(done.finished.outcome, Outcome::TimedOut, "{path}");
        assert!(took >= SOON && took < SOON * 5, "{path} took {took:?}");
        if path == "/behind/spin" {
            // The answer was whole.
            let whole =
                matches!(&done.answer, Collected::Http { body, failure: None, .. } if body == "begun\n");
            assert!(whole, "{:?}", done.answer);
        } else {
            let (error_type, message) = done.failure();
            assert_eq!(error_type, "Sandbox.Timedout", "{path}");
            let wanted = format!("RequestId: {} Error: Task timed out after 0.1", done.request);
            assert!(message.starts_with(&wanted), "{message}");
        }
        if path.starts_with("/log") {
            assert_eq!(running.log(&done), "about to\nhalf a line", "{path}");
        }
        serves_again(&mut running).await;
    }
    running.at_rest().await;
}

#[tokio::test]
async fn a_dropped_invocation_stops_the_guest() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    for path in ["/spin", "/begin/spin", "/block"] {
        let call = running.call(crate::support::get(path), Duration::from_secs(60));
        let (sender, _receiver) = tokio::sync::oneshot::channel();
        let wait = bench.clock.sleep(SOON);
        tokio::select! {
            finished = running.environment().invoke(call, sender) => panic!("it is over: {finished:?}"),
            () = wait => {}
        }
        running.at_rest().await;
        serves_again(&mut running).await;
    }
}

#[tokio::test]
async fn processor_time_is_measured_and_waiting_costs_none() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    let spun = running.get("/spin-for/60").await.finished;
    let cpu = spun.cpu.unwrap();
    assert!(spun.duration >= Duration::from_millis(60));
    assert!(cpu > Duration::from_millis(10) && cpu <= spun.duration, "{spun:?}");
    let slept = running.get("/sleep/60").await.finished;
    assert!(slept.duration >= Duration::from_millis(60));
    assert!(slept.cpu.unwrap() < Duration::from_millis(30), "{slept:?}");
}

#[tokio::test]
async fn what_is_no_component_does_not_start() {
    let bench = Bench::new();
    let module = wat::parse_str("(module (memory 1))").unwrap();
    for bytes in [&module[..], b"\0asm", b"", b"no component at all"] {
        let mut function = bench.function(Fixture::Guest);
        std::fs::write(function.spec.code.join("function.wasm"), bytes).unwrap();
        function.spec.package = sonagi_model::Digest::of(bytes);
        let failure = bench.start(function).await.err().unwrap();
        assert!(matches!(&failure, StartFailure::Unsupported(text) if text.len() > 20), "{failure:?}");
    }
}
