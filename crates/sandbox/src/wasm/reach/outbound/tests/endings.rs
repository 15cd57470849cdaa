//! Servers that do not answer as they should.

use std::time::Duration;

use http::Request;
use http_body_util::BodyExt as _;
use sonagi_model::limits;
use tokio::io::AsyncWriteExt as _;
use wasmtime_wasi_http::{Error, RequestOptions};

use super::{
    World, get, send,
    servers::{raw, saying},
    text,
};

async fn failure(answer: &'static [u8]) -> Error {
    let (world, address) = (World::new(), saying(answer).await);
    let mut guest = world.guest_of(address);
    let failed = match get(&mut guest, &format!("http://{address}/")).await {
        Ok(answer) => text(answer).await.unwrap_err(),
        Err(error) => error,
    };
    world.until(|world| world.outbound.0.pool.is_empty()).await;
    failed
}

#[tokio::test]
async fn an_answer_that_is_cut_off_or_no_http_is_an_error_that_says_so() {
    for incomplete in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel",
    ] {
        let failed = failure(incomplete).await;
        assert!(matches!(failed, Error::HttpResponseIncomplete), "{failed}: {}", incomplete.escape_ascii());
    }
    for garbage in [
        &b"SSH-2.0-OpenSSH_9.6\r\n\r\n"[..],
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n12",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let failed = failure(garbage).await;
        assert!(matches!(failed, Error::HttpProtocolError), "{failed}: {}", garbage.escape_ascii());
    }
    let failed =
        failure(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n").await;
    assert!(matches!(failed, Error::HttpUpgradeFailed), "{failed}");
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    for line in [format!("x: {}\r\n", "a".repeat(1_000)), "x: a\r\n".into(), "a".repeat(1_000)] {
        let world = World::new();
        let address = raw(move |mut stream| {
            let line = line.clone();
            async move {
                drop(stream.write_all(b"HTTP/1.1 200 OK\r\n").await);
                for _ in 0..200_000 / line.len() {
                    if stream.write_all(line.as_bytes()).await.is_err() {
                        return;
                    }
                }
                drop(stream.write_all(b"\r\n\r\n").await);
            }
        })
        .await;
        let failed = get(&mut world.guest_of(address), &format!("http://{address}/")).await.unwrap_err();
        assert!(matches!(failed, Error::HttpResponseHeaderSectionSize(Some(65_536))), "{failed}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let world = World::new();
    let (got, mut was_got) = tokio::sync::mpsc::unbounded_channel();
    let address = raw(move |stream| {
        let got = got.clone();
        async move {
            got.send(()).unwrap();
            std::future::pending::<()>().await;
            drop(stream);
        }
    })
    .await;
    for (options, wait) in [
        (None, limits::OUTBOUND_FIRST_BYTE_TIMEOUT_DEFAULT),
        (
            Some(RequestOptions {
                first_byte_timeout: Some(Duration::from_millis(20)),
                ..Default::default()
            }),
            Duration::from_millis(20),
        ),
        (
            Some(RequestOptions { first_byte_timeout: Some(Duration::MAX), ..Default::default() }),
            limits::OUTBOUND_FIRST_BYTE_TIMEOUT_MAX,
        ),
    ] {
        let mut guest = world.guest_of(address);
        let uri = format!("http://{address}/");
        let sent = send(&mut guest, Request::get(&uri), options);
        let time = async {
            was_got.recv().await.unwrap();
            world.clock.advance(wait - Duration::from_millis(1)).await;
            world.clock.sleepers()
        };
        tokio::pin!(sent);
        let waiting = tokio::select! {
            early = &mut sent => panic!("{early:?}"),
            waiting = time => waiting,
        };
        assert!(waiting > 0);
        let (ended, ()) = tokio::join!(sent, world.clock.advance(Duration::from_millis(1)));
        assert!(matches!(ended, Err(Error::ConnectionReadTimeout)), "{ended:?}");
        world.until(|world| world.outbound.0.pool.is_empty()).await;
    }
}

#[tokio::test]
async fn an_answer_that_pauses_for_too_long_is_given_up() {
    let world = World::new();
    let address = raw(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345").await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let mut guest = world.guest_of(address);
    let pause = Duration::from_secs(5);
    let options = RequestOptions { between_bytes_timeout: Some(pause), ..Default::default() };
    let answer = send(&mut guest, Request::get(format!("http://{address}/")), Some(options)).await.unwrap();
    let mut body = answer.into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "12345");
    let (ended, ()) = tokio::join!(body.frame(), world.advance_sleepers(pause));
    assert!(matches!(ended, Some(Err(Error::ConnectionReadTimeout))), "{ended:?}");
    assert!(body.frame().await.is_none(), "it has ended");
    drop(body);
    world.until(|world| world.outbound.0.pool.is_empty()).await;
}

#[tokio::test]
async fn a_name_that_never_resolves_is_given_up_and_counts_while_it_is_looked_up() {
    let world = World::new();
    let mut guest = world.guest("shop", &["silent.example"]);
    let options = RequestOptions { connect_timeout: Some(Duration::from_secs(1)), ..Default::default() };
    for _ in 0..limits::OUTBOUND_LOOKUPS_APP {
        let (ended, ()) = tokio::join!(
            send(&mut guest, Request::get("https://silent.example/"), Some(options)),
            world.advance_sleepers(Duration::from_secs(1))
        );
        assert!(matches!(ended, Err(Error::DnsTimeout)), "{ended:?}");
    }
    let ended = get(&mut guest, "https://silent.example/").await;
    assert!(matches!(ended, Err(Error::ConnectionLimitReached)), "{ended:?}");
    let ended = get(&mut world.guest("other", &["nowhere.example"]), "https://nowhere.example/").await;
    assert!(matches!(ended, Err(Error::DnsError { .. })), "another app's are another's: {ended:?}");
}
