use std::{sync::Arc, time::Duration};

use http::Request;
use http_body_util::Full;
use serde_json::Value;
use sonagi_identity::{
    Keys,
    sigv4::{Body, Scope, SignedRequest, sign},
};
use sonagi_model::{
    Timestamp,
    function::{InvokeMode, UrlAuth},
};

use crate::world::{NOW, Reply, URL_HOST, World, http_api, rest_api, url};

/// An app of each front.
async fn fronts() -> World {
    let world = World::start().await;
    let mut rest = rest_api(&["ANY /x"]);
    rest.id.0 = "rest".into();
    world.deploy("h", vec![http_api(&["$default"])], None).await;
    world.deploy("r", vec![rest], None).await;
    world.deploy("u", vec![], Some(url(UrlAuth::None, InvokeMode::Buffered))).await;
    world
}

#[tokio::test]
async fn a_functions_failure_is_told_in_the_fronts_own_words_and_never_its_text() {
    let world = fronts().await;
    for reply in [Reply::Fail, Reply::Text("nonsense".into()), Reply::Text(r#"{"statusCode":9}"#.into())] {
        world.reply(reply);
        for (host, status, body) in [
            ("h.localhost", 500, r#"{"message":"Internal Server Error"}"#),
            ("r.localhost", 502, r#"{"message": "Internal server error"}"#),
            (URL_HOST, 502, "Internal Server Error"),
        ] {
            let answered = world.get(host, "/x").await;
            assert_eq!((answered.status.as_u16(), answered.text()), (status, body), "{host}");
        }
    }
}

#[tokio::test]
async fn a_function_that_takes_too_long_is_given_up() {
    for (host, seconds, status, body) in [
        ("h.localhost", 30, 503, r#"{"message":"Service Unavailable"}"#),
        ("r.localhost", 29, 504, r#"{"message": "Endpoint request timed out"}"#),
    ] {
        let world = Arc::new(fronts().await);
        world.reply(Reply::Never);
        let asked = tokio::spawn({
            let world = Arc::clone(&world);
            async move { world.get(host, "/x").await }
        });
        world.hanging().await;
        world.clock.advance(Duration::from_secs(seconds - 1)).await;
        assert!(!asked.is_finished());
        world.clock.advance(Duration::from_secs(1)).await;
        let answered = asked.await.unwrap();
        assert_eq!((answered.status.as_u16(), answered.text()), (status, body));
    }
}

#[tokio::test]
async fn a_request_over_the_limit_is_refused_with_413() {
    let world = fronts().await;
    for (host, size) in [("h.localhost", 10 << 20), ("r.localhost", 10 << 20), (URL_HOST, 6 << 20)] {
        let request =
            Request::post("/x").header("host", host).body(Full::from(vec![b'a'; size + 1])).unwrap();
        let answered = world.send(request).await;
        assert_eq!(answered.status, 413, "{host}");
        assert!(answered.text().contains("Request Entity Too Large"));
    }
    // Within the gateway's limit, and over Lambda's.
    let request =
        Request::post("/x").header("host", "h.localhost").body(Full::from(vec![b'a'; 7 << 20])).unwrap();
    assert_eq!(world.send(request).await.status, 413);
    assert_eq!(world.invocations(), 0);
}

#[tokio::test]
async fn a_guarded_function_url_takes_signed_requests_alone() {
    let file =
        "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = 0123456789abcdef\n";
    let world = World::with(Default::default(), Some(file)).await;
    world.deploy("a", vec![], Some(url(UrlAuth::AwsIam, InvokeMode::Buffered))).await;
    let keys = |secret: &str| Keys {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
        secret_access_key: secret.into(),
        session_token: None,
    };
    for (secret, status) in [("0123456789abcdef", 200), ("fedcba9876543210", 403)] {
        let headers = [("host", URL_HOST.as_bytes())];
        let signed = SignedRequest {
            method: "POST",
            path: "/a",
            query: "b=c",
            headers: &headers,
            body: Body::Whole(b"hi"),
        };
        let scope = Scope { region: "us-east-1", service: "lambda" };
        let added = sign(&signed, &keys(secret), scope, Timestamp::from_millis(NOW));
        let mut request = Request::post("/a?b=c").header("host", URL_HOST);
        for (name, value) in added {
            request = request.header(name, value);
        }
        assert_eq!(world.send(request.body(Full::from("hi")).unwrap()).await.status, status);
    }
    let (_, event) = world.event();
    assert_eq!(event["requestContext"]["authorizer"]["iam"]["accessKey"], "AKIAIOSFODNN7EXAMPLE");
    let context = event["requestContext"].as_object().unwrap();
    assert_eq!(context.get("authentication"), Some(&Value::Null));
    let names: Vec<&String> = context["authorizer"]["iam"].as_object().unwrap().keys().collect();
    let wanted =
        ["accessKey", "accountId", "callerId", "cognitoIdentity", "principalOrgId", "userArn", "userId"];
    assert_eq!(names, wanted);
    assert_eq!(event["requestContext"]["accountId"], "000000000000");
    assert_eq!(world.invocations(), 1);
}
