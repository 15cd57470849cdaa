//! Servers on this machine.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response, request::Parts};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

/// Answers each request with what it asked for.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) seen: mpsc::UnboundedReceiver<Parts>,
    pub(super) accepted: Arc<AtomicUsize>,
    pub(super) open: Arc<AtomicUsize>,
}

impl Server {
    pub(super) async fn start() -> Self {
        Self::at("127.0.0.1:0").await
    }

    pub(super) async fn at(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, seen) = mpsc::unbounded_channel();
        let (accepted, open) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (count, still) = (Arc::clone(&accepted), Arc::clone(&open));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                still.fetch_add(1, Ordering::SeqCst);
                let (sender, still) = (sender.clone(), Arc::clone(&still));
                tokio::spawn(async move {
                    serve(stream, sender).await;
                    still.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, seen, accepted, open }
    }

    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

/// HTTP on one connection, to its end.
pub(super) async fn serve<S>(stream: S, seen: mpsc::UnboundedSender<Parts>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let seen = seen.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let large = parts.uri.path() == "/large";
            let answer = match parts.uri.path() {
                "/redirect" => Response::builder().status(302).header("location", "http://169.254.169.254/"),
                _ => Response::builder(),
            };
            drop(seen.send(parts));
            let body = match large {
                true => Bytes::from(vec![b'a'; 1 << 20]),
                false if body.is_empty() => Bytes::from_static(b"hello"),
                false => body,
            };
            Ok::<_, Infallible>(answer.body(Full::new(body)).unwrap())
        }
    });
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

/// Gives each connection's request to `answer`, once its head is there.
pub(super) async fn raw<F, A>(answer: F) -> SocketAddr
where
    F: Fn(TcpStream) -> A + Send + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap_or(0));
                if head.len() > 10_000 {
                    break;
                }
            }
            tokio::spawn(answer(stream));
        }
    });
    address
}

/// Says the same to everybody, and closes.
pub(super) async fn saying(answer: &'static [u8]) -> SocketAddr {
    raw(move |mut stream| async move {
        drop(stream.write_all(answer).await);
        drop(stream.shutdown().await);
    })
    .await
}
