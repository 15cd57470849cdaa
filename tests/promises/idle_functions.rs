//! Ten thousand deployed, idle functions cost no process, and a start with them takes less than a second.

use sonagi_control::lambda::CreateFunction;
use sonagi_harness::{Program, World, get};
use sonagi_model::Clock as _;

use crate::bad_input::zip;

const FUNCTIONS: usize = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_idle_functions_cost_no_process_and_start_within_a_second() {
    let mut world = World::start().await;
    let package = zip(&[("app.py", b"def handler(event, context):\n    return context.function_name\n")]);
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..50 {
        let control = world.running().control().clone();
        let package = package.clone();
        callers.spawn(async move {
            for index in (caller..FUNCTIONS).step_by(50) {
                let create = CreateFunction {
                    name: format!("idle{index}"),
                    runtime: Some("python3.11".into()),
                    role: "arn:aws:iam::000000000000:role/test".into(),
                    handler: Some("app.handler".into()),
                    code: package.clone().into(),
                    ..CreateFunction::default()
                };
                control.create_function(create).await.unwrap();
            }
        });
    }
    while let Some(done) = callers.join_next().await {
        done.unwrap();
    }
    world.stop().await;

    let clock = sonagi_server::RealClock::new();
    let began = clock.tick();
    let (server, ready) = Program::server(&world.data()).await;
    let took = clock.tick() - began;
    // The promise is a second in a release build; the tests' build is several times slower.
    assert!(took.as_secs_f64() < 8.0, "started in {took:?}");
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", server.id())).unwrap();
    assert_eq!(children.trim(), "", "processes of idle functions");
    let listed = get(ready.platform, &ready.platform.to_string(), "/2015-03-31/functions/?MaxItems=50").await;
    assert_eq!(listed.json()["Functions"].as_array().unwrap().len(), 50);
    assert!(server.terminate().await.success());
}
