//! A request and its answer.

use std::sync::Arc;

use http::{
    HeaderValue, Method, Request, Response, StatusCode, Uri,
    header::HOST,
    uri::{Parts, PathAndQuery},
};
use http_body_util::BodyExt as _;
use sonagi_model::clock::within;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::{
    Inner,
    body::AnswerBody,
    failure,
    pool::{Connection, Counted},
    rules::{Destination, permitted},
    waits::Waits,
};
use crate::wasm::reach::Grants;

impl Inner {
    /// Sends one request where its function may send it, and follows nothing. `permit` is held until the answer has
    /// ended.
    pub(super) async fn send(
        self: Arc<Self>,
        grants: Grants,
        mut request: Request<WasiBody>,
        options: Option<RequestOptions>,
        permit: OwnedSemaphorePermit,
    ) -> Result<Response<WasiBody>, Error> {
        let to = Destination::of(request.uri())?;
        let passes = permitted(&grants.wasm().outbound, &to).ok_or(Error::HttpRequestDenied)?;
        address(&mut request, &to)?;
        let slot = self.pool.count(grants.app(), Counted::Request)?;
        let (clock, waits) = (&*self.config.clock, Waits::of(options));

        let mut idle = self.pool.take(grants.app(), &to, passes);
        let (answer, connection) = loop {
            let reused = idle.is_some();
            let mut connection = match idle.take() {
                Some(idle) => idle,
                None => {
                    let deadline = clock.tick() + waits.connect;
                    self.connect(grants.app(), &to, passes, deadline).await?
                }
            };
            let deadline = clock.tick() + waits.first_byte;
            let sent = connection.sender.try_send_request(request);
            match within(clock, deadline, sent).await {
                None => return Err(Error::ConnectionReadTimeout),
                Some(Ok(answer)) => break (answer, connection),
                Some(Err(mut failed)) => match failed.take_message().filter(|_| reused) {
                    // The other side had closed the connection, and none of the request was sent.
                    Some(unsent) => request = unsent,
                    None => return Err(failure::exchanging(failed.error())),
                },
            }
        };
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Error::HttpUpgradeFailed);
        }
        self.keep(&grants, to, connection);
        let clock = Arc::clone(&self.config.clock);
        Ok(answer
            .map(|body| AnswerBody::new(body, clock, waits.between_bytes, (slot, permit)).boxed_unsync()))
    }

    /// Parks the connection once the answer that it carries has been read.
    fn keep(self: &Arc<Self>, grants: &Grants, to: Destination, mut connection: Connection) {
        let (inner, grants) = (Arc::clone(self), grants.clone());
        // An answer that is let go unread closes the connection, and ends this.
        self.config.runtime.spawn(async move {
            if connection.sender.ready().await.is_ok() {
                inner.pool.park(grants.app(), to, connection);
            }
        });
    }
}

/// Makes the request what one says to the server itself: a path alone, and whom it is for.
fn address(request: &mut Request<WasiBody>, to: &Destination) -> Result<(), Error> {
    if request.method() == Method::CONNECT {
        return Err(Error::HttpRequestMethodInvalid);
    }
    let mut parts = Parts::default();
    let path = request.uri().path_and_query().cloned();
    parts.path_and_query = Some(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    *request.uri_mut() = Uri::from_parts(parts).map_err(|_| Error::HttpRequestUriInvalid)?;
    let host = HeaderValue::try_from(to.authority()).map_err(|_| Error::HttpRequestUriInvalid)?;
    request.headers_mut().insert(HOST, host);
    Ok(())
}
