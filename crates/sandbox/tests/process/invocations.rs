//! What functions answer, and what of it arrives.

use std::time::Duration;

use crate::support::{self, Bench, Collected, NODE, PROVIDED, PYTHON};
use sonagi_model::Clock as _;
use sonagi_sandbox::Outcome;

#[tokio::test]
async fn a_python_function_answers_again_and_again() {
    let bench = Bench::new();
    let mut running = bench
        .run(PYTHON, "n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    return {'n': n, 'event': event}\n")
        .await;
    for n in 1..4 {
        let done = running.invoke(r#"{"a":"소나기"}"#).await;
        let body: serde_json::Value = serde_json::from_str(done.success()).unwrap();
        assert_eq!(body, serde_json::json!({ "n": n, "event": { "a": "소나기" } }));
        assert_eq!(done.finished.outcome, Outcome::Success);
        assert!(done.finished.reusable);
        assert!(done.finished.memory_peak > 1 << 20, "{}", done.finished.memory_peak);
    }
    drop(running);
    bench.nothing_is_left().await;
}

#[tokio::test]
async fn a_node_function_answers_again_and_again() {
    let bench = Bench::new();
    let mut running =
        bench.run(NODE, "let n = 0;\nexport const handler = async (event) => ({ n: ++n, event });\n").await;
    for n in 1..4 {
        let done = running.invoke(r#"{"a":"소나기"}"#).await;
        assert_eq!(done.success(), format!(r#"{{"n":{n},"event":{{"a":"소나기"}}}}"#));
        assert!(done.finished.reusable);
    }
    drop(running);
    bench.nothing_is_left().await;
}

const BOOTSTRAP: &str = r#"#!/usr/bin/python3.11
import os, http.client, json
api = os.environ["AWS_LAMBDA_RUNTIME_API"]
def call(method, path, body=None, headers={}):
    # A connection for each request, as a shell script with curl makes them.
    c = http.client.HTTPConnection(api)
    c.request(method, "/2018-06-01/runtime/" + path, body, headers)
    r = c.getresponse()
    return r, r.read()
while True:
    r, event = call("GET", "invocation/next")
    id = r.headers["Lambda-Runtime-Aws-Request-Id"]
    call("POST", f"invocation/{id}/response", json.dumps({"headers": dict(r.headers), "event": json.loads(event)}))
"#;

#[tokio::test]
async fn a_custom_runtime_may_use_a_connection_for_each_request() {
    let bench = Bench::new();
    let mut running = bench.run(PROVIDED, BOOTSTRAP).await;
    for _ in 0..3 {
        let done = running.invoke("[1]").await;
        let body: serde_json::Value = serde_json::from_str(done.success()).unwrap();
        assert_eq!(body["event"], serde_json::json!([1]));
        let headers = &body["headers"];
        assert_eq!(headers["Lambda-Runtime-Aws-Request-Id"], done.request.to_string());
        assert_eq!(headers["Lambda-Runtime-Trace-Id"], "Root=1-5759e988-bd862e3fe1be46a994272793");
        assert_eq!(
            headers["Lambda-Runtime-Invoked-Function-Arn"],
            "arn:aws:lambda:eu-west-1:000000000000:function:shop-search"
        );
        assert!(
            headers["Lambda-Runtime-Deadline-Ms"].as_str().unwrap().parse::<u64>().unwrap()
                > 1_700_000_000_000
        );
        assert!(done.finished.reusable);
    }
}

#[tokio::test]
async fn a_handlers_error_is_the_answer() {
    let bench = Bench::new();
    let mut running =
        bench.run(PYTHON, "def handler(event, context):\n    raise KeyError('no such pet')\n").await;
    let done = running.invoke("{}").await;
    assert_eq!(done.failure().0, "KeyError");
    assert_eq!(done.finished.outcome, Outcome::Error("KeyError".into()));
    assert!(done.finished.reusable);
}

#[tokio::test]
async fn large_events_and_answers_arrive_whole() {
    let bench = Bench::new();
    let mut running = bench.run(PYTHON, "def handler(event, context):\n    return event\n").await;
    let payload = format!("\"{}\"", "x".repeat(6_000_000));
    assert_eq!(running.invoke(payload.clone()).await.success(), payload);
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused_and_the_caller_told() {
    let bench = Bench::new();
    let mut running =
        bench.run(PYTHON, "def handler(event, context):\n    return 'x' * (event or 1)\n").await;
    let done = running.invoke("7000000").await;
    assert_eq!(
        done.failure(),
        (
            "Function.ResponseSizeTooLarge".into(),
            "Response payload size exceeded maximum allowed payload size (6291556 bytes).".into()
        )
    );
    assert_eq!(done.finished.outcome, Outcome::Fault("Function.ResponseSizeTooLarge".into()));
}

#[tokio::test]
async fn a_stream_arrives_with_its_content_type() {
    let bench = Bench::new();
    let mut running = bench
        .run(
            NODE,
            "export const handler = awslambda.streamifyResponse(async (event, stream) => {\n\
             stream.setContentType('text/plain');\n\
             for (let i = 0; i < 5; i++) stream.write('part ' + i + '\\n');\n\
             stream.end();\n});\n",
        )
        .await;
    for _ in 0..2 {
        let done = running.invoke("{}").await;
        let Collected::Stream { content_type, body, failure } = &done.answer else {
            panic!("{:?}", done.answer)
        };
        assert_eq!(content_type, "text/plain");
        assert_eq!(body, b"part 0\npart 1\npart 2\npart 3\npart 4\n");
        assert_eq!(*failure, None);
        assert_eq!(done.finished.outcome, Outcome::Success);
        assert!(done.finished.reusable);
    }
}

#[tokio::test]
async fn a_streams_error_comes_in_its_trailers() {
    let bench = Bench::new();
    let mut running = bench
        .run(
            NODE,
            "export const handler = awslambda.streamifyResponse(async (event, stream) => {\n\
             stream.write('so far');\n\
             await new Promise((resolve) => setTimeout(resolve, 20));\n\
             throw new TypeError('no further');\n});\n",
        )
        .await;
    let done = running.invoke("{}").await;
    let Collected::Stream { body, failure, .. } = &done.answer else { panic!("{:?}", done.answer) };
    assert_eq!(body, b"so far");
    let (error_type, payload) = failure.as_ref().unwrap();
    assert_eq!(error_type, "TypeError");
    assert!(payload.contains("no further"), "{payload}");
    assert_eq!(done.finished.outcome, Outcome::Error("TypeError".into()));
}

#[tokio::test]
async fn the_variables_are_those_that_lambda_defines_and_the_functions_own() {
    let bench = Bench::new();
    let mut function = bench.function(
        PYTHON,
        "import os\nvars = dict(os.environ)\ndef handler(event, context):\n    return vars\n",
    );
    function.spec.variables.insert("AWS_REGION".into(), "mars-1".into());
    function.spec.variables.insert("TZ".into(), "Asia/Seoul".into());
    let mut running = bench.start(function).await.unwrap();
    let done = running.invoke("{}").await;
    let vars: serde_json::Map<String, serde_json::Value> = serde_json::from_str(done.success()).unwrap();
    for (name, value) in [
        ("_HANDLER", "app.handler"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_python3.11"),
        ("AWS_LAMBDA_FUNCTION_NAME", "shop-search"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/shop-search"),
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "SECRET"),
        ("AWS_SESSION_TOKEN", "TOKEN"),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
        ("TZ", "Asia/Seoul"),
        ("GREETING", "hello there"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
    ] {
        assert_eq!(vars.get(name).and_then(|value| value.as_str()), Some(value), "{name}");
    }
    for name in vars.keys() {
        assert!(!name.starts_with("CARGO") && name != "HOME" && name != "USER", "{name} leaks");
    }
}

#[tokio::test]
async fn log_lines_are_complete_and_carry_the_request_that_they_belong_to() {
    let bench = Bench::new();
    let mut running = bench
        .run(
            PYTHON,
            "import sys\nprint('loading')\ndef handler(event, context):\n    print('first')\n    \
             sys.stderr.write('second\\n')\n    sys.stdout.write('no end')\n    \
             print('x' * 300000) if event else None\n    return 1\n",
        )
        .await;
    let one = running.invoke("0").await;
    assert_eq!(running.logs.of(one.request), ["first", "second", "no end"]);
    let two = running.invoke("1").await;
    let lengths: Vec<usize> = running.logs.of(two.request).iter().map(String::len).collect();
    assert_eq!(lengths, [5, 6, 256 << 10, 300_000 + "no end".len() - (256 << 10)]);
    assert_eq!(running.logs.texts()[0], "loading");
    assert_eq!(running.logs.0.lock().unwrap()[0].request, None);
}

#[tokio::test]
async fn each_environment_has_a_tmp_of_its_own_and_of_the_size_that_is_configured() {
    let bench = Bench::new();
    let text = "import os\ndef handler(event, context):\n    before = os.listdir('/tmp')\n    written = 0\n    try:\n        \
                with open('/tmp/file', 'wb') as file:\n            for _ in range(64):\n                \
                written += file.write(bytes(1 << 20))\n                file.flush()\n    except OSError as error:\n        \
                return [before, written >> 20, error.strerror]\n    return [before, written >> 20, None]\n";
    let mut function = bench.function(PYTHON, text);
    function.spec.ephemeral_storage = 16;
    let (mut one, mut two) = (bench.start(function).await.unwrap(), bench.run(PYTHON, text).await);
    assert_eq!(one.invoke("{}").await.success(), r#"[[], 16, "No space left on device"]"#);
    assert_eq!(two.invoke("{}").await.success(), "[[], 64, null]");
    drop((one, two));
    bench.nothing_is_left().await;
}

#[tokio::test]
async fn without_a_sandbox_each_environment_has_a_folder_for_temporary_files_of_its_own() {
    let bench = Bench::without_groups();
    let text = "import tempfile\ndef handler(event, context):\n    return tempfile.mkdtemp()\n";
    let (mut one, mut two) = (bench.run(PYTHON, text).await, bench.run(PYTHON, text).await);
    let (first, second) = (one.invoke("{}").await, two.invoke("{}").await);
    let folder = |done: &support::Done| {
        let path: String = serde_json::from_str(done.success()).unwrap();
        std::path::PathBuf::from(path).parent().unwrap().to_path_buf()
    };
    assert_ne!(folder(&first), folder(&second));
    assert!(folder(&first).exists());
    drop((one, two));
    bench.nothing_is_left().await;
    assert!(!folder(&first).exists());
}

#[tokio::test]
async fn fifty_environments_start_at_once() {
    let bench = Bench::new();
    bench.driver.prepare(PYTHON, &|_| {}).await.unwrap();
    let starts = (0..50).map(|_| bench.run(PYTHON, "def handler(event, context):\n    return event\n"));
    let mut all = futures_all(starts).await;
    for (index, running) in all.iter_mut().enumerate() {
        assert_eq!(running.invoke(index.to_string()).await.success(), index.to_string());
    }
    drop(all);
    bench.nothing_is_left().await;
}

async fn futures_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let std::task::Poll::Ready(done) = future.as_mut().poll(context)
            {
                *output = Some(done);
            }
        }
        if outputs.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    outputs.into_iter().flatten().collect()
}

#[tokio::test]
async fn work_after_the_answer_is_waited_for_but_the_answer_is_not() {
    let bench = Bench::new();
    let mut running = bench
        .run(PROVIDED, &BOOTSTRAP.replace("while True:\n", "import time\nwhile True:\n    time.sleep(0.3)\n"))
        .await;
    let call = running.call("1", Duration::from_secs(10));
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let clock = std::sync::Arc::clone(&running.clock);
    let answered = async {
        receiver.await.unwrap();
        sonagi_model::Clock::tick(&*clock)
    };
    let (finished, answered) = tokio::join!(running.environment().invoke(call, sender), answered);
    assert!(finished.reusable);
    assert!(sonagi_model::Clock::tick(&*clock).since(answered) > Duration::from_millis(200));
}

#[tokio::test]
async fn what_runs_on_after_the_answer_is_held_until_the_next_event() {
    let bench = Bench::new();
    let text = "import subprocess, threading\ncount = 0\ndef work():\n    global count\n    while True:\n        \
                count += 1\nthreading.Thread(target=work, daemon=True).start()\n\
                child = subprocess.Popen(['sh', '-c', 'while :; do :; done'])\n\
                def used():\n    with open(f'/proc/{child.pid}/stat') as stat:\n        \
                return sum(map(int, stat.read().split(')')[1].split()[11:13]))\n\
                def handler(event, context):\n    return [count, used()]\n";
    let mut function = bench.function(PYTHON, text);
    function.spec.memory = 1_769;
    let mut running = bench.start(function).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let done: Vec<u64> = serde_json::from_str(running.invoke("{}").await.success()).unwrap();
        seen.push(done);
        // As whoever lends it out: it is watched while nothing is asked of it.
        let idle = bench.clock.tick() + 10 * sonagi_model::limits::IDLE_RUN;
        let died = sonagi_model::clock::within(&*bench.clock, idle, running.environment().died());
        assert_eq!(died.await, None, "it is only held");
    }
    // Ticks of 10 ms: of a second at one processor it had at most the time that it may run on, and a little.
    for pair in seen.windows(2) {
        let (used, counted) = (pair[1][1] - pair[0][1], pair[1][0] - pair[0][0]);
        assert!(used < 40, "a process ran for {used} ticks");
        assert!(counted > 0, "it goes on with the next event");
    }
}
