use sonagi_invoke::Error;

use crate::world::{World, text};

fn scripted(world: &World, script: &str) -> std::sync::Arc<sonagi_control::Target> {
    world.deploy("hello", |f| drop(f.variables.insert("START".into(), script.into())))
}

#[tokio::test]
async fn an_initialisation_that_fails_is_run_once_more_inside_the_invocation() {
    let world = World::start();
    let hello = scripted(&world, "fail, sleep 0");
    assert_eq!(text(world.invoke(&hello, "echo").await), "echo in 1");
    assert_eq!(world.driver.starts("hello"), 2);
    let lines = world.logs.all();
    assert!(
        lines[0].contains("Phase: init\tStatus: error\tError Type: Runtime.ImportModuleError"),
        "{lines:?}"
    );
    assert!(lines[1].contains("START"), "{lines:?}");
    // It is kept, like any other.
    assert_eq!(text(world.invoke(&hello, "echo").await), "echo in 1");
}

#[tokio::test]
async fn an_initialisation_that_fails_twice_is_the_answer() {
    let world = World::start();
    let hello = scripted(&world, "fail");
    assert!(text(world.invoke(&hello, "echo").await).starts_with("Runtime.ImportModuleError"));
    assert_eq!(world.driver.starts("hello"), 2);
    world.frontend.idle().await;
    let lines = world.logs.all();
    assert!(lines[1].contains("Phase: invoke\tStatus: error"), "{lines:?}");
    assert!(lines[2].contains("START"), "{lines:?}");
    assert!(lines[4].ends_with("Status: error\tError Type: Runtime.ImportModuleError"), "{lines:?}");
    let totals = world.totals("hello");
    assert_eq!((totals.invocations, totals.errors, totals.cold_starts), (1, 1, 1));
    assert_eq!(world.driver.alive(), 0);
    assert_eq!(world.frontend.environments(), []);
    // The next invocation tries again from the beginning.
    world.invoke(&hello, "echo").await.unwrap();
    assert_eq!(world.driver.starts("hello"), 4);
}

#[tokio::test]
async fn an_initialisation_without_end_is_given_its_time_twice() {
    let world = World::start();
    let hello = scripted(&world, "hang");
    let invoked = world.begin(&hello, "echo").await;
    world.advance(10_000).await;
    assert_eq!(world.driver.starts("hello"), 2);
    world.advance(2_999).await;
    assert!(!invoked.is_finished());
    world.advance(1).await;
    let answer = text(invoked.await.unwrap());
    assert!(answer.contains("Error: Task timed out after 3.00 seconds"), "{answer}");
    let lines = world.logs.all();
    assert_eq!(lines[0], "hello: INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout");
    assert_eq!(lines[1], "hello: INIT_REPORT Init Duration: 3000.00 ms\tPhase: invoke\tStatus: timeout");
    let report = lines.last().unwrap();
    assert!(report.contains("\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\t"), "{report}");
    assert!(report.ends_with("\tStatus: timeout"), "{report}");
    assert_eq!(world.totals("hello").timeouts, 1);
}

#[tokio::test]
async fn initialisation_is_not_a_part_of_the_functions_time() {
    let world = World::start();
    let hello = scripted(&world, "sleep 9000");
    let invoked = world.begin(&hello, "sleep 2900").await;
    world.advance(9_000 + 2_900).await;
    assert_eq!(text(invoked.await.unwrap()), "sleep 2900 in 1");
    let report = world.logs.all().pop().unwrap();
    assert!(report.contains("\tDuration: 2900.00 ms\tBilled Duration: 11900 ms\t"), "{report}");
    assert!(report.ends_with("\tInit Duration: 9000.00 ms"), "{report}");
}

#[tokio::test]
async fn a_machine_that_cannot_start_anything_is_not_the_functions_failure() {
    let world = World::start();
    let hello = scripted(&world, "broken, sleep 0");
    let refused = world.invoke(&hello, "echo").await.unwrap_err();
    assert!(matches!(refused, Error::Machine { doing: "create a process", .. }), "{refused}");
    assert_eq!(world.totals("hello").invocations, 0);
    assert_eq!(text(world.invoke(&hello, "echo").await), "echo in 1");
}

#[tokio::test]
async fn each_failed_start_answers_one_of_the_waiting() {
    let world = World::start();
    let hello = scripted(&world, "hold x, broken, broken, sleep 0");
    let mut waiting = Vec::new();
    for _ in 0..3 {
        waiting.push(world.begin(&hello, "echo").await);
    }
    world.driver.release("x");
    let mut refused = 0;
    for invoked in waiting {
        refused += u32::from(invoked.await.unwrap().is_err());
    }
    assert_eq!(refused, 2);
}
