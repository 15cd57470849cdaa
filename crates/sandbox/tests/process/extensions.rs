//! Extensions: programs beside the runtime, and what they are told.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use sonagi_model::{Clock, Digest, RequestId, function::Runtime};
use sonagi_sandbox::{Answer, EnvironmentSpec, Initialization, Opt, Outcome, StartFailure};
use tokio::sync::oneshot;

use crate::support::{Bench, Function, NODE, PATIENCE, PROVIDED, PYTHON, Running};

/// What every extension here begins with.
const CLIENT: &str = "\
#!/usr/bin/env python3
import http.client, json, os, sys, threading, time
def line(*words):
    print(*words, flush=True)
def ask(method, path, headers={}, body=None):
    api = http.client.HTTPConnection(os.environ['AWS_LAMBDA_RUNTIME_API'])
    api.request(method, path, body, headers)
    answer = api.getresponse()
    return answer, json.loads(answer.read() or 'null')
def register(name, events):
    answer, body = ask('POST', '/2020-01-01/extension/register',
                       {'Lambda-Extension-Name': name, 'Lambda-Extension-Accept-Feature': 'accountId'},
                       json.dumps({'events': events}))
    return {'Lambda-Extension-Identifier': answer.getheader('Lambda-Extension-Identifier')}, answer.status, body
def next_event(me):
    return ask('GET', '/2020-01-01/extension/event/next', me)[1]
";

const WATCHER: &str = "\
me, status, body = register('watcher', ['INVOKE', 'SHUTDOWN'])
open('/tmp/registered', 'w').close()
line('registered', status, body['functionName'], body['functionVersion'], body['handler'], body['accountId'])
while True:
    event = next_event(me)
    if event['eventType'] == 'SHUTDOWN':
        line('shutdown', event['shutdownReason'], event['deadlineMs'] > time.time() * 1e3)
        sys.exit(0)
    line('invoke', event['requestId'], event['invokedFunctionArn'], event['tracing']['value'])
";

const PYTHON_FUNCTION: &str = "\
import os
ready = os.path.exists('/tmp/registered')
def handler(event, context):
    print('handled')
    return ready
";

fn with_extensions(bench: &Bench, runtime: Runtime, text: &str, extensions: &[(&str, &str)]) -> Function {
    let opt = tempfile::tempdir_in(bench.folder.path()).unwrap().keep();
    let folder = opt.join("extensions");
    fs::create_dir(&folder).unwrap();
    for (name, text) in extensions {
        fs::write(folder.join(name), format!("{CLIENT}{text}")).unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::set_permissions(&opt, fs::Permissions::from_mode(0o755)).unwrap();
    let function = bench.function(runtime, text);
    let opt = Opt { digest: Digest::of(format!("{extensions:?}").as_bytes()), folder: opt };
    Function { spec: EnvironmentSpec { opt: Some(opt), ..function.spec }, logs: function.logs }
}

impl Running {
    fn lines(&self) -> Vec<(Option<RequestId>, String)> {
        let lines = self.logs.0.lock().unwrap();
        lines.iter().map(|line| (line.request, String::from_utf8_lossy(&line.text).into_owned())).collect()
    }

    fn says(&self, wanted: &str) -> bool {
        self.lines().iter().any(|(_, line)| line == wanted)
    }
}

fn init_failure(failure: StartFailure) -> (String, String) {
    let StartFailure::Init { failure, .. } = failure else { panic!("another failure: {failure}") };
    let payload: serde_json::Value = serde_json::from_slice(&failure.payload).unwrap();
    (failure.error_type, payload["errorMessage"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn an_extension_registers_before_the_runtime_begins_and_sees_each_invocation_and_the_end() {
    let bench = Bench::new();
    let node = "\
import fs from 'node:fs';
const ready = fs.existsSync('/tmp/registered');
export const handler = async () => { console.log('handled'); return ready; };
";
    for (runtime, text) in [(PYTHON, PYTHON_FUNCTION), (NODE, node)] {
        let function = with_extensions(&bench, runtime, text, &[("watcher", WATCHER)]);
        let mut running = bench.start_within(function, PATIENCE).await.unwrap();
        assert!(running.says("registered 200 shop-search $LATEST app.handler 000000000000"));
        assert!(running.says("EXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE, SHUTDOWN]"));
        for _ in 0..2 {
            let done = running.invoke("{}").await;
            assert_eq!(done.success(), "true");
            assert!(done.finished.reusable);
            let seen = format!(
                "invoke {} arn:aws:lambda:eu-west-1:000000000000:function:shop-search \
                 Root=1-5759e988-bd862e3fe1be46a994272793",
                done.request
            );
            assert!(running.lines().contains(&(Some(done.request), seen)), "{:?}", running.lines());
        }
        running.environment().shut_down().await;
        assert!(running.says("shutdown spindown True"), "{:?}", running.lines());
        drop(running);
    }
    bench.nothing_is_left().await;
}

#[tokio::test]
async fn an_extension_has_the_functions_variables_but_not_its_runtimes() {
    let bench = Bench::new();
    let tells = "\
me, _, _ = register('tells', [])
line('variables', json.dumps(sorted(os.environ)), os.environ['GREETING'], os.getcwd())
next_event(me)
";
    let function = with_extensions(&bench, PYTHON, PYTHON_FUNCTION, &[("tells", tells)]);
    let running = bench.start_within(function, PATIENCE).await.unwrap();
    let lines = running.lines();
    let (_, line) = lines.iter().find(|(_, line)| line.starts_with("variables ")).unwrap();
    assert!(line.ends_with("] hello there /"), "{line}");
    for (name, told) in [
        ("AWS_LAMBDA_FUNCTION_NAME", true),
        ("AWS_SESSION_TOKEN", true),
        ("AWS_REGION", true),
        ("_HANDLER", false),
        ("LAMBDA_TASK_ROOT", false),
        ("AWS_EXECUTION_ENV", false),
        ("AWS_XRAY_DAEMON_ADDRESS", false),
    ] {
        assert_eq!(line.contains(&format!("\"{name}\"")), told, "{name} in {line}");
    }
}

#[tokio::test]
async fn an_extension_that_ends_ends_the_invocation_and_the_environment() {
    let bench = Bench::new();
    let crashes = "\
me, _, _ = register('crashes', ['INVOKE'])
next_event(me)
sys.exit(3)
";
    let slow = "import time\ndef handler(event, context):\n    time.sleep(60)\n";
    let function = with_extensions(&bench, PYTHON, slow, &[("crashes", crashes), ("watcher", WATCHER)]);
    let mut running = bench.start_within(function, PATIENCE).await.unwrap();
    let done = running.invoke_within("{}", PATIENCE).await;
    let (error_type, message) = done.failure();
    assert_eq!(error_type, "Extension.Crash");
    assert_eq!(message, format!("RequestId: {} Error: exit status 3", done.request));
    assert_eq!(done.finished.outcome, Outcome::Fault("Extension.Crash".into()));
    assert!(!done.finished.reusable);
    running.environment().shut_down().await;
    assert!(running.says("shutdown failure True"), "{:?}", running.lines());
    drop(running);
    bench.nothing_is_left().await;
}

#[tokio::test]
async fn an_idle_environment_whose_extension_ends_has_died() {
    let bench = Bench::new();
    let crashes = "\
me, _, _ = register('crashes', [])
threading.Thread(target=lambda: (time.sleep(0.02), os._exit(1))).start()
next_event(me)
";
    let function = with_extensions(&bench, PYTHON, PYTHON_FUNCTION, &[("crashes", crashes)]);
    let mut running = bench.start_within(function, PATIENCE).await.unwrap();
    let deadline = bench.clock.tick() + PATIENCE;
    let died = sonagi_model::clock::within(&*bench.clock, deadline, running.environment().died()).await;
    assert_eq!(died, Some(()));
}

#[tokio::test]
async fn an_extension_that_never_registers_uses_up_the_time_to_initialise() {
    let bench = Bench::new();
    let function = with_extensions(&bench, PYTHON, PYTHON_FUNCTION, &[("sleeps", "time.sleep(600)\n")]);
    let logs = function.logs.clone();
    let failure = bench.start_within(function, Duration::from_secs(2)).await.err().unwrap();
    assert!(matches!(failure, StartFailure::TimedOut { .. }), "{failure}");
    assert_eq!(logs.texts(), ["EXTENSION\tName: sleeps\tState: Started\tEvents: []"]);
    bench.nothing_is_left().await;
}

#[tokio::test]
async fn an_extension_that_reports_an_error_or_cannot_be_started_fails_the_initialisation() {
    let bench = Bench::new();
    let reports = "\
me, _, _ = register('reports', ['INVOKE'])
answer, body = ask('POST', '/2020-01-01/extension/init/error', me)
line(answer.status, body['errorType'])
answer, body = ask('POST', '/2020-01-01/extension/init/error',
                   me | {'Lambda-Extension-Function-Error-Type': 'Extension.NoKey'})
line(answer.status, body['status'])
sys.exit(1)
";
    let function = with_extensions(&bench, PYTHON, PYTHON_FUNCTION, &[("reports", reports)]);
    let logs = function.logs.clone();
    let failure = bench.start_within(function, PATIENCE).await.err().unwrap();
    assert_eq!(init_failure(failure), ("Extension.InitError".into(), "Error: exit status 1".into()));
    let said = logs.texts();
    for line in [
        "403 Extension.MissingHeader",
        "202 OK",
        "EXTENSION\tName: reports\tState: InitError\tEvents: [INVOKE]\tError Type: Extension.NoKey",
    ] {
        assert!(said.iter().any(|said| said == line), "{line} in {said:?}");
    }
    let function = with_extensions(&bench, PYTHON, PYTHON_FUNCTION, &[("stays", WATCHER)]);
    let folder = function.spec.opt.as_ref().unwrap().folder.join("extensions/stays");
    fs::set_permissions(folder, fs::Permissions::from_mode(0o644)).unwrap();
    let failure = bench.start_within(function, PATIENCE).await.err().unwrap();
    assert_eq!(
        init_failure(failure),
        ("Extension.LaunchError".into(), "Error: fork/exec /opt/extensions/stays: permission denied".into())
    );
    let many: Vec<String> = (0..11).map(|number| format!("extension{number}")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), WATCHER)).collect();
    let function = with_extensions(&bench, PYTHON, PYTHON_FUNCTION, &many);
    let failure = bench.start_within(function, PATIENCE).await.err().unwrap();
    assert_eq!(
        init_failure(failure),
        ("Extension.LaunchError".into(), "Error: Extension limit (10) reached".into())
    );
    bench.nothing_is_left().await;
}

#[tokio::test]
async fn a_runtime_that_cannot_be_started_is_not_taken_for_an_extension() {
    let bench = Bench::new();
    let function = with_extensions(&bench, PROVIDED, "#!/no/such/interpreter\n", &[("watcher", WATCHER)]);
    let logs = function.logs.clone();
    let failure = bench.start_within(function, PATIENCE).await.err().unwrap();
    assert_eq!(
        init_failure(failure),
        (
            "Runtime.InvalidEntrypoint".into(),
            "Error: fork/exec /var/task/bootstrap: no such file or directory".into()
        )
    );
    assert!(logs.texts().contains(&"shutdown failure True".into()), "{logs:?}");
}

#[tokio::test]
async fn the_answer_goes_out_before_an_extensions_work_and_the_environment_is_free_after_it() {
    let bench = Bench::new();
    let works = "\
me, _, _ = register('works', ['INVOKE'])
while True:
    event = next_event(me)
    while not os.path.exists('/tmp/go'):
        time.sleep(0.01)
    os.remove('/tmp/go')
    line('worked')
";
    let text = "\
import threading, time
def handler(event, context):
    def later():
        time.sleep(1)
        open('/tmp/go', 'w').close()
    threading.Thread(target=later).start()
    return 1
";
    let function = with_extensions(&bench, PYTHON, text, &[("works", works)]);
    let mut running = bench.start_within(function, PATIENCE).await.unwrap();
    let call = running.call("{}", PATIENCE);
    let request = call.request;
    let logs = running.logs.clone();
    let worked = || logs.texts().contains(&"worked".into());
    let (sender, receiver) = oneshot::channel();
    let (finished, ()) = tokio::join!(running.environment().invoke(call, sender), async {
        let answer = receiver.await.unwrap();
        assert!(matches!(answer, Answer::Success(_)), "{answer:?}");
        assert!(!worked());
    });
    assert!(worked());
    assert!(finished.reusable);
    assert!(finished.duration < Duration::from_secs(1), "{:?}", finished.duration);
    assert!(running.lines().contains(&(Some(request), "worked".into())));
}

#[tokio::test]
async fn an_extension_that_works_for_longer_than_the_function_may_is_told_of_the_time_out() {
    let bench = Bench::new();
    let works = "\
me, _, _ = register('works', ['INVOKE', 'SHUTDOWN'])
next_event(me)
time.sleep(1.5)
event = next_event(me)
line(event['eventType'], event['shutdownReason'])
";
    let function = with_extensions(&bench, PYTHON, PYTHON_FUNCTION, &[("works", works)]);
    let mut running = bench.start_within(function, PATIENCE).await.unwrap();
    let done = running.invoke_within("{}", Duration::from_secs(1)).await;
    assert_eq!(done.success(), "false");
    assert!(!done.finished.reusable);
    running.environment().shut_down().await;
    assert!(running.says("SHUTDOWN timeout"), "{:?}", running.lines());
}

#[tokio::test]
async fn telemetry_reaches_whoever_has_subscribed_inside_the_sandbox() {
    let bench = Bench::new();
    let collects = "\
from http.server import BaseHTTPRequestHandler, HTTPServer
done = threading.Event()
class Listener(BaseHTTPRequestHandler):
    def do_POST(self):
        for event in json.loads(self.rfile.read(int(self.headers['Content-Length']))):
            if event['type'] != 'extension':
                line('told', event['type'], json.dumps(event['record'], sort_keys=True))
            if event['type'] == 'platform.runtimeDone':
                done.set()
        self.send_response(200)
        self.end_headers()
    def log_message(self, *words):
        pass
server = HTTPServer(('sandbox.localdomain', 8080), Listener)
threading.Thread(target=server.serve_forever, daemon=True).start()
me, _, _ = register('collects', ['INVOKE', 'SHUTDOWN'])
def subscribe(uri, api='/2022-07-01/telemetry'):
    answer, body = ask('PUT', api, me, json.dumps({
        'schemaVersion': '2022-12-13', 'types': ['platform', 'function', 'extension'],
        'buffering': {'timeoutMs': 25}, 'destination': {'protocol': 'HTTP', 'URI': uri}}))
    line('subscribed', answer.status, json.dumps(body, sort_keys=True))
subscribe('http://sandbox.localdomain/')
subscribe('http://sandbox.localdomain:8080/')
while True:
    event = next_event(me)
    if event['eventType'] == 'SHUTDOWN':
        time.sleep(0.3)
        sys.exit(0)
    done.wait()
    subscribe('http://sandbox.localdomain:8080/')
";
    let function = with_extensions(&bench, PYTHON, PYTHON_FUNCTION, &[("collects", collects)]);
    let mut running = bench.start_within(function, PATIENCE).await.unwrap();
    let done = running.invoke_within("{}", PATIENCE).await;
    running.environment().report(&|| serde_json::json!({ "metrics": { "durationMs": 1 } }));
    running.environment().shut_down().await;
    let id = done.request;
    for wanted in [
        r#"subscribed 400 {"errorMessage": "URI port is not provided", "errorType": "ValidationError"}"#.to_owned(),
        r#"subscribed 200 "OK""#.into(),
        "TELEMETRY\tName: collects\tState: Subscribed\tTypes: [Platform, Function, Extension]".into(),
        r#"told platform.telemetrySubscription {"name": "collects", "state": "Subscribed", "types": ["platform", "function", "extension"]}"#.into(),
        r#"told platform.initRuntimeDone {"initializationType": "on-demand", "phase": "init", "status": "success"}"#.into(),
        r#"told platform.extension {"events": ["INVOKE", "SHUTDOWN"], "name": "collects", "state": "Ready"}"#.into(),
        format!(r#"told platform.start {{"requestId": "{id}", "tracing": {{"type": "X-Amzn-Trace-Id", "value": "Root=1-5759e988-bd862e3fe1be46a994272793"}}, "version": "$LATEST"}}"#),
        r#"told function "handled""#.into(),
        r#"subscribed 403 {"errorMessage": "Telemetry API subscription is closed", "errorType": "Telemetry.SubscriptionClosed"}"#.into(),
        r#"told platform.report {"metrics": {"durationMs": 1}}"#.into(),
    ] {
        assert!(running.says(&wanted), "{wanted} in {:#?}", running.lines());
    }
    for begins in [
        "told platform.initStart {\"function",
        "told platform.runtimeDone {\"metrics",
        "told platform.initReport {",
    ] {
        assert!(running.lines().iter().any(|(_, line)| line.starts_with(begins)), "{begins}");
    }
}

#[tokio::test]
async fn an_internal_extension_is_told_of_invocations_alone() {
    let bench = Bench::new();
    let (_, client) = CLIENT.split_once('\n').unwrap();
    let text = format!(
        "{client}
_, status, body = register('inside', ['SHUTDOWN'])
line(status, body['errorType'], body['errorMessage'])
me, status, _ = register('inside', ['INVOKE'])
def watch():
    while True:
        line('invoke', next_event(me)['requestId'])
threading.Thread(target=watch, daemon=True).start()
import signal
def ended(number, frame):
    line('terminated')
    os._exit(0)
signal.signal(signal.SIGTERM, ended)
def handler(event, context):
    if event == 'late':
        return register('late', ['INVOKE'])[2]['errorType']
"
    );
    let mut running = bench.start_within(bench.function(PYTHON, &text), PATIENCE).await.unwrap();
    assert!(
        running
            .says("403 Extension.InvalidEventType SHUTDOWN: ShutdownEventNotSupportedForInternalExtension")
    );
    assert!(running.says("EXTENSION\tName: inside\tState: Ready\tEvents: [INVOKE]"), "{:?}", running.lines());
    let done = running.invoke_within("{}", PATIENCE).await;
    assert!(running.lines().contains(&(Some(done.request), format!("invoke {}", done.request))));
    let late = running.invoke_within("\"late\"", PATIENCE).await;
    assert_eq!(late.success(), "\"Extension.RegistrationClosed\"");
    running.environment().shut_down().await;
    assert!(running.says("terminated"), "{:?}", running.lines());
}

#[tokio::test]
async fn a_function_with_extensions_is_neither_copied_nor_taken_from_what_waits() {
    let bench = Bench::with_waiting();
    drop(bench.start_within(bench.function(PYTHON, PYTHON_FUNCTION), PATIENCE).await.unwrap());
    bench.waits(1).await;
    let function = with_extensions(&bench, PYTHON, PYTHON_FUNCTION, &[("watcher", WATCHER)]);
    let spec = EnvironmentSpec { initialization: Initialization::SnapStart, ..function.spec };
    let mut running = bench.start_within(Function { spec, logs: function.logs }, PATIENCE).await.unwrap();
    assert!(running.says(
        "SnapStart: this environment was initialised afresh: its layers hold extensions, whose processes are not copied"
    ));
    assert_eq!(running.invoke_within("{}", PATIENCE).await.success(), "true");
    assert_eq!(bench.driver.waiting(), 1);
}
