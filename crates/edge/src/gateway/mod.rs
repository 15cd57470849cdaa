//! The apps' own traffic: from an HTTP request to a function and back.
//!
//! ```text
//!   host ──► place (API or function URL) ──► routes ──► event, or HTTP as it is (direct) ──► invoke::Frontend
//!                                                                                                  │
//!   client ◄── finish (ids, CORS, compression) ◄── answer ◄────────────────────────────────────────┘
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
mod direct;
mod event;
mod finish;
mod front;
mod hosts;
mod ids;
mod percent;
mod place;
mod request;
mod routers;
mod routes;
mod told;
mod url;

use std::{borrow::Cow, future::Future, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version, header};
use sonagi_control::Control;
use sonagi_identity::Identity;
use sonagi_invoke::Frontend;
use sonagi_model::{Clock, Entropy, limits};
use tokio::net::TcpListener;

pub use front::Front;

use crate::{
    grants::LiveGrants,
    serve::{self, Body, Drained, Peer, ResponseBody, Server},
};
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

/// A request whose host and path make sense. In a box, since whoever awaits a future that holds it would copy it.
struct Arrived {
    line: Line,
    headers: HeaderMap,
    /// Until it is read.
    body: Option<Body>,
}

/// What a request asks for, and who sent it.
struct Line {
    method: Method,
    uri: Uri,
    version: Version,
    peer: Peer,
}

impl Line {
    /// The host with its port, as the client named it. A target with a host of its own overrules the header (RFC
    /// 9112 §3.2.2); HTTP/2 has it there alone.
    fn authority<'a>(&'a self, headers: &'a HeaderMap) -> &'a str {
        match self.uri.authority() {
            Some(authority) => authority.as_str().rsplit('@').next().unwrap_or_default(),
            None => headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().trim(),
        }
    }

    /// From the first slash on, still encoded.
    fn path(&self) -> &str {
        self.uri.path()
    }
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
        let identity = identity.granting(Arc::new(LiveGrants::new(control.clone())));
        Self { inner: Arc::new(Inner { config, control, frontend, identity, clock, entropy, places }) }
    }

    /// Serves until `shutdown` is ready, then drains.
    pub async fn serve(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> Drained {
        let gateway = self.clone();
        let handler = move |request, peer| {
            // Here, so that what the future holds of a request is one pointer.
            let (gateway, arrived) = (gateway.clone(), arrive(request, peer));
            async move { gateway.answer(arrived).await }
        };
        Server::new(self.inner.config.server.clone()).serve(listener, handler, shutdown).await
    }

    /// Answers one request.
    pub async fn handle(&self, request: Request<Body>, peer: Peer) -> Response<ResponseBody> {
        self.answer(arrive(request, peer)).await
    }

    async fn answer(&self, arrived: Result<Box<Arrived>, &'static str>) -> Response<ResponseBody> {
        let mut arrived = match arrived {
            Ok(arrived) => arrived,
            Err(problem) => return message(StatusCode::BAD_REQUEST, problem),
        };
        let arrived = &mut *arrived;
        let inner = &*self.inner;
        let place = {
            let host = lower_case(hosts::name(arrived.line.authority(&arrived.headers)));
            let live = inner.control.live();
            let (method, path) = (arrived.line.method.as_str(), arrived.line.path());
            match inner.places.find(&live, &inner.config.domains, &host, method, path) {
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
fn arrive(request: Request<Body>, peer: Peer) -> Result<Box<Arrived>, &'static str> {
    let (http::request::Parts { method, uri, version, headers, .. }, body) = request.into_parts();
    if method == Method::CONNECT {
        return Err("CONNECT is for proxies; send the request itself.");
    }
    let mut said = headers.get_all(header::HOST).iter();
    match (said.next(), said.next()) {
        (Some(host), None) if !hosts::is_host(host.as_bytes()) => {
            return Err("The Host header is not a host name.");
        }
        (None, _) if uri.authority().is_none() && version >= Version::HTTP_11 => {
            return Err("The Host header is missing.");
        }
        (Some(_), Some(_)) => return Err("There is more than one Host header."),
        (Some(_), None) | (None, _) => {}
    }
    if !uri.path().starts_with('/') {
        return Err("The request's path does not begin with a slash.");
    }
    Ok(Box::new(Arrived { line: Line { method, uri, version, peer }, headers, body: Some(body) }))
}

/// Copied only if it is not that already.
fn lower_case(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

fn message(status: StatusCode, text: &str) -> Response<ResponseBody> {
    json(status, Bytes::from(serde_json::json!({ "message": text }).to_string()))
}
