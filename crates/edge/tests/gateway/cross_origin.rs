use http::Request;
use http_body_util::Full;
use sonagi_model::{
    api::Cors,
    function::{InvokeMode, UrlAuth},
};

use crate::world::{Answered, URL_HOST, World, http_api, rest_api, url};

fn rules() -> Cors {
    Cors {
        allow_origins: vec!["https://a.example".into()],
        allow_methods: vec!["GET".into(), "POST".into()],
        allow_headers: vec!["x-a".into()],
        expose_headers: vec!["x-b".into()],
        allow_credentials: true,
        max_age: Some(300),
    }
}

async fn preflight(world: &World, host: &str, path: &str, origin: &str) -> Answered {
    let request = Request::options(path)
        .header("host", host)
        .header("origin", origin)
        .header("access-control-request-method", "GET")
        .body(Full::default())
        .unwrap();
    world.send(request).await
}

#[tokio::test]
async fn an_http_api_answers_preflights_and_overrides_the_functions_headers() {
    let world = World::start().await;
    let mut http = http_api(&["$default"]);
    http.cors = Some(rules());
    world.deploy("h", vec![http], None).await;
    let answered = preflight(&world, "h.localhost", "/x", "https://a.example").await;
    assert_eq!(answered.status, 204);
    for (name, value) in [
        ("access-control-allow-origin", "https://a.example"),
        ("access-control-allow-methods", "GET,POST"),
        ("access-control-allow-headers", "x-a"),
        ("access-control-allow-credentials", "true"),
        ("access-control-max-age", "300"),
    ] {
        assert_eq!(answered.headers[name], value);
    }
    let other = preflight(&world, "h.localhost", "/x", "https://b.example").await;
    assert_eq!(other.status, 204);
    assert!(!other.headers.contains_key("access-control-allow-origin"));
    assert_eq!(world.invocations(), 0);

    world.text(
        r#"{"statusCode":200,"headers":{"Access-Control-Allow-Origin":"*","Access-Control-Max-Age":"1"}}"#,
    );
    let ask = |origin: &str| {
        Request::get("/")
            .header("host", "h.localhost")
            .header("origin", origin)
            .body(Full::default())
            .unwrap()
    };
    let answered = world.send(ask("https://a.example")).await;
    assert_eq!(answered.headers["access-control-allow-origin"], "https://a.example");
    assert_eq!(answered.headers["access-control-expose-headers"], "x-b");
    assert_eq!(answered.headers["vary"], "origin");
    assert!(!answered.headers.contains_key("access-control-max-age"));
    let answered = world.send(ask("https://b.example")).await;
    assert!(!answered.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_rest_api_has_a_mock_of_options_and_leaves_the_rest_to_the_function() {
    let world = World::start().await;
    let mut rest = rest_api(&["GET /pets", "POST /pets"]);
    rest.cors = Some(Cors { allow_origins: vec!["*".into()], ..Cors::default() });
    world.deploy("r", vec![rest], None).await;
    let answered = preflight(&world, "r.localhost", "/Prod/pets", "https://a.example").await;
    assert_eq!((answered.status.as_u16(), answered.text()), (200, "{}"));
    assert_eq!(answered.headers["access-control-allow-methods"], "GET,OPTIONS,POST");
    assert_eq!(answered.headers["access-control-allow-origin"], "*");
    assert_eq!(preflight(&world, "r.localhost", "/none", "https://a.example").await.status, 403);
    world.text(r#"{"statusCode":200,"headers":{"Access-Control-Allow-Origin":"https://mine"}}"#);
    let answered = world.get("r.localhost", "/pets").await;
    assert_eq!(answered.headers["access-control-allow-origin"], "https://mine");
}

#[tokio::test]
async fn a_function_url_answers_preflights_without_a_signature() {
    let world = World::with(
        Default::default(),
        Some(
            "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = 0123456789abcdef\n",
        ),
    )
    .await;
    let mut guarded = url(UrlAuth::AwsIam, InvokeMode::Buffered);
    guarded.cors = Some(rules());
    world.deploy("a", vec![], Some(guarded)).await;
    let answered = preflight(&world, URL_HOST, "/", "https://a.example").await;
    assert_eq!(answered.status, 200);
    assert_eq!(answered.headers["access-control-allow-origin"], "https://a.example");
    let refused = world.get(URL_HOST, "/").await;
    assert_eq!((refused.status.as_u16(), refused.text()), (403, r#"{"Message":"Forbidden"}"#));
    assert_eq!(world.invocations(), 0);
}
