//! Posting to the HTTP endpoints of topics: the one way in which the platform itself calls somebody.

use std::sync::Arc;

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Uri, header};
use http_body::Body as _;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use sonagi_events::topics::{Post, PostFailure, Request};
use sonagi_model::limits;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::OnceCell,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};

use crate::serve::ResponseBody;

/// A connection for each post. How long one may take, whoever posts says.
#[derive(Default)]
pub struct HttpPost {
    connector: OnceCell<TlsConnector>,
}

#[async_trait]
impl Post for HttpPost {
    async fn post(&self, request: Request) -> Result<u16, PostFailure> {
        let uri: Uri = request.url.parse().map_err(|_| failed("understand the URL", "it is none"))?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let stream =
            TcpStream::connect((host.as_str(), port)).await.map_err(|error| failed("connect", error))?;
        let request = build(&uri, request)?;
        if !secure {
            return exchange(stream, request).await;
        }
        let connector = self.connector.get_or_try_init(connector).await?;
        let name = ServerName::try_from(host).map_err(|error| failed("agree on keys", error))?;
        let stream = connector.connect(name, stream).await.map_err(|error| failed("agree on keys", error))?;
        exchange(stream, request).await
    }
}

fn build(uri: &Uri, request: Request) -> Result<http::Request<ResponseBody>, PostFailure> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    let mut built = http::Request::post(if path.is_empty() { "/" } else { path })
        .header(header::HOST, host)
        .header(header::CONTENT_LENGTH, request.body.len());
    for (name, value) in request.headers {
        built = built.header(name, value);
    }
    if let Some(user) = user {
        let user = percent_decode_str(user).decode_utf8_lossy();
        let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(user.as_bytes())))
            .map_err(|error| failed("write a header", error))?;
        value.set_sensitive(true);
        built = built.header(header::AUTHORIZATION, value);
    }
    built.body(ResponseBody::whole(request.body)).map_err(|error| failed("write the request", error))
}

async fn exchange<S>(stream: S, request: http::Request<ResponseBody>) -> Result<u16, PostFailure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed("begin", error))?;
    let exchange = async move {
        let answer = sender.send_request(request).await.map_err(|error| failed("get an answer", error))?;
        let (head, mut body) = answer.into_parts();
        let mut size = 0;
        // What it says is of no interest, but that it has ended.
        while let Some(Ok(frame)) =
            std::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context)).await
        {
            size += frame.data_ref().map_or(0, Bytes::len);
            if size > limits::TOPIC_ANSWER_SIZE {
                break;
            }
        }
        Ok(head.status.as_u16())
    };
    tokio::pin!(exchange);
    tokio::select! {
        biased;
        answered = &mut exchange => answered,
        // It may have ended with the answer.
        ended = connection => match ended {
            Ok(()) => exchange.await,
            Err(error) => Err(failed("get an answer", error)),
        },
    }
}

async fn connector() -> Result<TlsConnector, PostFailure> {
    let found = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs);
    let found = found.await.map_err(|error| failed("read certificate authorities", error))?;
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(found.certs);
    if store.is_empty() {
        return Err(failed("read certificate authorities", "there are none: install ca-certificates"));
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed("agree on keys", error))?;
    Ok(TlsConnector::from(Arc::new(builder.with_root_certificates(store).with_no_client_auth())))
}

fn failed(doing: &str, cause: impl std::fmt::Display) -> PostFailure {
    PostFailure(format!("{doing}: {cause}"))
}
