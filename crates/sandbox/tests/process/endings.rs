//! How environments end: by themselves, by a limit, by the clock.

use std::time::Duration;

use sonagi_model::invocation::FailureOrigin;
use sonagi_sandbox::{Outcome, StartFailure};

use crate::support::{Bench, NODE, PATIENCE, PROVIDED, PYTHON, runs};

fn init_failure(failure: StartFailure) -> (String, String) {
    let StartFailure::Init { failure, .. } = failure else { panic!("another failure: {failure}") };
    assert_eq!(failure.origin, FailureOrigin::Init);
    let payload: serde_json::Value = serde_json::from_slice(&failure.payload).unwrap();
    (failure.error_type, payload["errorMessage"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_function_that_takes_too_long_is_timed_out_and_killed() {
    let bench = Bench::new();
    let mut running = bench
        .run(
            PYTHON,
            "import time\ndef handler(event, context):\n    print('begun', flush=True)\n    time.sleep(60)\n",
        )
        .await;
    let done = running.invoke_within("{}", Duration::from_millis(500)).await;
    let (error_type, message) = done.failure();
    assert_eq!(error_type, "Sandbox.Timedout");
    assert_eq!(message, format!("RequestId: {} Error: Task timed out after 0.50 seconds", done.request));
    assert_eq!(done.finished.outcome, Outcome::TimedOut);
    assert!(!done.finished.reusable);
    assert_eq!(running.logs.of(done.request), ["begun"]);
    // It is gone already, not only when it is dropped.
    bench.nothing_is_left().await;
}

#[tokio::test]
async fn a_process_that_exits_is_reported_with_its_status() {
    let bench = Bench::new();
    for (text, wanted) in [
        (
            "import os\ndef handler(event, context):\n    os._exit(7)\n",
            "Runtime exited with error: exit status 7",
        ),
        (
            "import os\ndef handler(event, context):\n    os._exit(0)\n",
            "Runtime exited without providing a reason",
        ),
        (
            "import os\ndef handler(event, context):\n    os.abort()\n",
            "Runtime exited with error: signal: aborted",
        ),
    ] {
        let mut running = bench.run(PYTHON, text).await;
        let done = running.invoke("{}").await;
        let (error_type, message) = done.failure();
        assert_eq!(error_type, "Runtime.ExitError");
        assert_eq!(message, format!("RequestId: {} Error: {wanted}", done.request));
        assert_eq!(done.finished.outcome, Outcome::Fault("Runtime.ExitError".into()));
        assert!(!done.finished.reusable);
    }
    bench.nothing_is_left().await;
}

const HUNGRY: &str =
    "def handler(event, context):\n    kept = []\n    while True:\n        kept.append(bytearray(8 << 20))\n";

#[tokio::test]
async fn a_function_that_uses_too_much_memory_is_killed() {
    for bench in [Bench::new(), Bench::without_groups()] {
        let mut running = bench.run(PYTHON, HUNGRY).await;
        let done = running.invoke("{}").await;
        let (error_type, message) = done.failure();
        assert_eq!(error_type, "Runtime.OutOfMemory");
        assert_eq!(
            message,
            format!("RequestId: {} Error: Runtime exited with error: signal: killed", done.request)
        );
        assert!(done.finished.memory_peak >= 100 << 20, "{}", done.finished.memory_peak);
        drop(running);
        bench.nothing_is_left().await;
    }
}

#[tokio::test]
async fn a_function_that_uses_too_much_memory_while_it_initialises_is_killed() {
    let bench = Bench::new();
    let text = "held = []\nwhile True:\n    held.append(bytearray(8 << 20))\n";
    let failure = bench.start_within(bench.function(PYTHON, text), PATIENCE).await.err().unwrap();
    assert_eq!(init_failure(failure).0, "Runtime.OutOfMemory");
    bench.nothing_is_left().await;
}

#[tokio::test]
async fn a_fork_bomb_is_held_by_the_limit_on_processes() {
    let bench = Bench::new();
    let mut function = bench
        .function(
            PYTHON,
            "import os, time\ndef handler(event, context):\n    n = 0\n    try:\n        while n < 5000:\n            \
             if os.fork() == 0:\n                time.sleep(60)\n            n += 1\n    except OSError as e:\n        \
             return [n, type(e).__name__]\n",
        );
    // With a whole processor, so that it is the limit that it meets and not its time.
    function.spec.memory = 1_769;
    let mut running = bench.start(function).await.unwrap();
    let mut call = running.invoke("{}").await;
    // Either the limit on processes or the one on memory stops it; both are the environment's own.
    if let crate::support::Collected::Success(body) = &call.answer {
        let (count, error): (u32, String) = serde_json::from_str(body).unwrap();
        assert!(count < 1_024, "{count}");
        assert_eq!(error, "BlockingIOError");
    } else {
        assert_eq!(call.failure().0, "Runtime.OutOfMemory");
    }
    call.finished.reusable = false;
    drop(running);
    bench.nothing_is_left().await;
}

#[tokio::test]
async fn threads_count_as_processes_do() {
    let bench = Bench::new();
    let text = "import threading\ndef handler(event, context):\n    threading.stack_size(65536)\n    over = \
                threading.Event()\n    count = 0\n    try:\n        while count < 5000:\n            \
                threading.Thread(target=over.wait, daemon=True).start()\n            count += 1\n    except \
                RuntimeError:\n        pass\n    over.set()\n    return count\n";
    let mut function = bench.function(PYTHON, text);
    function.spec.memory = 1_769;
    let mut running = bench.start(function).await.unwrap();
    let count: u32 = running.invoke_within("{}", PATIENCE).await.success().parse().unwrap();
    // Beside the first, and the sandbox's own.
    assert!((1_000..sonagi_model::limits::ENVIRONMENT_PROCESSES).contains(&count), "{count}");
    drop(running);
    bench.nothing_is_left().await;
}

#[tokio::test]
async fn children_that_outlive_the_answer_die_with_the_environment() {
    for (bench, marker) in [(Bench::new(), "86399.25"), (Bench::without_groups(), "86399.75")] {
        // It leaves its session and its parent, as daemons do.
        let text = format!(
            "import os, subprocess\ndef handler(event, context):\n    if os.fork() == 0:\n        os.setsid()\n        \
             if os.fork() == 0:\n            os.execvp('sleep', ['sleep', '{marker}'])\n        os._exit(0)\n    \
             os.wait()\n    return 'left'\n"
        );
        let mut running = bench.run(PYTHON, &text).await;
        assert_eq!(running.invoke("{}").await.success(), "\"left\"");
        while !runs(marker) {
            tokio::task::yield_now().await;
        }
        drop(running);
        bench.nothing_is_left().await;
        assert!(!runs(marker));
    }
}

#[tokio::test]
async fn without_control_groups_everything_else_is_the_same() {
    let bench = Bench::without_groups();
    let mut running = bench.run(PYTHON, "def handler(event, context):\n    return event + 1\n").await;
    for n in 1..4 {
        let done = running.invoke(n.to_string()).await;
        assert_eq!(done.success(), (n + 1).to_string());
        assert!(done.finished.memory_peak > 1 << 20);
    }
    drop(running);
    let mut running = bench.run(PYTHON, "import os\ndef handler(event, context):\n    os._exit(7)\n").await;
    let done = running.invoke("{}").await;
    assert!(done.failure().1.ends_with("Runtime exited with error: exit status 7"), "{:?}", done.failure());
    let mut running = bench.run(NODE, "export const handler = async () => 1;\n").await;
    assert_eq!(running.invoke("{}").await.success(), "1");
    drop(running);
    bench.nothing_is_left().await;
}

#[tokio::test]
async fn a_function_that_cannot_be_imported_fails_to_start() {
    let bench = Bench::new();
    let failure = bench.start(bench.function(PYTHON, "import nothing_like_it\n")).await.err().unwrap();
    let (error_type, message) = init_failure(failure);
    assert_eq!(error_type, "Runtime.ImportModuleError");
    assert_eq!(message, "Unable to import module 'app': No module named 'nothing_like_it'");
    let failure = bench.start(bench.function(PYTHON, "other = 1\n")).await.err().unwrap();
    assert_eq!(init_failure(failure).0, "Runtime.HandlerNotFound");
    bench.nothing_is_left().await;
}

#[tokio::test]
async fn a_function_that_exits_while_it_starts_fails_to_start() {
    let bench = Bench::new();
    let function = bench.function(PROVIDED, "#!/bin/sh\necho oh no\nexit 3\n");
    let logs = std::sync::Arc::clone(&function.logs);
    let failure = bench.start(function).await.err().unwrap();
    let request = "8476a536-e9f4-11e8-9739-2dfe598c3fcd".parse().unwrap();
    assert_eq!(
        init_failure(failure.for_request(&request)),
        (
            "Runtime.ExitError".into(),
            format!("RequestId: {request} Error: Runtime exited with error: exit status 3")
        )
    );
    assert_eq!(logs.texts(), ["oh no"]);
    bench.nothing_is_left().await;
}

#[tokio::test]
async fn a_start_that_takes_too_long_is_given_up() {
    let bench = Bench::new();
    let function = bench.function(PYTHON, "import time\ntime.sleep(60)\n");
    let failure = bench.start_within(function, Duration::from_millis(600)).await.err().unwrap();
    assert!(matches!(failure, StartFailure::TimedOut { .. }), "{failure}");
    bench.nothing_is_left().await;
}

#[tokio::test]
async fn a_start_that_nobody_waits_for_leaves_nothing() {
    let bench = Bench::new();
    bench.driver.prepare(PYTHON, &|_| {}).await.unwrap();
    // Dropped after more and more steps of it. It is asked without waiting to be woken, since how often it is woken
    // differs from run to run.
    for polls in [1, 2, 3, 10, 100, 1_000, 10_000] {
        let mut start = Box::pin(bench.start(bench.function(PYTHON, "import time\ntime.sleep(60)\n")));
        let mut left = polls;
        std::future::poll_fn(|context| {
            if let std::task::Poll::Ready(done) = start.as_mut().poll(context) {
                panic!("ended after {polls} polls: {:?}", done.err());
            }
            left -= 1;
            if left == 0 {
                return std::task::Poll::Ready(());
            }
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        })
        .await;
        drop(start);
    }
    bench.nothing_is_left().await;
}

#[tokio::test]
async fn an_invocation_that_is_dropped_leaves_an_environment_that_serves_no_more() {
    let bench = Bench::new();
    let mut running =
        bench.run(PYTHON, "import time\ndef handler(event, context):\n    time.sleep(event)\n").await;
    let call = running.call("60", Duration::from_secs(60));
    let (sender, _receiver) = tokio::sync::oneshot::channel();
    {
        let mut invoke = running.environment().invoke(call, sender);
        std::future::poll_fn(|context| {
            assert!(invoke.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
    }
    let done = running.invoke("0").await;
    assert_eq!(done.failure().0, "Runtime.ExitError");
    assert!(!done.finished.reusable);
    bench.nothing_is_left().await;
}

#[tokio::test]
async fn an_idle_environment_that_dies_is_noticed() {
    let bench = Bench::new();
    let mut running = bench
        .run(
            PYTHON,
            "import os, threading\ndef handler(event, context):\n    threading.Timer(0.02, os._exit, [1]).start()\n",
        )
        .await;
    assert!(running.invoke("{}").await.finished.reusable);
    running.environment().died().await;
    let done = running.invoke("{}").await;
    assert_eq!(done.failure().0, "Runtime.ExitError");
    bench.nothing_is_left().await;
}

#[tokio::test]
async fn a_bad_bootstrap_is_named() {
    let bench = Bench::new();
    let function = bench.function(PROVIDED, "#!/bin/sh\n");
    let path = function.spec.code.join("bootstrap");
    std::fs::remove_file(&path).unwrap();
    let wanted = "Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap]".into();
    assert_eq!(
        init_failure(bench.start(function).await.err().unwrap()),
        ("Runtime.InvalidEntrypoint".into(), wanted)
    );
    let function = bench.function(PROVIDED, "#!/no/such/interpreter\n");
    let wanted = "Error: fork/exec /var/task/bootstrap: no such file or directory".into();
    assert_eq!(
        init_failure(bench.start(function).await.err().unwrap()),
        ("Runtime.InvalidEntrypoint".into(), wanted)
    );
    let function = bench.function(PROVIDED, "");
    std::fs::write(
        function.spec.code.join("bootstrap"),
        b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xb7\0",
    )
    .unwrap();
    let failure = bench.start(function).await.err().unwrap();
    assert!(matches!(&failure, StartFailure::Unsupported(text) if text.contains("aarch64")), "{failure}");
    bench.nothing_is_left().await;
}

#[tokio::test]
async fn a_version_that_is_not_there_is_refused_or_replaced_as_the_policy_says() {
    use sonagi_sandbox::process::{GroupUse, RuntimePolicy};
    let other = sonagi_model::function::Runtime::Nodejs { major: 24 };
    let failure = Bench::new().driver.prepare(other, &|_| {}).await.err().unwrap();
    assert!(
        matches!(&failure, StartFailure::Unsupported(text) if text.contains("install Node.js 24")),
        "{failure}"
    );
    let bench = Bench::with(GroupUse::IfThereAreAny, RuntimePolicy::Nearest);
    let prepared = bench.driver.prepare(other, &|_| {}).await.unwrap();
    // A machine that cannot give functions the internet is another thing to know.
    assert!(prepared.notes[0].contains("nodejs24.x functions run on Node.js 20"), "{:?}", prepared.notes);
    let mut running = bench.run(other, "export const handler = async () => 1;\n").await;
    assert_eq!(running.invoke("{}").await.success(), "1");
}
