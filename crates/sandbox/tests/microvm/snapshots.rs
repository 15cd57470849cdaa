//! Machines that start from a snapshot.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;
use sonagi_model::{Clock as _, function::DriverChoice};
use sonagi_sandbox::{Origin, StartFailure};

use crate::world::{Done, PROVIDED, PYTHON, World};

const FUNCTION: &str = r#"
import json, os, random, snapshot_restore_py, time, urllib.request

print("initialised once")
born = os.urandom(8).hex()
done = []
snapshot_restore_py.register_before_snapshot(done.append, "before 2")
snapshot_restore_py.register_before_snapshot(lambda: print("before the snapshot"))
snapshot_restore_py.register_after_restore(done.append, "after 1")

@snapshot_restore_py.register_after_restore
def after():
    done.append(os.urandom(8).hex())
    done.append(open("/tmp/left").read())

open("/tmp/left", "w").write("by the initialisation")

def credentials():
    request = urllib.request.Request(
        os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
        headers={"Authorization": os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]},
    )
    return json.load(urllib.request.urlopen(request))

def refused():
    try:
        urllib.request.urlopen(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
    except urllib.error.HTTPError as error:
        return error.code

def handler(event, context):
    print("called")
    left = open("/tmp/left").read()
    open("/tmp/left", "w").write("by " + event["who"])
    return {
        "born": born,
        "random": os.urandom(16).hex(),
        "library": random.random(),
        "done": done,
        "kind": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"],
        "log": [name for name in os.environ if name.startswith("AWS_LAMBDA_LOG_")],
        "boot": open("/proc/sys/kernel/random/boot_id").read(),
        "uuid": open("/proc/sys/kernel/random/uuid").read(),
        "clock": time.time(),
        "left": left,
        "credentials": credentials(),
        "refused": refused(),
        "keys": [name for name in os.environ if name.startswith("AWS_") and "KEY" in name],
    }
"#;

fn of(all: &[Value], name: &str) -> BTreeSet<String> {
    all.iter().map(|seen| seen[name].to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_of_one_snapshot_have_one_initialisation_and_nothing_else_in_common() {
    let world = World::new().await;
    let mut seen = Vec::new();
    let mut all = Vec::new();
    for key in ["FIRST", "SECOND", "THIRD"] {
        let mut spec = world.function(PYTHON, FUNCTION);
        spec.driver = DriverChoice::MicrovmSnapshot;
        spec.credentials.access_key_id = key.into();
        let mut function = world.start(spec).await.unwrap();
        assert_eq!(function.started.origin, Origin::Copied);
        let done: Done = function.invoke(r#"{"who": "a function"}"#).await;
        let now = world.clock.now().millis() as f64 / 1_000.0;
        let answer = done.json();
        let clock = answer["clock"].as_f64().unwrap();
        assert!((clock - now).abs() < 5.0, "{key}: its clock says {clock}, and it is {now}");
        // Its initialisation's too.
        assert!(done.finished.memory_peak > 4 << 20, "{}", done.finished.memory_peak);
        assert_eq!(answer["credentials"]["AccessKeyId"], key);
        assert_eq!(answer["credentials"]["Token"], "TOKEN");
        assert!(answer["credentials"]["Expiration"].as_str().unwrap().ends_with('Z'));
        assert_eq!(answer["refused"], 403, "who has no token gets no credentials");
        assert_eq!(answer["keys"], serde_json::json!([]));
        assert_eq!(answer["left"], "by the initialisation", "what one machine leaves, no other finds");
        assert_eq!(function.logs.of(Some(done.request)), ["called"]);
        // The first is initialised before the snapshot, and its lines are the first's.
        let initialised = function.logs.of(None);
        let wanted: &[&str] =
            if seen.is_empty() { &["initialised once", "before the snapshot"] } else { &[] };
        assert_eq!(initialised, wanted);
        let hooks = answer["done"].as_array().unwrap();
        assert_eq!(hooks.len(), 4, "{hooks:?}");
        assert_eq!([&hooks[0], &hooks[1]], ["before 2", "after 1"]);
        assert_eq!(hooks[3], "by the initialisation", "a hook finds the /tmp of the initialisation");
        assert_eq!(answer["kind"], "snap-start");
        assert_eq!(answer["log"], serde_json::json!(["AWS_LAMBDA_LOG_FORMAT"]));
        // It serves on.
        assert_eq!(function.answer(r#"{"who": "again"}"#).await["left"], "by a function");
        seen.push(answer);
        all.push(function);
    }
    assert_eq!(of(&seen, "born").len(), 1, "each was initialised: {seen:?}");
    for name in ["random", "library", "done", "boot", "uuid"] {
        assert_eq!(of(&seen, name).len(), 3, "{name} is the same: {seen:?}");
    }
    assert_eq!(world.machines(), 3);
    drop(all);
    world.is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_cannot_be_restored_is_replaced() {
    let world = World::new().await;
    let spec = || {
        let mut spec = world.function(PYTHON, "def handler(event, context):\n    return event\n");
        spec.driver = DriverChoice::MicrovmSnapshot;
        spec
    };
    drop(world.start(spec()).await.unwrap());
    let shelf = world.folder.path().join("work/snapshots");
    let snapshots = || {
        let entries = std::fs::read_dir(&shelf).unwrap().map(|entry| entry.unwrap().path());
        entries.collect::<Vec<_>>()
    };
    let [snapshot] = snapshots().try_into().unwrap();
    std::fs::write(snapshot.join("state"), b"damaged").unwrap();
    let mut function = world.start(spec()).await.unwrap();
    assert_eq!(function.answer("[1]").await, serde_json::json!([1]));
    assert_eq!(snapshots(), Vec::<std::path::PathBuf>::new(), "it is still there");
    assert!(function.started.create > Duration::ZERO);
    assert_eq!(function.started.origin, Origin::Initialised);
    let said = function.logs.of(None).join("\n");
    assert!(
        said.contains("SnapStart: this environment was initialised afresh: its machine's snapshot"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_fails_is_the_answer() {
    let world = World::new().await;
    for (hook, error) in
        [("before_snapshot", "Runtime.BeforeSnapshotError"), ("after_restore", "Runtime.AfterRestoreError")]
    {
        let text = format!(
            "import snapshot_restore_py\n@snapshot_restore_py.register_{hook}\ndef fails():\n    1 / 0\n\
             def handler(event, context):\n    return event\n"
        );
        let mut spec = world.function(PYTHON, &text);
        spec.driver = DriverChoice::MicrovmSnapshot;
        let Err(failure) = world.start(spec).await else { panic!("it started") };
        let StartFailure::Init { failure, .. } = failure else { panic!("{failure:?}") };
        assert_eq!(failure.error_type, error);
        assert!(String::from_utf8_lossy(&failure.payload).contains("division by zero"));
    }
    world.is_left().await;
}

/// Asks to be restored, answers an event with how that was answered, and asks for another. `REPORT` comes in between.
const OWN: &str = r#"#!/bin/bash
echo "initialised"
ask() {
    exec 3<>/dev/tcp/127.0.0.1/9001
    printf '%s %s HTTP/1.1\r\nHost: x\r\n%s\r\n' "$1" "/2018-06-01/runtime/$2" "$3" >&3
    read -r _ status _ <&3
    size=0
    while read -r line <&3; do
        line="${line%$'\r'}"
        case "$line" in
            Lambda-Runtime-Aws-Request-Id:*) id="${line#*: }" ;;
            Content-Length:*) size="${line#*: }" ;;
            "") break ;;
        esac
    done
    read -r -N "$size" event <&3
}
ask GET restore/next ''
restored="$status"
echo "restored"
REPORT
ask GET invocation/next ''
ask POST "invocation/$id/response" $'Content-Length: 3\r\n\r\n'"$restored"
ask GET invocation/next ''
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_of_the_functions_own_asks_to_be_restored_and_may_fail_then() {
    let world = World::new().await;
    let start = async |report: &str| {
        let mut spec = world.function(PROVIDED, &OWN.replace("REPORT", report));
        spec.driver = DriverChoice::MicrovmSnapshot;
        world.start(spec).await
    };
    for initialised in [&["initialised", "restored"][..], &["restored"]] {
        let mut function = start("").await.unwrap();
        assert_eq!(function.started.origin, Origin::Copied);
        assert_eq!(function.logs.of(None), initialised);
        assert_eq!(function.answer("{}").await, 200);
    }
    let Err(failure) =
        start("ask POST restore/error $'Lambda-Runtime-Function-Error-Type: Own.Error\\r\\nContent-Length: 0\\r\\n'")
            .await
    else {
        panic!("it started")
    };
    let StartFailure::Init { failure, .. } = failure else { panic!("{failure:?}") };
    assert_eq!(failure.error_type, "Own.Error");
}
