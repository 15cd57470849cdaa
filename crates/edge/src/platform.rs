//! The platform's door (port 4566): the AWS protocols and our own API at one address.
//!
//! ```text
//!   request ──► guard (browsers) ──► /            a word of welcome
//!                                    /_sonagi/…   api
//!                                    the rest     aws
//! ```
//!
//! Start reading at [`Platform::handle`]. Always true here: every answer has a request id; no request changes
//! anything before [`Identity`] has let it in.

use std::{future::Future, sync::Arc};

use http::{HeaderValue, Method, Request, Response, StatusCode};
use sonagi_control::Control;
use sonagi_data::{documents::Documents, logs::Logs, queues::Queues};
use sonagi_events::Events;
use sonagi_identity::Identity;
use sonagi_invoke::Frontend;
use sonagi_model::{AccountId, Clock, Entropy, Region, RequestId, UrlId, network::Networks};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    api, aws,
    grants::LiveGrants,
    serve::{self, Body, Drained, Peer, ResponseBody, Server},
    uploads::Uploads,
};

#[derive(Debug, Clone)]
pub struct Config {
    pub account: AccountId,
    pub region: Region,
    /// The apps' own door as clients reach it: `http://localhost:8080`.
    pub gateway: String,
    /// This door as functions reach it: `http://127.0.0.1:4566`.
    pub endpoint: String,
    /// Host names, beside the loopback ones, under which clients may reach an open platform.
    pub names: Vec<String>,
    /// Invocations that may run at once on the whole account, as `GetAccountSettings` tells it.
    pub account_concurrency: u32,
    /// Those that functions can have by name.
    pub networks: Arc<Networks>,
    /// Sonagi's version.
    pub version: String,
}

/// What every handler works with.
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) identity: Identity,
    pub(crate) control: Control,
    pub(crate) frontend: Frontend,
    pub(crate) logs: Logs,
    pub(crate) queues: Queues,
    pub(crate) documents: Documents,
    pub(crate) events: Events,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) uploads: Uploads,
    /// Cancelled when the door accepts nothing more: what waits for news answers without.
    pub(crate) draining: CancellationToken,
}

impl Config {
    /// Where a function URL answers.
    pub(crate) fn url_address(&self, id: &UrlId) -> String {
        let (scheme, rest) = self.gateway.split_once("://").unwrap_or(("http", &self.gateway));
        format!("{scheme}://{id}.lambda-url.{}.{}/", self.region, rest.trim_end_matches('/'))
    }
}

/// The platform's door. Cheap to clone.
#[derive(Clone)]
pub struct Platform {
    parts: Arc<Parts>,
}

impl Platform {
    #[expect(clippy::too_many_arguments, reason = "the parts of the platform, each once")]
    pub fn new(
        config: Config,
        identity: Identity,
        control: Control,
        frontend: Frontend,
        logs: Logs,
        queues: Queues,
        documents: Documents,
        events: Events,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let uploads = Uploads::new();
        let identity = identity.granting(Arc::new(LiveGrants::new(control.clone())));
        let draining = CancellationToken::new();
        let parts = Parts {
            config,
            identity,
            control,
            frontend,
            logs,
            queues,
            documents,
            events,
            clock,
            entropy,
            uploads,
            draining,
        };
        Self { parts: Arc::new(parts) }
    }

    /// Accepts until `shutdown` is ready, then lets what is under way end.
    pub async fn serve(
        &self,
        listener: TcpListener,
        config: serve::Config,
        shutdown: impl Future<Output = ()>,
    ) -> Drained {
        let platform = self.clone();
        let handler = move |request, peer| {
            let platform = platform.clone();
            async move { platform.handle(request, peer).await }
        };
        let draining = self.parts.draining.clone();
        let shutdown = async move {
            shutdown.await;
            draining.cancel();
        };
        Server::new(config).serve(listener, handler, shutdown).await
    }

    /// Answers one request.
    pub async fn handle(&self, request: Request<Body>, _peer: Peer) -> Response<ResponseBody> {
        let id = RequestId::random(&*self.parts.entropy);
        let mut response = self.answer(request, id).await;
        if let Ok(text) = HeaderValue::from_bytes(&id.text()) {
            response.headers_mut().insert("x-amzn-requestid", text);
        }
        response
    }

    async fn answer(&self, request: Request<Body>, id: RequestId) -> Response<ResponseBody> {
        let parts = &*self.parts;
        let (head, body) = request.into_parts();
        if let Err(refusal) = api::guard(parts, &head) {
            return refusal.respond();
        }
        let path = head.uri.path();
        if path == "/"
            && head.uri.query().is_none()
            && matches!(head.method, Method::GET | Method::HEAD)
            && !head.headers.contains_key(http::header::AUTHORIZATION)
        {
            return self.welcome();
        }
        if path.starts_with(aws::CODE_PATH) {
            return aws::serve_code(parts, &head, id).await;
        }
        if path == "/_sonagi" || path.starts_with("/_sonagi/") {
            return api::handle(parts, head, body, id).await;
        }
        Box::pin(aws::handle(parts, head, body, id)).await
    }

    fn welcome(&self) -> Response<ResponseBody> {
        let text = serde_json::json!({
            "name": "sonagi",
            "version": self.parts.config.version,
            "region": self.parts.config.region.as_str(),
            "aws": ["lambda", "scheduler", "sqs", "sns", "events", "sts"],
            "api": "/_sonagi/v1/",
            "apps": self.parts.config.gateway,
        });
        let mut response = Response::new(ResponseBody::whole(format!("{text:#}\n")));
        *response.status_mut() = StatusCode::OK;
        response.headers_mut().insert(http::header::CONTENT_TYPE, aws::JSON);
        response
    }
}
