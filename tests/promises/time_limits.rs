//! Every wait ends: handlers that never return, environments that nobody uses.

use std::time::Duration;

use sonagi_harness::{App, World};
use sonagi_server::{Followed, Follower};

const FOREVER: &str = "\
import threading
def handler(event, context):
    if (event.get('queryStringParameters') or {}).get('wait'):
        print('waiting')
        threading.Event().wait()
    return 'quick'
";

/// Returns once a function has printed `text`.
pub(crate) async fn until(followed: &mut Follower, text: &str) {
    while let Some(line) = followed.next().await {
        if matches!(line, Followed::Entry(entry) if entry.line.text == text) {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_never_returns_is_ended_and_others_never_notice() {
    let world = World::start().await;
    world.deploy(&App::python("stuck", FOREVER)).await;
    world.deploy(&App::python("other", "def handler(event, context):\n    return 'fine'\n")).await;
    assert_eq!(world.get("stuck", "/").await.text(), "quick");

    let mut followed = world.running().logs().follow(None, None);
    let waiting = world.invoke("stuck-f", r#"{"queryStringParameters": {"wait": "1"}}"#);
    let (answer, ()) = tokio::join!(waiting, async {
        until(&mut followed, "waiting").await;
        assert_eq!(world.get("other", "/").await.text(), "fine");
        world.clock().advance(Duration::from_millis(3_000)).await;
    });
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-amz-function-error"), "Unhandled");
    let error = answer.json();
    assert_eq!(error["errorType"], "Sandbox.Timedout");
    let request = answer.header("x-amzn-requestid");
    assert_eq!(
        error["errorMessage"],
        format!("RequestId: {request} Error: Task timed out after 3.00 seconds")
    );
    // The next call gets a new environment.
    assert_eq!(world.get("stuck", "/").await.text(), "quick");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_environment_is_kept_for_its_time_and_then_gone() {
    let world = World::start().await;
    world
        .deploy(&App::python(
            "idle",
            "import uuid\nborn = str(uuid.uuid4())\ndef handler(event, context):\n    return born\n",
        ))
        .await;
    let environment = world.get("idle", "/").await.text().to_owned();
    world.advance(Duration::from_secs(599)).await;
    assert_eq!(world.get("idle", "/").await.text(), environment, "kept while it is used");
    world.advance(Duration::from_secs(601)).await;
    world.until("scaled to zero", || world.running().frontend().environments().is_empty()).await;
    assert_ne!(world.get("idle", "/").await.text(), environment, "started anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_waits_for_its_time_and_the_function_runs_on() {
    let world = World::start().await;
    let app = App::new(
        "app = \"slow\"\n[function.f]\nruntime = \"python3.11\"\ntimeout = 60\nroutes = [\"$default\"]\n",
    )
    .file("f/app.py", FOREVER);
    world.deploy(&app).await;
    assert_eq!(world.get("slow", "/").await.text(), "quick");
    let mut followed = world.running().logs().follow(None, None);
    let (answer, ()) = tokio::join!(world.get("slow", "/?wait=1"), async {
        until(&mut followed, "waiting").await;
        world.clock().advance(Duration::from_secs(30)).await;
    });
    assert_eq!(answer.status, 503);
    assert_eq!(answer.text(), r#"{"message":"Service Unavailable"}"#);
    world.clock().advance(Duration::from_secs(30)).await;
    world.idle().await;
    assert_eq!(world.get("slow", "/").await.text(), "quick");
}
