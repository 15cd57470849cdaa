//! Which connections are used again, and for how long they are kept.

use sonagi_model::limits;
use tokio::io::AsyncWriteExt as _;

use super::{
    World, get,
    servers::{Server, raw},
    text,
};

#[tokio::test]
async fn an_app_uses_its_connection_again_and_no_other_app_does() {
    let (world, server) = (World::new(), Server::start().await);
    let uri = format!("http://{}/", server.address);
    for _ in 0..5 {
        // Another store each time, as of another invocation.
        let answer = get(&mut world.guest_of(server.address), &uri).await.unwrap();
        assert_eq!(text(answer).await.unwrap(), "hello");
        world.until(|world| world.outbound.0.pool.idle() == 1).await;
    }
    assert_eq!(server.accepted(), 1);
    let mut other = world.guest("other", &[&format!("http://{}", server.address)]);
    text(get(&mut other, &uri).await.unwrap()).await.unwrap();
    world.until(|world| world.outbound.0.pool.idle() == 2).await;
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn a_connection_that_another_functions_rules_allowed_is_checked_again() {
    let (world, server) = (World::new(), Server::start().await);
    let port = server.address.port();
    world.names.is("api.example", &[&["127.0.0.1"]]);
    let uri = format!("http://api.example:{port}/");
    let mut trusting = world.guest("shop", &[&format!("private:http://api.example:{port}")]);
    text(get(&mut trusting, &uri).await.unwrap()).await.unwrap();
    world.until(|world| world.outbound.0.pool.idle() == 1).await;
    let mut strict = world.guest("shop", &[&format!("http://api.example:{port}")]);
    let refused = get(&mut strict, &uri).await.unwrap_err();
    assert!(matches!(refused, wasmtime_wasi_http::Error::DestinationIpProhibited), "{refused}");
    assert_eq!(text(get(&mut trusting, &uri).await.unwrap()).await.unwrap(), "hello");
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_closed_after_a_while() {
    let (world, server) = (World::new(), Server::start().await);
    text(get(&mut world.guest_of(server.address), &format!("http://{}/", server.address)).await.unwrap())
        .await
        .unwrap();
    world.until(|world| world.outbound.0.pool.idle() == 1).await;
    world.until(|world| world.clock.sleepers() > 0).await;
    world.clock.advance(limits::OUTBOUND_IDLE_TIME - std::time::Duration::from_secs(1)).await;
    assert_eq!((world.outbound.0.pool.idle(), server.open()), (1, 1));
    world.clock.advance(std::time::Duration::from_secs(1)).await;
    assert!(world.outbound.0.pool.is_empty());
    world.until(|_| server.open() == 0).await;
}

#[tokio::test]
async fn no_more_idle_connections_are_kept_than_the_limit() {
    let (world, server) = (World::new(), Server::start().await);
    // So large that a connection is busy until its answer has been read.
    let uri = format!("http://{}/large", server.address);
    let mut guest = world.guest_of(server.address);
    let mut answers = Vec::new();
    for _ in 0..limits::OUTBOUND_IDLE_APP + 5 {
        answers.push(get(&mut guest, &uri).await.unwrap());
    }
    assert_eq!(server.accepted(), answers.len());
    for answer in answers {
        text(answer).await.unwrap();
    }
    world.until(|_| server.open() == limits::OUTBOUND_IDLE_APP).await;
    assert_eq!(world.outbound.0.pool.idle(), limits::OUTBOUND_IDLE_APP);
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_costs_no_request() {
    let world = World::new();
    // Promises to keep the connection, and closes it after one answer.
    let address = raw(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    })
    .await;
    for _ in 0..20 {
        let answer = get(&mut world.guest_of(address), &format!("http://{address}/")).await.unwrap();
        assert_eq!(text(answer).await.unwrap(), "ok");
    }
}

#[tokio::test]
async fn an_answer_that_is_let_go_closes_its_connection() {
    let world = World::new();
    let (closed, mut was) = tokio::sync::mpsc::unbounded_channel();
    let address = raw(move |mut stream| {
        let closed = closed.clone();
        async move {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n").await.unwrap();
            while stream.write_all(&[b'a'; 10_000]).await.is_ok() {}
            closed.send(()).unwrap();
        }
    })
    .await;
    let answer = get(&mut world.guest_of(address), &format!("http://{address}/")).await.unwrap();
    drop(answer);
    was.recv().await.unwrap();
    world.until(|world| world.outbound.0.pool.is_empty()).await;
}
