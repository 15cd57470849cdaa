use std::io::Read as _;

use http::Request;
use http_body_util::Full;
use sonagi_edge::gateway::{Compression, Config};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::{World, http_api, rest_api};

#[tokio::test]
async fn an_answer_becomes_a_response() {
    let world = World::start().await;
    world.deploy("h", vec![http_api(&["$default"])], None).await;
    world.text(
        r#"{"statusCode":201,"headers":{"X-A":"1","Transfer-Encoding":"chunked","Content-Length":"99"},
            "cookies":["a=1","b=2"],"body":"aGk=","isBase64Encoded":true}"#,
    );
    let answered = world.get("h.localhost", "/").await;
    assert_eq!((answered.status.as_u16(), answered.text()), (201, "hi"));
    assert_eq!(answered.headers["x-a"], "1");
    assert_eq!(answered.headers["content-length"], "2");
    assert!(!answered.headers.contains_key("transfer-encoding"));
    assert_eq!(answered.headers.get_all("set-cookie").iter().count(), 2);
}

#[tokio::test]
async fn a_head_request_gets_a_length_and_no_body() {
    let world = World::start().await;
    world.deploy("h", vec![http_api(&["$default"])], None).await;
    world.text(r#"{"statusCode":200,"body":"hello"}"#);
    let answered =
        world.send(Request::head("/").header("host", "h.localhost").body(Full::default()).unwrap()).await;
    assert_eq!((answered.status.as_u16(), answered.body.len()), (200, 0));
    assert_eq!(answered.headers["content-length"], "5");
}

#[tokio::test]
async fn a_large_text_is_compressed_for_clients_that_take_it() {
    let world = World::start().await;
    let mut rest = rest_api(&["GET /"]);
    rest.id.0 = "rest".into();
    world.deploy("h", vec![http_api(&["$default"])], None).await;
    world.deploy("r", vec![rest], None).await;
    let text = "abc ".repeat(1_000);
    world.text(&format!(r#"{{"statusCode":200,"headers":{{"content-type":"text/plain"}},"body":"{text}"}}"#));
    let ask = |host: &str, accept: &str| {
        Request::get("/")
            .header("host", host)
            .header("accept-encoding", accept)
            .body(Full::default())
            .unwrap()
    };
    let packed = world.send(ask("h.localhost", "gzip")).await;
    assert_eq!(packed.headers["content-encoding"], "gzip");
    assert_eq!(packed.headers["vary"], "accept-encoding");
    let mut unpacked = String::new();
    flate2::read::GzDecoder::new(&packed.body[..]).read_to_string(&mut unpacked).unwrap();
    assert_eq!(unpacked, text);
    let packed = world.send(ask("h.localhost", "gzip, br")).await;
    assert_eq!(packed.headers["content-encoding"], "br");
    let plain = world.send(ask("h.localhost", "identity")).await;
    assert!(!plain.headers.contains_key("content-encoding") && plain.headers["vary"] == "accept-encoding");
    assert_eq!(plain.text(), text);
    // A REST API compresses if it says so.
    assert!(!world.send(ask("r.localhost", "gzip")).await.headers.contains_key("content-encoding"));

    let world = World::with(Config { compression: Compression::Never, ..Config::default() }, None).await;
    world.deploy("h", vec![http_api(&["$default"])], None).await;
    world.text(&format!(r#"{{"statusCode":200,"headers":{{"content-type":"text/plain"}},"body":"{text}"}}"#));
    assert!(!world.send(ask("h.localhost", "gzip")).await.headers.contains_key("content-encoding"));
}

async fn raw(world: &World, request: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(world.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn strange_targets_and_hosts_are_understood_or_refused() {
    let world = World::start().await;
    world.deploy("h", vec![http_api(&["GET /pets"])], None).await;
    let mut other = http_api(&[]);
    other.id.0 = "other".into();
    world.deploy("other", vec![other], None).await;
    let end = "connection: close\r\n\r\n";
    for (head, status) in [
        // The target's own host overrules the header.
        ("GET http://h.localhost/pets HTTP/1.1\r\nhost: other.localhost\r\n", "200"),
        ("GET /pets HTTP/1.1\r\nhost: h.localhost\r\nhost: other.localhost\r\n", "400"),
        ("GET /pets HTTP/1.1\r\n", "400"),
        ("OPTIONS * HTTP/1.1\r\nhost: h.localhost\r\n", "400"),
        ("CONNECT h.localhost:80 HTTP/1.1\r\nhost: h.localhost\r\n", "400"),
        ("GET /%70ets HTTP/1.1\r\nhost: h.localhost\r\n", "200"),
        ("GET /pets%00 HTTP/1.1\r\nhost: h.localhost\r\n", "404"),
        ("GET /../pets HTTP/1.1\r\nhost: h.localhost\r\n", "404"),
    ] {
        let answer = raw(&world, &format!("{head}{end}")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{head:?}: {answer}");
    }
}

#[tokio::test]
async fn http_2_is_spoken_to_clients_that_begin_with_it() {
    let world = World::start().await;
    world.deploy("h", vec![http_api(&["GET /pets"])], None).await;
    let stream = tokio::net::TcpStream::connect(world.address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(
        hyper_util::rt::TokioExecutor::new(),
        hyper_util::rt::TokioIo::new(stream),
    )
    .await
    .unwrap();
    tokio::spawn(async move { drop(connection.await) });
    let request = Request::get("http://h.localhost:8080/pets").body(Full::<bytes::Bytes>::default()).unwrap();
    let answered = sender.send_request(request).await.unwrap();
    assert_eq!((answered.status().as_u16(), answered.version()), (200, http::Version::HTTP_2));
    let (_, event) = world.event();
    assert_eq!(event["headers"]["host"], "h.localhost:8080");
}
