//! Long polls over real connections.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

use super::*;

/// What rests in every world between two rounds: what clears old messages away, what tidies tables, and what ends idle
/// environments.
const RESTING: usize = 3;

/// A long poll, sent and not answered yet.
async fn poll(address: std::net::SocketAddr, url: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let body = json!({ "QueueUrl": url, "WaitTimeSeconds": 20 }).to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\nx-amz-target: AmazonSQS.ReceiveMessage\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Lets others run until `sleepers` wait for the clock.
async fn until_asleep(world: &World, sleepers: usize) {
    for _ in 0..100_000 {
        if world.clock.sleepers() == sleepers {
            return;
        }
        tokio::task::yield_now().await;
        tokio::task::spawn_blocking(|| {}).await.unwrap();
    }
    panic!("{} sleep, not {sleepers}", world.clock.sleepers());
}

async fn serve(world: &World) -> (std::net::SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let (platform, stopped) = (world.platform.clone(), stop.clone().cancelled_owned());
    let served = tokio::spawn(async move {
        platform.serve(listener, sonagi_edge::serve::Config::default(), stopped).await;
    });
    until_asleep(world, RESTING).await;
    (address, stop, served)
}

#[tokio::test]
async fn a_long_poll_ends_with_its_time_and_with_the_server() {
    let world = World::open().await;
    let url = queue(&world, "clicks", json!({})).await;
    let (address, stop, served) = serve(&world).await;
    let mut stream = poll(address, &url).await;
    until_asleep(&world, RESTING + 1).await;
    world.clock.advance(Duration::from_secs(20)).await;
    let mut head = [0; 15];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    // No time goes by from here on.
    let mut stream = poll(address, &url).await;
    until_asleep(&world, RESTING + 1).await;
    stop.cancel();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("\r\n\r\n{}"), "{answer}");
    served.await.unwrap();
}

#[tokio::test]
async fn a_client_that_goes_away_takes_no_message() {
    let world = World::open().await;
    let url = queue(&world, "clicks", json!({})).await;
    let (address, stop, served) = serve(&world).await;
    let stream = poll(address, &url).await;
    until_asleep(&world, RESTING + 1).await;
    drop(stream);
    until_asleep(&world, RESTING).await;
    send(&world, &url, "x").await;
    assert_eq!(bodies(&receive(&world, &url).await), ["x"]);
    stop.cancel();
    served.await.unwrap();
}
