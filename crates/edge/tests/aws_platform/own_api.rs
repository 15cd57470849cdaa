//! Our own API.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sonagi_model::{Digest, limits};

use super::world::{World, zip};

fn api(path: &str) -> String {
    format!("/_sonagi/v1/{path}")
}

async fn deploy(world: &World, code: &str) -> super::world::Reply {
    let zip = zip(code);
    let digest = Digest::of(&zip);
    let size = zip.len();
    let put = world.ask("PUT", &api(&format!("packages/{digest}"))).body(zip).send().await;
    assert_eq!((put.status.as_u16(), &put.json()["size"]), (201, &json!(size)), "{put:?}");
    let function = json!({
        "name": "search", "lambda_name": "petshop-search", "runtime": "python3.11", "handler": "app.handler",
        "package": { "digest": digest, "size": size }, "architecture": "x86_64", "memory": 128, "timeout": 3,
        "ephemeral_storage": 512, "role": "arn:aws:iam::000000000000:role/sonagi",
    });
    let content = json!({ "functions": { "search": function } });
    world.ask("POST", &api("apps/petshop/releases")).json(&content).send().await
}

#[tokio::test]
async fn an_app_is_deployed_listed_rolled_back_and_removed() {
    let world = World::open().await;
    let digest = Digest::of(&zip("1"));
    assert_eq!(world.ask("HEAD", &api(&format!("packages/{digest}"))).send().await.status, 404);
    let first = deploy(&world, "1").await;
    assert_eq!((first.status.as_u16(), &first.json()["number"]), (201, &json!(1)), "{first:?}");
    assert_eq!(world.ask("HEAD", &api(&format!("packages/{digest}"))).send().await.status, 200);
    assert_eq!(deploy(&world, "1").await.status, 200);
    assert_eq!(deploy(&world, "2").await.json()["number"], 2);

    let apps = world.get(&api("apps")).await.json();
    assert_eq!((&apps["apps"][0]["name"], &apps["apps"][0]["release"]), (&json!("petshop"), &json!(2)));
    assert_eq!(world.get(&api("apps/petshop")).await.json()["functions"], json!(["petshop-search"]));
    let page = world.get(&api("apps/petshop/releases?limit=1")).await.json();
    assert_eq!((&page["releases"][0]["number"], &page["releases"][0]["live"]), (&json!(2), &json!(true)));
    let next = page["next"].as_str().unwrap();
    let page = world.get(&api(&format!("apps/petshop/releases?limit=1&after={next}"))).await.json();
    assert_eq!((&page["releases"][0]["number"], &page["next"]), (&json!(1), &Value::Null));

    let back = world.ask("POST", &api("apps/petshop/rollback")).send().await;
    assert_eq!(back.json()["number"], 1, "{back:?}");
    let forth = world.ask("POST", &api("apps/petshop/rollback")).json(&json!({ "to": 2 })).send().await;
    assert_eq!(forth.json()["number"], 2);
    let second = world.get(&api("apps/petshop/releases/2")).await.json();
    assert_eq!((&second["number"], &second["created"]), (&json!(2), &json!("2026-01-31T08:15:30.123Z")));
    assert_eq!(second["content"]["functions"]["search"]["handler"], "app.handler");

    assert_eq!(world.ask("DELETE", &api("apps/petshop")).send().await.status, 204);
    let gone = world.get(&api("apps/petshop")).await;
    assert_eq!((gone.status.as_u16(), &gone.json()["error"]["kind"]), (404, &json!("not_found")));
}

#[tokio::test]
async fn a_function_is_run_and_what_it_did_is_shown() {
    let world = World::open().await;
    deploy(&world, "1").await;
    let invoke = api("functions/petshop-search/invoke?tail=1");
    let reply = world.ask("POST", &invoke).body("{\"a\":1}").send().await;
    assert_eq!((reply.status.as_u16(), reply.text()), (200, "{\"a\":1}"));
    let tail = STANDARD.decode(reply.header("x-sonagi-log-tail").unwrap()).unwrap();
    assert!(String::from_utf8(tail).unwrap().contains("hello from the log"));
    let failed = world.ask("POST", &invoke).body("{\"do\":\"fail\"}").send().await;
    assert_eq!(failed.header("x-sonagi-function-error"), Some("Boom"));

    let logs = world.get(&api("logs?app=petshop")).await;
    assert_eq!(logs.header("content-type"), Some("application/x-ndjson"));
    let lines: Vec<Value> = logs.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let hello = lines.iter().find(|line| line["text"] == "hello from the log").unwrap();
    assert_eq!(
        (&hello["function"], &hello["request"]),
        (&json!("petshop-search"), &json!(reply.header("x-amzn-requestid")))
    );

    let usage = world.get(&api("usage")).await.json();
    assert_eq!(
        (&usage["functions"][0]["invocations"], &usage["functions"][0]["errors"]),
        (&json!(2), &json!(1))
    );
    let environments = world.get(&api("environments")).await.json();
    assert_eq!(environments["environments"].as_array().unwrap().len(), 1);
    let functions = world.get(&api("functions?app=petshop")).await.json();
    assert_eq!(functions["functions"][0]["name"], "petshop-search");
}

/// A zip that holds `bytes` as they are.
fn stored(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    writer.start_file("app.py", options).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap().into_inner()
}

#[tokio::test]
async fn a_package_may_be_larger_than_lambda_takes_directly() {
    let world = World::required().await;
    let zip = stored(&vec![b'#'; limits::PACKAGE_SIZE + 1]);
    let digest = Digest::of(&zip);
    let path = api(&format!("packages/{digest}"));
    let put = |body: Vec<u8>| world.ask("PUT", &path).service("sonagi").body(body);
    let reply = put(zip.clone()).signed().send().await;
    assert_eq!((reply.status.as_u16(), &reply.json()["size"]), (201, &json!(zip.len())), "{reply:?}");
    // Who signs another body than the path names has signed another request.
    let other = put(b"other".to_vec()).signed().send().await;
    assert_eq!((other.status.as_u16(), &other.json()["error"]["kind"]), (401, &json!("unauthenticated")));
    let unsigned_body = put(b"other".to_vec()).header("x-amz-content-sha256", "UNSIGNED-PAYLOAD").signed();
    let other = unsigned_body.send().await;
    assert_eq!((other.status.as_u16(), &other.json()["error"]["kind"]), (400, &json!("invalid")));
    assert!(other.text().contains("damaged"), "{other:?}");
}

#[tokio::test]
async fn a_package_over_the_limit_is_refused_before_it_is_read() {
    let world = World::open().await;
    let path = api(&format!("packages/{}", Digest::of(b"")));
    let reply = world.ask("PUT", &path).body(vec![0; limits::PACKAGE_UPLOAD_SIZE + 1]).send().await;
    assert_eq!((reply.status.as_u16(), &reply.json()["error"]["kind"]), (413, &json!("too_large")));
}

#[tokio::test]
async fn a_client_learns_what_it_builds_for() {
    let world = World::open().await;
    let expected = json!({
        "account": "000000000000", "region": "us-east-1", "gateway": "http://localhost:8080",
        "endpoint": "http://127.0.0.1:4566", "version": "0.0.0",
    });
    assert_eq!(world.get(&api("platform")).await.json(), expected);
}

#[tokio::test]
async fn wrong_requests_are_told_why() {
    let world = World::open().await;
    let cases = [
        ("GET", "apps/Bad_Name", "", 400, "invalid", "an app name"),
        ("POST", "apps/a/releases", "{", 400, "invalid", "not a release's content"),
        ("POST", "apps/a/rollback", "{\"too\": 1}", 400, "invalid", "\"to\": 7"),
        ("PUT", "packages/zz", "", 400, "invalid", "64 hexadecimal"),
        (
            "PUT",
            "packages/0000000000000000000000000000000000000000000000000000000000000000",
            "x",
            400,
            "invalid",
            "damaged",
        ),
        ("GET", "logs?limit=x", "", 400, "invalid", "limit"),
        ("GET", "apps?limit=0", "", 400, "invalid", "limit"),
        ("POST", "functions/none/invoke", "", 404, "not_found", "Function not found"),
        ("PATCH", "apps", "", 501, "unsupported", "takes GET"),
        ("GET", "nothing", "", 404, "not_found", "/_sonagi/v1/"),
    ];
    for (method, path, body, status, kind, text) in cases {
        let reply = world.ask(method, &api(path)).body(body).send().await;
        let error = &reply.json()["error"];
        assert_eq!((reply.status.as_u16(), &error["kind"]), (status, &json!(kind)), "{path}: {error}");
        assert!(error["message"].as_str().unwrap().contains(text), "{path}: {error}");
    }
}
