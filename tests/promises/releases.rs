//! A release is active as a whole or not at all, and a rollback is the same flip.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use sonagi_harness::{App, World};

/// An app whose two functions must agree.
fn twins(word: &str) -> String {
    format!(
        "app = \"twins\"\n\
         [function.left]\nruntime = \"python3.11\"\ncode = \"code\"\nenv = {{ WORD = \"{word}\" }}\nroutes = [\"GET /left\"]\n\
         [function.right]\nruntime = \"python3.11\"\ncode = \"code\"\nenv = {{ WORD = \"{word}\" }}\nroutes = [\"GET /{word}\"]\n"
    )
}

const CODE: &str = "import os\ndef handler(event, context):\n    return os.environ['WORD']\n";

#[tokio::test(flavor = "multi_thread")]
async fn functions_and_routes_change_together_while_requests_run() {
    let world = Arc::new(World::start().await);
    let app = App::new(&twins("alpha")).file("code/app.py", CODE);
    world.deploy(&app).await;
    assert_eq!(world.get("twins", "/left").await.text(), "alpha");

    let stop = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn({
        let (world, stop) = (Arc::clone(&world), Arc::clone(&stop));
        async move {
            let mut answers = 0;
            while !stop.load(Ordering::Relaxed) {
                for path in ["/alpha", "/beta"] {
                    let answer = world.get("twins", path).await;
                    // A route of a release leads to that release's function, or it is not there.
                    assert!(
                        answer.status == 404 || answer.text() == &path[1..],
                        "{path} answered {} {}",
                        answer.status,
                        answer.text()
                    );
                    answers += 1;
                }
            }
            answers
        }
    });
    for round in 0..10 {
        app.write("sonagi.toml", &twins(if round % 2 == 0 { "beta" } else { "alpha" }));
        world.deploy(&app).await;
    }
    stop.store(true, Ordering::Relaxed);
    assert!(reader.await.unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_brings_back_the_release_before_and_survives_a_restart() {
    let mut world = World::start().await;
    let app = App::python("echo", "def handler(event, context):\n    return 'one'\n");
    let first = world.deploy(&app).await;
    app.write("f/app.py", "def handler(event, context):\n    return 'two'\n");
    let second = world.deploy(&app).await;
    assert_ne!(first.digest, second.digest);
    assert_eq!(world.get("echo", "/").await.text(), "two");

    let name = first.app.clone();
    let back = world.running().control().rollback(&name, None).await.unwrap();
    assert_eq!(back.number, first.number);
    assert_eq!(world.get("echo", "/").await.text(), "one");

    world.restart().await;
    assert_eq!(world.get("echo", "/").await.text(), "one");
    assert_eq!(world.running().control().releases(&name).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_content_is_the_same_release_and_keeps_its_warm_environments() {
    let world = World::start().await;
    let app = App::python(
        "echo",
        "import uuid\nborn = str(uuid.uuid4())\ndef handler(event, context):\n    return born\n",
    );
    let first = world.deploy(&app).await;
    let process = world.get("echo", "/").await.text().to_owned();
    assert_eq!(world.deploy(&app).await.number, first.number);
    // Another file of the manifest's changes the release, but not this function.
    app.write(
        "sonagi.toml",
        "app = \"echo\"\n[function.f]\nruntime = \"python3.11\"\nroutes = [\"$default\", \"GET /extra\"]\n",
    );
    assert_eq!(world.deploy(&app).await.number, first.number.next());
    assert_eq!(world.get("echo", "/").await.text(), process);
}
