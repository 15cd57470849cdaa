//! Interpreters that wait for a function become it, and nobody can tell the difference but by the time.

use crate::support::{Bench, NODE, PATIENCE, PYTHON};

const WHOLE: &str = "\
import os, sys, time
born = {'variables': dict(os.environ), 'path': sys.path, 'folder': os.getcwd(), 'zone': time.tzname[0],
        'package': sorted(os.listdir('/var/task')), 'tmp': os.statvfs('/tmp').f_bavail * os.statvfs('/tmp').f_frsize >> 20,
        'status': [line for line in open('/proc/self/status') if line.startswith(('Cap', 'NoNew', 'Seccomp', 'Uid'))],
        'mounts': sorted(line.split()[4] for line in open('/proc/self/mountinfo'))}
def handler(event, context):
    return [born, context.function_name, context.memory_limit_in_mb]
";

#[tokio::test]
async fn a_python_function_finds_all_as_if_it_had_been_started_from_the_beginning() {
    let bench = Bench::with_waiting();
    let function = || {
        let mut function = bench.function(PYTHON, WHOLE);
        function.spec.variables.insert("TZ".into(), "Asia/Seoul".into());
        function.spec.ephemeral_storage = 600;
        function.spec.memory = 192;
        function
    };
    let mut first = bench.start(function()).await.unwrap();
    bench.waits(1).await;
    let mut second = bench.start(function()).await.unwrap();
    assert_eq!(bench.driver.waiting(), 0, "it was taken");
    let (one, two) = (first.invoke("{}").await, second.invoke("{}").await);
    assert_eq!(one.success(), two.success());
    let seen: serde_json::Value = serde_json::from_str(two.success()).unwrap();
    assert_eq!(seen[0]["zone"], "KST");
    assert_eq!(seen[0]["tmp"], 600);
    assert_eq!(seen[0]["package"], serde_json::json!(["app.py"]));
    assert_eq!(seen[1], "shop-search");
    assert_eq!(seen[2], "192");
}

#[tokio::test]
async fn a_node_function_does_too() {
    let bench = Bench::with_waiting();
    let text = "import fs from 'fs';\nconst born = { env: { ...process.env }, folder: process.cwd(), arguments: process.execArgv,\n\
                package: fs.readdirSync('/var/task') };\nexport const handler = async (event, context) =>\n  \
                [born, context.functionName, new Date(0).getHours()];\n";
    let function = || {
        let mut function = bench.function(NODE, text);
        function.spec.variables.insert("TZ".into(), "Asia/Seoul".into());
        function
    };
    let mut first = bench.start(function()).await.unwrap();
    bench.waits(1).await;
    let mut second = bench.start(function()).await.unwrap();
    assert_eq!(bench.driver.waiting(), 0, "it was taken");
    let (one, two) = (first.invoke("{}").await, second.invoke("{}").await);
    assert_eq!(one.success(), two.success());
    assert!(two.success().ends_with("\"shop-search\",9]"), "{}", two.success());
}

#[tokio::test]
async fn its_memory_and_its_share_of_the_processors_are_the_functions() {
    let bench = Bench::with_waiting();
    let text = "def handler(event, context):\n    return len(bytearray(event << 20))\n";
    let _first = bench.run(PYTHON, text).await;
    bench.waits(1).await;
    let mut second = bench.run(PYTHON, text).await;
    assert_eq!(second.invoke("64").await.success(), (64 << 20).to_string());
    let (kind, text) = second.invoke("256").await.failure();
    assert!(text.contains("signal: killed"), "{kind}: {text}");
}

#[tokio::test]
async fn its_memory_is_the_functions_while_it_initialises_too() {
    let bench = Bench::with_waiting();
    let _first = bench.run(PYTHON, "def handler(event, context):\n    pass\n").await;
    bench.waits(1).await;
    let text = "import os\nos.write(1, b'begun\\n')\nheld = bytearray(256 << 20)\n";
    let function = bench.function(PYTHON, text);
    let logs = std::sync::Arc::clone(&function.logs);
    let failure = bench.start_within(function, PATIENCE).await.err().unwrap();
    let sonagi_sandbox::StartFailure::Init { failure, .. } = failure else { panic!("{failure:?}") };
    assert_eq!(
        (failure.error_type.as_str(), logs.texts()),
        ("Runtime.OutOfMemory", vec!["begun".to_owned()])
    );
}

#[tokio::test]
async fn a_function_that_says_how_its_interpreter_starts_is_started_so() {
    let bench = Bench::with_waiting();
    let text = "import os, sys\ndef handler(event, context):\n    return [os.environ.get('PYTHONHASHSEED'), hash('a')]\n";
    let function = || {
        let mut function = bench.function(PYTHON, text);
        function.spec.variables.insert("PYTHONHASHSEED".into(), "7".into());
        function
    };
    let _other = bench.run(PYTHON, text).await;
    bench.waits(1).await;
    let (mut one, mut two) = (bench.start(function()).await.unwrap(), bench.start(function()).await.unwrap());
    assert_eq!(bench.driver.waiting(), 1, "left alone");
    assert_eq!(one.invoke("{}").await.success(), two.invoke("{}").await.success());
}

#[tokio::test]
async fn one_that_died_while_it_waited_is_not_used() {
    let bench = Bench::with_waiting();
    let text = "def handler(event, context):\n    return event\n";
    let _first = bench.run(PYTHON, text).await;
    bench.waits(1).await;
    bench.kill_everything();
    let mut second = bench.run(PYTHON, text).await;
    assert_eq!(second.invoke("5").await.success(), "5");
}

#[tokio::test]
async fn a_function_cannot_ask_whose_it_is() {
    let bench = Bench::with_waiting();
    let text = "import http.client, os\ndef handler(event, context):\n    api = http.client.HTTPConnection(\n        \
                os.environ['AWS_LAMBDA_RUNTIME_API'])\n    api.request('GET', '/2018-06-01/runtime/assignment')\n    \
                return api.getresponse().status\n";
    let mut running = bench.run(PYTHON, text).await;
    assert_eq!(running.invoke("{}").await.success(), "404");
}

#[tokio::test]
async fn nothing_of_what_waits_is_left_behind() {
    let bench = Bench::with_waiting();
    let first = bench.run(PYTHON, "def handler(event, context):\n    return event\n").await;
    bench.waits(1).await;
    drop(first);
    let Bench { driver, folder, .. } = bench;
    drop(driver);
    let servers = std::fs::read_dir(folder.path().join("work/environments")).unwrap().count();
    assert_eq!(servers, 0, "the server's folder goes with it");
}

#[tokio::test]
async fn one_waits_for_a_function_that_is_expected_and_was_never_started() {
    let bench = Bench::with_waiting();
    let text = "def handler(event, context):\n    return event\n";
    for runtime in [PYTHON, NODE] {
        let app = "shop".parse().unwrap();
        let function = expected(runtime);
        let before = bench.driver.waiting();
        for _ in 0..3 {
            bench.driver.expect(&app, &function).await.unwrap();
        }
        bench.waits(before + 1).await;
    }
    let mut first = bench.run(PYTHON, text).await;
    assert_eq!(bench.driver.waiting(), 1, "it was taken");
    assert_eq!(first.invoke("5").await.success(), "5");
    // Nothing can wait for what is started from the beginning.
    let mut own = expected(PYTHON);
    own.variables.insert("PYTHONHASHSEED".into(), "7".into());
    let frugal = Bench::new();
    for (driver, function) in [(&bench.driver, own), (&frugal.driver, expected(PYTHON))] {
        let before = driver.waiting();
        driver.expect(&"shop".parse().unwrap(), &function).await.unwrap();
        assert!(driver.waiting() <= before.max(2));
    }
    assert_eq!(frugal.driver.waiting(), 0);
}

fn expected(runtime: sonagi_model::function::Runtime) -> sonagi_model::function::Function {
    let package = sonagi_model::function::Package { digest: sonagi_model::Digest::of(b"shop"), size: 4 };
    let name = "search".parse().unwrap();
    sonagi_model::function::Function::new(
        name,
        "shop-search".parse().unwrap(),
        runtime,
        "app.handler".into(),
        package,
    )
}
