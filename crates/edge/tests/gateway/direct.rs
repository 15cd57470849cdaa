//! What a function is given that speaks HTTP.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::{BodyExt as _, Full, StreamBody};
use proptest::prelude::*;
use sonagi_identity::{
    Keys,
    sigv4::{Body, Scope, SignedRequest, sign},
};
use sonagi_model::{
    Timestamp,
    api::{ApiKind, PayloadFormat},
    function::{InvokeMode, UrlAuth},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::world::{HttpReply, NOW, URL_HOST, World, api, http, http_api, rest_api, url};

async fn world() -> World {
    let world = World::start().await;
    world.reply(http(200, &[], HttpReply::Whole(Bytes::from_static(b"hi"))));
    world
}

fn lines(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
    let mut lines: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    lines.sort_unstable();
    lines
}

#[tokio::test]
async fn a_request_is_handed_over_as_the_client_sent_it() {
    let world = world().await;
    let mut http = http_api(&["POST /pets/{id}/{rest+}"]);
    http.stage_variables.insert("Color".into(), "50% red\u{e9}".into());
    world.deploy_wasm("petshop", vec![http], None).await;
    let request = Request::post("/pets/a%20b/c%2Fd/e?x=1&y=a+b%21&x=2&z")
        .header("host", "petshop.localhost:8080")
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .header("x-latin", HeaderValue::from_bytes(b"caf\xe9").unwrap())
        .header("x-forwarded-for", "10.0.0.1")
        .header("content-type", "application/octet-stream")
        .header("te", "trailers")
        .header("connection", "x-mine, keep-alive")
        .header("x-mine", "1")
        .header("proxy-authorization", "Basic eA==")
        .body(Full::from(&b"\0\xff"[..]))
        .unwrap();
    assert_eq!(world.send(request).await.text(), "hi");
    let mut given = world.given();
    assert_eq!(given.method(), "POST");
    assert_eq!(*given.uri(), "http://petshop.localhost:8080/pets/a%20b/c%2Fd/e?x=1&y=a+b%21&x=2&z");
    assert_eq!(given.body().as_ref(), b"\0\xff");
    let id = given.headers_mut().remove("sonagi-request-id").unwrap();
    assert!(id.to_str().unwrap().parse::<sonagi_model::RequestId>().is_ok());
    let trace = given.headers_mut().remove("x-amzn-trace-id").unwrap();
    assert!(trace.to_str().unwrap().starts_with("Root=1-5e6a879e-"));
    let port = world.address.port().to_string();
    let expected: Vec<(&str, &[u8])> = vec![
        ("content-length", b"2"),
        ("content-type", b"application/octet-stream"),
        ("cookie", b"a=1"),
        ("cookie", b"b=2"),
        ("host", b"petshop.localhost:8080"),
        ("sonagi-path-id", b"a%20b"),
        ("sonagi-path-rest", b"c%2Fd/e"),
        ("sonagi-route", b"POST /pets/{id}/{rest+}"),
        ("sonagi-source-ip", b"127.0.0.1"),
        ("sonagi-stage-variable-color", b"50%25%20red%C3%A9"),
        ("x-forwarded-for", b"10.0.0.1, 127.0.0.1"),
        ("x-forwarded-port", port.as_bytes()),
        ("x-forwarded-proto", b"http"),
        ("x-latin", b"caf\xe9"),
    ];
    assert_eq!(lines(given.headers()), expected);
}

#[tokio::test]
async fn a_stage_in_the_path_is_told_apart_from_the_path() {
    let world = world().await;
    let mut rest = rest_api(&["GET /pets", "GET /", "GET /{any+}"]);
    rest.id.0 = "rest".into();
    let routes = ["GET /pets", "GET /", "GET /{any+}"];
    let staged = api(ApiKind::Http, "prod", PayloadFormat::V2, &routes);
    world.deploy_wasm("r", vec![rest], None).await;
    world.deploy_wasm("h", vec![staged], None).await;
    for (host, stage) in [("r.localhost", "Prod"), ("h.localhost", "prod")] {
        for (path, shown) in [
            (format!("/{stage}/pets?a=%20"), "/pets?a=%20"),
            ("/pets".into(), "/pets"),
            (format!("/{stage}"), "/"),
            (format!("/{stage}?a"), "/?a"),
            (format!("/{stage}//x%2f"), "//x%2f"),
            (format!("/{stage}uction"), if stage == "prod" { "/production" } else { "/Production" }),
        ] {
            assert_eq!(world.get(host, &path).await.status, 200, "{host} {path}");
            let given = world.given();
            assert_eq!(given.uri().path_and_query().unwrap(), shown, "{host} {path}");
            assert_eq!(given.headers()["sonagi-stage"], stage);
        }
    }
    assert!(!world.given().headers().contains_key("content-length"));
}

#[tokio::test]
async fn no_client_can_say_what_only_the_gateway_says() {
    let world = world().await;
    world.deploy_wasm("h", vec![http_api(&["$default"])], None).await;
    world.deploy_wasm("u", vec![], Some(url(UrlAuth::None, InvokeMode::Buffered))).await;
    for (host, route) in [("h.localhost", Some("$default")), (URL_HOST, None)] {
        let mut request = Request::get("/").header("host", host);
        for name in [
            "sonagi-request-id",
            "Sonagi-Source-Ip",
            "SONAGI-ROUTE",
            "sonagi-stage",
            "sonagi-path-id",
            "sonagi-caller-arn",
            "sonagi-anything",
            "sonagi-",
            // Interfaces after CGI make one of both spellings.
            "sonagi_source_ip",
            "sonagi_caller-arn",
            // By these a component tells an event from a request.
            "lambda-runtime-aws-request-id",
            "Lambda-Runtime-Function-Error-Type",
            "lambda_runtime_aws_request_id",
            "lambda-runtime_deadline-ms",
            "lambda-runtime-",
        ] {
            request = request.header(name, "forged").header(name, "twice");
        }
        request = request
            .header("sonagi", "mine")
            .header("sonagis-x", "mine")
            .header("lambda-runtimes", "mine")
            .header("ce-type", "mine");
        // Nor by having the true ones taken away.
        request = request.header("connection", "sonagi-source-ip, x-forwarded-for, x-amzn-trace-id");
        world.send(request.body(Full::default()).unwrap()).await;
        let given = world.given();
        let headers = given.headers();
        assert!(headers.values().all(|value| value != "forged" && value != "twice"), "{headers:?}");
        assert_eq!(headers["sonagi-source-ip"], "127.0.0.1");
        assert_eq!(headers["x-forwarded-for"], "127.0.0.1");
        assert_eq!(headers.get("sonagi-route").map(|value| value.to_str().unwrap()), route);
        assert!(headers.contains_key("x-amzn-trace-id"));
        // CloudEvents from outside are good HTTP.
        for name in ["sonagi", "sonagis-x", "lambda-runtimes", "ce-type"] {
            assert_eq!(headers[name], "mine", "{name}");
        }
    }
}

#[tokio::test]
async fn a_guarded_url_says_who_signed() {
    let file =
        "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = 0123456789abcdef\n";
    let world = World::with(Default::default(), Some(file)).await;
    world.reply(http(200, &[], HttpReply::Whole(Bytes::new())));
    world.deploy_wasm("a", vec![], Some(url(UrlAuth::AwsIam, InvokeMode::Buffered))).await;
    let headers = [("host", URL_HOST.as_bytes())];
    let signed =
        SignedRequest { method: "GET", path: "/a", query: "b=c", headers: &headers, body: Body::Whole(b"") };
    let keys = Keys {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
        secret_access_key: "0123456789abcdef".into(),
        session_token: None,
    };
    let scope = Scope { region: "us-east-1", service: "lambda" };
    let mut request = Request::get("/a?b=c").header("host", URL_HOST).header("sonagi-caller-arn", "forged");
    for (name, value) in sign(&signed, &keys, scope, Timestamp::from_millis(NOW)) {
        request = request.header(name, value);
    }
    assert_eq!(world.send(request.body(Full::default()).unwrap()).await.status, 200);
    let given = world.given();
    assert_eq!(given.headers()["sonagi-caller-access-key"], "AKIAIOSFODNN7EXAMPLE");
    assert_eq!(given.headers()["sonagi-caller-account"], "000000000000");
    for name in ["sonagi-caller-arn", "sonagi-caller-id"] {
        assert_eq!(given.headers().get_all(name).iter().count(), 1, "{name}");
        assert_ne!(given.headers()[name], "forged");
    }
    assert_eq!(world.get(URL_HOST, "/a").await.status, 403);
}

#[tokio::test]
async fn a_body_has_its_length_however_it_came() {
    let world = world().await;
    world.deploy_wasm("h", vec![http_api(&["$default"])], None).await;
    let stream = tokio::net::TcpStream::connect(world.address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await.unwrap();
    tokio::spawn(async move { drop(connection.await) });
    let mut trailers = HeaderMap::new();
    trailers.insert("sonagi-route", HeaderValue::from_static("forged"));
    let frames = [
        Ok::<_, std::convert::Infallible>(http_body::Frame::data(Bytes::from_static(b"ab"))),
        Ok(http_body::Frame::data(Bytes::from_static(b"cde"))),
        Ok(http_body::Frame::trailers(trailers)),
    ];
    let body = StreamBody::new(futures::stream::iter(frames));
    let request = Request::post("/")
        .header("host", "h.localhost")
        .header("trailer", "sonagi-route")
        .body(body)
        .unwrap();
    let answered = sender.send_request(request).await.unwrap();
    assert_eq!(answered.into_body().collect().await.unwrap().to_bytes(), "hi");
    let given = world.given();
    assert_eq!(given.body(), "abcde");
    assert_eq!(given.headers()["content-length"], "5");
    assert_eq!(given.headers()["sonagi-route"], "$default");
    for name in ["transfer-encoding", "trailer"] {
        assert!(!given.headers().contains_key(name), "{name}");
    }
}

async fn raw(world: &World, request: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(world.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_host_is_one_that_a_uri_can_name() {
    let world = world().await;
    world.deploy_wasm("h", vec![http_api(&["$default"])], None).await;
    let local = world.address.to_string();
    let end = "connection: close\r\n\r\n";
    for (head, authority) in [
        ("GET /x HTTP/1.1\r\nhost: h.localhost:1\r\n", Some("h.localhost:1")),
        ("GET /x HTTP/1.1\r\nhost: H.LocalHost\r\n", Some("H.LocalHost")),
        ("GET /x HTTP/1.1\r\nhost: [::1]:80\r\n", Some("[::1]:80")),
        ("GET http://h.localhost/x HTTP/1.1\r\nhost: other\r\n", Some("h.localhost")),
        ("GET http://me:pw@h.localhost/x HTTP/1.1\r\nhost: other\r\n", Some("h.localhost")),
        ("GET /x HTTP/1.0\r\n", Some(local.as_str())),
        ("GET /x HTTP/1.1\r\nhost: a b\r\n", None),
        ("GET /x HTTP/1.1\r\nhost: me@h.localhost\r\n", None),
        ("GET /x HTTP/1.1\r\nhost: h.localhost/evil\r\n", None),
    ] {
        let answer = raw(&world, &format!("{head}{end}")).await;
        match authority {
            Some(authority) => {
                assert!(answer.contains(" 200 "), "{head:?}: {answer}");
                let given = world.given();
                assert_eq!(given.uri().authority().unwrap().as_str(), authority, "{head:?}");
                assert_eq!(given.uri().path(), "/x", "{head:?}");
                let host = given.headers().get("host");
                assert!(host.is_none_or(|host| host == authority), "{head:?}: {host:?}");
            }
            None => assert!(answer.contains(" 400 "), "{head:?}: {answer}"),
        }
    }
}

#[tokio::test]
async fn a_body_over_the_limit_never_reaches_the_function() {
    let world = world().await;
    world.deploy_wasm("h", vec![http_api(&["$default"])], None).await;
    world.deploy_wasm("u", vec![], Some(url(UrlAuth::None, InvokeMode::ResponseStream))).await;
    for (host, size) in [("h.localhost", 10 << 20), ("h.localhost", 6 << 20), (URL_HOST, 6 << 20)] {
        let body = Full::from(vec![b'a'; size + 1]);
        let answered = world.send(Request::post("/x").header("host", host).body(body).unwrap()).await;
        assert_eq!(answered.status, 413, "{host} {size}");
    }
    assert_eq!(world.invocations(), 0);
    let body = Full::from(vec![b'a'; 6 << 20]);
    let answered = world.send(Request::post("/x").header("host", URL_HOST).body(body).unwrap()).await;
    assert_eq!(answered.status, 200);
    assert_eq!(world.given().body().len(), 6 << 20);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_client_sends_arrives_and_claims_nothing(
        path in "[!-\"$-~\u{e9}]{0,40}",
        lines in prop::collection::vec(("(sonagi[-_]|lambda[-_]runtime[-_])?[a-z_-]{1,12}", "[ -~\u{e9}]{0,20}"), 0..20),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = world().await;
            world.deploy_wasm("h", vec![http_api(&["GET /p/{all+}", "$default"])], None).await;
            let mut head = format!("GET /p/{path} HTTP/1.1\r\nhost: h.localhost\r\nconnection: close\r\n");
            for (name, value) in &lines {
                head.push_str(&format!("x{name}: {value}\r\n{name}: forged\r\n"));
            }
            let answer = raw(&world, &format!("{head}\r\n")).await;
            if answer.starts_with("HTTP/1.1 200") {
                let given = world.given();
                for (name, value) in given.headers() {
                    let plain = name.as_str().replace('_', "-");
                    if plain.starts_with("sonagi-") || plain.starts_with("lambda-runtime-") {
                        assert_ne!(value, "forged", "{name}");
                    }
                }
                assert_eq!(given.uri().authority().unwrap(), "h.localhost");
            } else {
                // Not HTTP; that was said, and nothing ran.
                assert!(answer.starts_with("HTTP/1.1 4"), "{head:?}: {answer}");
                assert_eq!(world.invocations(), 0);
            }
        });
    }
}
