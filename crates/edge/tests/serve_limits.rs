//! What a door keeps of its limits, over real sockets.
#![expect(
    clippy::disallowed_methods,
    reason = "a socket's limits are real time, which no test's clock moves"
)]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use http::Response;
use sonagi_edge::serve::{Aborted, Config, Drained, ResponseBody, Server};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Notify, oneshot},
    task::JoinHandle,
};

struct Door {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<Drained>,
    /// Requests that wait in `/wait`.
    waiting: Arc<AtomicUsize>,
    release: Arc<Notify>,
    arrived: Arc<Notify>,
}

impl Door {
    /// Serves `/` (hello), `/body` (its size), `/wait` (until released), `/broken` (a stream that breaks off) and
    /// `/big` (8 MiB).
    async fn open(config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let (release, arrived) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let waiting = Arc::new(AtomicUsize::new(0));
        let handler = {
            let (release, arrived, waiting) = (release.clone(), arrived.clone(), waiting.clone());
            move |request: http::Request<sonagi_edge::serve::Body>, _peer| {
                let (release, arrived, waiting) = (release.clone(), arrived.clone(), waiting.clone());
                async move {
                    let (parts, body) = request.into_parts();
                    match parts.uri.path() {
                        "/body" => match body.read(1_000).await {
                            Ok(body) => Response::new(ResponseBody::whole(body.len().to_string())),
                            Err(error) => {
                                let mut refused = Response::new(ResponseBody::empty());
                                *refused.status_mut() = error.status();
                                refused
                            }
                        },
                        "/wait" => {
                            let released = release.notified();
                            waiting.fetch_add(1, SeqCst);
                            arrived.notify_one();
                            released.await;
                            Response::new(ResponseBody::whole("waited"))
                        }
                        "/broken" => {
                            let (sender, body) = ResponseBody::stream(2);
                            tokio::spawn(async move {
                                sender.send(Ok("partial".into())).await.unwrap();
                                release.notified().await;
                                sender.send(Err(Aborted)).await.unwrap();
                            });
                            Response::new(body)
                        }
                        "/big" => Response::new(ResponseBody::whole(vec![b'x'; 8 << 20])),
                        _ => Response::new(ResponseBody::whole("hello")),
                    }
                }
            }
        };
        let served = tokio::spawn(async move {
            Server::new(config).serve(listener, handler, async { drop(stopped.await) }).await
        });
        Self { address, stop: Some(stop), served, waiting, release, arrived }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends `request` on a connection of its own and reads to its end.
    async fn raw(&self, request: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request).await.unwrap();
        rest(&mut stream).await
    }

    fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    // A reset after the answer is as good an end as any here.
    let _ = stream.read_to_end(&mut all).await;
    String::from_utf8_lossy(&all).into_owned()
}

/// Reads the answer to a request for `/` without waiting for the connection's end.
async fn hello(stream: &mut TcpStream) {
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut got = Vec::new();
    while !got.ends_with(b"hello") {
        let mut part = [0; 1_024];
        let read = stream.read(&mut part).await.unwrap();
        assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&got));
        got.extend_from_slice(&part[..read]);
    }
}

fn quick() -> Config {
    Config {
        head_timeout: Duration::from_millis(400),
        keep_alive: Duration::from_millis(800),
        body_idle: Duration::from_millis(400),
        drain: Duration::from_millis(400),
        ..Config::default()
    }
}

const CLOSE: &str = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn thousands_of_silent_connections_are_closed_while_others_are_served() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).unwrap();
    // Both ends are in this process.
    let count = most.unwrap_or(u64::MAX).min(10_000) / 5;
    let config = Config { head_timeout: Duration::from_secs(2), ..quick() };
    let door = Door::open(config).await;
    let mut silent = Vec::new();
    for _ in 0..count {
        silent.push(door.connect().await);
    }
    assert!(door.raw(CLOSE.as_bytes()).await.ends_with("hello"));
    for mut stream in silent {
        assert_eq!(rest(&mut stream).await, "");
    }
    assert!(door.raw(CLOSE.as_bytes()).await.ends_with("hello"));
}

#[tokio::test]
async fn half_a_head_is_answered_408_and_closed() {
    let door = Door::open(quick()).await;
    assert!(door.raw(b"GET / HTTP/1.1\r\nho").await.starts_with("HTTP/1.1 408 "));
    // A client that drips does not extend its time.
    let mut stream = door.connect().await;
    let mut sent = 0;
    while stream.write_all(b"x").await.is_ok() && sent < 10_000 {
        sent += 1;
        tokio::task::yield_now().await;
        if let Ok(Ok(read)) =
            tokio::time::timeout(Duration::from_millis(20), stream.read(&mut [0; 512])).await
        {
            assert!(sent < 1_000, "closed late, after {read} bytes");
            return;
        }
    }
}

#[tokio::test]
async fn a_silent_connection_does_not_pass_for_http_2() {
    let door = Door::open(quick()).await;
    assert_eq!(door.raw(b"PRI * HT").await.get(..12), Some("HTTP/1.1 408"));
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    drop(door.raw(preface).await);
}

#[tokio::test]
async fn a_kept_alive_connection_outlives_the_head_timeout() {
    let door = Door::open(quick()).await;
    let mut stream = door.connect().await;
    hello(&mut stream).await;
    // A socket's limits are real time, and this one must not fire.
    tokio::time::sleep(Duration::from_millis(550)).await;
    hello(&mut stream).await;
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn too_many_or_too_large_headers_are_answered_431() {
    let door = Door::open(Config { head_size: 10_240, ..quick() }).await;
    let large = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "a".repeat(11_000));
    assert!(door.raw(large.as_bytes()).await.starts_with("HTTP/1.1 431 "));
    let many: String = (0..101).map(|n| format!("x{n}: 1\r\n")).collect();
    let many = format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n");
    assert!(door.raw(many.as_bytes()).await.starts_with("HTTP/1.1 431 "));
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(11_000));
    assert!(door.raw(long.as_bytes()).await.starts_with("HTTP/1.1 431 "));
    let fits = format!("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx: {}\r\n\r\n", "a".repeat(9_000));
    assert!(door.raw(fits.as_bytes()).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_answered_408() {
    let door = Door::open(quick()).await;
    let half = b"POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf";
    assert!(door.raw(half).await.starts_with("HTTP/1.1 408 "));
}

#[tokio::test]
async fn a_body_that_drips_is_answered_408() {
    let door = Door::open(Config { body_pace: 1_000, ..quick() }).await;
    let mut stream = door.connect().await;
    stream.write_all(b"POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 900\r\n\r\n").await.unwrap();
    let (mut read, mut write) = stream.into_split();
    // Never silent for long, and far below the pace.
    let dripping = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while write.write_all(b"x").await.is_ok() {
            ticks.tick().await;
        }
    });
    let mut answer = [0; 12];
    read.read_exact(&mut answer).await.unwrap();
    dripping.abort();
    assert_eq!(&answer, b"HTTP/1.1 408");
}

#[tokio::test]
async fn a_body_over_the_limit_is_answered_413_before_it_is_sent() {
    let door = Door::open(quick()).await;
    let announced = b"POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 1001\r\nexpect: 100-continue\r\n\r\n";
    assert!(door.raw(announced).await.starts_with("HTTP/1.1 413 "));
    let chunk = format!("3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1_001));
    let chunked = format!("POST /body HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{chunk}");
    assert!(door.raw(chunked.as_bytes()).await.starts_with("HTTP/1.1 413 "));
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_is_told_to_go_on() {
    let door = Door::open(quick()).await;
    let mut stream = door.connect().await;
    let head = b"POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let mut told = [0; 25];
    stream.read_exact(&mut told).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"abc").await.unwrap();
    assert!(rest(&mut stream).await.ends_with("\r\n\r\n3"));
}

#[tokio::test]
async fn a_full_door_closes_the_longest_idle_connection_and_never_a_busy_one() {
    let config = Config { connections: 2, head_timeout: Duration::from_secs(60), ..Config::default() };
    let door = Door::open(config).await;
    let mut busy = door.connect().await;
    busy.write_all(b"GET /wait HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    door.arrived.notified().await;
    let mut idle = door.connect().await;
    hello(&mut idle).await;
    let mut third = door.connect().await;
    hello(&mut third).await;
    assert_eq!(rest(&mut idle).await, "");
    door.release.notify_waiters();
    assert!(rest(&mut busy).await.ends_with("waited"));
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_cut_off() {
    let door = Door::open(quick()).await;
    let mut stream = door.connect().await;
    stream.write_all(b"GET /big HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    // Nothing is read for longer than the limit, which is real time; then what the kernel holds comes, and no more.
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert!(rest(&mut stream).await.len() < 8 << 20);
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_an_error_for_the_client() {
    let door = Door::open(quick()).await;
    let mut stream = door.connect().await;
    stream.write_all(b"GET /broken HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    while !answer.contains("partial") {
        let mut part = [0; 1_024];
        let read = stream.read(&mut part).await.unwrap();
        assert!(read > 0, "{answer}");
        answer.push_str(std::str::from_utf8(&part[..read]).unwrap());
    }
    door.release.notify_one();
    answer.push_str(&rest(&mut stream).await);
    assert!(answer.contains("transfer-encoding: chunked"), "{answer}");
    assert!(!answer.ends_with("0\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_server_that_stops_answers_what_is_under_way() {
    let mut door = Door::open(Config { drain: Duration::from_secs(60), ..Config::default() }).await;
    let mut idle = door.connect().await;
    hello(&mut idle).await;
    let mut busy = door.connect().await;
    busy.write_all(b"GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    door.arrived.notified().await;
    door.stop();
    assert_eq!(rest(&mut idle).await, "");
    door.release.notify_waiters();
    let answer = rest(&mut busy).await;
    assert!(answer.ends_with("waited") && answer.contains("connection: close"), "{answer}");
    assert_eq!(door.served.await.unwrap(), Drained::Clean);
    assert_eq!(door.waiting.load(SeqCst), 1);
}

#[tokio::test]
async fn a_drain_ends_at_its_deadline() {
    let mut door = Door::open(quick()).await;
    let mut busy = door.connect().await;
    busy.write_all(b"GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    door.arrived.notified().await;
    door.stop();
    assert_eq!(rest(&mut busy).await, "");
    assert_eq!(door.served.await.unwrap(), Drained::Cut(1));
}

#[tokio::test]
async fn requests_that_could_be_read_in_two_ways_are_refused() {
    let door = Door::open(quick()).await;
    for head in [
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
        "content-length: 3\r\ncontent-length: 4\r\n",
        "content-length: +3\r\n",
        "content-length: 3x\r\n",
        "transfer-encoding : chunked\r\n",
        "x: a\r\n folded: b\r\n",
        "x\0: a\r\n",
    ] {
        let request = format!("POST /body HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{head}\r\nabc");
        let answer = door.raw(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{head:?}: {answer}");
    }
    // With both, the chunks count and the connection ends (RFC 9112 §6.3).
    let both = "POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 30\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n";
    let answer = door.raw(both.as_bytes()).await;
    assert!(answer.matches("HTTP/1.1 ").count() == 1 || !answer.contains("hello"), "{answer}");
}
