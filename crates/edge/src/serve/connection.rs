//! One connection, from its first byte to its end.

use std::{convert::Infallible, future::Future, pin::pin, sync::Arc};

use http::{Request, Response, StatusCode};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{io::AsyncReadExt, net::TcpStream};
use tokio_util::sync::CancellationToken;

use super::{
    Body, Config, Peer, ResponseBody,
    io::{Io, PREFACE, Sniffed},
    registry::{Close, Entry, State},
    request_body::Unwanted,
    response_body::Tracked,
};

pub(super) async fn run<H, F>(
    mut stream: TcpStream,
    peer: Peer,
    entry: Entry,
    handler: H,
    config: Arc<Config>,
    stopping: CancellationToken,
) where
    H: Fn(Request<Body>, Peer) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<ResponseBody>> + Send + 'static,
{
    let state = &entry.state;
    let sniffed = tokio::select! {
        sniffed = sniff(&mut stream, state) => sniffed,
        close = state.closing() => {
            farewell(&stream, close);
            return;
        }
        // No request has begun, so there is nothing to wait for.
        () = stopping.cancelled() => return,
    };
    let Some((protocol, sniffed)) = sniffed else { return };
    let io = TokioIo::new(Io::new(stream, Arc::clone(state), sniffed));
    let service = service_fn({
        let (state, config) = (Arc::clone(state), Arc::clone(&config));
        move |request| {
            let under_way = state.begin();
            let answer = answer(&handler, request, peer, &config);
            async move { Ok::<_, Infallible>(answer.await.map(|body| Tracked::new(body, under_way))) }
        }
    });
    match protocol {
        Protocol::Http1 => {
            let mut connection = http1::Builder::new()
                .timer(TokioTimer::new())
                // The sweep keeps this limit: hyper's own would also cut a kept-alive connection between requests.
                .header_read_timeout(None)
                .max_header_size(config.head_size)
                .serve_connection(io, service);
            let close = tokio::select! {
                _ = &mut connection => return,
                close = state.closing() => close,
                () = stopping.cancelled() => {
                    std::pin::Pin::new(&mut connection).graceful_shutdown();
                    tokio::select! {
                        _ = &mut connection => return,
                        close = state.closing() => close,
                    }
                }
            };
            farewell(&connection.into_parts().io.into_inner().into_stream(), close);
        }
        Protocol::Http2 => {
            state.multiplexed();
            let connection = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .max_header_list_size(config.head_size as u32)
                .max_concurrent_streams(config.streams)
                .keep_alive_interval(config.body_idle)
                .keep_alive_timeout(config.head_timeout)
                .serve_connection(io, service);
            let mut connection = pin!(connection);
            tokio::select! {
                _ = &mut connection => {}
                _ = state.closing() => {}
                () = stopping.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    tokio::select! {
                        _ = &mut connection => {}
                        _ = state.closing() => {}
                    }
                }
            }
        }
    }
}

fn answer<H, F>(
    handler: &H,
    request: Request<Incoming>,
    peer: Peer,
    config: &Config,
) -> impl Future<Output = Response<ResponseBody>> + Send + use<H, F>
where
    H: Fn(Request<Body>, Peer) -> F,
    F: Future<Output = Response<ResponseBody>> + Send + 'static,
{
    // HTTP/1.1's parser counts for itself; HTTP/2's only measures.
    let handled = (request.headers().len() <= config.headers).then(|| {
        let unwanted = match request.headers().contains_key(http::header::EXPECT) {
            true => Unwanted::Unsent,
            false => Unwanted::Discarded,
        };
        handler(request.map(|body| Body::incoming(body, config.pace(), unwanted)), peer)
    });
    async move {
        match handled {
            Some(handled) => handled.await,
            None => {
                let mut refused = Response::new(ResponseBody::empty());
                *refused.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
                refused
            }
        }
    }
}

enum Protocol {
    Http1,
    Http2,
}

/// Reads until it is clear which protocol the client speaks; none if it went away.
async fn sniff(stream: &mut TcpStream, state: &State) -> Option<(Protocol, Sniffed)> {
    let mut sniffed = Sniffed::default();
    loop {
        let filled = sniffed.filled;
        let read = stream.read(&mut sniffed.bytes[filled..]).await.ok()?;
        if read == 0 {
            return None;
        }
        state.read();
        sniffed.filled += read;
        if sniffed.bytes[..sniffed.filled] != PREFACE[..sniffed.filled] {
            return Some((Protocol::Http1, sniffed));
        }
        if sniffed.filled == PREFACE.len() {
            return Some((Protocol::Http2, sniffed));
        }
    }
}

/// Tells a client of HTTP/1.1 that began a request why it is cut off, if its socket takes that at once.
fn farewell(stream: &TcpStream, close: Close) {
    const TIMED_OUT: &[u8] =
        b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    match close {
        Close::Head => {
            stream.try_write(TIMED_OUT).ok();
        }
        Close::Evicted | Close::Idle | Close::Stalled | Close::Drained => {}
    }
}
