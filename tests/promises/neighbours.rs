//! A function that crashes, eats memory or forks is ended as a whole, and the next one never notices.

use std::time::Duration;

use serde_json::json;
use sonagi_harness::{App, World};

const ROGUE: &str = "\
import os, subprocess, sys
def handler(event, context):
    what = event['what']
    if what == 'exit':
        sys.stdout.write('going')
        os._exit(7)
    if what == 'memory':
        hold = []
        while True:
            hold.append(bytearray(8 << 20))
            for at in range(0, len(hold[-1]), 4096):
                hold[-1][at] = 1
    if what == 'forks':
        count = 0
        try:
            while count < 5000:
                if os.fork() == 0:
                    os.execv('/bin/sleep', ['sleep', '1000'])
                count += 1
        except OSError as error:
            return {'forked': count, 'errno': error.errno}
        return {'forked': count}
    if what == 'child':
        subprocess.Popen(['/bin/sleep', event['seconds']], start_new_session=True)
    return 'fine'
";

async fn with_neighbour() -> World {
    let world = World::start().await;
    // With enough memory that a thousand small processes meet the limit on processes first.
    let rogue =
        App::new("app = \"rogue\"\n[function.f]\nruntime = \"python3.11\"\nmemory = 512\ntimeout = 30\n");
    world.deploy(&rogue.file("f/app.py", ROGUE)).await;
    world.deploy(&App::python("good", "def handler(event, context):\n    return 'fine'\n")).await;
    assert_eq!(world.get("good", "/").await.text(), "fine");
    world
}

async fn rogue(world: &World, what: &str) -> serde_json::Value {
    world.invoke("rogue-f", json!({ "what": what }).to_string()).await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exit_is_told_and_the_next_call_works() {
    let world = with_neighbour().await;
    let error = rogue(&world, "exit").await;
    assert_eq!(error["errorType"], "Runtime.ExitError", "{error}");
    assert!(error["errorMessage"].as_str().unwrap().contains("exit status 7"), "{error}");
    assert_eq!(rogue(&world, "nothing").await, "fine");
    assert_eq!(world.get("good", "/").await.text(), "fine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_bomb_ends_alone() {
    let world = with_neighbour().await;
    let error = rogue(&world, "memory").await;
    let kind = error["errorType"].as_str().unwrap();
    assert!(["Runtime.ExitError", "Runtime.OutOfMemory", "MemoryError"].contains(&kind), "{error}");
    assert_eq!(world.get("good", "/").await.text(), "fine");
    assert_eq!(rogue(&world, "nothing").await, "fine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_bomb_meets_its_limit_and_goes_with_its_environment() {
    let world = with_neighbour().await;
    let told = rogue(&world, "forks").await;
    let forked = told["forked"].as_u64().unwrap_or_else(|| panic!("{told}"));
    assert!((1..1_024).contains(&forked), "{told}");
    assert_eq!(world.get("good", "/").await.text(), "fine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_outlives_the_answer_goes_with_its_environment() {
    let mut world = with_neighbour().await;
    // A number of seconds that nobody else on this machine sleeps for.
    let seconds = (1_000_000 + std::process::id()).to_string();
    let line = format!("/bin/sleep\0{seconds}\0");
    let alive = || {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        // A process that has ended has no command line, though its entry stays until its parent has looked.
        let mut lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
        lines.any(|found| found == line.as_bytes())
    };
    let event = json!({ "what": "child", "seconds": seconds }).to_string();
    assert_eq!(world.invoke("rogue-f", event).await.json(), "fine");
    assert!(alive());
    world.advance(Duration::from_secs(3_600)).await;
    world.stop().await;
    assert!(!alive(), "it is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_reaches_the_queues_that_its_manifest_grants_and_not_its_neighbours() {
    let world = World::start().await;
    let manifest = |app: &str| {
        format!(
            "app = \"{app}\"\n[function.f]\nruntime = \"python3.11\"\ntimeout = 20\nmemory = 512\n\
             permissions = [\"sqs:SendMessage on box\"]\n[queue.box]\n[queue.other]\n"
        )
    };
    let source = "\
import boto3
from botocore.exceptions import ClientError
client = boto3.client('sqs')
def handler(event, context):
    said = {}
    for name in event['queues']:
        url = 'http://localhost/000000000000/' + name
        tries = {
            'send': lambda: client.send_message(QueueUrl=url, MessageBody='x'),
            'receive': lambda: client.receive_message(QueueUrl=url),
            'purge': lambda: client.purge_queue(QueueUrl=url),
            'delete': lambda: client.delete_queue(QueueUrl=url),
            'policy': lambda: client.set_queue_attributes(QueueUrl=url, Attributes={'Policy': ''}),
        }
        for what, attempt in tries.items():
            try:
                attempt()
                said[name + ' ' + what] = 'done'
            except ClientError as error:
                said[name + ' ' + what] = error.response['Error']['Code']
    return said
";
    world.deploy(&App::new(&manifest("good")).file("f/app.py", source)).await;
    world.deploy(&App::new(&manifest("rogue")).file("f/app.py", source)).await;
    let queues = json!({ "queues": ["rogue-box", "rogue-other", "good-box", "nobodys"] });
    let said = world.invoke("rogue-f", queues.to_string()).await.json();
    for (what, code) in said.as_object().unwrap() {
        let wanted = if what == "rogue-box send" { "done" } else { "AccessDenied" };
        assert_eq!(code, wanted, "{what}: {said}");
    }
    assert_eq!(said.as_object().unwrap().len(), 20);
}
