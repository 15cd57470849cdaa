//! The apps' own traffic: from an HTTP request to a function and back.
//!
//! ```text
//!   host ──► place (API or function URL) ──► routes ──► event ──► invoke::Frontend
//!                                                                      │
//!   client ◄── finish (ids, CORS, compression) ◄── answer ◄────────────┘
//! ```
//!
//! Start reading at [`Gateway::handle`]. Always true here:
//! - a request meets one release from its routing to its answer: the catalog's snapshot is read once;
//! - an event is valid JSON whatever the client sent; a response is valid HTTP whatever the function answered;
//! - a caller never learns why a function or the platform failed; the logs do;
//! - every limit is one of [`limits`](sonagi_model::limits) or of [`Config`].
//!
//! What API Gateway and Lambda do here, and where this differs, is in `docs/gateway.md`.

mod answer;
mod api;
mod authorize;
mod call;
mod compress;
mod cors;
mod event;
mod finish;
mod front;
mod hosts;
mod percent;
mod place;
mod request;
mod routers;
mod routes;
mod url;

use std::{future::Future, sync::Arc};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use sonagi_control::Control;
use sonagi_identity::Identity;
use sonagi_invoke::Frontend;
use sonagi_model::{Clock, Entropy, limits};
use tokio::net::TcpListener;

pub use front::Front;

use crate::serve::{self, Body, Drained, Peer, ResponseBody, Server};
use front::json;
use place::{Place, Places};

/// How the gateway serves the apps.
#[derive(Debug, Clone)]
pub struct Config {
    pub server: serve::Config,
    /// `petshop.localhost` is the app `petshop` if `localhost` is one of these. Lower-case.
    pub domains: Vec<String>,
    /// Of HTTP APIs and function URLs; a REST API says itself what it wants (`MinimumCompressionSize`).
    pub compression: Compression,
    /// What a request for an unknown host is told.
    pub unknown_host: UnknownHost,
    /// Bytes of a request's body.
    pub body_size: usize,
}

/// Whether answers are compressed that the function did not compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// As on AWS, where only REST APIs compress.
    Never,
    /// Answers of at least so many bytes.
    From(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownHost {
    /// The names of the apps: for a developer's own machine.
    NamesApps,
    /// Only that there is nothing here.
    SaysNothing,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server: serve::Config::default(),
            domains: vec!["localhost".into()],
            compression: Compression::From(limits::COMPRESSION_MIN_SIZE),
            unknown_host: UnknownHost::SaysNothing,
            body_size: limits::GATEWAY_BODY_SIZE,
        }
    }
}

/// The door for the apps' own traffic. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    control: Control,
    frontend: Frontend,
    identity: Identity,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    places: Places,
}

/// A request, once it is known where it goes.
struct Arrived {
    parts: http::request::Parts,
    body: Body,
    peer: Peer,
    /// The host with its port, as the client named it.
    authority: String,
    /// From the first slash on, still encoded.
    path: String,
}

impl Gateway {
    pub fn new(
        config: Config,
        control: Control,
        frontend: Frontend,
        identity: Identity,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let places = Places::default();
        Self { inner: Arc::new(Inner { config, control, frontend, identity, clock, entropy, places }) }
    }

    /// Serves until `shutdown` is ready, then drains.
    pub async fn serve(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> Drained {
        let gateway = self.clone();
        let handler = move |request, peer| {
            let gateway = gateway.clone();
            async move { gateway.handle(request, peer).await }
        };
        Server::new(self.inner.config.server.clone()).serve(listener, handler, shutdown).await
    }

    /// Answers one request.
    pub async fn handle(&self, request: Request<Body>, peer: Peer) -> Response<ResponseBody> {
        let (parts, body) = request.into_parts();
        let arrived = match arrive(parts, body, peer) {
            Ok(arrived) => arrived,
            Err(problem) => return message(StatusCode::BAD_REQUEST, problem),
        };
        let inner = &*self.inner;
        let host = hosts::name(&arrived.authority).to_ascii_lowercase();
        let place = {
            let live = inner.control.live();
            let method = arrived.parts.method.as_str();
            let found = inner.places.find(&live, &inner.config.domains, &host, method, &arrived.path);
            match found {
                Some(place) => place,
                None => return inner.nothing_here(&live, &host),
            }
        };
        match place {
            Place::Api { app, index, router } => inner.call_api(&app, index, &router, arrived).await,
            Place::Url { function, index } => match function.urls.values().nth(index) {
                Some(known) => inner.call_url(&function, &known.url, arrived).await,
                None => message(StatusCode::NOT_FOUND, "Nothing is served at this host name."),
            },
        }
    }
}

impl Inner {
    fn nothing_here(&self, live: &sonagi_control::Live, host: &str) -> Response<ResponseBody> {
        let text = match self.config.unknown_host {
            UnknownHost::SaysNothing => "Nothing is served at this host name.".to_owned(),
            UnknownHost::NamesApps => {
                let names: Vec<_> = live.apps().map(|app| app.name().as_str()).take(50).collect();
                let domain = self.config.domains.first().map_or("localhost", String::as_str);
                if names.is_empty() {
                    "No app is deployed here yet: run `sonagi deploy`.".to_owned()
                } else {
                    format!(
                        "{host:?} names no app with an API. Use <app>.{domain} with one of these apps: {}.",
                        names.join(", ")
                    )
                }
            }
        };
        message(StatusCode::NOT_FOUND, &text)
    }
}

/// Checks what every request must have: one host, and a path.
fn arrive(parts: http::request::Parts, body: Body, peer: Peer) -> Result<Arrived, &'static str> {
    if parts.method == http::Method::CONNECT {
        return Err("CONNECT is for proxies; send the request itself.");
    }
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let named = match (hosts.next(), hosts.next()) {
        (Some(host), None) => Some(host.to_str().map_err(|_| "The Host header is not a host name.")?),
        (None, _) => None,
        (Some(_), Some(_)) => return Err("There is more than one Host header."),
    };
    // A target with a host of its own overrules the header (RFC 9112 §3.2.2); HTTP/2 has it there alone.
    let authority = match (parts.uri.authority(), named) {
        (Some(authority), _) => authority.as_str().rsplit('@').next().unwrap_or_default(),
        (None, Some(named)) => named.trim(),
        (None, None) if parts.version < http::Version::HTTP_11 => "",
        (None, None) => return Err("The Host header is missing."),
    };
    let path = parts.uri.path();
    if !path.starts_with('/') {
        return Err("The request's path does not begin with a slash.");
    }
    let (authority, path) = (authority.to_owned(), path.to_owned());
    Ok(Arrived { parts, body, peer, authority, path })
}

fn message(status: StatusCode, text: &str) -> Response<ResponseBody> {
    json(status, Bytes::from(serde_json::json!({ "message": text }).to_string()))
}
