//! One server on a data folder, of a format that it knows.

use sonagi_harness::Program;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_folder_is_refused_and_the_first_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (first, ready) = Program::server(&data).await;
    let second = Program::run(&["server", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]).await;
    assert!(!second.success);
    assert!(second.stderr.contains("is in use by another server"), "{}", second.stderr);
    assert!(second.stderr.contains(&format!("process {}", first.id())), "{}", second.stderr);
    let health = sonagi_harness::get(ready.platform, &ready.platform.to_string(), "/_sonagi/v1/health").await;
    assert_eq!(health.status, 200);
    assert!(first.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_folder_is_refused_by_an_older_program() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (server, _) = Program::server(&data).await;
    assert!(server.terminate().await.success());
    std::fs::write(data.join("FORMAT"), "99\n").unwrap();
    let refused =
        Program::run(&["server", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]).await;
    assert!(!refused.success);
    assert!(refused.stderr.contains("newer format 99"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_to_other_machines_stays_shut_without_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let refused = Program::run(&["server", "--data", data.to_str().unwrap(), "--listen", "0.0.0.0:0"]).await;
    assert!(!refused.success);
    assert!(refused.stderr.contains("--credentials"), "{}", refused.stderr);
}
