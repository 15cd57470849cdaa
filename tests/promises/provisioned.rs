//! Environments that a function asks to be ready are ready, with real processes.

use std::time::Duration;

use sonagi_harness::{App, World};
use sonagi_invoke::{EnvironmentInfo, EnvironmentState};

const SOURCE: &str = "import os, time\nBORN = time.time_ns()\n\ndef handler(event, context):\n    return \
                      [os.environ['AWS_LAMBDA_INITIALIZATION_TYPE'], BORN]\n";

fn app(executions: u32) -> App {
    let template = format!(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  Hello:\n    Type: AWS::Serverless::Function\n    \
         Properties:\n      FunctionName: hello\n      CodeUri: hello\n      Handler: app.handler\n      \
         Runtime: python3.11\n      AutoPublishAlias: live\n      ProvisionedConcurrencyConfig:\n        \
         ProvisionedConcurrentExecutions: {executions}\n"
    );
    App::sam(&template).file("hello/app.py", SOURCE)
}

fn idle(world: &World) -> Vec<EnvironmentInfo> {
    let all = world.running().frontend().environments();
    all.into_iter().filter(|environment| environment.state == EnvironmentState::Idle).collect()
}

async fn until_idle(world: &World, count: usize) {
    world.until(&format!("{count} environments"), || idle(world).len() == count).await;
}

/// What a request is told: how its environment came to be, and when.
async fn ask(world: &World, function: &str) -> (String, u64) {
    let answer = world.invoke(function, "{}").await;
    let answer = answer.json();
    (answer[0].as_str().unwrap().to_owned(), answer[1].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_and_a_restart_have_their_provisioned_environments_before_the_first_request() {
    let mut world = World::start().await;
    let app = app(2);
    world.deploy(&app).await;
    world.advance(Duration::from_secs(1)).await;
    until_idle(&world, 2).await;
    let (kind, first) = ask(&world, "hello:live").await;
    assert_eq!(kind, "provisioned-concurrency");
    // Hours later they are there, and only what is not provisioned is not.
    assert_eq!(ask(&world, "hello").await.0, "on-demand");
    world.advance(Duration::from_secs(3 * 3_600)).await;
    until_idle(&world, 2).await;
    assert_eq!(ask(&world, "hello:live").await, ("provisioned-concurrency".into(), first));

    world.restart().await;
    world.advance(Duration::from_secs(1)).await;
    until_idle(&world, 2).await;
    let (kind, second) = ask(&world, "hello:live").await;
    assert_eq!(kind, "provisioned-concurrency");
    assert_ne!(first, second);

    // The next release's take the place of these.
    app.write("hello/app.py", &format!("{SOURCE}    # Changed.\n"));
    world.deploy(&app).await;
    world.advance(Duration::from_secs(1)).await;
    world
        .until("the new version's environments", || {
            let all = world.running().frontend().environments();
            all.len() == 2 && all.iter().all(|environment| environment.version.to_string() == "2")
        })
        .await;
    assert_eq!(ask(&world, "hello:live").await.0, "provisioned-concurrency");
}
