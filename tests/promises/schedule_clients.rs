//! The official clients work with schedules. Over the program, since what is due takes real time.

use sonagi_harness::{Program, Script};

#[tokio::test(flavor = "multi_thread")]
async fn boto3_does_all_that_eventbridge_scheduler_does() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ready) = Program::server(&folder.path().join("data")).await;
    Script::python("boto3_scheduler.py", ready.platform, &[]).await.passed();
    assert!(server.terminate().await.success());
}
