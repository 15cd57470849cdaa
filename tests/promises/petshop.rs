//! The first command of the README: the petshop answers.

use bytes::Bytes;
use serde_json::json;
use sonagi_harness::{World, request, root, send};

#[tokio::test(flavor = "multi_thread")]
async fn the_petshop_answers_from_python_and_from_node() {
    let world = World::start().await;
    world.deploy_path(&root().join("examples/petshop"), &[]).await.unwrap();

    let cats = world.get("petshop", "/pets?kind=cat&max_price=50").await;
    assert_eq!(cats.status, 200);
    assert_eq!(
        cats.json(),
        json!({ "pets": [{ "id": "momo", "name": "Momo", "kind": "cat", "price": 40.0 }] })
    );
    assert_eq!(world.get("petshop", "/pets/dori").await.json()["price"], 120.0);
    assert_eq!(world.get("petshop", "/pets/nobody").await.status, 404);

    let order = world.post("petshop", "/orders", r#"{"pets": ["momo", "tori"]}"#).await;
    assert_eq!(order.status, 201, "{}", order.text());
    assert_eq!(order.json()["total"], 52.9);
    assert_eq!(order.json()["currency"], "EUR");
    assert_eq!(world.post("petshop", "/orders", "nonsense").await.status, 400);

    let page = world.get("petshop", "/").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.text().contains("<h1>Petshop</h1>"), "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_petshops_page_is_streamed_at_its_function_url() {
    let world = World::start().await;
    let release = world.deploy_path(&root().join("examples/petshop"), &[]).await.unwrap();
    let url = release.content.functions.values().find_map(|function| function.url.clone()).unwrap();
    let host = format!("{}.lambda-url.us-east-1.localhost", url.id);
    let page = send(world.gateway(), request("GET", &host, "/").body(Bytes::new()).unwrap()).await;
    assert_eq!(page.status, 200, "{}", page.text());
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(
        page.headers.get("content-length").is_none(),
        "a streamed answer has no length: {:?}",
        page.headers
    );
    assert!(
        page.text().starts_with("<!doctype html>") && page.text().ends_with("</script>"),
        "{}",
        page.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_app_answers_at_any_host() {
    let world = World::start().await;
    world.deploy_path(&root().join("examples/petshop"), &[]).await.unwrap();
    let host = world.gateway().to_string();
    let answer = send(world.gateway(), request("GET", &host, "/pets/koko").body(Bytes::new()).unwrap()).await;
    assert_eq!(answer.json()["name"], "Koko");
}
