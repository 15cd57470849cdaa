//! Environments that are copies of one that was initialised: fast, each like one that was not copied, and each its own.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use sonagi_model::Clock;
use sonagi_sandbox::{Driver, EnvironmentSpec, GivenUp, Initialised, Initialization, Origin, StartFailure};

use crate::support::{Bench, Function, NODE, PATIENCE, PROVIDED, PYTHON, Running};

fn function(bench: &Bench, text: &str) -> Function {
    let mut function = bench.function(PYTHON, text);
    function.spec.initialization = Initialization::SnapStart;
    function.spec.version = "1".into();
    function
}

/// One more environment of a function version, out of the copy that waits for it.
async fn one_that_waited(bench: &Bench, function: Function) -> Running {
    bench.copies_wait(1).await;
    let running = bench.start(function).await.unwrap();
    assert_eq!(running.started.origin, Origin::Copied, "{:?}", running.logs.texts());
    running
}

/// Two environments of one function version, both of them copies.
async fn two(bench: &Bench, text: &str) -> (Running, Running) {
    let mut first = function(bench, text);
    let second = Function { spec: again(&first), logs: first.logs.clone() };
    first.spec.credentials.access_key_id = "FIRST".into();
    let one = bench.start(first).await.unwrap();
    let two = bench.start(second).await.unwrap();
    for running in [&one, &two] {
        assert_eq!(running.started.origin, Origin::Copied, "{:?}", one.logs.texts());
    }
    assert_eq!(bench.driver.initialised(), 1);
    (one, two)
}

fn again(function: &Function) -> sonagi_sandbox::EnvironmentSpec {
    sonagi_sandbox::EnvironmentSpec {
        app: function.spec.app.clone(),
        function_name: function.spec.function_name.clone(),
        version: function.spec.version.clone(),
        handler: function.spec.handler.clone(),
        code: function.spec.code.clone(),
        opt: function.spec.opt.clone(),
        variables: function.spec.variables.clone(),
        credentials: function.spec.credentials.clone(),
        region: function.spec.region.clone(),
        account: function.spec.account.clone(),
        endpoint: function.spec.endpoint.clone(),
        log_group: function.spec.log_group.clone(),
        log_stream: function.spec.log_stream.clone(),
        logs: function.spec.logs.clone(),
        network: function.spec.network.clone(),
        wasm: None,
        ..function.spec
    }
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

const COUNTS: &str = "\
import time
born = time.monotonic_ns()
calls = 0
def handler(event, context):
    global calls
    calls += 1
    return [born, calls, context.function_name]
";

#[tokio::test]
async fn a_function_is_initialised_once_and_its_copies_go_their_own_ways() {
    let bench = Bench::new();
    let (mut one, mut two) = two(&bench, COUNTS).await;
    let first = value(one.invoke("{}").await.success());
    assert_eq!(first[1], 1);
    assert_eq!(value(one.invoke("{}").await.success())[1], 2);
    let second = value(two.invoke("{}").await.success());
    assert_eq!(second, json!([first[0], 1, "shop-search"]), "one initialisation, another's memory");
    drop((one, two));
}

const FRESH: &str = "\
import os, random, ssl, tempfile, uuid, time, socket, boto_like
open('/tmp/from-init', 'w').close()
link = socket.create_connection(('127.0.0.1', 9001))
def handler(event, context):
    try:
        dead = link.recv(1) == b''
    except OSError:
        dead = True
    return {'random': [random.random(), os.urandom(8).hex(), uuid.uuid4().hex, ssl.RAND_bytes(8).hex(),
                       next(tempfile._get_candidate_names())],
            'pid': os.getpid(), 'tmp': os.listdir('/tmp'), 'key': os.environ['AWS_ACCESS_KEY_ID'],
            'kind': os.environ['AWS_LAMBDA_INITIALIZATION_TYPE'], 'dead': dead,
            'stream': os.environ.get('AWS_LAMBDA_LOG_STREAM_NAME'), 'late': abs(time.time() - event['now']) < 5,
            'folder': os.getcwd(), 'line': boto_like.data.readline()}
";

/// What [`FRESH`] has seen in two copies is each one's own.
fn are_two(one: &Value, two: &Value) {
    for number in 0..5 {
        assert_ne!(one["random"][number], two["random"][number], "{one} {two}");
    }
    assert_ne!(one["pid"], two["pid"]);
    assert_eq!([&one["key"], &two["key"]], ["AKID", "SECOND"]);
}

#[tokio::test]
async fn randomness_clock_credentials_numbers_and_tmp_are_fresh_in_each_copy() {
    let bench = Bench::new();
    let first = {
        let function = function(&bench, FRESH);
        std::fs::write(function.spec.code.join("lines.txt"), "one\ntwo\n").unwrap();
        let module = "data = open('/var/task/lines.txt')\n";
        std::fs::write(function.spec.code.join("boto_like.py"), module).unwrap();
        function
    };
    let mut second = Function { spec: again(&first), logs: first.logs.clone() };
    second.spec.credentials.access_key_id = "SECOND".into();
    let (mut one, mut two) = (bench.start(first).await.unwrap(), bench.start(second).await.unwrap());
    assert_eq!([one.started.origin, two.started.origin], [Origin::Copied; 2], "{:?}", one.logs.texts());
    let now = json!({ "now": bench.clock_seconds() }).to_string();
    let (one, two) = (one.invoke(now.clone()).await, two.invoke(now).await);
    let (one, two) = (value(one.success()), value(two.success()));
    are_two(&one, &two);
    for copy in [&one, &two] {
        assert_eq!(copy["tmp"], json!([]), "of its own, and empty");
        assert_eq!(copy["kind"], "snap-start");
        assert_eq!(copy["stream"], Value::Null);
        assert_eq!(copy["late"], true);
        assert_eq!(copy["dead"], true, "connections end with the initialisation");
        assert_eq!(copy["folder"], "/var/task");
        assert_eq!(copy["line"], "one\n", "each has its own position in a file");
    }
}

const CONFINED: &str = "\
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def error(number, *arguments):
    return ctypes.get_errno() if libc.syscall(number, *arguments) < 0 else 0
def handler(event, context):
    status = dict(line.split(':\\t') for line in open('/proc/self/status').read().splitlines() if ':\\t' in line)
    own = os.pidfd_open(1)
    return {'capabilities': [status[name] for name in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb')],
            'privileges': status['NoNewPrivs'], 'seccomp': status['Seccomp'], 'uid': status['Uid'].split('\\t'),
            'processes': sorted(int(name) for name in os.listdir('/proc') if name.isdigit()) == [1, os.getpid()],
            'setns': error(308, own, 0x20000000), 'unshare': error(272, 0x10000000),
            'ptrace': error(101, 0, 0, 0, 0), 'subreaper': error(157, 36, 1, 0, 0, 0),
            'mount': error(165, 0, 0, 0, 0, 0),
            'write': [name for name in ('/', '/var/task', '/usr', '/etc') if os.access(name, os.W_OK)],
            'groups': [line for line in open('/proc/self/cgroup') if not line.endswith(':/\\n')]}
";

#[tokio::test]
async fn a_copy_is_as_confined_as_any_other() {
    let bench = Bench::new();
    let (mut one, _two) = two(&bench, CONFINED).await;
    let seen = value(one.invoke("{}").await.success());
    let none = "0000000000000000";
    assert_eq!(seen["capabilities"], json!([none, none, none, none]));
    assert_eq!([&seen["privileges"], &seen["seccomp"]], ["1", "2"]);
    assert_eq!(seen["uid"], json!(["993", "993", "993", "993"]));
    assert_eq!(seen["processes"], true, "its own, and the sandbox's first");
    // ENOSYS: there is no such call for whoever is not traced.
    assert_eq!(seen["setns"], libc::ENOSYS);
    for refused in ["unshare", "ptrace", "mount", "subreaper"] {
        assert_eq!(seen[refused], libc::EPERM, "{refused}");
    }
    assert_eq!(seen["write"], json!([]));
    assert_eq!(seen["groups"], json!([]), "its own are the root of what it sees");
}

#[tokio::test]
async fn a_copy_has_its_own_memory_and_its_own_end() {
    let bench = Bench::new();
    let text = "import os\ndef handler(event, context):\n    if event == 'exit':\n        os._exit(7)\n    \
                return len(bytearray(event << 20))\n";
    let (mut one, mut two) = two(&bench, text).await;
    assert_eq!(two.invoke("64").await.success(), (64 << 20).to_string());
    let (kind, text) = two.invoke("256").await.failure();
    assert_eq!(kind, "Runtime.OutOfMemory", "{text}");
    let (kind, text) = one.invoke("\"exit\"").await.failure();
    assert_eq!(kind, "Runtime.ExitError");
    assert!(text.contains("exit status 7"), "{text}");
    drop((one, two));
    let next = bench.driver.initialised();
    assert_eq!(next, 1, "what was initialised serves on");
}

#[tokio::test]
async fn a_copy_has_its_own_memory_while_it_is_restored_too() {
    let bench = Bench::new();
    let text = "import snapshot_restore_py\nheld = bytearray(60 << 20)\n\
                def more():\n    global held\n    held = bytearray(SIZE << 20)\n\
                snapshot_restore_py.register_after_restore(more)\n\
                def handler(event, context):\n    return len(held)\n";
    // What it shares with the one that it was copied from does not count as its own.
    let first = function(&bench, &text.replace("SIZE", "70"));
    let mut running = bench.start_within(first, PATIENCE).await.unwrap();
    assert_eq!(running.started.origin, Origin::Copied, "{:?}", running.logs.texts());
    assert_eq!(running.invoke("{}").await.success(), (70 << 20).to_string());
    let mut second = function(&bench, &text.replace("SIZE", "256"));
    second.spec.version = "2".into();
    let failure = bench.start_within(second, PATIENCE).await.err().unwrap();
    let StartFailure::Init { failure, .. } = failure else { panic!("{failure:?}") };
    assert_eq!(failure.error_type, "Runtime.OutOfMemory");
    assert_eq!(bench.driver.initialised(), 2, "what was initialised serves on");
}

#[tokio::test]
async fn a_copy_that_waited_is_as_fresh_and_as_confined_and_another_takes_its_place() {
    let bench = Bench::with_waiting();
    let first = function(&bench, FRESH);
    std::fs::write(first.spec.code.join("lines.txt"), "one\ntwo\n").unwrap();
    std::fs::write(first.spec.code.join("boto_like.py"), "data = open('/var/task/lines.txt')\n").unwrap();
    bench.initialise(&first).await.unwrap();
    let mut second = Function { spec: again(&first), logs: Arc::default() };
    second.spec.credentials.access_key_id = "SECOND".into();
    let mut one = one_that_waited(&bench, first).await;
    assert_eq!(bench.driver.copies_waiting(), 0, "it was taken");
    let mut two = one_that_waited(&bench, second).await;
    let now = json!({ "now": bench.clock_seconds() }).to_string();
    let (one, two) = (one.invoke(now.clone()).await, two.invoke(now).await);
    let (one, two) = (value(one.success()), value(two.success()));
    are_two(&one, &two);
    for copy in [&one, &two] {
        assert_eq!([&copy["tmp"], &copy["dead"], &copy["late"]], [&json!([]), &json!(true), &json!(true)]);
        assert_eq!(copy["line"], "one\n");
    }
    let mut other = function(&bench, CONFINED);
    other.spec.version = "2".into();
    bench.initialise(&other).await.unwrap();
    bench.copies_wait(2).await;
    let mut running = bench.start(other).await.unwrap();
    let seen = value(running.invoke("{}").await.success());
    assert_eq!(seen["capabilities"], json!(vec!["0000000000000000"; 4]));
    assert_eq!((&seen["setns"], &seen["processes"]), (&json!(libc::ENOSYS), &json!(true)));
}

#[tokio::test]
async fn a_copy_that_dies_while_it_waits_is_missed_by_nobody() {
    let bench = Bench::with_waiting();
    let first = function(&bench, COUNTS);
    let second = Function { spec: again(&first), logs: first.logs.clone() };
    bench.initialise(&first).await.unwrap();
    bench.copies_wait(1).await;
    // And what it was copied from.
    bench.kill_everything();
    let mut running = bench.start(first).await.unwrap();
    assert_eq!(value(running.invoke("{}").await.success())[1], 1);
    let mut running = bench.start(second).await.unwrap();
    assert_eq!(running.started.origin, Origin::Copied, "{:?}", running.logs.texts());
    assert_eq!(value(running.invoke("{}").await.success())[1], 1);
}

#[tokio::test]
async fn nothing_of_a_copy_or_of_what_it_was_copied_from_stays_behind() {
    let bench = Bench::new();
    let (mut one, two) = two(&bench, COUNTS).await;
    drop(two);
    assert_eq!(value(one.invoke("{}").await.success())[1], 1);
    drop(one);
    bench.driver.settled().await;
    let Bench { driver, folder, .. } = bench;
    drop(driver);
    let servers = std::fs::read_dir(folder.path().join("work/environments")).unwrap().count();
    assert_eq!(servers, 0, "the server's folder goes with it");
}

async fn is_not_copied(text: &str, why: &str) {
    let bench = Bench::new();
    let first = function(&bench, text);
    let second = Function { spec: again(&first), logs: first.logs.clone() };
    for function in [first, second] {
        let mut running = bench.start(function).await.unwrap();
        assert_eq!(running.started.origin, Origin::Initialised);
        assert_eq!(running.invoke("5").await.success(), "5");
        let said = running.logs.texts().join("\n");
        assert!(said.contains("SnapStart: this environment was initialised afresh: "), "{said}");
        assert!(said.contains(why), "{said}");
    }
}

const ECHO: &str = "def handler(event, context):\n    return event\n";

#[tokio::test]
async fn what_has_threads_is_initialised_each_time_and_told_why() {
    let threads =
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n";
    is_not_copied(&format!("{threads}{ECHO}"), "2 threads run after its initialisation").await;
}

#[tokio::test]
async fn what_has_started_processes_is_initialised_each_time_and_told_why() {
    let process = "import subprocess\nsubprocess.Popen(['sleep', '60'])\n";
    is_not_copied(&format!("{process}{ECHO}"), "has started a process (sleep) that still runs").await;
}

#[tokio::test]
async fn what_shares_memory_is_initialised_each_time_and_told_why() {
    let shared = "import mmap\nshared = mmap.mmap(-1, 4096)\n";
    is_not_copied(&format!("{shared}{ECHO}"), "it shares memory").await;
}

#[tokio::test]
async fn what_has_something_open_that_two_would_share_is_initialised_each_time_and_told_why() {
    let open = "import tempfile\nscratch = tempfile.TemporaryFile()\n";
    is_not_copied(&format!("{open}{ECHO}"), "(deleted) open").await;
    let loops = "import asyncio\nloop = asyncio.new_event_loop()\n";
    is_not_copied(&format!("{loops}{ECHO}"), "it has anon_inode:[eventpoll] open").await;
}

const HOOKS: &str = "\
from snapshot_restore_py import register_before_snapshot, register_after_restore
done = []
@register_before_snapshot
def before():
    done.append('before 1')
register_before_snapshot(done.append, 'before 2')
register_after_restore(done.append, 'after 1')
@register_after_restore
def after():
    done.append('after 2')
def handler(event, context):
    return done
";

#[tokio::test]
async fn the_hooks_run_before_the_copy_and_in_each() {
    let bench = Bench::new();
    let (mut one, mut two) = two(&bench, HOOKS).await;
    let done = json!(["before 2", "before 1", "after 1", "after 2"]);
    assert_eq!(value(one.invoke("{}").await.success()), done);
    assert_eq!(value(two.invoke("{}").await.success()), done);
}

#[tokio::test]
async fn a_hook_that_fails_is_the_answer() {
    let bench = Bench::new();
    for (hook, error) in
        [("before_snapshot", "Runtime.BeforeSnapshotError"), ("after_restore", "Runtime.AfterRestoreError")]
    {
        let text = format!(
            "import snapshot_restore_py\n@snapshot_restore_py.register_{hook}\ndef fails():\n    1 / 0\n{ECHO}"
        );
        let Err(failure) = bench.start(function(&bench, &text)).await else { panic!("it started") };
        let sonagi_sandbox::StartFailure::Init { failure, .. } = failure else { panic!("{failure:?}") };
        assert_eq!(failure.error_type, error);
        assert!(String::from_utf8_lossy(&failure.payload).contains("division by zero"));
    }
}

#[tokio::test]
async fn a_runtime_of_the_functions_own_is_restored_as_it_is() {
    let bench = Bench::new();
    let text = "#!/bin/bash\nAPI=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime\n\
                restored=$(curl -s -o /dev/null -w '%{http_code}' $API/restore/next)\nwhile true; do\n  \
                curl -s -D /tmp/head -o /tmp/event $API/invocation/next\n  \
                id=$(grep -i aws-request-id /tmp/head | tr -d '\\r' | cut -d' ' -f2)\n  \
                curl -s -X POST $API/invocation/$id/response -d \"[$restored, \\\"$AWS_LAMBDA_INITIALIZATION_TYPE\\\"]\"\ndone\n";
    let mut function = bench.function(PROVIDED, text);
    function.spec.initialization = Initialization::SnapStart;
    let mut running = bench.start(function).await.unwrap();
    assert_eq!(value(running.invoke("{}").await.success()), json!([200, "snap-start"]));
    let text = text.replace(
        "restore/next",
        "restore/error -X POST -d {} -H 'Lambda-Runtime-Function-Error-Type: Own.Error'",
    );
    let mut function = bench.function(PROVIDED, &text);
    function.spec.initialization = Initialization::SnapStart;
    let Err(sonagi_sandbox::StartFailure::Init { failure, .. }) = bench.start(function).await else {
        panic!("it started")
    };
    assert_eq!(failure.error_type, "Own.Error");
}

#[tokio::test]
async fn a_runtime_of_the_functions_own_is_not_copied_however_still_it_is() {
    let bench = Bench::new();
    let text = "#!/usr/bin/python3\nimport http.client, os\napi = http.client.HTTPConnection(os.environ['AWS_LAMBDA_RUNTIME_API'])\n\
                def ask(method, path, body=None):\n    api.request(method, '/2018-06-01/runtime/' + path, body)\n    \
                answer = api.getresponse()\n    answer.read()\n    return answer\nrestored = ask('GET', 'restore/next').status\n\
                while True:\n    event = ask('GET', 'invocation/next')\n    request = event.headers['Lambda-Runtime-Aws-Request-Id']\n    \
                ask('POST', f'invocation/{request}/response', str(restored))\n";
    let mut function = bench.function(PROVIDED, text);
    function.spec.initialization = Initialization::SnapStart;
    let mut running = bench.start(function).await.unwrap();
    assert_eq!(running.started.origin, Origin::Initialised);
    assert_eq!(running.invoke("{}").await.success(), "200");
    assert_eq!(bench.driver.initialised(), 0);
}

impl Bench {
    /// Until so many copies wait for a start.
    async fn copies_wait(&self, count: usize) {
        let patience = self.clock.tick() + Duration::from_secs(20);
        while self.driver.copies_waiting() != count {
            let waiting = self.driver.copies_waiting();
            assert!(self.clock.tick() < patience, "{waiting} wait, not {count}");
            tokio::task::yield_now().await;
        }
    }

    /// What is done when a function version is published.
    async fn initialise(&self, function: &Function) -> Result<Initialised, StartFailure> {
        let deadline = self.clock.tick() + Duration::from_secs(20);
        self.driver.initialise(Arc::new(again(function)), deadline).await
    }
}

#[tokio::test]
async fn what_was_initialised_ahead_is_what_the_first_environment_is_copied_from() {
    let bench = Bench::new();
    let function = function(&bench, "print('once')\ndef handler(event, context):\n    return 1\n");
    assert_eq!(bench.initialise(&function).await.unwrap(), Initialised::Once);
    assert_eq!(function.logs.texts(), ["once"]);
    // Once more, as a server that is started does for what it finds.
    assert_eq!(bench.initialise(&function).await.unwrap(), Initialised::Once);
    let mut running = bench.start(function).await.unwrap();
    assert_eq!(running.started.origin, Origin::Copied);
    assert_eq!(running.invoke("{}").await.success(), "1");
    assert_eq!(running.logs.texts(), ["once"], "its initialisation was the only one");
}

#[tokio::test]
async fn what_fails_ahead_fails_as_a_start_does_and_what_cannot_be_copied_is_told() {
    let bench = Bench::new();
    let broken = function(&bench, "import nothing_of_that_name\n");
    let failed = bench.initialise(&broken).await.unwrap_err();
    let StartFailure::Init { failure, .. } = &failed else { panic!("{failed:?}") };
    assert_eq!(failure.error_type, "Runtime.ImportModuleError");
    let text = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n\
                def handler(event, context):\n    pass\n";
    let mut threads = function(&bench, text);
    threads.spec.version = "2".into();
    assert_eq!(bench.initialise(&threads).await.unwrap(), Initialised::EachTime);
    assert!(threads.logs.texts()[0].starts_with("SnapStart: "), "{:?}", threads.logs);
    let node = Function { spec: EnvironmentSpec { runtime: NODE, ..again(&threads) }, logs: threads.logs };
    assert_eq!(bench.initialise(&node).await.unwrap(), Initialised::EachTime);
    assert_eq!(bench.driver.kept(), 0);
}

#[tokio::test]
async fn what_is_kept_is_what_it_takes_and_goes_when_nothing_is_copied_from_it_the_oldest_first() {
    let bench = Bench::new();
    let text = "import os\nheld = bytearray(os.urandom(40 << 20))\ndef handler(event, context):\n    return held[0]\n";
    let first = function(&bench, text);
    let mut second = function(&bench, text);
    second.spec.version = "2".into();
    for function in [&first, &second] {
        bench.initialise(function).await.unwrap();
    }
    let both = bench.driver.kept();
    assert!((80..200).contains(&both), "{both} MiB of two that hold 40 each and an interpreter");
    let running = bench.start(first).await.unwrap();
    assert_eq!((running.started.origin, bench.driver.kept()), (Origin::Copied, both));
    // The second is the one that was not used for the longest, and the only one that has no copy.
    assert_eq!(bench.driver.give_up(), GivenUp::One);
    let one = bench.driver.kept();
    assert!((40..both - 39).contains(&one), "{one} of {both}");
    assert_eq!(bench.driver.give_up(), GivenUp::Nothing);
    drop(running);
    assert_eq!(bench.driver.give_up(), GivenUp::One);
    assert_eq!((bench.driver.kept(), bench.driver.initialised()), (0, 0));
    // And is made again when it is needed.
    let mut running = bench.start(second).await.unwrap();
    assert_eq!(running.started.origin, Origin::Copied);
    running.invoke("{}").await.success();
}

#[tokio::test]
async fn without_control_groups_what_is_kept_counts_as_its_function_is_configured() {
    let bench = Bench::of_ordinary_user(env!("CARGO_BIN_EXE_sonagi-launch").into(), Default::default());
    let function = function(&bench, COUNTS);
    assert_eq!(bench.initialise(&function).await.unwrap(), Initialised::Once);
    assert_eq!(bench.driver.kept(), u64::from(function.spec.memory));
}
