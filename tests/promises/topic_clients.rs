//! The official clients work with topics. Over the program, since endpoints are posted to, and functions run.

use sonagi_harness::{Program, Script};

#[tokio::test(flavor = "multi_thread")]
async fn boto3_does_all_that_sns_does_here() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ready) = Program::server(&folder.path().join("data")).await;
    Script::python("boto3_sns.py", ready.platform, &[]).await.passed();
    assert!(server.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_is_in_every_queue_after_sigkill() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (server, ready) = Program::server(&data).await;
    let id = server.id().to_string();
    let said = Script::python("boto3_sns_crash.py", ready.platform, &["publish", &id]).await.passed();
    server.kill().await;
    let (server, ready) = Program::server(&data).await;
    let accepted = said.stdout.trim();
    Script::python("boto3_sns_crash.py", ready.platform, &["check", accepted]).await.passed();
    assert!(server.terminate().await.success());
}
