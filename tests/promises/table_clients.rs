//! The official clients work with tables, and what was acknowledged survives SIGKILL.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use serde_json::{Value, json};
use sonagi_harness::{Program, Script, request, try_send};
use sonagi_model::Clock as _;

#[tokio::test(flavor = "multi_thread")]
async fn boto3_does_all_that_tables_do() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ready) = Program::server(&folder.path().join("data")).await;
    Script::python("boto3_dynamodb.py", ready.platform, &[]).await.passed();
    assert!(server.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_aws_cli_works_with_tables_that_outlive_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (server, ready) = Program::server(&data).await;
    let cli = async |platform, arguments: &[&str]| -> Value {
        let said = Script::aws(platform, &[&["dynamodb"], arguments].concat()).await.passed();
        serde_json::from_str(&said.stdout).unwrap_or_default()
    };
    let keys = [
        "--attribute-definitions",
        "AttributeName=id,AttributeType=S",
        "--key-schema",
        "AttributeName=id,KeyType=HASH",
        "--billing-mode",
        "PAY_PER_REQUEST",
    ];
    cli(ready.platform, &[&["create-table", "--table-name", "pets"], &keys[..]].concat()).await;
    let item = r#"{"id": {"S": "momo"}, "price": {"N": "1.50"}}"#;
    cli(ready.platform, &["put-item", "--table-name", "pets", "--item", item]).await;
    assert!(server.terminate().await.success());

    let (server, ready) = Program::server(&data).await;
    let key = r#"{"id": {"S": "momo"}}"#;
    let got = cli(ready.platform, &["get-item", "--table-name", "pets", "--key", key]).await;
    assert_eq!(got["Item"], json!({ "id": { "S": "momo" }, "price": { "N": "1.5" } }));
    let gone = Script::aws(ready.platform, &["dynamodb", "describe-table", "--table-name", "cats"]).await;
    assert!(gone.stderr.contains("(ResourceNotFoundException)"), "{}", gone.stderr);
    assert!(server.terminate().await.success());
}

/// How often the server is killed.
const KILLS: usize = 8;
/// Callers that count at once, and the items that they count in.
const CALLERS: usize = 16;
const ITEMS: usize = 4;

/// By item: how many counts were acknowledged, and how many were begun.
type Known = BTreeMap<String, (u64, u64)>;

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_write_survives_sigkill_with_its_index_and_its_streams_record() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let clock = sonagi_server::RealClock::new();
    let (server, ready) = Program::server(&data).await;
    let table = call(
        ready.platform,
        "DynamoDB_20120810.CreateTable",
        json!({
            "TableName": "counters",
            "AttributeDefinitions": [
                { "AttributeName": "id", "AttributeType": "S" },
                { "AttributeName": "count", "AttributeType": "N" },
                { "AttributeName": "all", "AttributeType": "S" },
            ],
            "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
            "GlobalSecondaryIndexes": [{
                "IndexName": "by-count",
                "KeySchema": [
                    { "AttributeName": "all", "KeyType": "HASH" },
                    { "AttributeName": "count", "KeyType": "RANGE" },
                ],
                "Projection": { "ProjectionType": "ALL" },
            }],
            "BillingMode": "PAY_PER_REQUEST",
            "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "NEW_IMAGE" },
        }),
    )
    .await
    .unwrap();
    let stream = table["TableDescription"]["LatestStreamArn"].as_str().unwrap().to_owned();
    server.kill().await;
    let known: Arc<Mutex<Known>> = Arc::default();
    for round in 0..KILLS {
        let (server, ready) = Program::server(&data).await;
        let mut callers = tokio::task::JoinSet::new();
        for caller in 0..CALLERS {
            let (known, platform) = (Arc::clone(&known), ready.platform);
            callers.spawn(async move {
                let id = format!("item{}", caller % ITEMS);
                loop {
                    known.lock().unwrap().entry(id.clone()).or_default().1 += 1;
                    if count(platform, &id).await.is_none() {
                        return;
                    }
                    known.lock().unwrap().entry(id.clone()).or_default().0 += 1;
                }
            });
        }
        // Another moment each time.
        clock.sleep(Duration::from_millis(60 + 53 * round as u64 % 300)).await;
        server.kill().await;
        while let Some(done) = callers.join_next().await {
            done.unwrap();
        }
    }
    let (server, ready) = Program::server(&data).await;
    let known = known.lock().unwrap().clone();
    let images = images(ready.platform, &stream).await;
    let query = json!({
        "TableName": "counters",
        "IndexName": "by-count",
        "KeyConditionExpression": "#a = :all",
        "ExpressionAttributeNames": { "#a": "all" },
        "ExpressionAttributeValues": { ":all": { "S": "all" } },
    });
    let indexed = call(ready.platform, "DynamoDB_20120810.Query", query).await.unwrap();
    assert_eq!(indexed["Count"], ITEMS);
    let mut total = 0;
    for (id, (acknowledged, begun)) in known {
        let input = json!({ "TableName": "counters", "Key": { "id": { "S": id } } });
        let found = call(ready.platform, "DynamoDB_20120810.GetItem", input).await.unwrap();
        let counted: u64 = found["Item"]["count"]["N"].as_str().unwrap().parse().unwrap();
        assert!((acknowledged..=begun).contains(&counted), "{id}: {acknowledged} <= {counted} <= {begun}");
        let entries: Vec<_> =
            indexed["Items"].as_array().unwrap().iter().filter(|item| item["id"]["S"] == id).collect();
        assert_eq!(entries, [&found["Item"]]);
        assert_eq!(images[&id], (1..=counted).collect::<Vec<_>>(), "{id}");
        total += acknowledged;
    }
    assert!(total > 100, "{total} counts are no load");
    assert!(server.terminate().await.success());
}

async fn count(platform: SocketAddr, id: &str) -> Option<Value> {
    let input = json!({
        "TableName": "counters",
        "Key": { "id": { "S": id } },
        "UpdateExpression": "ADD #c :one SET #a = :all",
        "ExpressionAttributeNames": { "#c": "count", "#a": "all" },
        "ExpressionAttributeValues": { ":one": { "N": "1" }, ":all": { "S": "all" } },
    });
    call(platform, "DynamoDB_20120810.UpdateItem", input).await
}

/// What each item was counted to, as the stream tells it.
async fn images(platform: SocketAddr, stream: &str) -> BTreeMap<String, Vec<u64>> {
    let described =
        call(platform, "DynamoDBStreams_20120810.DescribeStream", json!({ "StreamArn": stream })).await;
    let shard = described.unwrap()["StreamDescription"]["Shards"][0]["ShardId"].clone();
    let ask = json!({ "StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
    let begun = call(platform, "DynamoDBStreams_20120810.GetShardIterator", ask).await.unwrap();
    let mut iterator = begun["ShardIterator"].clone();
    let mut images: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    loop {
        let ask = json!({ "ShardIterator": iterator });
        let read = call(platform, "DynamoDBStreams_20120810.GetRecords", ask).await.unwrap();
        let records = read["Records"].as_array().unwrap();
        if records.is_empty() {
            return images;
        }
        for record in records {
            let image = &record["dynamodb"]["NewImage"];
            let id = image["id"]["S"].as_str().unwrap().to_owned();
            images.entry(id).or_default().push(image["count"]["N"].as_str().unwrap().parse().unwrap());
        }
        iterator = read["NextShardIterator"].clone();
    }
}

/// The answer, or nothing if the server was killed meanwhile.
async fn call(platform: SocketAddr, target: &str, input: Value) -> Option<Value> {
    let request = request("POST", &platform.to_string(), "/")
        .header("x-amz-target", target)
        .header("content-type", "application/x-amz-json-1.0")
        .body(Bytes::from(input.to_string()))
        .unwrap();
    let answer = try_send(platform, request).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    Some(answer.json())
}
