//! What a function finds of its layers at `/opt`, however it was started.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};
use sonagi_model::{Digest, function::Runtime};
use sonagi_sandbox::{EnvironmentSpec, Initialization, Opt, Origin, StartFailure};

use crate::support::{Bench, Function, NODE, PROVIDED, PYTHON, Running};

const PYTHON_LOOKS: &str = "\
import os, subprocess, sys
import from_a_layer, from_the_site
def attempt():
    try:
        open('/opt/new', 'w')
    except OSError as error:
        return error.strerror
def handler(event, context):
    tool = subprocess.run(['tool'], capture_output=True, text=True).stdout
    return [from_a_layer.NAME, from_the_site.NAME, tool, attempt(), sorted(os.listdir('/opt'))]
";

fn layer(bench: &Bench, files: &[(&str, &str)]) -> Opt {
    let folder = tempfile::tempdir_in(bench.folder.path()).unwrap().keep();
    fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for (name, text) in files {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    Opt { digest: Digest::of(format!("{files:?}").as_bytes()), folder }
}

fn python_layer(bench: &Bench) -> Opt {
    layer(
        bench,
        &[
            ("python/from_a_layer.py", "NAME = 'a layer'\n"),
            ("python/lib/python3.11/site-packages/from_the_site.py", "NAME = 'its site'\n"),
            ("bin/tool", "#!/bin/sh\necho tool of a layer\n"),
        ],
    )
}

fn function(bench: &Bench, runtime: Runtime, text: &str, opt: Opt) -> Function {
    let function = bench.function(runtime, text);
    Function { spec: EnvironmentSpec { opt: Some(opt), ..function.spec }, logs: function.logs }
}

async fn looks(running: &mut Running) -> Value {
    serde_json::from_str(running.invoke("{}").await.success()).unwrap()
}

fn expected() -> Value {
    json!(["a layer", "its site", "tool of a layer\n", "Read-only file system", ["bin", "python"]])
}

#[tokio::test]
async fn a_python_function_imports_from_its_layers_and_runs_their_programs() {
    let bench = Bench::new();
    let mut running =
        bench.start(function(&bench, PYTHON, PYTHON_LOOKS, python_layer(&bench))).await.unwrap();
    assert_eq!(looks(&mut running).await, expected());
}

#[tokio::test]
async fn an_interpreter_that_waited_finds_the_layers_of_the_function_that_it_becomes() {
    let bench = Bench::with_waiting();
    let _first = bench.run(PYTHON, "def handler(event, context):\n    pass\n").await;
    bench.waits(1).await;
    let mut running =
        bench.start(function(&bench, PYTHON, PYTHON_LOOKS, python_layer(&bench))).await.unwrap();
    assert_eq!(bench.driver.waiting(), 0, "it was taken");
    assert_eq!(looks(&mut running).await, expected());
}

#[tokio::test]
async fn a_copy_has_the_layers_of_its_version_and_no_others() {
    let bench = Bench::new();
    let copied = |opt| {
        let mut function = function(&bench, PYTHON, PYTHON_LOOKS, opt);
        function.spec.initialization = Initialization::SnapStart;
        function
    };
    let mut running = bench.start(copied(python_layer(&bench))).await.unwrap();
    assert_eq!(running.started.origin, Origin::Copied, "{:?}", running.logs.texts());
    assert_eq!(looks(&mut running).await, expected());
    let mut other = python_layer(&bench);
    fs::write(other.folder.join("python/from_a_layer.py"), "NAME = 'another'\n").unwrap();
    other.digest = Digest::of(b"another");
    let mut running = bench.start(copied(other)).await.unwrap();
    assert_eq!(looks(&mut running).await[0], "another");
    assert_eq!(bench.driver.initialised(), 2);
}

#[tokio::test]
async fn libraries_of_a_layer_are_found_where_interpreters_wait_too() {
    let bench = Bench::with_waiting();
    let opt = layer(&bench, &[("number.c", "int number(void) { return 42; }\n"), ("lib/empty", "")]);
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([opt.folder.join("lib/libnumber.so"), opt.folder.join("number.c")])
        .status();
    assert!(built.unwrap().success());
    let text =
        "import ctypes\ndef handler(event, context):\n    return ctypes.CDLL('libnumber.so').number()\n";
    let _first = bench.run(PYTHON, "def handler(event, context):\n    pass\n").await;
    bench.waits(1).await;
    let mut running = bench.start(function(&bench, PYTHON, text, opt)).await.unwrap();
    assert_eq!(running.invoke("{}").await.success(), "42");
}

#[tokio::test]
async fn a_node_function_imports_from_its_layers_by_its_version_first() {
    let bench = Bench::with_waiting();
    let opt = layer(
        &bench,
        &[
            ("nodejs/node_modules/both/index.js", "module.exports = 'any version';\n"),
            ("nodejs/node20/node_modules/both/index.js", "module.exports = 'version 20';\n"),
            ("nodejs/node_modules/plain/index.js", "module.exports = 'plain';\n"),
        ],
    );
    let text = "import { createRequire } from 'module';\nimport plain from 'plain';\n\
                const require = createRequire(import.meta.url);\n\
                export const handler = async () => [require('both'), plain];\n";
    for waiting in [0, 1] {
        bench.waits(waiting).await;
        let mut running = bench.start(function(&bench, NODE, text, opt.clone())).await.unwrap();
        assert_eq!(looks(&mut running).await, json!(["version 20", "plain"]));
    }
}

#[tokio::test]
async fn a_bootstrap_may_lie_in_a_layer_and_the_packages_own_goes_first() {
    let bench = Bench::new();
    let says = |what: &str| {
        format!(
            "#!/usr/bin/python3\nimport http.client, os\napi = http.client.HTTPConnection(os.environ['AWS_LAMBDA_RUNTIME_API'])\n\
             while True:\n    api.request('GET', '/2018-06-01/runtime/invocation/next')\n    event = api.getresponse()\n    \
             event.read()\n    id = event.headers['Lambda-Runtime-Aws-Request-Id']\n    \
             api.request('POST', f'/2018-06-01/runtime/invocation/{{id}}/response', b'\"{what}\"')\n    api.getresponse().read()\n"
        )
    };
    let opt = layer(&bench, &[("bootstrap", &says("of the layer"))]);
    let mut own = bench.start(function(&bench, PROVIDED, &says("its own"), opt.clone())).await.unwrap();
    assert_eq!(own.invoke("{}").await.success(), "\"its own\"");
    let without = function(&bench, PROVIDED, "", opt);
    fs::remove_file(without.spec.code.join("bootstrap")).unwrap();
    let mut running = bench.start(without).await.unwrap();
    assert_eq!(running.invoke("{}").await.success(), "\"of the layer\"");
    let nowhere = function(&bench, PROVIDED, "", layer(&bench, &[("bin/bootstrap", "")]));
    fs::remove_file(nowhere.spec.code.join("bootstrap")).unwrap();
    let Err(StartFailure::Init { failure, .. }) = bench.start(nowhere).await else { panic!("it has none") };
    let text = String::from_utf8_lossy(&failure.payload).into_owned();
    assert!(text.contains("[/var/task/bootstrap /opt/bootstrap]"), "{text}");
}

#[tokio::test]
async fn without_a_sandbox_the_layers_are_found_in_their_own_folder() {
    let bench = Bench::without_groups();
    let text = PYTHON_LOOKS
        .replace("attempt(), sorted(os.listdir('/opt'))", "'', os.environ['PATH'].split(':')[-1]");
    let opt = python_layer(&bench);
    let folder = opt.folder.clone();
    let mut running = bench.start(function(&bench, PYTHON, &text, opt)).await.unwrap();
    let seen = looks(&mut running).await;
    assert_eq!(seen, json!(["a layer", "its site", "tool of a layer\n", "", Path::new(&folder).join("bin")]));
}
