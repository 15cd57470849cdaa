use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use sonagi_model::function::{InvokeMode, UrlAuth};

use crate::world::{Reply, URL_HOST, World, http_api, url};

const PRELUDE: &str = "application/vnd.awslambda.http-integration-response";

fn ask(host: &str) -> Request<Full<Bytes>> {
    Request::get("/").header("host", host).body(Full::default()).unwrap()
}

fn parts(texts: &[&'static str]) -> Vec<Result<Bytes, ()>> {
    texts.iter().map(|text| Ok(Bytes::from_static(text.as_bytes()))).collect()
}

#[tokio::test]
async fn a_streaming_url_passes_parts_on_with_their_prelude() {
    let world = World::start().await;
    world.deploy("a", vec![], Some(url(UrlAuth::None, InvokeMode::ResponseStream))).await;
    let texts = [
        "{\"statusCode\":418,\"headers\":{\"x-a\":\"1\"},\"cookies\":[\"c=1\"]}\0\0\0",
        "\0\0\0\0\0one",
        "two",
    ];
    world.reply(Reply::Stream { content_type: PRELUDE, parts: parts(&texts) });
    let answered = world.send(ask(URL_HOST)).await;
    assert_eq!((answered.status.as_u16(), answered.text()), (418, "onetwo"));
    assert_eq!(
        (&answered.headers["x-a"], &answered.headers["set-cookie"]),
        (&"1".parse().unwrap(), &"c=1".parse().unwrap())
    );
    assert_eq!(answered.headers["transfer-encoding"], "chunked");
}

#[tokio::test]
async fn a_stream_without_a_prelude_is_the_body() {
    let world = World::start().await;
    world.deploy("a", vec![], Some(url(UrlAuth::None, InvokeMode::ResponseStream))).await;
    world.reply(Reply::Stream { content_type: "text/event-stream", parts: parts(&["a", "b"]) });
    let answered = world.send(ask(URL_HOST)).await;
    assert_eq!((answered.status.as_u16(), answered.text()), (200, "ab"));
    assert_eq!(answered.headers["content-type"], "text/event-stream");
}

#[tokio::test]
async fn fronts_that_do_not_stream_collect_the_answer() {
    let world = World::start().await;
    world.deploy("h", vec![http_api(&["$default"])], None).await;
    world.deploy("a", vec![], Some(url(UrlAuth::None, InvokeMode::Buffered))).await;
    let texts = ["{\"statusCode\":202}\0\0\0\0\0\0\0\0one", "two"];
    for host in ["h.localhost", URL_HOST] {
        world.reply(Reply::Stream { content_type: PRELUDE, parts: parts(&texts) });
        let answered = world.send(ask(host)).await;
        assert_eq!((answered.status.as_u16(), answered.text()), (202, "onetwo"));
        assert_eq!(answered.headers["content-length"], "6");
    }
}

#[tokio::test]
async fn a_stream_that_fails_is_502_before_its_head_and_an_error_after_it() {
    let world = World::start().await;
    world.deploy("a", vec![], Some(url(UrlAuth::None, InvokeMode::ResponseStream))).await;
    for early in [
        vec![Err(())],
        vec![Ok(Bytes::from_static(b"{\"statusCode\"")), Err(())],
        parts(&["{}"]),
        parts(&["[]\0\0\0\0\0\0\0\0"]),
    ] {
        world.reply(Reply::Stream { content_type: PRELUDE, parts: early });
        assert_eq!(world.send(ask(URL_HOST)).await.status, 502);
    }
    let late =
        vec![Ok(Bytes::from_static(b"{}\0\0\0\0\0\0\0\0some")), Ok(Bytes::from_static(b"more")), Err(())];
    world.reply(Reply::Stream { content_type: PRELUDE, parts: late });
    let stream = tokio::net::TcpStream::connect(world.address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await.unwrap();
    tokio::spawn(async move { drop(connection.await) });
    let failed = match sender.send_request(ask(URL_HOST)).await {
        Err(_) => true,
        Ok(response) => response.into_body().collect().await.is_err(),
    };
    assert!(failed);
}

#[tokio::test]
async fn a_slow_client_holds_a_stream_back_and_a_gone_one_does_not_hold_the_function() {
    let world = World::start().await;
    world.deploy("a", vec![], Some(url(UrlAuth::None, InvokeMode::ResponseStream))).await;
    let part = Bytes::from(vec![b'x'; 256 << 10]);
    let count = 256;
    world.reply(Reply::Stream { content_type: "text/plain", parts: vec![Ok(part); count] });
    let answered = world.open(ask(URL_HOST)).await;
    // 64 MiB do not fit into the sockets of a client that does not read.
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    assert!(world.taken() < count as u64);
    drop(answered);
    while world.taken() < count as u64 {
        tokio::task::yield_now().await;
    }
}
