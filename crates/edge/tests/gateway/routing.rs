use sonagi_edge::gateway::{Config, UnknownHost};
use sonagi_model::function::{InvokeMode, UrlAuth};

use crate::world::{URL_HOST, World, http_api, rest_api, url};

#[tokio::test]
async fn an_app_is_at_its_host_and_the_only_one_at_every_host() {
    let world = World::start().await;
    world.deploy("petshop", vec![http_api(&["GET /pets -> g"])], None).await;
    for host in [
        "petshop.localhost",
        "PetShop.LocalHost:8080",
        "main.petshop.localhost",
        "abcdefghij.execute-api.us-east-1.localhost:1",
        "abcdefghij.execute-api.eu-west-1.amazonaws.com",
        "127.0.0.1:8080",
        "example.com",
    ] {
        let answered = world.get(host, "/pets").await;
        assert_eq!(answered.status, 200, "{host}: {}", answered.text());
        assert_eq!(world.event().0, "petshop-g");
    }
    for host in ["other.localhost", "nothing.petshop.localhost", "zzz.execute-api.us-east-1.localhost"] {
        assert_eq!(world.get(host, "/pets").await.status, 404, "{host}");
    }
}

#[tokio::test]
async fn an_unknown_host_is_told_what_there_is_only_where_that_is_wanted() {
    let world = World::start().await;
    world.deploy("petshop", vec![http_api(&["GET /pets"])], None).await;
    assert!(!world.get("other.localhost", "/").await.text().contains("petshop"));
    let config = Config { unknown_host: UnknownHost::NamesApps, ..Config::default() };
    let world = World::with(config, None).await;
    assert!(world.get("other.localhost", "/").await.text().contains("sonagi deploy"));
    world.deploy("petshop", vec![http_api(&["GET /pets"])], None).await;
    assert!(world.get("other.localhost", "/").await.text().contains("petshop"));
}

#[tokio::test]
async fn a_path_without_a_route_is_refused_in_the_fronts_own_words() {
    let world = World::start().await;
    world.deploy("h", vec![http_api(&["GET /pets"])], None).await;
    let answered = world.get("h.localhost", "/none").await;
    assert_eq!((answered.status.as_u16(), answered.text()), (404, r#"{"message":"Not Found"}"#));
    assert!(answered.headers.contains_key("apigw-requestid"));
    let mut rest = rest_api(&["GET /pets"]);
    rest.id.0 = "rest".into();
    world.deploy("r", vec![rest], None).await;
    let answered = world.get("r.localhost", "/none").await;
    assert_eq!(
        (answered.status.as_u16(), answered.text()),
        (403, r#"{"message":"Missing Authentication Token"}"#)
    );
    for name in ["x-amzn-requestid", "x-amz-apigw-id", "x-amzn-errortype"] {
        assert!(answered.headers.contains_key(name), "{name}");
    }
    assert_eq!(world.invocations(), 0);
}

#[tokio::test]
async fn a_stage_is_served_under_its_name_and_at_the_root() {
    let world = World::start().await;
    world.text(r#"{"statusCode":200}"#);
    world.deploy("r", vec![rest_api(&["GET /pets", "GET /"])], None).await;
    for (path, short) in
        [("/Prod/pets", "/pets"), ("/pets", "/pets"), ("/Prod", "/"), ("/", "/"), ("/Prod/", "/")]
    {
        assert_eq!(world.get("r.localhost", path).await.status, 200, "{path}");
        let (_, event) = world.event();
        assert_eq!(event["path"], short, "{path}");
        assert_eq!(event["requestContext"]["path"], path);
        assert_eq!(event["requestContext"]["stage"], "Prod");
    }
    assert_eq!(world.get("r.localhost", "/Production/pets").await.status, 403);
}

#[tokio::test]
async fn a_new_release_changes_the_routes_at_once() {
    let world = World::start().await;
    world.deploy("a", vec![http_api(&["GET /old"])], None).await;
    assert_eq!(world.get("a.localhost", "/old").await.status, 200);
    world.deploy("a", vec![http_api(&["GET /new"])], None).await;
    assert_eq!(world.get("a.localhost", "/old").await.status, 404);
    assert_eq!(world.get("a.localhost", "/new").await.status, 200);
}

#[tokio::test]
async fn a_function_url_is_at_its_own_host_and_at_its_apps() {
    let world = World::start().await;
    world.deploy("a", vec![], Some(url(UrlAuth::None, InvokeMode::Buffered))).await;
    assert_eq!(world.get(URL_HOST, "/any/path").await.status, 200);
    assert_eq!(world.get("a.localhost", "/").await.status, 200);
    assert_eq!(world.get(&URL_HOST.replace('0', "1"), "/").await.status, 404);
}
