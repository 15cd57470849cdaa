//! Machines that start from a snapshot.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;
use sonagi_model::{Clock as _, function::DriverChoice};

use crate::world::{Done, PYTHON, World};

const FUNCTION: &str = r#"
import json, os, random, time, urllib.request

print("initialised once")
born = os.urandom(8).hex()
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
        let done: Done = function.invoke(r#"{"who": "a function"}"#).await;
        let now = world.clock.now().millis() as f64 / 1_000.0;
        let answer = done.json();
        let clock = answer["clock"].as_f64().unwrap();
        assert!((clock - now).abs() < 5.0, "{key}: its clock says {clock}, and it is {now}");
        assert_eq!(answer["credentials"]["AccessKeyId"], key);
        assert_eq!(answer["credentials"]["Token"], "TOKEN");
        assert!(answer["credentials"]["Expiration"].as_str().unwrap().ends_with('Z'));
        assert_eq!(answer["refused"], 403, "who has no token gets no credentials");
        assert_eq!(answer["keys"], serde_json::json!([]));
        assert_eq!(answer["left"], "by the initialisation", "what one machine leaves, no other finds");
        assert_eq!(function.logs.of(Some(done.request)), ["called"]);
        // The first is initialised before the snapshot, and its lines are the first's.
        let initialised = function.logs.of(None);
        assert_eq!(initialised.is_empty(), !seen.is_empty(), "{initialised:?}");
        // It serves on.
        assert_eq!(function.answer(r#"{"who": "again"}"#).await["left"], "by a function");
        seen.push(answer);
        all.push(function);
    }
    assert_eq!(of(&seen, "born").len(), 1, "each was initialised: {seen:?}");
    for name in ["random", "boot", "uuid"] {
        assert_eq!(of(&seen, name).len(), 3, "{name} is the same: {seen:?}");
    }
    assert_eq!(world.machines(), 3);
    drop(all);
    assert_eq!(world.machines(), 0);
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
}
