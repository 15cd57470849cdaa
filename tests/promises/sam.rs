//! An AWS SAM template runs as it is: its APIs, parameters, dependencies and outputs.

use std::path::PathBuf;

use bytes::Bytes;
use serde_json::json;
use sonagi_harness::{Answer, App, Program, World, get, request, root, send};
use sonagi_model::release::Release;

fn bakery() -> PathBuf {
    root().join("tests/fixtures/sam/bakery")
}

/// GETs an output, which is the address of something.
async fn follow(world: &World, release: &Release, output: &str) -> Answer {
    let address = &release.content.outputs[output].value;
    let (host, path) = address.strip_prefix("http://").and_then(|rest| rest.split_once('/')).unwrap();
    get(world.gateway(), host, &format!("/{path}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sam_app_answers_at_its_outputs_with_its_dependencies() {
    let world = World::start().await;
    let release = world.deploy_path(&bakery(), &[("Currency", "EUR")]).await.unwrap();

    let price = follow(&world, &release, "Price").await;
    assert_eq!(price.status, 200, "{}", price.text());
    assert_eq!(
        price.json(),
        json!({
            "price": "3.30 EUR", "stage": "test", "debug": "bakery in us-east-1", "resource": "/prices/{bread}",
            "path": "/Prod/prices/rye", "function": "bakery-Prices",
        })
    );
    let cookies: Vec<_> = price.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);

    let page = follow(&world, &release, "Page").await;
    assert_eq!(page.status, 200, "{}", page.text());
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:";
    assert_eq!(
        page.json(),
        json!({
            "page": "opening/hours", "stage": "test", "fresh": 5_400_000, "prices": format!("{arn}bakery-Prices"),
            "version": "1",
        })
    );
    assert_eq!(page.header("set-cookie"), "seen=1");

    assert_eq!(release.content.outputs["Front"].value, format!("{arn}bakery-Front:live"));
    assert!(!release.content.outputs.contains_key("Tomorrow"), "its condition does not hold");
    assert!(!release.content.functions.contains_key("Tomorrow"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sam_apis_cors_is_answered_by_the_gateway() {
    let world = World::start().await;
    let release = world.deploy_path(&bakery(), &[("Currency", "EUR")]).await.unwrap();
    let address = &release.content.outputs["Page"].value;
    let (host, path) = address.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let preflight = |origin: &str| {
        let request = request("OPTIONS", host, &format!("/{path}"))
            .header("origin", origin)
            .header("access-control-request-method", "GET");
        send(world.gateway(), request.body(Bytes::new()).unwrap())
    };
    let allowed = preflight("https://bakery.example").await;
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.header("access-control-allow-origin"), "https://bakery.example");
    assert_eq!(allowed.header("access-control-allow-methods"), "GET");
    assert_eq!(preflight("https://elsewhere.example").await.header("access-control-allow-origin"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sam_parameter_changes_the_app_and_a_wrong_one_is_refused() {
    let world = World::start().await;
    let live = world.deploy_path(&bakery(), &[("Currency", "SEK"), ("Stage", "live")]).await.unwrap();
    let price = follow(&world, &live, "Price").await.json();
    assert_eq!((&price["price"], &price["debug"]), (&json!("3.57 SEK"), &json!(null)));
    assert!(follow(&world, &live, "Page").await.status.is_success(), "the stage's name is in the address");
    assert_eq!(world.invoke("bakery-Tomorrow", "{}").await.json(), "bread");

    let refused = world.deploy_path(&bakery(), &[("Currency", "euro"), ("Stage", "live")]).await;
    let error = format!("{:#}", refused.unwrap_err());
    assert!(error.contains("Currency"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_template_has_that_is_not_supported_is_named_with_its_line() {
    let app = App::sam(
        "Transform: AWS::Serverless-2016-10-31
Resources:
  Breads:
    Type: AWS::Serverless::SimpleTable
  Bake:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.11
      Handler: index.handler
      InlineCode: 'def handler(event, context): pass'
      Tmeout: 5
      Events:
        Orders: { Type: MSK, Properties: { Stream: x } }
",
    );
    let path = app.path().join("template.yaml");
    let refused = Program::run(&["dev", path.to_str().unwrap()]).await;
    assert!(!refused.success);
    for said in [
        "template.yaml:4:",
        "AWS::Serverless::SimpleTable is not supported yet",
        "template.yaml:11:",
        "`Timeout`",
        "template.yaml:13:",
        "of type MSK is not supported yet",
        "3 problems; nothing was deployed",
    ] {
        assert!(refused.stderr.contains(said), "{said}: {}", refused.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_follows_a_template_that_was_named_relatively() {
    let folder = tempfile::tempdir_in(".").unwrap();
    let write = |path: &str| {
        let text = format!(
            "Transform: AWS::Serverless-2016-10-31
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.11
      Handler: index.handler
      InlineCode: 'def handler(event, context): return event[\"rawPath\"]'
      Events: {{ Any: {{ Type: HttpApi, Properties: {{ Path: {path}, Method: GET }} }} }}
"
        );
        std::fs::write(folder.path().join("template.yaml"), text).unwrap();
    };
    write("/before");
    let relative = PathBuf::from(folder.path().file_name().unwrap()).join("template.yaml");
    let data = tempfile::tempdir().unwrap();
    let (mut dev, ready) = Program::dev(&relative, &data.path().join("data")).await;
    assert_eq!(get(ready.gateway, "localhost", "/before").await.status, 200);
    write("/after");
    dev.line_where(|line| line["event"] == "deployed").await;
    assert_eq!(get(ready.gateway, "localhost", "/after").await.text(), "/after");
    assert_eq!(get(ready.gateway, "localhost", "/before").await.status, 404);
    assert!(dev.terminate().await.success());
}
