use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use proptest::prelude::*;
use serde_json::json;
use sonagi_model::{
    api::{ApiKind, PayloadFormat},
    function::{InvokeMode, UrlAuth},
};

use crate::world::{NOW, URL_HOST, World, api, http_api, rest_api, url};

#[tokio::test]
async fn an_http_api_sends_payload_2() {
    let world = World::start().await;
    let mut http = http_api(&["POST /pets/{id}/{rest+}"]);
    http.stage_variables.insert("color".into(), "red".into());
    world.deploy("petshop", vec![http], None).await;
    let request = Request::post("/pets/a%20b/c%2Fd/e?x=1&y=a+b%21&x=2&z")
        .header("host", "petshop.localhost:8080")
        .header("cookie", "a=1; b=2")
        .header("cookie", "c=3")
        .header("X-Twice", "one")
        .header("X-Twice", "two")
        .header("x-latin", http::HeaderValue::from_bytes(b"caf\xe9").unwrap())
        .header("x-forwarded-for", "10.0.0.1")
        .header("user-agent", "test")
        .header("content-type", "application/json")
        .header("te", "trailers")
        .body(Full::from("{\"a\":\"é\"}"))
        .unwrap();
    world.send(request).await;
    let (function, mut event) = world.event();
    assert_eq!(function, "petshop-f");
    let id = event["requestContext"]["requestId"].take();
    assert_eq!(id.as_str().unwrap().len(), 16);
    let trace = event["headers"]["x-amzn-trace-id"].take();
    assert!(trace.as_str().unwrap().starts_with("Root=1-5e6a879e-"), "{trace}");
    assert_eq!(
        event,
        json!({
            "version": "2.0",
            "routeKey": "POST /pets/{id}/{rest+}",
            "rawPath": "/pets/a b/c/d/e",
            "rawQueryString": "x=1&y=a+b%21&x=2&z",
            "cookies": ["a=1", "b=2", "c=3"],
            "headers": {
                "host": "petshop.localhost:8080",
                "x-twice": "one,two",
                "x-latin": "café",
                "user-agent": "test",
                "content-type": "application/json",
                "content-length": "10",
                "x-forwarded-for": "10.0.0.1, 127.0.0.1",
                "x-forwarded-port": world.address.port().to_string(),
                "x-forwarded-proto": "http",
                "x-amzn-trace-id": null,
            },
            "queryStringParameters": {"x": "1,2", "y": "a b!", "z": ""},
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "abcdefghij",
                "domainName": "petshop.localhost:8080",
                "domainPrefix": "petshop",
                "http": {
                    "method": "POST",
                    "path": "/pets/a b/c/d/e",
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                    "userAgent": "test",
                },
                "requestId": null,
                "routeKey": "POST /pets/{id}/{rest+}",
                "stage": "$default",
                "time": "12/Mar/2020:19:03:58 +0000",
                "timeEpoch": NOW,
            },
            "pathParameters": {"id": "a b", "rest": "c/d/e"},
            "body": "{\"a\":\"é\"}",
            "isBase64Encoded": false,
            "stageVariables": {"color": "red"},
        })
    );
}

#[tokio::test]
async fn a_rest_api_sends_payload_1() {
    let world = World::start().await;
    world.text(r#"{"statusCode":200}"#);
    world.deploy("r", vec![rest_api(&["ANY /pets/{id}"])], None).await;
    let request = Request::put("/Prod/pets/a%20b?x=1&x=2")
        .header("host", "r.localhost")
        .header("x-many", "1")
        .header("x-many", "2")
        .header("user-agent", "test")
        .body(Full::default())
        .unwrap();
    world.send(request).await;
    let (_, event) = world.event();
    assert_eq!(event["resource"], "/pets/{id}");
    assert_eq!(event["path"], "/pets/a%20b");
    assert_eq!(event["httpMethod"], "PUT");
    assert_eq!(event["headers"]["X-Many"], "2");
    assert_eq!(event["multiValueHeaders"]["X-Many"], json!(["1", "2"]));
    assert_eq!(event["queryStringParameters"], json!({"x": "2"}));
    assert_eq!(event["multiValueQueryStringParameters"], json!({"x": ["1", "2"]}));
    assert_eq!(event["pathParameters"], json!({"id": "a%20b"}));
    assert_eq!((&event["stageVariables"], &event["body"]), (&json!(null), &json!(null)));
    assert_eq!(event["isBase64Encoded"], false);
    assert!(event.get("version").is_none());
    let context = &event["requestContext"];
    assert_eq!(context["path"], "/Prod/pets/a%20b");
    assert_eq!(context["resourcePath"], "/pets/{id}");
    assert_eq!(context["requestTime"], "12/Mar/2020:19:03:58 +0000");
    assert_eq!(context["requestTimeEpoch"], NOW);
    assert_eq!(context["identity"]["sourceIp"], "127.0.0.1");
    assert_eq!(context["identity"]["userAgent"], "test");
    assert_eq!(context["requestId"].as_str().unwrap().len(), 36);
}

#[tokio::test]
async fn an_http_api_sends_payload_1_to_routes_that_ask_for_it() {
    let world = World::start().await;
    world.text(r#"{"statusCode":200}"#);
    world
        .deploy("a", vec![api(ApiKind::Http, "dev", PayloadFormat::V1, &["GET /pets", "$default"])], None)
        .await;
    world.get("a.localhost", "/dev/pets").await;
    let (_, event) = world.event();
    assert_eq!((&event["version"], &event["path"]), (&json!("1.0"), &json!("/dev/pets")));
    assert_eq!((&event["resource"], &event["requestContext"]["stage"]), (&json!("/pets"), &json!("dev")));
    assert_eq!(event["headers"]["host"], "a.localhost");
    assert_eq!(event["queryStringParameters"], json!(null));
    world.get("a.localhost", "/dev/other").await;
    assert_eq!(world.event().1["resource"], "$default");
}

#[tokio::test]
async fn a_function_url_sends_payload_2_with_its_path_as_it_came() {
    let world = World::start().await;
    world.deploy("a", vec![], Some(url(UrlAuth::None, InvokeMode::Buffered))).await;
    world.get(URL_HOST, "/a%20b?q").await;
    let (_, event) = world.event();
    assert_eq!(event["rawPath"], "/a%20b");
    assert_eq!(
        (&event["routeKey"], &event["requestContext"]["accountId"]),
        (&json!("$default"), &json!("anonymous"))
    );
    assert!(event["requestContext"].get("authentication").is_none());
    assert_eq!(event["requestContext"]["domainPrefix"], "0123456789abcdef0123456789abcdef");
    assert!(event.get("pathParameters").is_none() && event.get("body").is_none());
}

#[tokio::test]
async fn a_body_is_text_or_base64_by_its_type_and_never_damaged() {
    let world = World::start().await;
    world.deploy("h", vec![http_api(&["$default"])], None).await;
    let mut rest = rest_api(&["POST /x"]);
    rest.binary_media_types = vec!["image/*".into(), "application~1pdf".into()];
    rest.id.0 = "rest".into();
    world.deploy("r", vec![rest], None).await;
    for (host, kind, body, expected) in [
        ("h.localhost", Some("application/json; charset=utf-8"), &b"hi"[..], ("hi", false)),
        ("h.localhost", Some("text/csv"), b"hi", ("hi", false)),
        ("h.localhost", Some("application/problem+json"), b"hi", ("hi", false)),
        ("h.localhost", Some("application/x-www-form-urlencoded"), b"a=1", ("YT0x", true)),
        ("h.localhost", Some("image/png"), b"hi", ("aGk=", true)),
        ("h.localhost", None, b"hi", ("hi", false)),
        ("h.localhost", Some("text/plain"), b"\xff\xfe", ("//4=", true)),
        ("r.localhost", Some("image/png"), b"hi", ("aGk=", true)),
        ("r.localhost", Some("application/pdf"), b"hi", ("aGk=", true)),
        ("r.localhost", Some("application/zip"), b"hi", ("hi", false)),
    ] {
        let mut request = Request::post("/x").header("host", host);
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        world.send(request.body(Full::from(Bytes::copy_from_slice(body))).unwrap()).await;
        let (_, event) = world.event();
        assert_eq!(
            (event["body"].as_str().unwrap(), event["isBase64Encoded"].as_bool().unwrap()),
            expected,
            "{kind:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn an_event_is_json_whatever_the_client_sends(
        path in "/[a-z%0-9+.~/]{0,20}",
        query in "[ -~&&[^#\" <>`]]{0,30}",
        header in prop::collection::vec(prop_oneof![Just(b'\t'), 32_u8..127, 128_u8..], 0..30),
        cookie in "[ -~]{0,20}",
        body in prop::collection::vec(any::<u8>(), 0..60),
        kind in "text/plain|image/png|[ -~]{0,20}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::start().await;
            world.deploy("h", vec![http_api(&["$default"])], Some(url(UrlAuth::None, InvokeMode::Buffered))).await;
            let Ok(uri) = format!("{path}?{query}").parse::<http::Uri>() else { return };
            for host in ["h.localhost", URL_HOST] {
                let value = http::HeaderValue::from_bytes(&header).unwrap();
                let request = Request::post(uri.clone())
                    .header("host", host)
                    .header("x-any", value)
                    .header("cookie", &cookie)
                    .header("content-type", &kind)
                    .body(Full::from(body.clone()))
                    .unwrap();
                world.send(request).await;
                let (_, event) = world.event();
                let text = event["body"].as_str().unwrap_or_default();
                let sent = match event["isBase64Encoded"].as_bool().unwrap() {
                    true => base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap(),
                    false => text.as_bytes().to_vec(),
                };
                assert_eq!(sent, body);
            }
        });
    }
}
