//! The official clients work with event buses. Over the program, since replays go on in the background.

use sonagi_harness::{Program, Script};

#[tokio::test(flavor = "multi_thread")]
async fn boto3_does_all_that_eventbridge_does() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ready) = Program::server(&folder.path().join("data")).await;
    Script::python("boto3_events.py", ready.platform, &[]).await.passed();
    assert!(server.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_aws_cli_works_with_buses_that_outlive_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let aws = async |platform, arguments: &[&str]| -> serde_json::Value {
        let said = Script::aws(platform, arguments).await.passed();
        serde_json::from_str(&said.stdout).unwrap_or_default()
    };
    let (server, ready) = Program::server(&data).await;
    aws(ready.platform, &["sqs", "create-queue", "--queue-name", "orders"]).await;
    let pattern = r#"{"source": ["shop"]}"#;
    aws(ready.platform, &["events", "put-rule", "--name", "orders", "--event-pattern", pattern]).await;
    let target = "Id=1,Arn=arn:aws:sqs:us-east-1:000000000000:orders";
    aws(ready.platform, &["events", "put-targets", "--rule", "orders", "--targets", target]).await;
    let bus = "arn:aws:events:us-east-1:000000000000:event-bus/default";
    let archive = ["--archive-name", "all", "--event-source-arn", bus];
    aws(ready.platform, &[&["events", "create-archive"], &archive[..]].concat()).await;
    assert!(server.terminate().await.success());

    let (server, ready) = Program::server(&data).await;
    let entries = r#"[{"Source": "shop", "DetailType": "Order", "Detail": "{\"n\": 1}"}]"#;
    let put = aws(ready.platform, &["events", "put-events", "--entries", entries]).await;
    let id = put["Entries"][0]["EventId"].as_str().unwrap();
    let url = format!("http://{}/000000000000/orders", ready.platform);
    let got =
        aws(ready.platform, &["sqs", "receive-message", "--queue-url", &url, "--wait-time-seconds", "5"])
            .await;
    let event: serde_json::Value =
        serde_json::from_str(got["Messages"][0]["Body"].as_str().unwrap()).unwrap();
    assert_eq!((&event["id"], &event["detail"]["n"]), (&id.into(), &1.into()));
    let shown = aws(ready.platform, &["events", "describe-archive", "--archive-name", "all"]).await;
    assert_eq!(shown["EventCount"], 1);
    assert!(server.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_is_killed_sends_each_event_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (server, ready) = Program::server(&data).await;
    Script::python("boto3_replay.py", ready.platform, &["begin"]).await.passed();
    server.kill().await;
    let (server, ready) = Program::server(&data).await;
    Script::python("boto3_replay.py", ready.platform, &["end"]).await.passed();
    assert!(server.terminate().await.success());
}
