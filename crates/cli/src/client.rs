//! Talking to a server's own API.

use anyhow::{Context as _, Result, anyhow, bail};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioExecutor};
use serde::{Serialize, de::DeserializeOwned};
use sonagi_identity::{
    Keys,
    sigv4::{self, Body, Scope, SignedRequest},
};
use sonagi_model::Clock as _;
use sonagi_server::RealClock;

use crate::args::Target;

/// Bytes of an answer that is read whole; the largest is a function's.
const ANSWER_SIZE: usize = 64 << 20;

pub(crate) struct Client {
    endpoint: Uri,
    keys: Option<Keys>,
    region: String,
    http: hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>,
}

impl Client {
    pub(crate) fn new(target: &Target) -> Result<Self> {
        let endpoint: Uri = target.endpoint.parse().with_context(|| {
            format!("{:?} is no address of a server, such as http://127.0.0.1:4566", target.endpoint)
        })?;
        if endpoint.scheme_str() != Some("http") || endpoint.authority().is_none() {
            bail!(
                "{:?} is no address of a server: it wants http:// and a host, such as http://127.0.0.1:4566",
                target.endpoint
            );
        }
        let keys = match (&target.access_key_id, &target.secret_access_key) {
            (Some(id), Some(secret)) => Some(Keys {
                access_key_id: id.clone(),
                secret_access_key: secret.clone(),
                session_token: None,
            }),
            (Some(_), None) | (None, Some(_)) => {
                bail!(
                    "an access key has two parts: set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither"
                )
            }
            (None, None) => None,
        };
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
        Ok(Self { endpoint, keys, region: target.region.to_string(), http })
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        decode(self.whole(Method::GET, path, Bytes::new()).await?.body())
    }

    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        let body = serde_json::to_vec(body).context("write the request as JSON")?;
        decode(self.whole(Method::POST, path, body.into()).await?.body())
    }

    pub(crate) async fn put(&self, path: &str, body: Bytes) -> Result<()> {
        self.whole(Method::PUT, path, body).await.map(drop)
    }

    /// Whether there is something at `path`.
    pub(crate) async fn exists(&self, path: &str) -> Result<bool> {
        let response = self.send(Method::HEAD, path, Bytes::new()).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(false),
            status if status.is_success() => Ok(true),
            status => bail!("the server answered {status} to HEAD {path}"),
        }
    }

    /// Sends raw bytes and gives the answer as it is, if it is a success.
    pub(crate) async fn whole(&self, method: Method, path: &str, body: Bytes) -> Result<Response<Bytes>> {
        let response = self.send(method, path, body).await?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_SIZE)
            .collect()
            .await
            .map_err(|error| anyhow!(error))
            .context("read the server's answer")?
            .to_bytes();
        if !parts.status.is_success() {
            return Err(refusal(parts.status, &body));
        }
        Ok(Response::from_parts(parts, body))
    }

    /// An answer that goes on.
    pub(crate) async fn stream(&self, path: &str) -> Result<Incoming> {
        let response = self.send(Method::GET, path, Bytes::new()).await?;
        if !response.status().is_success() {
            let status = response.status();
            let body = response.into_body().collect().await.context("read the server's answer")?.to_bytes();
            return Err(refusal(status, &body));
        }
        Ok(response.into_body())
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Response<Incoming>> {
        let mut parts = self.endpoint.clone().into_parts();
        parts.path_and_query =
            Some(format!("/_sonagi/v1{path}").parse().with_context(|| format!("ask for {path}"))?);
        let uri = Uri::from_parts(parts).context("make the request's address")?;
        let mut headers = HeaderMap::new();
        if !body.is_empty() {
            headers.insert(header::CONTENT_TYPE, "application/json".parse()?);
        }
        if let Some(keys) = &self.keys {
            let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
            let request = SignedRequest {
                method: method.as_str(),
                path: uri.path(),
                query: uri.query().unwrap_or_default(),
                headers: &[("host", authority.as_bytes())],
                body: Body::Whole(&body),
            };
            let scope = Scope { region: &self.region, service: "sonagi" };
            let signed = sigv4::sign(&request, keys, scope, RealClock::new().now());
            for (name, value) in signed {
                headers.insert(header::HeaderName::try_from(name)?, value.parse()?);
            }
        }
        let mut request = Request::builder().method(method).uri(uri).body(Full::new(body))?;
        request.headers_mut().extend(headers);
        self.http.request(request).await.map_err(|error| {
            let text =
                format!("reach a server at {}: is one running? Start one with: sonagi server", self.endpoint);
            anyhow::Error::new(error).context(text)
        })
    }
}

fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).context("understand the server's answer: is it a sonagi of another version?")
}

/// The server's own words, if there are any.
fn refusal(status: StatusCode, body: &[u8]) -> anyhow::Error {
    let said = serde_json::from_slice::<serde_json::Value>(body).ok().and_then(|value| {
        let error = value.get("error")?;
        Some(error.get("message")?.as_str()?.to_owned())
    });
    match said {
        Some(said) => anyhow!(said),
        None => anyhow!("the server answered {status}"),
    }
}

/// Makes `text` fit between two slashes of a path, or into a query.
pub(crate) fn escape(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
