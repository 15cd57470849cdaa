//! The official clients work with topics. Over the program, since endpoints are posted to, and functions run.

use sonagi_harness::{Program, Script};

#[tokio::test(flavor = "multi_thread")]
async fn boto3_does_all_that_sns_does_here() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ready) = Program::server(&folder.path().join("data")).await;
    Script::python("boto3_sns.py", ready.platform, &[]).await.passed();
    assert!(server.terminate().await.success());
}
