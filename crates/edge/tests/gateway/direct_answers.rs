//! What becomes of an answer that is HTTP already.

use std::{io::Read as _, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::{BodyExt as _, Full};
use sonagi_model::{
    api::Cors,
    function::{InvokeMode, UrlAuth},
    limits::{ANSWER_HEADERS, ANSWER_HEADERS_SIZE, PAYLOAD_SIZE},
};

use crate::world::{Http, HttpReply, Reply, URL_HOST, World, http, http_api, rest_api, url};

const STREAMING_HOST: &str = "s.localhost";

/// Functions that speak HTTP behind every front.
async fn fronts() -> World {
    let world = World::start().await;
    let mut rest = rest_api(&["ANY /x"]);
    rest.id.0 = "rest".into();
    world.deploy_wasm("h", vec![http_api(&["$default"])], None).await;
    world.deploy_wasm("r", vec![rest], None).await;
    world.deploy_wasm("u", vec![], Some(url(UrlAuth::None, InvokeMode::Buffered))).await;
    let mut streaming = url(UrlAuth::None, InvokeMode::ResponseStream);
    streaming.id.0 = "1".repeat(32);
    world.deploy_wasm("s", vec![], Some(streaming)).await;
    world
}

const HOSTS: [&str; 4] = ["h.localhost", "r.localhost", URL_HOST, STREAMING_HOST];

fn whole(text: &'static str) -> HttpReply {
    HttpReply::Whole(Bytes::from_static(text.as_bytes()))
}

fn parts(texts: &[&'static str]) -> HttpReply {
    HttpReply::Parts(texts.iter().map(|text| Ok(Bytes::from_static(text.as_bytes()))).collect())
}

fn head(host: &str) -> Request<Full<Bytes>> {
    Request::head("/x").header("host", host).body(Full::default()).unwrap()
}

/// What every front says of a function that speaks HTTP and failed.
const FAILED: u16 = 502;

#[tokio::test]
async fn an_answer_is_the_response_from_every_front() {
    let world = fronts().await;
    for body in [whole("hello"), parts(&["he", "", "llo"])] {
        let headers =
            [("x-a", "1"), ("x-a", "2"), ("set-cookie", "a=1"), ("set-cookie", "b=2"), ("date", "mine")];
        world.reply(http(418, &headers, body));
        for host in HOSTS {
            let answered = world.get(host, "/x").await;
            assert_eq!((answered.status.as_u16(), answered.text()), (418, "hello"), "{host}");
            let all = |name: &str| answered.headers.get_all(name).iter().cloned().collect::<Vec<_>>();
            assert_eq!(all("x-a"), ["1", "2"]);
            assert_eq!(all("set-cookie"), ["a=1", "b=2"]);
            assert_eq!(all("date"), ["mine"]);
            // Nothing is made up of what the body might be.
            assert!(!answered.headers.contains_key("content-type"), "{host}");
        }
    }
}

#[tokio::test]
async fn what_frames_a_response_is_not_the_functions_to_say() {
    let world = fronts().await;
    let headers = [
        ("transfer-encoding", "chunked, identity"),
        ("connection", "close, x-mine"),
        ("x-mine", "1"),
        ("keep-alive", "timeout=1"),
        ("proxy-connection", "x"),
        ("trailer", "x-a"),
        ("te", "x"),
        ("upgrade", "websocket"),
        ("proxy-authenticate", "Basic"),
        ("apigw-requestid", "forged"),
        ("x-amzn-requestid", "forged"),
    ];
    for length in ["3", "99", "-1", "+5", "5, 5", "nonsense", "99999999999999999999999"] {
        let mut headers = headers.to_vec();
        headers.push(("content-length", length));
        for reply in [whole("hello"), parts(&["hel", "lo"])] {
            world.reply(http(200, &headers, reply));
            for host in ["h.localhost", "r.localhost", URL_HOST] {
                let answered = world.get(host, "/x").await;
                assert_eq!((answered.status.as_u16(), answered.text()), (200, "hello"), "{host} {length}");
                assert_eq!(answered.headers["content-length"], "5");
                for (name, _) in &headers[..9] {
                    assert!(!answered.headers.contains_key(*name), "{host} {name}");
                }
                // The front's own names are the front's to fill.
                let id = if host == "h.localhost" { "apigw-requestid" } else { "x-amzn-requestid" };
                assert!(answered.headers.get_all(id).iter().all(|value| value != "forged"), "{host}");
                assert!(answered.headers.contains_key(id), "{host}");
            }
        }
    }
    // Two lengths are none.
    world.reply(http(200, &[("content-length", "5"), ("content-length", "6")], parts(&["hello"])));
    let answered = world.get(STREAMING_HOST, "/x").await;
    assert_eq!(
        (answered.text(), &answered.headers["transfer-encoding"]),
        ("hello", &"chunked".parse().unwrap())
    );
}

#[tokio::test]
async fn a_streams_announced_length_is_kept_and_held_to() {
    let world = fronts().await;
    world.reply(http(200, &[("content-length", "6")], parts(&["one", "two"])));
    let answered = world.get(STREAMING_HOST, "/x").await;
    assert_eq!((answered.text(), &answered.headers["content-length"]), ("onetwo", &"6".parse().unwrap()));
    // Too short: the client sees an error, and not a shorter answer.
    world.reply(http(200, &[("content-length", "7")], parts(&["one", "two"])));
    let answered =
        world.open(Request::get("/x").header("host", STREAMING_HOST).body(Full::default()).unwrap());
    assert!(answered.await.into_body().collect().await.is_err());
    // Too long at once: it can still be told.
    world.reply(http(200, &[("content-length", "2")], parts(&["one"])));
    assert_eq!(world.get(STREAMING_HOST, "/x").await.status, 502);
    // Too long later: no byte beyond what was announced.
    world.reply(http(200, &[("content-length", "4")], parts(&["one", "two"])));
    let answered =
        world.open(Request::get("/x").header("host", STREAMING_HOST).body(Full::default()).unwrap());
    assert!(answered.await.into_body().collect().await.is_err());
    // Announced, and nothing came.
    world.reply(http(200, &[("content-length", "4")], parts(&[])));
    let answered = world.get(STREAMING_HOST, "/x").await;
    assert_eq!((answered.status.as_u16(), answered.text()), (502, "Internal Server Error"));
}

#[tokio::test]
async fn a_status_that_ends_nothing_is_the_functions_failure() {
    let world = fronts().await;
    for status in [100, 101, 103, 199, 600, 999] {
        world.reply(http(status, &[("upgrade", "websocket"), ("connection", "upgrade")], whole("x")));
        for host in HOSTS {
            let answered = world.get(host, "/x").await;
            assert_eq!(answered.status.as_u16(), FAILED, "{host} {status}");
            assert!(!answered.headers.contains_key("upgrade"));
        }
    }
}

#[tokio::test]
async fn a_status_without_a_body_has_none() {
    let world = fronts().await;
    for status in [204, 205, 304] {
        for body in [whole("hello"), parts(&["hel", "lo"]), whole("")] {
            world.reply(http(status, &[("content-length", "5"), ("etag", "\"a\"")], body));
            for host in HOSTS {
                let answered = world.get(host, "/x").await;
                assert_eq!((answered.status.as_u16(), answered.body.len()), (status, 0), "{host}");
                assert_eq!(answered.headers["etag"], "\"a\"");
                let length = answered.headers.get("content-length");
                assert!(length.is_none_or(|length| status == 205 && length == "0"), "{host} {status}");
                assert!(!answered.headers.contains_key("transfer-encoding"), "{host} {status}");
            }
        }
    }
}

#[tokio::test]
async fn a_head_request_gets_the_head_that_get_would() {
    let world = fronts().await;
    for (body, length) in [
        (whole("hello"), "5"),
        (parts(&["hel", "lo"]), "5"),
        // A function that knows what it is asked sends no body, and says how long it would be.
        (whole(""), "7"),
        (parts(&[]), "7"),
    ] {
        world.reply(http(200, &[("content-length", length), ("content-type", "text/plain")], body));
        for host in HOSTS {
            let answered = world.send(head(host)).await;
            assert_eq!((answered.status.as_u16(), answered.body.len()), (200, 0), "{host}");
            assert_eq!(answered.headers["content-length"], length, "{host}");
        }
    }
}

#[tokio::test]
async fn a_head_request_has_no_body_over_http_2_either() {
    let world = fronts().await;
    world.deploy("event", vec![named("event")], None).await;
    let stream = tokio::net::TcpStream::connect(world.address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(
        hyper_util::rt::TokioExecutor::new(),
        hyper_util::rt::TokioIo::new(stream),
    )
    .await
    .unwrap();
    tokio::spawn(async move { drop(connection.await) });
    for (host, reply) in [
        ("h.localhost", http(200, &[], whole("hello"))),
        (STREAMING_HOST, http(200, &[("content-length", "5")], parts(&["hello"]))),
        ("event.localhost", Reply::Text(r#"{"statusCode":200,"body":"hello"}"#.into())),
    ] {
        world.reply(reply);
        let request = Request::head(format!("http://{host}/x")).body(Full::<Bytes>::default()).unwrap();
        let answered = sender.send_request(request).await.unwrap();
        assert_eq!(answered.headers()["content-length"], "5", "{host}");
        assert!(answered.into_body().collect().await.unwrap().to_bytes().is_empty(), "{host}");
    }
    let given = world.get("h.localhost", "/").await;
    assert_eq!(given.status, FAILED, "the last reply was an event's");
}

fn named(id: &str) -> sonagi_model::api::Api {
    let mut api = http_api(&["$default"]);
    api.id.0 = id.into();
    api
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused_where_it_must_be_whole() {
    let world = fronts().await;
    let half = Bytes::from(vec![b'x'; PAYLOAD_SIZE / 2]);
    let over = Bytes::from(vec![b'x'; PAYLOAD_SIZE + 1]);
    let fits = HttpReply::Parts(vec![Ok(half.clone()), Ok(half.clone())]);
    let one_more = HttpReply::Parts(vec![Ok(half.clone()), Ok(half.clone()), Ok(Bytes::from_static(b"x"))]);
    for host in HOSTS {
        let streams = host == STREAMING_HOST;
        for (body, passes) in [
            (fits.clone(), true),
            (HttpReply::Whole(over.slice(1..)), true),
            (one_more.clone(), streams),
            (HttpReply::Whole(over.clone()), streams),
        ] {
            world.reply(http(200, &[], body));
            let answered = world.get(host, "/x").await;
            assert_eq!(answered.status.as_u16(), if passes { 200 } else { FAILED }, "{host}");
            assert_eq!(answered.body.len() >= PAYLOAD_SIZE, passes, "{host}");
        }
    }
}

#[tokio::test]
async fn a_body_that_breaks_is_a_clean_failure_until_a_byte_of_it_was_sent() {
    let world = fronts().await;
    for host in HOSTS {
        for body in [vec![Err(())], vec![Ok(Bytes::new()), Err(())]] {
            world.reply(http(200, &[("x-a", "1")], HttpReply::Parts(body)));
            let answered = world.get(host, "/x").await;
            assert_eq!(answered.status.as_u16(), FAILED, "{host}");
            assert!(!answered.headers.contains_key("x-a"));
        }
        let late = HttpReply::Parts(vec![Ok(Bytes::from_static(b"some")), Err(())]);
        world.reply(http(200, &[], late));
        let request = Request::get("/x").header("host", host).body(Full::default()).unwrap();
        let answered = world.open(request).await;
        if host == STREAMING_HOST {
            assert_eq!(answered.status(), 200);
            assert!(answered.into_body().collect().await.is_err());
        } else {
            assert_eq!(answered.status().as_u16(), FAILED, "{host}");
            assert!(answered.into_body().collect().await.is_ok());
        }
    }
}

#[tokio::test]
async fn headers_without_end_are_refused() {
    let world = fronts().await;
    let many = |count: usize| {
        let mut headers = HeaderMap::new();
        for _ in 0..count {
            headers.append("a", HeaderValue::from_static("b"));
        }
        headers
    };
    let large = |size: usize| {
        HeaderMap::from_iter([(
            http::header::ETAG,
            HeaderValue::from_bytes(&vec![b'x'; size - "etag".len()]).unwrap(),
        )])
    };
    for host in HOSTS {
        for (headers, passes) in [
            (many(ANSWER_HEADERS + 1), false),
            (many(32_768), false),
            (large(ANSWER_HEADERS_SIZE + 1), false),
            (large(ANSWER_HEADERS_SIZE), true),
        ] {
            world.reply(Reply::Http(Http { status: 200, headers, body: whole("x") }));
            assert_eq!(world.status(host, "/x").await.as_u16(), if passes { 200 } else { FAILED }, "{host}");
        }
    }
}

#[tokio::test]
async fn an_answer_must_be_of_the_kind_that_was_asked_for() {
    let world = fronts().await;
    world.deploy("event", vec![named("event")], None).await;
    world.reply(http(200, &[], whole("x")));
    assert_eq!(world.get("event.localhost", "/").await.status, 500);
    for reply in [
        Reply::Text(r#"{"statusCode":200}"#.into()),
        Reply::Stream { content_type: "text/plain", parts: vec![Ok(Bytes::from_static(b"x"))] },
        Reply::Fail,
    ] {
        world.reply(reply);
        for (host, status, body) in [
            ("h.localhost", 502, r#"{"message":"Internal Server Error"}"#),
            ("r.localhost", 502, r#"{"message": "Internal server error"}"#),
            (URL_HOST, 502, "Internal Server Error"),
            (STREAMING_HOST, 502, "Internal Server Error"),
        ] {
            let answered = world.get(host, "/x").await;
            assert_eq!((answered.status.as_u16(), answered.text()), (status, body), "{host}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_to_its_end_is_given_up() {
    for (host, seconds, status) in [("h.localhost", 30, 503), ("r.localhost", 29, 504)] {
        for reply in [Reply::Never, http(200, &[], HttpReply::Stuck(Bytes::from_static(b"x")))] {
            let world = Arc::new(fronts().await);
            world.reply(reply);
            let asked = tokio::spawn({
                let world = Arc::clone(&world);
                async move { world.get(host, "/x").await }
            });
            world.hanging().await;
            world.clock.advance(Duration::from_secs(seconds - 1)).await;
            assert!(!asked.is_finished());
            world.clock.advance(Duration::from_secs(1)).await;
            assert_eq!(asked.await.unwrap().status.as_u16(), status, "{host}");
        }
    }
}

#[tokio::test]
async fn a_streams_first_part_is_there_before_its_last() {
    let world = fronts().await;
    world.reply(http(200, &[], HttpReply::Stuck(Bytes::from_static(b"first"))));
    let request = Request::get("/x").header("host", STREAMING_HOST).body(Full::default()).unwrap();
    let mut answered = world.open(request).await;
    let part = answered.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(part, "first");
}

#[tokio::test]
async fn a_slow_client_holds_a_body_back_and_a_gone_one_does_not_hold_the_function() {
    let world = fronts().await;
    let part = Bytes::from(vec![b'x'; 256 << 10]);
    let count = 256;
    world.reply(http(200, &[], HttpReply::Parts(vec![Ok(part); count])));
    let request = Request::get("/x").header("host", STREAMING_HOST).body(Full::default()).unwrap();
    let answered = world.open(request).await;
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    assert!(world.taken() < count as u64);
    drop(answered);
    while world.taken() < count as u64 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn cross_origin_rules_and_compression_are_as_for_all() {
    let world = World::start().await;
    let mut http_front = http_api(&["$default"]);
    http_front.cors = Some(Cors { allow_origins: vec!["https://a.example".into()], ..Cors::default() });
    world.deploy_wasm("h", vec![http_front], None).await;
    let text: &'static str = "abc ".repeat(1_000).leak();
    let headers = [
        ("access-control-allow-origin", "*"),
        ("access-control-max-age", "1"),
        ("content-type", "text/plain"),
        ("etag", "\"a\""),
    ];
    for body in [whole(text), parts(&[text])] {
        world.reply(http(200, &headers, body));
        let request = Request::get("/")
            .header("host", "h.localhost")
            .header("origin", "https://a.example")
            .header("accept-encoding", "deflate")
            .header("accept-encoding", "gzip");
        let answered = world.send(request.body(Full::default()).unwrap()).await;
        assert_eq!(answered.headers["access-control-allow-origin"], "https://a.example");
        assert!(!answered.headers.contains_key("access-control-max-age"));
        assert_eq!(answered.headers["content-encoding"], "gzip");
        assert_eq!(answered.headers["etag"], "W/\"a\"");
        let mut unpacked = String::new();
        flate2::read::GzDecoder::new(&answered.body[..]).read_to_string(&mut unpacked).unwrap();
        assert_eq!(unpacked, text);
    }
    let before = world.invocations();
    let preflight = Request::options("/")
        .header("host", "h.localhost")
        .header("origin", "https://a.example")
        .header("access-control-request-method", "GET");
    assert_eq!(world.send(preflight.body(Full::default()).unwrap()).await.status, 204);
    assert_eq!(world.invocations(), before);
}
