//! The listener loop that both doors share: from a bound socket to calls of one handler.
//!
//! ```text
//!   accept ──► room (evict the longest idle) ──► connection task: sniff HTTP/1.1 or HTTP/2 ──► handler
//!                                                      ▲
//!                        registry + sweep: heads, idle connections, clients that do not read
//! ```
//!
//! Start reading at [`Server::serve`]. Always true here:
//! - a connection that sends nothing, or half a head, or does not read its answer, is closed by a named limit;
//! - a full door makes room by closing the connection that has been idle longest, never one with a request under way;
//! - a socket's time is real time: these limits protect the process, so a test's clock does not move them.

mod connection;
mod io;
mod registry;
mod request_body;
mod response_body;

use std::{future::Future, io as std_io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use http::{Request, Response};
use sonagi_model::limits;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};

use registry::Registry;
use request_body::Pace;
pub use request_body::{Body, BodyError};
pub use response_body::{Aborted, ResponseBody, StreamSender};

/// What one door allows its clients. The defaults come from [`limits`].
#[derive(Debug, Clone)]
pub struct Config {
    /// Connections held at once.
    pub connections: usize,
    /// From the first byte of a head (or from accepting a connection) to the head's end.
    pub head_timeout: Duration,
    /// How long a connection that has served a request may wait for the next one.
    pub keep_alive: Duration,
    /// How long a client may be silent in the middle of a body, or not take the bytes of its answer.
    pub body_idle: Duration,
    /// Bytes a second that a body must average after that.
    pub body_pace: u64,
    /// Bytes of a request line and its header lines together.
    pub head_size: usize,
    /// Header lines of one request.
    pub headers: usize,
    /// Requests at once on one HTTP/2 connection.
    pub streams: u32,
    /// How long [`Server::serve`] waits for what is running once it was told to stop.
    pub drain: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connections: limits::CONNECTIONS,
            head_timeout: limits::HEAD_TIMEOUT,
            keep_alive: limits::CONNECTION_IDLE_TIMEOUT,
            body_idle: limits::BODY_IDLE_TIMEOUT,
            body_pace: limits::BODY_PACE,
            head_size: limits::HEADERS_SIZE,
            headers: limits::HEADERS,
            streams: limits::HTTP2_STREAMS,
            drain: limits::DRAIN_TIMEOUT,
        }
    }
}

impl Config {
    fn pace(&self) -> Pace {
        Pace { idle: self.body_idle, bytes: self.body_pace }
    }
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    pub remote: SocketAddr,
    pub local: SocketAddr,
}

/// How a server came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every request that was under way was answered.
    Clean,
    /// The deadline came first; so many connections were cut.
    Cut(usize),
}

/// Serves HTTP/1.1 and HTTP/2 without TLS (prior knowledge) on one listener.
#[derive(Debug, Clone, Default)]
pub struct Server {
    config: Config,
}

impl Server {
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    /// Accepts until `shutdown` is ready, then lets what is under way end, for at most [`Config::drain`].
    ///
    /// `handler` is cloned for each connection. Its future is dropped when its client goes away.
    pub async fn serve<H, F>(
        self,
        listener: TcpListener,
        handler: H,
        shutdown: impl Future<Output = ()>,
    ) -> Drained
    where
        H: Fn(Request<Body>, Peer) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<ResponseBody>> + Send + 'static,
    {
        let config = Arc::new(self.config);
        let registry = Arc::new(Registry::new(&config));
        let tasks = TaskTracker::new();
        let stopping = CancellationToken::new();
        // Ends with this, also where this is dropped.
        let _sweep = AbortOnDropHandle::new(tokio::spawn(Arc::clone(&registry).sweep()));
        {
            let mut shutdown = pin!(shutdown);
            let mut back_off = BACK_OFF_FIRST;
            loop {
                let accepted = tokio::select! {
                    biased;
                    () = &mut shutdown => break,
                    accepted = accept(&listener) => accepted,
                };
                let (stream, peer) = match accepted {
                    Ok(accepted) => accepted,
                    // The connection died before it was ours; the next one may be well.
                    Err(cause) if is_the_connections(&cause) => continue,
                    Err(cause) => {
                        tracing::warn!(%cause, "accept a connection; trying again shortly");
                        let free = registry.make_room();
                        tokio::select! {
                            () = &mut shutdown => break,
                            () = pause(back_off) => {}
                            () = free => {}
                        }
                        back_off = (back_off * 2).min(BACK_OFF_LAST);
                        continue;
                    }
                };
                back_off = BACK_OFF_FIRST;
                // One accepted connection waits here for room; the rest wait in the kernel's backlog.
                let entry = loop {
                    if let Some(entry) = registry.enter() {
                        break Some(entry);
                    }
                    tokio::select! {
                        () = &mut shutdown => break None,
                        () = registry.make_room() => {}
                    }
                };
                let Some(entry) = entry else { break };
                tasks.spawn(connection::run(
                    stream,
                    peer,
                    entry,
                    handler.clone(),
                    Arc::clone(&config),
                    stopping.clone(),
                ));
            }
        }
        drop(listener);
        tasks.close();
        stopping.cancel();
        let drained = tokio::select! {
            () = tasks.wait() => Drained::Clean,
            () = pause(config.drain) => Drained::Cut(registry.close_all()),
        };
        tasks.wait().await;
        drained
    }
}

const BACK_OFF_FIRST: Duration = Duration::from_millis(10);
const BACK_OFF_LAST: Duration = Duration::from_secs(1);

async fn accept(listener: &TcpListener) -> std_io::Result<(TcpStream, Peer)> {
    let (stream, remote) = listener.accept().await?;
    // Answers are written whole; waiting for more to send (Nagle) would only add latency.
    stream.set_nodelay(true)?;
    let local = stream.local_addr()?;
    Ok((stream, Peer { remote, local }))
}

fn is_the_connections(cause: &std_io::Error) -> bool {
    matches!(
        cause.kind(),
        std_io::ErrorKind::ConnectionAborted
            | std_io::ErrorKind::ConnectionReset
            | std_io::ErrorKind::ConnectionRefused
            | std_io::ErrorKind::NotConnected
            | std_io::ErrorKind::InvalidInput
            | std_io::ErrorKind::Interrupted
    )
}

#[expect(clippy::disallowed_methods, reason = "a socket's waits are real time; see the module's doc")]
async fn pause(wait: Duration) {
    tokio::time::sleep(wait).await;
}
