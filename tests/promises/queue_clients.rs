//! The official clients work with queues. Over the program, since what is hidden, delayed and waited for takes real time.

use sonagi_harness::{Program, Script};

#[tokio::test(flavor = "multi_thread")]
async fn boto3_does_all_that_sqs_does() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ready) = Program::server(&folder.path().join("data")).await;
    Script::python("boto3_sqs.py", ready.platform, &["json"]).await.passed();
    assert!(server.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_boto3_from_before_json_does_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ready) = Program::server(&folder.path().join("data")).await;
    Script::python_before_json("boto3_sqs.py", ready.platform, &["query"]).await.passed();
    assert!(server.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_does_the_same_with_keys() {
    let keys = ("AKIATESTTESTTEST0001", "correct-horse-battery");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    let text = format!("[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n", keys.0, keys.1);
    std::fs::write(&file, text).unwrap();
    let more = ["--credentials", file.to_str().unwrap()];
    let (server, ready) = Program::server_with(&folder.path().join("data"), &more).await;
    Script::python_as(ready.platform, keys, "boto3_sqs.py", &["json"]).await.passed();
    let stranger = Script::aws(ready.platform, &["sqs", "list-queues"]).await;
    assert!(stranger.stderr.contains("InvalidClientTokenId"), "{}", stranger.stderr);
    assert!(server.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_aws_cli_works_with_queues_that_outlive_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (server, ready) = Program::server(&data).await;
    let sqs = async |platform, arguments: &[&str]| -> serde_json::Value {
        let said = Script::aws(platform, &[&["sqs"], arguments].concat()).await.passed();
        serde_json::from_str(&said.stdout).unwrap_or_default()
    };
    let made = sqs(ready.platform, &["create-queue", "--queue-name", "clicks"]).await;
    let url = made["QueueUrl"].as_str().unwrap().to_owned();
    assert_eq!(url, format!("http://{}/000000000000/clicks", ready.platform));
    let attributes = r#"{"VisibilityTimeout": "0", "DelaySeconds": "0"}"#;
    sqs(ready.platform, &["set-queue-attributes", "--queue-url", &url, "--attributes", attributes]).await;
    let message = ["--message-body", "hello", "--message-attributes"];
    let given = r#"{"n": {"DataType": "Number", "StringValue": "1"}}"#;
    sqs(ready.platform, &[&["send-message", "--queue-url", &url], &message[..], &[given]].concat()).await;
    assert!(server.terminate().await.success());

    // Another server has another address; the old URL names the queue still.
    let (server, ready) = Program::server(&data).await;
    let names = ["--attribute-names", "All", "--message-attribute-names", "All"];
    let got = sqs(
        ready.platform,
        &[&["receive-message", "--queue-url", &url, "--wait-time-seconds", "5"], &names[..]].concat(),
    )
    .await;
    let message = &got["Messages"][0];
    assert_eq!(
        (&message["Body"], &message["MessageAttributes"]["n"]["StringValue"]),
        (&"hello".into(), &"1".into())
    );
    let handle = message["ReceiptHandle"].as_str().unwrap();
    sqs(ready.platform, &["delete-message", "--queue-url", &url, "--receipt-handle", handle]).await;
    let shown = sqs(
        ready.platform,
        &["get-queue-attributes", "--queue-url", &url, "--attribute-names", "ApproximateNumberOfMessages"],
    )
    .await;
    assert_eq!(shown["Attributes"]["ApproximateNumberOfMessages"], "0");
    sqs(ready.platform, &["delete-queue", "--queue-url", &url]).await;
    let gone = Script::aws(ready.platform, &["sqs", "get-queue-url", "--queue-name", "clicks"]).await;
    assert!(gone.stderr.contains("(AWS.SimpleQueueService.NonExistentQueue)"), "{}", gone.stderr);
    assert!(server.terminate().await.success());
}
