//! A small HTTP client that hides nothing: the tests are about what is on the wire.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

/// A request with `host` as its Host header.
pub fn request(method: &str, host: &str, path: &str) -> http::request::Builder {
    Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path).header("host", host)
}

/// Sends one request on a connection of its own.
pub async fn send(address: SocketAddr, request: Request<Bytes>) -> Answer {
    exchange(address, request).await.unwrap()
}

/// [`send`], to a server that may be killed meanwhile: none if there was no whole answer.
pub async fn try_send(address: SocketAddr, request: Request<Bytes>) -> Option<Answer> {
    exchange(address, request).await.ok()
}

async fn exchange(address: SocketAddr, request: Request<Bytes>) -> anyhow::Result<Answer> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request.map(Full::new)).await?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await?.to_bytes();
    connection.abort();
    Ok(Answer { status: parts.status, headers: parts.headers, body })
}

pub async fn get(address: SocketAddr, host: &str, path: &str) -> Answer {
    send(address, request("GET", host, path).body(Bytes::new()).unwrap()).await
}
